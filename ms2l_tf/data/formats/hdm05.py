"""HDM05, the subset of 11 actions: motion capture as ASF/AMC, one AMC file a clip.

A file `HDM_<actor>_<motion>_<take>_<frames per second>.amc` is moved by the skeleton
`HDM_<actor>.asf`, from the same folder or, if that has none, from any other. The motion names the
action and how it was done: `kickLFront1Reps` is `kickLFront`. Lengths are inches in a unit that
the ASF file gives (0.45), y is up, and the skeleton at rest faces +z with its left at +x. Frames
are brought to 30 a second.

The layout `hdm05_31` holds the root and the ends of the 30 bones; two children of one bone, such
as both collar bones, begin at its one end. Other layouts are selections of these points.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.asf import AcclaimSkeleton, parse_asf
from ms2l_tf.data.formats.asf_amc import joint_points, parse_amc
from ms2l_tf.data.formats.base import (
    DEFAULTS,
    ClipReader,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    ReaderOptions,
    split_by,
)
from ms2l_tf.data.formats.mocap import check_joints, read_text, stem
from ms2l_tf.data.kinematics import resample
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError

LAYOUT = "hdm05_31"
FRAME_RATE = 30.0
ACTIONS = (
    "depositFloor",
    "elbowToKnee",
    "grabHigh",
    "hopBothLegs",
    "jogLeftCircle",
    "kickLFront",
    "lieDownFloor",
    "rotateArmsBothBackward",
    "sneak2Steps",
    "squat",
    "throwBasketball",
)
# The actors of the published folders train/ and test/.
TRAIN_ACTORS = ("bd", "bk", "dg")
TEST_ACTORS = ("mm", "tr")
_NAME = re.compile(
    rf"HDM_({'|'.join(TRAIN_ACTORS + TEST_ACTORS)})_({'|'.join(ACTIONS)})([A-Z0-9]\w*)?"
    r"_(\d{3})_([1-9]\d{1,2})"
)


class Hdm05Reader(ClipReader):
    """Reads the AMC files of a folder or archive, wherever they lie in it."""

    header = DatasetHeader(
        name="hdm05",
        label_names=ACTIONS,
        source=(
            "HDM05 (Mueller et al., Documentation Mocap Database HDM05, CG-2007-2, Universitaet "
            "Bonn, 2007), the subset of 11 actions. The data used in this project was obtained "
            "from HDM05."
        ),
        licence="CC BY-SA 3.0 Unported",
        poses=(
            PoseHeader(LAYOUT, FRAME_RATE, "m", Axes(up="+y", forward="-z", handedness="right")),
        ),
        published_clips=287,
    )
    suffix = ".amc"
    named = (
        "HDM_<actor>_<motion>_<take>_<rate>.amc with an actor "
        f"of {', '.join(TRAIN_ACTORS + TEST_ACTORS)} and a motion of the 11 actions "
        f"{', '.join(ACTIONS)}"
    )

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._skeletons: dict[str, AcclaimSkeleton] = {}

    def identify(self, entry: str) -> Clip | None:
        """Action and actor from the file's name."""
        match = _NAME.fullmatch(stem(entry))
        if match is None:
            return None
        return Clip(
            name=stem(entry),
            label=ACTIONS.index(match[2]),
            subject=match[1],
            source=posixpath.basename(entry),
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """One AMC file, moved, in metres."""
        skeleton = self._skeleton(entry, clip.subject)
        motion = parse_amc(read_text(self.files, entry), skeleton, entry)
        rate = float(clip.name.rpartition("_")[2])
        points = resample(joint_points(skeleton, motion), rate, FRAME_RATE)
        return ReadClip(clip, {LAYOUT: ClipPoses(points[:, np.newaxis].astype(np.float32))})

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`cross_subject`, the published division."""
        text = (
            f"Cross-subject: train on actors {', '.join(TRAIN_ACTORS)}, test on actors "
            f"{', '.join(TEST_ACTORS)}."
        )
        return split_by("subject", TEST_ACTORS, clips, "cross_subject", text)

    def _skeleton(self, entry: str, actor: str) -> AcclaimSkeleton:
        name, names = f"HDM_{actor}.asf", self.files.names
        paths = [
            path
            for path in names
            if posixpath.basename(path).lower() == name.lower()  # .ASF too
        ]
        if not paths:
            raise InputError(f"{entry}: its skeleton {name} is missing")
        folder = posixpath.dirname(entry)
        path = next((path for path in paths if posixpath.dirname(path) == folder), paths[0])
        if path not in self._skeletons:
            skeleton = parse_asf(read_text(self.files, path), path)
            check_joints(skeleton.joints, LAYOUT, path)
            self._skeletons[path] = skeleton
        return self._skeletons[path]
