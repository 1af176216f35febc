"""OpenPose: one JSON file a frame, `<video>_000000000012_keypoints.json`.

A file holds `people`, each with `pose_keypoints_2d` (`pose_keypoints` in version 1.0): x, y and
score of 25 (BODY_25) or 18 (COCO) joints in a row, in pixels of the picture, y downwards. Hands and
faces are not read. A clip is all frames of a video in a folder, named like the video, or like the
folder if the files are numbers alone. A score of zero is a joint that was not found.

Persons have no order: they are followed from frame to frame and ranked, the main person first, and
the first two kept (see `detections`). Videos are taken to have 30 frames a second. Folders label
clips as those of `arrays` do; where each clip has a folder of its own, the one above it does.
"""

from __future__ import annotations

import collections
import posixpath
from collections.abc import Sequence
from typing import Any

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import DEFAULTS, DatasetHeader, ReadClip, ReaderOptions
from ms2l_tf.data.formats.clip_names import clip_names, folder_labels, numbered_frame
from ms2l_tf.data.formats.detections import (
    MAX_PERSONS,
    Detection,
    parse_json,
    points_of,
    poses_of,
)
from ms2l_tf.data.formats.listed import LICENCE, ListedReader, Listing, layout_of, pose_header
from ms2l_tf.data.label_table import sorted_classes
from ms2l_tf.data.records import Clip
from ms2l_tf.errors import InputError

LAYOUTS = {25: "openpose_25", 18: "openpose_18"}
_SUFFIX = "_keypoints.json"
_KEYS = ("pose_keypoints_2d", "pose_keypoints")


class OpenposeReader(ListedReader):
    """Reads the JSON files of a folder or an archive."""

    suffixes = (_SUFFIX,)
    takes = ("layout", "labels", "frame_rate", "unit")
    named = "the first frame of a video, such as walk_000000000000_keypoints.json"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._frames: dict[str, dict[int, str]] = {}

    def list_clips(self) -> Listing:
        """The videos, by the names of their frames."""
        videos: dict[str, dict[int, str]] = collections.defaultdict(dict)
        for name in self.names():
            frame = numbered_frame(name[: -len(_SUFFIX)] + ".x")
            if frame is None:
                raise InputError(f"{name}: is called without the number of its frame")
            video, number = frame
            if number in videos[video]:
                raise InputError(f"{name}: is frame {number}, and so is {videos[video][number]}")
            videos[video][number] = name
        named = {_named(video): frames for video, frames in videos.items()}
        labels = _labels(list(named))
        classes = sorted_classes(labels.values())
        clips = {}
        for video, name in clip_names([f"{video}.x" for video in named]).items():
            path = video.removesuffix(".x")
            frames = named[path]
            entry = frames[min(frames)]
            self._frames[entry] = frames
            label = classes.index(labels[path]) if labels[path] else -1
            clips[entry] = Clip(name.removesuffix(".x"), label, source=path)
        poses = pose_header(
            self.options,
            layout_of(self.options, *self._joints()),
            unit="px",
            num_persons=MAX_PERSONS,
            num_coords=2,
            confidence=True,
        )
        header = DatasetHeader(
            name=self.files.path.resolve().stem,
            label_names=classes,
            source="poses of pictures, found by OpenPose",
            licence=LICENCE,
            poses=(poses,),
        )
        return Listing(clips, header)

    def _joints(self) -> tuple[int, str, str]:
        """Number of joints of the first person there is, in which file, and the usual layout."""
        for frames in self._frames.values():
            for name in frames.values():
                try:
                    people = self._people(name)
                except InputError:  # told when its clip is read
                    continue
                if people:
                    joints = len(people[0].points)
                    return joints, name, LAYOUTS.get(joints, "")
        raise InputError(f"{self.files.path}: no {_SUFFIX} file has anybody in 'people'")

    def _people(self, name: str) -> list[Detection]:
        content = parse_json(self.files.read(name), name)
        people = content.get("people") if isinstance(content, dict) else None
        if not isinstance(people, list):
            raise InputError(f"{name}: has no list 'people'")
        return [_detection(person, f"{name}: 'people' {n}") for n, person in enumerate(people)]

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """All frames of a video."""
        header = self.header.poses[0]
        frames = {number: self._people(name) for number, name in self._frames[entry].items()}
        poses, repairs = poses_of(
            frames, header.skeleton, header.frame_rate, header.num_persons, clip.source or entry
        )
        return ReadClip(clip, {header.layout: poses}, repairs)


def _detection(person: Any, where: str) -> Detection:
    key = next((key for key in _KEYS if isinstance(person, dict) and key in person), None)
    if key is None:
        raise InputError(f"{where}: has no 'pose_keypoints_2d'")
    ids = person.get("person_id")
    number = ids[0] if isinstance(ids, list) and ids else ids
    track = number if isinstance(number, int) and number >= 0 else None
    return Detection(points_of(person[key], 3, f"{where}: {key}"), track)


def _named(video: str) -> str:
    """The path of a video; of frames that are numbers alone it is their folder."""
    return video if posixpath.basename(video) else posixpath.dirname(video) or "clip"


def _labels(videos: Sequence[str]) -> dict[str, str]:
    """The label of each video, by folders."""
    folders = collections.Counter(posixpath.dirname(video) for video in videos)
    own_folder = all(count == 1 for count in folders.values()) and len(videos) > 1
    paths = {v: posixpath.dirname(v) if own_folder and posixpath.dirname(v) else v for v in videos}
    found = folder_labels(list(paths.values()))
    return {video: found[path] for video, path in paths.items()}
