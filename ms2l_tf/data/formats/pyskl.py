"""PYSKL and MMAction2: the annotations of a dataset in one pickle, 2-D with scores or 3-D.

A file holds `{"split": {name: [frame_dir, ...]}, "annotations": [...]}` or, in its older form, the
annotations alone, one file a list (`..._train.pkl`, `..._val.pkl`). An annotation has `frame_dir`
(the clip's name), `label` (from 0), `total_frames`, `keypoint` [M, T, V, C] and, if it is 2-D,
`keypoint_score` [M, T, V]. It is read by `safe_pickle`: nothing in it runs.

17 points of a picture are COCO's, 18 OpenPose's, 25 in space those of the Kinect v2 in metres and
the sensor's axes, as in NTU RGB+D; `--layout`, `--unit` and `--axes` say what others are. Pixels of
pictures grow to the right and downwards. Zeros pad what was not detected: missing. Videos are taken
to have 30 frames a second. Names of NTU RGB+D give subject, camera, setup, group and the names of
classes, where their numbers agree; others are numbers, which `--labels` may name.
"""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.checks import shown
from ms2l_tf.data.formats.base import (
    DEFAULTS,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    ReaderOptions,
)
from ms2l_tf.data.formats.class_names import class_names
from ms2l_tf.data.formats.kinect import AXES
from ms2l_tf.data.formats.listed import (
    LICENCE,
    MOST_PERSONS,
    ListedReader,
    Listing,
    layout_of,
    numbered_classes,
    pose_header,
)
from ms2l_tf.data.formats.mocap import stem
from ms2l_tf.data.formats.ntu import FEWER_CLASSES
from ms2l_tf.data.formats.split_names import paired_splits
from ms2l_tf.data.formats.zeros import zeros_missing
from ms2l_tf.data.pickled_array import PickledArray
from ms2l_tf.data.pose_store import release
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.safe_pickle import load_pickle
from ms2l_tf.errors import InputError

LAYOUTS = {(17, 2): "coco_17", (18, 2): "openpose_18", (25, 3): "kinect_v2_25"}
_NTU = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})(?:_\w+)?")
_FORM = "a list of annotations, or {'split': ..., 'annotations': [...]}"


@dataclasses.dataclass(frozen=True)
class _Annotation:
    """What is kept of an annotation: the arrays lie in the file."""

    keypoint: Any
    score: Any
    frames: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return self.keypoint.shape if isinstance(self.keypoint, PickledArray) else ()


