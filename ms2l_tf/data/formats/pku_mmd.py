"""PKU-MMD, part I or part II: Kinect v2 skeletons of long videos, cut by their labels.

A folder of skeletons holds a file a video, `0002-L.txt` (part I) or `A01N01-L.txt` (part II), with
150 numbers a frame: two bodies of 25 joints, in the sensor's metres and axes (`kinect.AXES`). A
folder with "label" in its name holds a file of the same name, and a line for every action in the
video: class, first frame, frame after the last (both counted from 0), and a confidence that is not
read. Every such line is a clip, so that repeats of a class in one video stay apart; the clip
`0002-L_07` is line 7. `pku_labels` reads the lists of training and validation videos.

The last letter is the camera (left, middle, right). Of part I nobody says who acts in which video;
the number of the recording, which the three cameras share, is the group. In part II the number
after N is the performer, and that after A the group. Part II uses 41 of the 51 classes.

A second body of zeros is not there; if only the second is seen in a clip it comes first. Joints at
the origin or without a finite coordinate are missing. An action that ends after the video is cut.
"""

from __future__ import annotations

import dataclasses
import posixpath
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
from ms2l_tf.data.formats.kinect import (
    AXES,
    FRAME_RATE,
    as_float32,
    describe_missing,
    drop_unseen,
)
from ms2l_tf.data.formats.mocap import split_entry, stem
from ms2l_tf.data.formats.number_rows import LineReader, number_rows
from ms2l_tf.data.formats.pku_labels import VIDEO, parse_action, read_lists
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError, warn

LAYOUT = "kinect_v2_25"
NUM_PERSONS, NUM_JOINTS = 2, 25
# Numbers of the classes that part II does without: those of two persons, and two more.
NOT_IN_PART_II = (12, 14, 16, 18, 21, 24, 26, 27, 29, 38)


