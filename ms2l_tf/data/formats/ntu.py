"""NTU RGB+D 60 and 120: Kinect v2 skeletons, one text file a clip.

A file `SsssCccc PpppRrrrAaaa.skeleton` (without the blank: setup, camera, performer, replication,
action) holds frames of bodies as `ntu_text` says; lengths are metres, the axes those of the sensor
(`kinect.AXES`). The classes are the 60 of NTU RGB+D, or all 120 if a file has an action beyond 60.

Who of the tracked bodies is an actor, and in which order, is ruled by `ntu_bodies`. Joints at the
origin or without a finite coordinate are missing. The state of tracking that the files have for
each joint is not kept.

302 clips of the 60 classes, 535 of the 120, have no skeleton worth the name; the publisher lists
them in `NTU_RGBD_samples_with_missing_skeletons.txt` and `NTU_RGBD120_...`, to be ignored. Clips
that such a file in the source names are left out. Without it those that hold nobody are kept blank
in the test lists only, as every unreadable clip.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Sequence

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import (
    DEFAULTS,
    ClipReader,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    ReaderOptions,
    split_by,
)
from ms2l_tf.data.formats.class_names import class_names
from ms2l_tf.data.formats.kinect import AXES, FRAME_RATE
from ms2l_tf.data.formats.mocap import read_text, stem
from ms2l_tf.data.formats.ntu_bodies import NUM_PERSONS, actors
from ms2l_tf.data.formats.ntu_text import parse_skeleton
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import warn

LAYOUT = "kinect_v2_25"
FEWER_CLASSES = 60
# Performers of the training lists; those of the 120 classes include those of the 60.
TRAIN_60 = (1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38)
TRAIN_120 = (
    *TRAIN_60,
    *(45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96)),
    *(97, 98, 100, 103),
)
PERFORMERS_60, PERFORMERS_120 = 40, 106
ODD_SETUPS = tuple(str(setup) for setup in range(1, 33, 2))
_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")
_MISSING_LIST = "samples_with_missing_skeletons.txt"


class NtuReader(ClipReader):
    """Reads the `.skeleton` files of a folder or archive, wherever they lie in it."""

    suffix = ".skeleton"
    named = "SsssCcccPpppRrrrAaaa with an action from A001 to A120, such as S001C002P003R002A013"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._names = class_names("ntu")
        names = (stem(name) for name in files.names if name.lower().endswith(self.suffix))
        numbers = (int(match[5]) for match in map(_NAME.fullmatch, names) if match)
        self._all_classes = any(number > FEWER_CLASSES for number in numbers)
        self.header = _header(self._names if self._all_classes else self._names[:FEWER_CLASSES])

    def entries(self) -> Sequence[str]:
        """The files that no list of missing skeletons names."""
        lists = [name for name in self.files.names if name.endswith(_MISSING_LIST)]
        listed = {word for name in lists for word in read_text(self.files, name).split()}
        entries = super().entries()
        kept = [entry for entry in entries if stem(entry) not in listed]
        if len(kept) < len(entries):
            names = ", ".join(map(posixpath.basename, lists))
            warn(f"{self.files.path}: {len(entries) - len(kept)} clips left out, as {names} says")
        return kept

    def identify(self, entry: str) -> Clip | None:
        """Setup, camera, performer, replication (as the group) and action from the file's name."""
        match = _NAME.fullmatch(stem(entry))
        if match is None or not 1 <= int(match[5]) <= len(self._names):
            return None
        setup, camera, performer, replication, action = (int(number) for number in match.groups())
        return Clip(
            name=stem(entry),
            label=action - 1,
            subject=str(performer),
            camera=str(camera),
            setup=str(setup),
            group=str(replication),
            source=posixpath.basename(entry),
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """One file, its actors chosen as `ntu_bodies` says."""
        num_frames, bodies = parse_skeleton(read_text(self.files, entry), entry)
        coords, frames, repairs = actors(num_frames, bodies, entry)
        if len(coords) < num_frames:
            clip = dataclasses.replace(clip, start=frames.start, end=frames.stop)
        return ReadClip(clip, {LAYOUT: ClipPoses(coords)}, repairs)

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`cross_subject` and `cross_view`; of 120 classes `cross_subject` and `cross_setup`.

        With 120 classes the protocols of the 60 come too, over the clips of these classes, as
        `ntu60_cross_subject` and `ntu60_cross_view`.
        """
        if not self._all_classes:
            return _splits_60(clips)
        subjects = "Cross-subject (NTU RGB+D 120): 53 performers train, the other 53 test."
        setups = "Cross-setup: train on even setups, test on odd ones."
        return [
            *split_by("subject", _test_side(TRAIN_120), clips, "cross_subject", subjects),
            *split_by("setup", ODD_SETUPS, clips, "cross_setup", setups),
            *_splits_60([clip for clip in clips if clip.label < FEWER_CLASSES], "ntu60_"),
        ]


def _header(label_names: tuple[str, ...]) -> DatasetHeader:
    fewer = len(label_names) == FEWER_CLASSES
    paper = (
        "Shahroudy et al., NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis, "
        "CVPR 2016"
        if fewer
        else "Liu et al., NTU RGB+D 120: A Large-Scale Benchmark for 3D Human Activity "
        "Understanding, TPAMI 2019"
    )
    return DatasetHeader(
        name="ntu60" if fewer else "ntu120",
        label_names=label_names,
        source=f"NTU RGB+D {60 if fewer else 120} ({paper}), skeletons as text",
        licence="academic research only, on the publisher's release agreement (ROSE Lab, NTU)",
        poses=(PoseHeader(LAYOUT, FRAME_RATE, "m", AXES, num_persons=NUM_PERSONS),),
        published_clips=56880 if fewer else 114480,
    )


def _splits_60(clips: Sequence[Clip], prefix: str = "") -> list[SplitNames]:
    subjects = "Cross-subject (NTU RGB+D 60): 20 performers train, the other 20 test."
    views = "Cross-view: train on cameras 2 and 3, test on camera 1."
    test = _test_side(TRAIN_60, PERFORMERS_60)
    return [
        *split_by("subject", test, clips, f"{prefix}cross_subject", subjects),
        *split_by("camera", ("1",), clips, f"{prefix}cross_view", views),
    ]


def _test_side(train: Sequence[int], performers: int = PERFORMERS_120) -> tuple[str, ...]:
    return tuple(str(number) for number in range(1, performers + 1) if number not in train)
