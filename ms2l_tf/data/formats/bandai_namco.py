"""Bandai-Namco-Research-Motiondataset-2: motion capture as BVH, one file a clip.

A file `dataset-2_<content>_<style>_<number>.bvh` may have a `.json` beside it that repeats content
and style as numbers. Lengths are centimetres, y is up, 30 frames a second. Who waves or raises a
hand faces +z with the left at +x; walks and runs start in several directions, a turn to the left
along +x and one to the right along +z, so that the direction in the room alone tells these two
apart. Every joint has position channels; they repeat the offsets, but for the hips, where they are
the way through the room. `joint_Root` stays at the origin on the floor: it is no part of the body,
and seen from the hips it gives the place in the room away.

All actors are retargeted to one set of bone lengths, and the files name no actor. The offset of
the hips tells three recording groups apart, each with its own styles; a split that holds one group
out stands in for cross-subject. In the clip table `setup` is the style and `group` the group.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence

import numpy as np

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
from ms2l_tf.data.formats.bvh import joint_points, parse_bvh
from ms2l_tf.data.formats.mocap import check_joints, read_text, stem
from ms2l_tf.data.kinematics import resample
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError

LAYOUT = "bandai_22"
FRAME_RATE = 30.0
# Both in the order of the published lists, which the numbers in the .json files count.
CONTENTS = (
    "walk",
    "walk-turn-left",
    "walk-turn-right",
    "run",
    "wave-both-hands",
    "wave-left-hand",
    "wave-right-hand",
    "raise-up-both-hands",
    "raise-up-left-hand",
    "raise-up-right-hand",
)
STYLES = ("active", "elderly", "exhausted", "feminine", "masculine", "normal", "youthful")
GROUPS = (("active", "elderly", "exhausted"), ("feminine", "youthful"), ("masculine", "normal"))
_METRES = 0.01
_NAME = re.compile(rf"dataset-2_({'|'.join(CONTENTS)})_({'|'.join(STYLES)})_(\d{{3}})")


class BandaiNamcoReader(ClipReader):
    """Reads the BVH files of a folder or archive, wherever they lie in it."""

    header = DatasetHeader(
        name="bandai_namco",
        label_names=CONTENTS,
        source="Bandai-Namco-Research-Motiondataset-2 (Kobayashi et al., arXiv:2306.08861)",
        licence="CC BY-NC 4.0",
        poses=(
            PoseHeader(LAYOUT, FRAME_RATE, "m", Axes(up="+y", forward="-z", handedness="right")),
        ),
        published_clips=2902,
    )
    suffix = ".bvh"
    named = (
        "dataset-2_<content>_<style>_<number>.bvh with a "
        f"content of {', '.join(CONTENTS)} and a style of {', '.join(STYLES)}"
    )

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        # The labels by the clips' paths without suffix, which may be written in capitals.
        self._labels = {
            posixpath.splitext(name)[0]: name
            for name in files.names
            if name.lower().endswith(".json")
        }

    def identify(self, entry: str) -> Clip | None:
        """Content, style and recording group from the file's name."""
        match = _NAME.fullmatch(stem(entry))
        if match is None:
            return None
        return Clip(
            name=stem(entry),
            label=CONTENTS.index(match[1]),
            setup=match[2],
            group=next(_group_name(group) for group in GROUPS if match[2] in group),
            source=posixpath.basename(entry),
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """One BVH file, moved, in metres."""
        self._check_label(entry, clip)
        motion = parse_bvh(read_text(self.files, entry), entry)
        check_joints(motion.joints, LAYOUT, entry)
        points = resample(joint_points(motion), 1 / motion.frame_time, FRAME_RATE) * _METRES
        return ReadClip(clip, {LAYOUT: ClipPoses(points[:, np.newaxis].astype(np.float32))})

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`leave_out_<group>` for each recording group."""
        splits: list[SplitNames] = []
        for group in map(_group_name, GROUPS):
            text = (
                f"Train on two recording groups, test on the third, {group.replace('_', ', ')}; "
                "stands in for cross-subject."
            )
            splits += split_by("group", (group,), clips, f"leave_out_{group}", text)
        return splits

    def _check_label(self, entry: str, clip: Clip) -> None:
        """The `.json` beside the clip, if there is one, repeats the file's name."""
        path = self._labels.get(posixpath.splitext(entry)[0])
        if path is None:
            return
        expected = {"content": clip.label, "style": STYLES.index(clip.setup)}
        try:
            label = json.loads(read_text(self.files, path))
        except (ValueError, RecursionError):
            raise InputError(f"{path}: is not valid JSON") from None
        if label != expected:
            raise InputError(f"{path}: contradicts the file's name, which means {expected}")


def _group_name(styles: Sequence[str]) -> str:
    return "_".join(styles)
