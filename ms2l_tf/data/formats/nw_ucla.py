"""Northwestern-UCLA Multiview Action 3D: Kinect v1 skeletons, one JSON file a clip.

A file `aAA_sSS_eEE_vVV.json` (action, subject, take, view) holds
`{"file_name": ..., "skeletons": [T][20][3], "label": "1".."10"}` in the sensor's metres. The sensor
looks along +z, y is up, and x grows towards the *left* of the picture, so the system is
right-handed: hips, feet and the vertical of the recorded people agree.

Rules for defects, each repair listed in the report:

- A joint whose coordinates are all zero, not finite, or not in front of the sensor (z <= 0) is
  missing: NaN. It is filled by the normaliser, the file keeps the truth.
- A clip of one frame is kept: a pose that stands still.
- Frames equal to their predecessor are kept and counted: dropping them would change the timing.
- A label that contradicts the file's name, a wrong joint count, no frame, or no joint at all makes
  the clip unreadable.

In the published files the views 2 and 3 of actions 2 and 3 (95 pairs of clips) are byte for byte
the same, and some clips of actions 8 and 9 share stretches. A protocol that trains on one and tests
on the other knows the answer, so every cross-view split comes twice: as published, and as
`..._no_copies`, whose training list leaves out the clips that share a frame with a test clip.
"""

from __future__ import annotations

import array
import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.checks import is_count, shown
from ms2l_tf.data.formats.base import (
    DEFAULTS,
    ClipReader,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    ReaderOptions,
    split_by,
)
from ms2l_tf.data.formats.kinect import describe_missing
from ms2l_tf.data.formats.mocap import stem
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError
from ms2l_tf.files import parse_object

LAYOUT = "kinect_v1_20"
NUM_JOINTS = 20
# Action number in the file name -> class, in label order; numbers 7 and 10 were never published.
ACTIONS: Mapping[int, str] = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
VIEWS = ("1", "2", "3")
EVEN = tuple(str(subject) for subject in range(0, 100, 2))
_LABELS = {action: label for label, action in enumerate(ACTIONS)}
_NAME = re.compile(r"a(\d{2})_s(\d{2})_e(\d{2})_v(\d{2})")


class NwUclaReader(ClipReader):
    """Reads the folder or archive `all_sqe`; the pickled list beside the clips is not needed."""

    header = DatasetHeader(
        name="nw_ucla",
        label_names=tuple(ACTIONS.values()),
        source=(
            "Northwestern-UCLA Multiview Action 3D (Wang et al., Cross-view Action Modeling, "
            "Learning and Recognition, CVPR 2014), skeletons as JSON"
        ),
        licence="research use, cite the paper; the publisher gives no licence text",
        poses=(PoseHeader(LAYOUT, 30.0, "m", Axes(up="+y", forward="+z", handedness="right")),),
        published_clips=1484,
    )
    suffix = ".json"
    named = f"aAA_sSS_eEE_vVV with one of the actions {', '.join(map(str, ACTIONS))}"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        # The frames that a clip shows, by the digests of their bytes.
        self._frames: dict[str, array.array[int]] = {}

    def identify(self, entry: str) -> Clip | None:
        """Action, subject, take (as the group) and view from the file's name."""
        match = _NAME.fullmatch(stem(entry))
        if match is None or int(match[1]) not in _LABELS:
            return None
        action, subject, take, view = (int(number) for number in match.groups())
        return Clip(
            name=stem(entry),
            label=_LABELS[action],
            subject=str(subject),
            camera=str(view),
            group=str(take),
            source=posixpath.basename(entry),
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """One file, checked and repaired as the module says."""
        content = parse_object(self.files.read(entry), entry)
        _check_label(content.get("label"), clip, entry)
        coords = _coords(content.get("skeletons"), entry)
        missing = ~np.isfinite(coords).all(axis=-1) | (coords[..., 2] <= 0)
        coords[missing] = np.nan
        if missing.all():
            raise InputError(f"{entry}: has no joint in any frame")
        poses = {LAYOUT: ClipPoses(coords[:, np.newaxis])}
        frames = tuple(map(_digest, coords[~missing.all(axis=1)]))
        return ReadClip(clip, poses, describe_missing(missing), frames)

    def note(self, clip: Clip, marks: Sequence[int]) -> None:
        """Takes down which frames a clip shows."""
        self._frames[clip.name] = array.array("Q", marks)

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`cross_view_<test view>`, the same with `_no_copies`, and `cross_subject`."""
        splits = []
        for view in VIEWS:
            others = [other for other in VIEWS if other != view]
            train = [clip.name for clip in clips if clip.camera in others]
            test = [clip.name for clip in clips if clip.camera == view]
            text = f"Cross-view: train on views {' and '.join(others)}, test on view {view}"
            splits.append(SplitNames(f"cross_view_{view}", tuple(train), tuple(test), f"{text}."))
            seen = self._sharing_frames(test)
            rest = tuple(name for name in train if name not in seen)
            text += (
                f"; without the {len(train) - len(rest)} training clips that share a frame with "
                "a test clip."
            )
            splits.append(SplitNames(f"cross_view_{view}_no_copies", rest, tuple(test), text))
        text = "Cross-subject: train on subjects 1, 3, 5, 7, 9, test on subjects 2, 4, 6, 8, 10."
        return [
            *(split for split in splits if split.train and split.test),
            *split_by("subject", EVEN, clips, "cross_subject", text),
        ]

    def _sharing_frames(self, names: Sequence[str]) -> set[str]:
        """The clips that have a frame in common with one of `names`, these themselves included."""
        shown: set[int] = set()
        for name in names:
            shown.update(self._frames.get(name, ()))
        return {name for name, frames in self._frames.items() if not shown.isdisjoint(frames)}


def _digest(frame: np.ndarray) -> int:
    """The same in every process, unlike `hash`."""
    return int.from_bytes(hashlib.blake2b(frame.tobytes(), digest_size=8).digest())


def _check_label(label: Any, clip: Clip, entry: str) -> None:
    """The label is a number from 1 to 10, written as a string, and repeats the file's name."""
    text = str(label)
    number = int(text) if is_count(text) else 0
    if not 1 <= number <= len(ACTIONS):
        raise InputError(f"{entry}: label {shown(label)} is out of range (1 to {len(ACTIONS)})")
    if number != clip.label + 1:
        raise InputError(f"{entry}: label {shown(label)} contradicts the action in the file's name")


def _coords(skeletons: Any, entry: str) -> np.ndarray:
    """The poses as float32 [T, J, C]."""
    if not isinstance(skeletons, list) or not skeletons:
        raise InputError(f"{entry}: 'skeletons' is empty or no list of frames")
    try:
        with np.errstate(over="ignore"):  # beyond float32 is infinite, so missing
            coords = np.array(skeletons, np.float64).astype(np.float32)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"{entry}: 'skeletons' must be frames of {NUM_JOINTS} joints of 3 numbers each"
        ) from None
    if coords.shape[1:] != (NUM_JOINTS, 3):
        raise InputError(
            f"{entry}: frames have shape {coords.shape[1:]}, expected ({NUM_JOINTS}, 3)"
        )
    return coords
