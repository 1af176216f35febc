"""MSRC-12: Kinect v1 skeletons of recordings of one gesture done again and again.

A file `P1_1_1A_p06.csv` (instructions, gesture, participant) holds a line a frame: the time in
microseconds, then x y z and a state (not read) of 20 joints, in the sensor's metres and axes
(`kinect.AXES`), about 30 frames a second. Frames before the participant was seen are zero.

`P1_1_1A_p06.tagstream` holds a line of headings, then one for every action point, the instant at
which a gesture was recognised: its time in ticks, 49.875 of which make a microsecond, and the
gesture (`32328528185;G1  lift outstretched arms`). Nobody annotated where gestures begin and end. A
clip is the time from one second before such a point to one second after it, as far as it was
recorded; clips of points that follow each other sooner share frames. The clip `P1_1_1A_p06_03` is
the third point, the entry `P1_1_1A_p06.csv#3`.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import (
    DEFAULTS,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    ReaderOptions,
    split_by,
)
from ms2l_tf.data.formats.class_names import class_names
from ms2l_tf.data.formats.cut_reader import CutReader
from ms2l_tf.data.formats.kinect import AXES, FRAME_RATE, one_person
from ms2l_tf.data.formats.mocap import shorten, split_entry, stem
from ms2l_tf.data.formats.number_rows import LineReader, number_rows
from ms2l_tf.data.records import Clip
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError, warn

LAYOUT = "kinect_v1_20"
NUM_JOINTS = 20
HALF_WINDOW = 1_000_000  # microseconds
HEADING = "XQPCTick;Tag"
EVEN = tuple(str(participant) for participant in range(0, 100, 2))
_NAME = re.compile(r"(P\d_\d)_\d{1,2}[A-Z]?_p(\d{2})", re.IGNORECASE)
_TAG = re.compile(r"([0-9]{1,18});G([0-9]{1,2})\b.*")


class Msrc12Reader(CutReader):
    """Reads recordings and action points of a folder or archive, wherever they lie in it."""

    header = DatasetHeader(
        name="msrc12",
        label_names=class_names("msrc12"),
        source=(
            "MSRC-12 Kinect Gesture (Fothergill et al., Instructing People for Training Gestural "
            "Interactive Systems, CHI 2012)"
        ),
        licence="Microsoft Research licence, non-commercial research",
        poses=(PoseHeader(LAYOUT, FRAME_RATE, "m", AXES),),
    )
    suffix = ".csv"
    named = "that of a recording, such as P1_1_1A_p06, with the number of an action point"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._tags, self._rows = LineReader(files), LineReader(files)
        self._tag_files = {
            posixpath.splitext(name)[0]: name
            for name in files.names
            if name.lower().endswith(".tagstream")
        }

    def entries(self) -> Sequence[str]:
        """The action points of the recordings, as `<file>#<number of the point>`."""
        entries: list[str] = []
        without = []
        for name in super().entries():
            tags = self._tag_files.get(posixpath.splitext(name)[0])
            if tags is None:
                without.append(name)
                continue
            try:
                lines = self._tags.read(tags)
            except InputError:
                lines = []
            count = len(lines) - 1 if lines else 1  # what is wrong is told by who reads the clip
            entries += [f"{name}#{number}" for number in range(1, count + 1)]
        if not entries:
            raise InputError(
                f"{self.files.path}: holds no recording such as P1_1_1A_p06.csv with its action "
                "points in a .tagstream beside it"
            )
        if without:
            warn(
                f"{self.files.path}: {len(without)} recordings without a .tagstream beside them "
                f"left out, such as {without[0]}"
            )
        return entries

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """The frames around the action point."""
        name, number = split_entry(entry)
        point, _ = self._point(name, number)
        lines = self._rows.read(name)
        times = np.array([_time(line, f"{name}, line {n}") for n, line in enumerate(lines, 1)])
        inside = np.flatnonzero(np.abs(times - point) <= HALF_WINDOW)
        if not len(inside):
            raise InputError(f"{entry}: nothing was recorded around the action point")
        start, end = int(inside[0]), int(inside[-1]) + 1
        rows = number_rows(lines[start:end], 1 + 4 * NUM_JOINTS, name, start + 1)
        coords = rows[:, 1:].reshape(-1, NUM_JOINTS, 4)[..., :3]
        poses, repairs = one_person(coords, entry)
        clip = dataclasses.replace(clip, start=start, end=end)
        return ReadClip(clip, {LAYOUT: poses}, repairs)

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`cross_subject`: half of the participants; publications differ in which half."""
        text = "Cross-subject: train on participants with odd numbers, test on the others."
        return split_by("subject", EVEN, clips, "cross_subject", text)

    def located(self, entry: str) -> Clip:
        """Participant and instructions (as the setup) from the name, the gesture from the point."""
        name, number = split_entry(entry)
        match = _NAME.fullmatch(stem(name))
        if match is None:
            raise InputError(f"{entry}: the name is not {self.named}")
        recording = Clip(
            name=stem(name),
            subject=str(int(match[2])),
            setup=match[1],
            source=posixpath.basename(name),
        )
        if not number:
            return recording
        _, label = self._point(name, number)
        return dataclasses.replace(recording, name=f"{stem(name)}_{number:02d}", label=label)

    def _point(self, name: str, number: int) -> tuple[float, int]:
        """Microseconds and label of an action point."""
        path = self._tag_files.get(posixpath.splitext(name)[0])
        if path is None:
            raise InputError(f"{name}: has no .tagstream beside it")
        lines = self._tags.read(path) or [""]
        if lines[0].strip() != HEADING:
            raise InputError(f"{path}, line 1: {shorten(lines[0])} is not {HEADING}")
        if number >= len(lines):
            raise InputError(f"{path}: has no action point {number}")
        match = _TAG.fullmatch(lines[number].strip())
        label = int(match[2]) - 1 if match else -1
        if match is None or not 0 <= label < len(self.header.label_names):
            raise InputError(
                f"{path}, line {number + 1}: {shorten(lines[number])} is not an action point such "
                "as 32328528185;G1  lift outstretched arms"
            )
        return (int(match[1]) * 1000 + 49875 / 2) / 49875, label


def _time(line: str, place: str) -> int:
    word = line.partition(" ")[0]
    if not re.fullmatch(r"[0-9]{1,18}", word):
        raise InputError(f"{place}: {shorten(word)} is not a time in microseconds")
    return int(word)
