"""MediaPipe Pose: landmarks as people save them, JSON a clip or a frame, or CSV.

- A file a clip: a list of frames, `{"frames": [...]}`, or a frame a line (`.jsonl`).
- A file a frame: files whose names are the same but for the number at the end are a clip.

A frame is `{"pose_landmarks": ..., "pose_world_landmarks": ...}`, also spelled `poseLandmarks`,
`landmarks` and the like, or the landmarks alone; null or an empty list is nobody. Landmarks are the
33 of the pose, one list or a list of lists, one a person; each `{"x", "y", "z", "visibility"}` or
numbers in this order. Tables are read as `csv` reads them, as `blazepose_33`.

World landmarks are metres from the middle of the hips, x to the right, y down, z into the picture:
3-D. Without them, or with `--unit=px`, x and y of the picture are read: shares of its width and
height, or pixels if a frame or the file says `width` and `height`. Visibility is the confidence.
"""

from __future__ import annotations

import collections
import posixpath
from collections.abc import Mapping
from typing import Any

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.checks import shown
from ms2l_tf.data.formats.base import DEFAULTS, DatasetHeader, ReadClip, ReaderOptions
from ms2l_tf.data.formats.clip_names import clip_names, folder_labels, numbered_frame
from ms2l_tf.data.formats.csv_poses import CsvReader
from ms2l_tf.data.formats.detections import (
    MAX_PERSONS,
    Detection,
    Frames,
    most_persons,
    parse_json,
    points_of,
    poses_of,
)
from ms2l_tf.data.formats.listed import LICENCE, ListedReader, Listing, pose_header
from ms2l_tf.data.label_table import sorted_classes
from ms2l_tf.data.records import Axes, Clip
from ms2l_tf.errors import InputError
from ms2l_tf.files import decode_text
from ms2l_tf.skeletons.layout import load_layout

LAYOUT = "blazepose_33"
NUM_JOINTS = 33
CAMERA = Axes(up="-y", forward="+z", handedness="right")
WORLD = ("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks")
IMAGE = ("pose_landmarks", "poseLandmarks", "landmarks", "keypoints")
_NUMBERS = ("frame", "frame_id", "frame_index", "frameIndex")


class MediaPipeTables(CsvReader):
    """Reads tables of landmarks."""

    layout = LAYOUT


class MediaPipeReader(ListedReader):
    """Reads the JSON files of a folder or an archive, or one file."""

    suffixes = (".json", ".jsonl")
    takes = ("labels", "frame_rate", "unit", "axes")
    named = "a clip of MediaPipe's landmarks"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._clips: dict[str, dict[int, str]] = {}
        self._world = False

    def list_clips(self) -> Listing:
        """The clips, a file each or the files of their frames."""
        names = self.names()
        frames: dict[str, dict[int, str]] = collections.defaultdict(dict)
        world, persons, anybody = False, 1, False
        for name in names:
            values, single = _frames(self.files.read(name), name)
            numbered = numbered_frame(name) if single else None
            clip, number = numbered or (posixpath.splitext(name)[0], 0)
            frames[clip if posixpath.basename(clip) else posixpath.dirname(clip)][number] = name
            world |= any(map(_has_world, values.values()))
            people = _people(values, name, world=False, size=None)
            anybody |= most_persons(people) > 0
            persons = max(persons, most_persons(people))
        if not anybody:
            raise InputError(f"{names[0]}: holds no landmarks of anybody")
        self._world = world and self.options.unit != "px"
        folders = folder_labels([f"{clip}.x" for clip in frames])
        classes = sorted_classes(folders.values())
        clips = {}
        for file, clip_name in clip_names([f"{clip}.x" for clip in frames]).items():
            of_clip = frames[file.removesuffix(".x")]
            entry = of_clip[min(of_clip)]
            self._clips[entry] = of_clip
            label = classes.index(folders[file]) if folders[file] else -1
            clips[entry] = Clip(clip_name.removesuffix(".x"), label, source=entry)
        poses = pose_header(
            self.options,
            load_layout(LAYOUT),
            unit="m" if self._world else "unknown",
            axes=CAMERA,
            num_persons=min(persons, MAX_PERSONS),
            num_coords=3 if self._world else 2,
            confidence=True,
        )
        header = DatasetHeader(
            name=self.files.path.resolve().stem,
            label_names=classes,
            source="landmarks found by MediaPipe Pose",
            licence=LICENCE,
            poses=(poses,),
        )
        return Listing(clips, header)

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """All frames of a clip."""
        header = self.header.poses[0]
        found: dict[int, Any] = {}
        for number, name in self._clips[entry].items():
            values, single = _frames(self.files.read(name), name)
            found |= {number: values[0]} if single else values
        people = _people(found, entry, world=self._world, size=header.unit)
        poses, repairs = poses_of(
            people,
            header.skeleton,
            header.frame_rate,
            header.num_persons,
            entry,
            metres=self._world,
        )
        return ReadClip(clip, {header.layout: poses}, repairs)


