"""MSR Action3D: skeletons of an early Kinect, one text file a clip.

A file `aAA_sSS_eEE_skeleton3D.txt` (action, subject, take) holds 20 lines a frame, one a joint:
x y z in metres, y up, and a confidence that is not read; 15 frames a second. (The files
`..._skeleton.txt` of the same set hold pixels and are not read.) Joints at the origin or without a
finite coordinate are missing.

The joints come pairwise, left before right, as the authors of *Human Action Recognition by
Representing 3D Skeletons as Points in a Lie Group* (CVPR 2014) relate them to those of later
Kinects: shoulders, top and middle of the spine, hips, middle of the hips, elbows, wrists, hands,
knees, ankles, feet, head.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

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
from ms2l_tf.data.formats.kinect import AXES, one_person
from ms2l_tf.data.formats.mocap import stem
from ms2l_tf.data.formats.number_rows import LineReader, number_rows
from ms2l_tf.data.records import Clip
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError

LAYOUT = "kinect_v1_20"
NUM_JOINTS = 20
EVEN = tuple(str(subject) for subject in range(0, 100, 2))
# The joint of the file for each joint of the layout.
ORDER = (6, 3, 2, 19, 0, 7, 9, 11, 1, 8, 10, 12, 4, 13, 15, 17, 5, 14, 16, 18)
# Actions of the three sets on which results are published, numbered as in the files.
ACTION_SETS: Mapping[str, tuple[int, ...]] = {
    "as1": (2, 3, 5, 6, 10, 13, 18, 20),
    "as2": (1, 4, 7, 8, 9, 11, 12, 14),
    "as3": (6, 14, 15, 16, 17, 18, 19, 20),
}
_NAME = re.compile(r"(a(\d{2})_s(\d{2})_e(\d{2}))_skeleton3D", re.IGNORECASE)


class MsrAction3dReader(ClipReader):
    """Reads the files of a folder or archive, wherever they lie in it."""

    header = DatasetHeader(
        name="msr_action3d",
        label_names=class_names("msr_action3d"),
        source=(
            "MSR Action3D (Li et al., Action Recognition Based on a Bag of 3D Points, CVPR "
            "Workshops 2010), skeletons in real-world coordinates"
        ),
        licence="research use, cite the paper; the publisher gives no licence text",
        poses=(PoseHeader(LAYOUT, 15.0, "m", AXES),),
        published_clips=567,
    )
    suffix = "_skeleton3d.txt"
    named = "aAA_sSS_eEE_skeleton3D with an action from 01 to 20"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._lines = LineReader(files)

    def identify(self, entry: str) -> Clip | None:
        """Action, subject and take (as the group) from the file's name."""
        match = _NAME.fullmatch(stem(entry))
        if match is None or not 1 <= int(match[2]) <= len(self.header.label_names):
            return None
        return Clip(
            name=match[1],
            label=int(match[2]) - 1,
            subject=str(int(match[3])),
            group=str(int(match[4])),
            source=posixpath.basename(entry),
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """One file."""
        rows = number_rows(self._lines.read(entry), 4, entry)
        if not len(rows) or len(rows) % NUM_JOINTS:
            raise InputError(
                f"{entry}: has {len(rows)} lines, expected {NUM_JOINTS} for every frame; it may be "
                "cut short"
            )
        coords = rows[:, :3].reshape(-1, NUM_JOINTS, 3)[:, ORDER]
        poses, repairs = one_person(coords, entry)
        return ReadClip(clip, {LAYOUT: poses}, repairs)

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`cross_subject` over all actions, and over each of the sets AS1, AS2 and AS3."""
        text = "Cross-subject: train on subjects 1, 3, 5, 7, 9, test on subjects 2, 4, 6, 8, 10"
        splits = split_by("subject", EVEN, clips, "cross_subject", f"{text}.")
        for name, actions in ACTION_SETS.items():
            chosen = [clip for clip in clips if clip.label + 1 in actions]
            of_set = f"{text}; actions of {name.upper()} only."
            splits += split_by("subject", EVEN, chosen, f"cross_subject_{name}", of_set)
        return splits