class PysklReader(ListedReader):
    """Reads the pickles of a folder, an archive, or one file."""

    suffixes = (".pkl", ".pickle")
    named = "a clip of a PYSKL annotation file"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._annotations: dict[str, _Annotation] = {}

    def list_clips(self) -> Listing:
        """Every annotation of every file."""
        clips: dict[str, Clip] = {}
        lists: dict[str, list[str]] = {}
        names = self.names()
        for name in names:
            annotations, split = _content(load_pickle(self.files.mapped(name), name), name)
            for number, value in enumerate(annotations):
                clip = _clip(value, f"{name}, annotation {number}")
                entry = f"{name}#{clip.name}"
                if entry in clips:
                    raise InputError(f"{name}: the clip {clip.name} is there twice; remove one")
                clips[entry] = dataclasses.replace(clip, source=name)
                self._annotations[entry] = _Annotation(
                    value.get("keypoint"), value.get("keypoint_score"), value.get("total_frames")
                )
            for key, members in split.items():
                lists.setdefault(key, []).extend(members)
        header = DatasetHeader(
            name=stem(names[0]),
            label_names=classes_of(list(clips.values()), names[0]),
            source=f"PYSKL annotations {', '.join(names[:3])}",
            licence=LICENCE,
            poses=(self._pose_header(names[0]),),
            notes=_unknown(lists, {clip.name for clip in clips.values()}),
        )
        return Listing(clips, header, paired_splits(lists, "the annotation file"))

    def _pose_header(self, where: str) -> PoseHeader:
        known = [each for each in self._annotations.values() if _is_keypoint(each.shape)]
        if not known:
            raise InputError(f"{where}: no annotation has an array 'keypoint' [M, T, V, C]")
        (joints, coords), _ = collections.Counter(e.shape[2:] for e in known).most_common(1)[0]
        if coords not in (2, 3):
            raise InputError(f"{where}: 'keypoint' has {coords} coordinates; expected 2 or 3")
        usual = LAYOUTS.get((joints, coords), "")
        return pose_header(
            self.options,
            layout_of(self.options, joints, where, usual),
            unit="px" if coords == 2 else "m" if usual else "unknown",
            axes=AXES,
            num_persons=max(1, *(each.shape[0] for each in known)),
            num_coords=coords,
            confidence=any(each.score is not None for each in known),
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """The keypoints of an annotation, frames first."""
        header, annotation = self.header.poses[0], self._annotations[entry]
        expected = (header.skeleton.num_joints, header.num_coords)
        shape = annotation.shape
        if not _is_keypoint(shape) or shape[2:] != expected or not shape[0] or not shape[1]:
            raise InputError(
                f"{entry}: 'keypoint' has shape {shape}, expected (M, T, {expected[0]}, "
                f"{expected[1]}) of at most {MOST_PERSONS} persons"
            )
        if annotation.frames is not None and annotation.frames != shape[1]:
            raise InputError(
                f"{entry}: says {shown(annotation.frames)} frames, 'keypoint' has {shape[1]}"
            )
        values = _numbers(annotation.keypoint, f"{entry}: 'keypoint'")
        coords, repairs = zeros_missing(values.swapaxes(0, 1), entry)
        release(values)
        confidence = self._confidence(annotation, coords, entry) if header.confidence else None
        poses = ClipPoses(coords, None, confidence)
        return ReadClip(clip, {header.layout: poses}, repairs)

    @staticmethod
    def _confidence(annotation: _Annotation, coords: np.ndarray, entry: str) -> np.ndarray:
        """The scores, zero where a joint is missing."""
        score, frames = annotation.score, coords.shape[:3]
        expected = (frames[1], frames[0], frames[2])
        if not isinstance(score, PickledArray) or score.shape != expected:
            raise InputError(f"{entry}: 'keypoint_score' is no array of shape {expected}")
        scores = _numbers(score, f"{entry}: 'keypoint_score'").swapaxes(0, 1).astype(np.float32)
        return np.where(np.isfinite(coords[..., 0]) & np.isfinite(scores), scores, np.float32(0))


def _content(value: Any, name: str) -> tuple[list[Any], dict[str, list[str]]]:
    """The annotations of a file, and its lists of clips; a file that is a list is one of them."""
    annotations = value.get("annotations") if isinstance(value, dict) else value
    split = value.get("split") or {} if isinstance(value, dict) else None
    if not isinstance(annotations, list) or not annotations:
        raise InputError(f"{name}: is no PYSKL annotation file, which holds {_FORM}")
    if split is None:
        members = [each.get("frame_dir") for each in annotations if isinstance(each, dict)]
        split = {stem(name): members}
    if not isinstance(split, dict):
        raise InputError(f"{name}: 'split' is no dictionary of lists of clips")
    for key, members in split.items():
        texts = isinstance(members, (list, tuple)) and all(isinstance(m, str) for m in members)
        if not isinstance(key, str) or not texts:
            raise InputError(f"{name}: 'split' {shown(key)} is no list of clips' names")
    return annotations, {key: list(members) for key, members in split.items()}


def _is_keypoint(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and shape[0] <= MOST_PERSONS


def _clip(value: Any, where: str) -> Clip:
    """Name and label of an annotation, and what a name of NTU RGB+D says."""
    if not isinstance(value, dict) or not isinstance(value.get("frame_dir"), str):
        raise InputError(f"{where}: lacks 'frame_dir', the name of its clip")
    name, label = value["frame_dir"], value.get("label", -1)
    if isinstance(label, bool) or not isinstance(label, int):
        raise InputError(f"{where}: label {shown(label)} is no whole number")
    return clip_of_name(name, label)


def clip_of_name(name: str, label: int) -> Clip:
    """A clip with the setup, camera, performer and replication that a name of NTU RGB+D says."""
    match = _NTU.fullmatch(name)
    if match is None:
        return Clip(name, label)
    setup, camera, subject, group = (str(int(number)) for number in match.groups()[:4])
    return Clip(name, label, subject, camera, setup, group)


def classes_of(clips: Sequence[Clip], where: str) -> tuple[str, ...]:
    """Names of the classes that labels number: NTU RGB+D's, if the clips are called so."""
    classes = numbered_classes([clip.label for clip in clips], where)
    actions = [match and int(match[5]) - 1 for match in (_NTU.fullmatch(c.name) for c in clips)]
    if actions != [clip.label for clip in clips]:
        return classes
    return class_names("ntu")[: FEWER_CLASSES if len(classes) <= FEWER_CLASSES else None]


def _numbers(array: PickledArray, where: str) -> np.ndarray:
    if array.dtype.kind not in "iuf":
        raise InputError(f"{where} holds no numbers but {array.dtype}")
    return array.read()


def _unknown(lists: Mapping[str, list[str]], known: set[str]) -> tuple[str, ...]:
    """A note on clips that lists name and no annotation is of."""
    missing = {name for members in lists.values() for name in members} - known
    if not missing:
        return ()
    return (f"{len(missing)} clips of its lists have no annotation, such as {min(missing)}",)