class PkuMmdReader(CutReader):
    """Reads skeletons, labels and lists of a folder or archive, wherever they lie in it."""

    suffix = ".txt"
    named = "that of a video, such as 0002-L or A01N01-L, with the number of a line of labels"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        names = [name for name in files.names if VIDEO.fullmatch(stem(name))]
        names = [name for name in names if name.lower().endswith(self.suffix)]
        self._labels = [name for name in names if _is_label(name)]
        self._skeletons = {stem(name): name for name in names if not _is_label(name)}
        self._second_part = any(stem(name).startswith("A") for name in names)
        self._mixed = self._second_part and any(stem(name)[0] != "A" for name in names)
        classes = class_names("pku_mmd")
        without = NOT_IN_PART_II if self._second_part else ()
        numbers = [number for number in range(1, len(classes) + 1) if number not in without]
        self._label_of = {number: label for label, number in enumerate(numbers)}
        self.header = _header([classes[number - 1] for number in numbers])
        self._label_lines, self._video_lines = LineReader(files), LineReader(files)

    def entries(self) -> Sequence[str]:
        """The lines of the files of labels, as `<file>#<line>`."""
        self._check_source()
        entries = []
        for name in sorted(self._labels, key=posixpath.basename):
            try:
                lines = self._label_lines.read(name)
            except InputError:  # told by whoever reads the clip
                lines = ["unreadable"]
            entries += [f"{name}#{line}" for line, text in enumerate(lines, 1) if text.strip()]
        return entries

    def _check_source(self) -> None:
        if not self._labels or not self._skeletons:
            lacking = "labels" if self._skeletons else "skeletons"
            raise InputError(
                f"{self.files.path}: holds no {lacking} of PKU-MMD; expected files such as "
                "0002-L.txt or A01N01-L.txt, the labels in a folder with 'label' in its name"
            )
        if self._mixed:
            raise InputError(
                f"{self.files.path}: holds parts I and II of PKU-MMD, which have other classes; "
                "name the folder of one"
            )
        videos = [stem(name) for name in self._labels]
        twice = next((name for name in self._labels if videos.count(stem(name)) > 1), None)
        if twice:
            raise InputError(f"{self.files.path}: holds labels of {stem(twice)} twice; remove one")
        if "cross_subject" not in read_lists(self.files, videos):
            warn(
                f"{self.files.path}: holds no list cross-subject.txt or cross_subject_v2.txt of "
                "these videos; there will be no split cross_subject"
            )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """The frames of the interval."""
        path = self._skeletons.get(stem(clip.source))
        if path is None:
            raise InputError(f"{entry}: its video {clip.source} is missing")
        lines = self._video_lines.read(path)
        repairs: tuple[str, ...] = ()
        if clip.start >= len(lines):
            raise InputError(
                f"{entry}: begins at frame {clip.start}, {path} has {len(lines)} frames"
            )
        if clip.end > len(lines):
            repairs = (f"{clip.end - len(lines)} frames after the end of the video left out",)
            clip = dataclasses.replace(clip, end=len(lines))
        interval = lines[clip.start : clip.end]
        numbers = number_rows(interval, NUM_PERSONS * NUM_JOINTS * 3, path, clip.start + 1)
        coords, missing = _persons(numbers, entry)
        return ReadClip(clip, {LAYOUT: ClipPoses(coords)}, (*repairs, *describe_missing(missing)))

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`cross_subject` and `cross_view` by the published lists, `cross_view` also without."""
        lists = read_lists(self.files, [stem(name) for name in self._labels])
        splits = []
        for name, sides in lists.items():
            train, test = (
                tuple(clip.name for clip in clips if stem(clip.source) in side) for side in sides
            )
            if train and test:
                text = "the published lists of training and validation videos."
                kind = name.replace("_", "-").capitalize()
                splits.append(SplitNames(name, train, test, f"{kind}: {text}"))
        if "cross_view" not in lists:
            text = "Cross-view: train on the cameras M and R, test on L (no published list found)."
            splits += split_by("camera", ("L",), clips, "cross_view", text)
        return splits

    def located(self, entry: str) -> Clip:
        """Class, camera and interval from the line of labels; of a file what its name says."""
        name, number = split_entry(entry)
        match = VIDEO.fullmatch(stem(name))
        if match is None:
            raise InputError(f"{entry}: the name is not {self.named}")
        recording, sequence, performer, camera = match.groups()
        video = Clip(
            name=match[0],
            subject=str(int(performer)) if performer else "",
            camera=camera,
            group=recording or sequence,
            source=f"{match[0]}.txt",
        )
        if not number:
            return video
        place = f"{name}, line {number}"
        action, start, end = parse_action(self._label_lines.read(name)[number - 1], place)
        if action not in self._label_of:
            classes = "the 41 of part II" if self._second_part else f"1 to {len(self._label_of)}"
            raise InputError(f"{place}: the class {action} is not one of {classes}")
        name = f"{match[0]}_{number:02d}"
        return dataclasses.replace(
            video, name=name, label=self._label_of[action], start=start, end=end
        )


def _persons(numbers: np.ndarray, entry: str) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates float32 [T, M, 25, 3] of who is seen, and joints missing of them [T, M, 25]."""
    coords = as_float32(numbers.reshape(-1, NUM_PERSONS, NUM_JOINTS, 3))
    unseen = drop_unseen(coords)
    absent = np.asarray(unseen.all(axis=2))
    seen = np.flatnonzero(~absent.all(axis=0))
    if not len(seen):
        raise InputError(f"{entry}: has no joint in any frame")
    return coords[:, seen], (unseen & ~absent[..., np.newaxis])[:, seen]


def _is_label(name: str) -> bool:
    return "label" in posixpath.dirname(name).lower()


def _header(label_names: Sequence[str]) -> DatasetHeader:
    part = "I" if len(label_names) == len(class_names("pku_mmd")) else "II"
    return DatasetHeader(
        name="pku1" if part == "I" else "pku2",
        label_names=tuple(label_names),
        source=(
            f"PKU-MMD part {part} (Liu et al., PKU-MMD: A Large Scale Benchmark for Continuous "
            "Multi-Modal Human Action Understanding, arXiv:1703.07475), skeletons as text"
        ),
        licence="research use on the publisher's agreement, cite the paper",
        poses=(PoseHeader(LAYOUT, FRAME_RATE, "m", AXES, num_persons=NUM_PERSONS),),
    )
