"""UTKinect-Action3D: Kinect v1 skeletons of long recordings, cut by one file of labels.

A file `joints_sSS_eEE.txt` (subject, take) holds a line a frame: its number, then x y z of 20
joints in the sensor's metres and axes (`kinect.AXES`). Numbers count 30 a second, but only frames
in which somebody was tracked are there, about 15 a second, which is taken for the frame rate. A
frame whose number occurred before is left out and counted.

`actionLabel.txt` names each recording (`s01_e01`) on a line, followed by its ten actions, such as
`walk: 252 390`: numbers of the first and the last frame. `NaN NaN` says that the action is not
there (one of 200). The clip `s01_e01_walk` is the entry `joints_s01_e01.txt#1`, of the first
action. Joints at the origin or without a finite coordinate are missing.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Mapping, Sequence

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
from ms2l_tf.data.formats.kinect import AXES, one_person
from ms2l_tf.data.formats.mocap import content_lines, read_text, shorten, split_entry, stem
from ms2l_tf.data.formats.number_rows import LineReader, number_rows
from ms2l_tf.data.records import Clip
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError

LAYOUT = "kinect_v1_20"
NUM_JOINTS = 20
LABELS = "actionLabel.txt"
# As the file of labels writes them, and in words.
ACTIONS: Mapping[str, str] = {
    "walk": "walk",
    "sitDown": "sit down",
    "standUp": "stand up",
    "pickUp": "pick up",
    "carry": "carry",
    "throw": "throw",
    "push": "push",
    "pull": "pull",
    "waveHands": "wave hands",
    "clapHands": "clap hands",
}
EVEN = tuple(str(subject) for subject in range(0, 100, 2))
_NAME = re.compile(r"joints_(s(\d{2})_e(\d{2}))")
_RECORDING = re.compile(r"s\d{2}_e\d{2}")
# Recording -> number of the action, from 1 -> numbers of the first and the last frame.
_Intervals = Mapping[str, Mapping[int, tuple[int, int]]]


class UtKinectReader(ClipReader):
    """Reads the joints of a folder or archive, wherever they and the labels lie in it."""

    header = DatasetHeader(
        name="utkinect",
        label_names=tuple(ACTIONS.values()),
        source=(
            "UTKinect-Action3D (Xia et al., View Invariant Human Action Recognition Using "
            "Histograms of 3D Joints, CVPR Workshops 2012), skeletons as text"
        ),
        licence="research use, cite the paper; the publisher gives no licence text",
        poses=(PoseHeader(LAYOUT, 15.0, "m", AXES),),
        published_clips=199,
    )
    suffix = ".txt"
    named = f"joints_sSS_eEE, with the number of an action that {LABELS} gives it"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._lines = LineReader(files)

    def entries(self) -> Sequence[str]:
        """The actions of the recordings, as `<file>#<number of the action>`."""
        names = [name for name in self.files.names if _NAME.fullmatch(stem(name))]
        names = [name for name in names if name.lower().endswith(self.suffix)]
        if not names:
            raise InputError(f"{self.files.path}: holds no file such as joints_s01_e01.txt")
        known = {stem(name).removeprefix("joints_") for name in names}
        if known != set(self._intervals):
            odd = min(known ^ set(self._intervals))
            lacking = LABELS if odd in known else "the source"
            raise InputError(f"{self.files.path}: the recording {odd} is missing in {lacking}")
        return [
            f"{name}#{number}"
            for name in sorted(names, key=posixpath.basename)
            for number in self._intervals[stem(name).removeprefix("joints_")]
        ]

    def identify(self, entry: str) -> Clip | None:
        """Subject and take (as the group) from the file's name, the action from its number."""
        name, number = split_entry(entry)
        match = _NAME.fullmatch(stem(name))
        if match is None:
            return None
        clip = Clip(
            name=match[1],
            subject=str(int(match[2])),
            group=str(int(match[3])),
            source=posixpath.basename(name),
        )
        if not number:
            return clip
        if number not in self._intervals.get(match[1], {}):
            return None
        first, last = self._intervals[match[1]][number]
        return Clip(
            **{
                **vars(clip),
                "name": f"{match[1]}_{list(ACTIONS)[number - 1]}",
                "label": number - 1,
                "start": first,
                "end": last + 1,
            }
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """The frames whose numbers lie in the interval."""
        name, _ = split_entry(entry)
        rows = number_rows(self._lines.read(name), 1 + 3 * NUM_JOINTS, name)
        inside = rows[(rows[:, 0] >= clip.start) & (rows[:, 0] < clip.end)]
        _, chosen = np.unique(inside[:, 0], return_index=True)
        if not len(chosen):
            raise InputError(f"{entry}: has no frame from {clip.start} to {clip.end - 1}")
        repeats = len(inside) - len(chosen)
        again = (f"{repeats} frames whose number occurs again left out",) if repeats else ()
        coords = inside[chosen, 1:].reshape(-1, NUM_JOINTS, 3)
        poses, repairs = one_person(coords, entry)
        return ReadClip(clip, {LAYOUT: poses}, (*again, *repairs))

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`cross_subject`: half of the subjects; publications differ in which half."""
        text = "Cross-subject: train on subjects 1, 3, 5, 7, 9, test on subjects 2, 4, 6, 8, 10."
        return split_by("subject", EVEN, clips, "cross_subject", text)

    @functools.cached_property
    def _intervals(self) -> _Intervals:
        path = next((name for name in self.files.names if _is_labels(name)), None)
        if path is None:
            raise InputError(f"{self.files.path}: holds no {LABELS}, which says where actions are")
        return _parse_labels(read_text(self.files, path), path)


def _is_labels(name: str) -> bool:
    return posixpath.basename(name).lower() == LABELS.lower()


def _parse_labels(text: str, where: str) -> _Intervals:
    recordings: dict[str, dict[int, tuple[int, int]]] = {}
    current: dict[int, tuple[int, int]] | None = None
    names = list(ACTIONS)
    for line, words in content_lines(text):
        place = f"{where}, line {line}"
        if len(words) == 1 and _RECORDING.fullmatch(words[0]):
            if words[0] in recordings:
                raise InputError(f"{place}: the recording {words[0]} is there already")
            current = recordings.setdefault(words[0], {})
            continue
        action = words[0].removesuffix(":")
        numbers = words[1:]
        if current is None or action not in names or len(numbers) != 2:
            raise InputError(
                f"{place}: {shorten(' '.join(words))} is neither a recording such as s01_e01 nor "
                f"one of its actions, such as walk: 252 390, with {', '.join(names)}"
            )
        if [number.lower() for number in numbers] == ["nan", "nan"]:
            continue
        if not all(re.fullmatch(r"[0-9]{1,9}", number) for number in numbers):
            raise InputError(f"{place}: {shorten(' '.join(numbers))} are not two numbers of frames")
        current[names.index(action) + 1] = int(numbers[0]), int(numbers[1])
    return recordings