def media_pipe(files: SourceFiles, options: ReaderOptions = DEFAULTS) -> ListedReader:
    """The reader of what the source holds: of JSON, or of tables if there is no JSON."""
    names = [name.lower() for name in files.names]
    tables = any(name.endswith(MediaPipeTables.suffixes) for name in names)
    if tables and not any(name.endswith(MediaPipeReader.suffixes) for name in names):
        return MediaPipeTables(files, options)
    return MediaPipeReader(files, options)


def _frames(content: bytes, name: str) -> tuple[dict[int, Any], bool]:
    """The frames of a file by number, and whether it is one frame alone."""
    if name.lower().endswith(".jsonl"):
        value: Any = [
            parse_json(line.encode(), f"{name}, line {number}")
            for number, line in enumerate(decode_text(content, name).splitlines(), start=1)
            if line.strip()
        ]
    else:
        value = parse_json(content, name)
    size: dict[str, Any] = {}
    if isinstance(value, dict) and isinstance(value.get("frames"), list):
        size = {key: value[key] for key in ("width", "height") if key in value}
        value = value["frames"]
    if isinstance(value, dict) or _is_person(value):
        return {0: value}, True
    if not isinstance(value, list):
        raise InputError(f"{name}: holds no frames of landmarks")
    frames: dict[int, Any] = {}
    for place, frame in enumerate(value):
        number = place
        if isinstance(frame, dict):
            frame = {**size, **frame}
            number = next((frame[key] for key in _NUMBERS if key in frame), place)
        if isinstance(number, bool) or not isinstance(number, int) or number in frames:
            raise InputError(f"{name}: frame {shown(number)} is no number of its own")
        frames[number] = frame
    return frames, False


def _is_person(value: Any) -> bool:
    """Whether it is 33 landmarks."""
    if not isinstance(value, list) or len(value) != NUM_JOINTS:
        return False
    return all(isinstance(point, dict) and {"x", "y"} <= point.keys() for point in value)


def _has_world(frame: Any) -> bool:
    return isinstance(frame, dict) and bool(_landmarks(frame, WORLD))


def _landmarks(frame: Any, keys: tuple[str, ...]) -> Any:
    """The landmarks of a frame under one of some names."""
    if isinstance(frame, dict):
        found = next((frame[key] for key in keys if frame.get(key)), None)
        return found.get("landmark", found) if isinstance(found, dict) else found
    return frame


def _people(frames: Mapping[int, Any], name: str, *, world: bool, size: str | None) -> Frames:
    """The persons of each frame; in a picture in pixels, where `size` is the unit px."""
    people: dict[int, list[Detection]] = {}
    for number, frame in frames.items():
        where = f"{name}, frame {number}"
        if frame is not None and not isinstance(frame, (list, dict)):
            raise InputError(f"{where}: is {shown(frame)}; expected landmarks")
        found = _landmarks(frame, WORLD if world else IMAGE)
        if found is None and size is None:
            found = _landmarks(frame, WORLD)
        points = [_points(person, where) for person in _persons(found, where)]
        people[number] = [
            Detection(each if world else _in_picture(each, frame, size, where)) for each in points
        ]
    return people


def _persons(value: Any, where: str) -> list[Any]:
    """The landmarks of each person."""
    if not value:
        return []
    if not isinstance(value, list):
        raise InputError(f"{where}: landmarks are {shown(value)}; expected a list")
    one = isinstance(value[0], dict) or (
        isinstance(value[0], list) and bool(value[0]) and isinstance(value[0][0], (int, float))
    )
    return [value] if one else [person for person in value if person]


def _points(person: Any, where: str) -> np.ndarray:
    """x, y, z and visibility [33, 4] of a person."""
    if not isinstance(person, list) or len(person) != NUM_JOINTS:
        count = len(person) if isinstance(person, list) else shown(person)
        raise InputError(f"{where}: has {count} landmarks; expected {NUM_JOINTS}")
    rows = [
        [point.get("x"), point.get("y"), point.get("z", 0.0), point.get("visibility", 1.0)]
        if isinstance(point, dict)
        else point
        for point in person
    ]
    if all(isinstance(row, list) and len(row) == 3 for row in rows):
        rows = [[*row, 1.0] for row in rows]
    return points_of(rows, 4, f"{where}: landmarks")


def _in_picture(points: np.ndarray, frame: Any, unit: str | None, where: str) -> np.ndarray:
    """x, y and visibility, in pixels where the unit is px."""
    flat = points[:, [0, 1, 3]]
    if unit != "px":
        return flat
    size = [frame.get(key) if isinstance(frame, dict) else None for key in ("width", "height")]
    if not all(isinstance(each, (int, float)) and each > 0 for each in size):
        raise InputError(f"{where}: says no width and height, which --unit=px needs")
    flat[:, :2] *= size
    return flat
