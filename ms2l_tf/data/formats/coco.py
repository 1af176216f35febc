"""Keypoints in COCO's JSON: annotations of pictures, and what AlphaPose and MMPose write of videos.

- `{"images": [{"id", "file_name"}], "annotations": [{"image_id", "keypoints"}]}`;
- a list `[{"image_id": 12 or "walk_12.jpg", "keypoints", "score"}]`, COCO's form of results;
- `{"instance_info": [{"frame_id", "instances": [{"keypoints", "keypoint_scores"}]}]}`, or the list
  alone, as MMPose writes of a video.

Keypoints are x, y and a third number in a row, in pixels, y downwards. The third is a score, or the
flag of an annotation, of which the half is kept: 1 of a joint that is seen, 0.5 of one that is
hidden, and 0 of one that is missing. Joints are those that `categories` names, 17 are COCO's.

Pictures are frames of a clip if their names are the same but for the number at the end; where they
are numbers alone they are of the clip that their folder, or else the file, is called like. Persons
are told apart by `track_id` (AlphaPose: `idx`) or followed, see `detections`; two are kept.
"""

from __future__ import annotations

import collections
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.checks import shown
from ms2l_tf.data.formats.base import DEFAULTS, DatasetHeader, ReadClip, ReaderOptions
from ms2l_tf.data.formats.clip_names import clip_names, folder_labels, numbered_frame
from ms2l_tf.data.formats.csv_columns import match_joints
from ms2l_tf.data.formats.detections import (
    MAX_PERSONS,
    Detection,
    Frames,
    most_persons,
    parse_json,
    points_of,
    poses_of,
)
from ms2l_tf.data.formats.listed import LICENCE, ListedReader, Listing, layout_of, pose_header
from ms2l_tf.data.label_table import sorted_classes
from ms2l_tf.data.records import Clip
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout

LAYOUTS = {17: "coco_17"}
_TRACKS = ("track_id", "idx", "instance_id")


class CocoReader(ListedReader):
    """Reads the JSON files of a folder or an archive, or one file."""

    suffixes = (".json",)
    takes = ("layout", "labels", "frame_rate", "unit")
    named = "a clip of a file of COCO keypoints"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._places: dict[str, tuple[str, str]] = {}
        self._open: tuple[str, Mapping[str, Frames]] = ("", {})

    def list_clips(self) -> Listing:
        """Every clip of every file."""
        names = self.names()
        own, folders = clip_names(names), folder_labels(names)
        classes = sorted_classes(folders.values())
        clips: dict[str, Clip] = {}
        persons, joints, layout = 1, 0, None
        for name in names:
            content = parse_json(self.files.read(name), name)
            found = _clips(content, name)
            self._open = name, found
            layout = layout or self._named_layout(content, name)
            label = classes.index(folders[name]) if folders[name] else -1
            for key, frames in found.items():
                entry = f"{name}#{key}" if key else name
                clips[entry] = Clip(key or own[name], label, source=name)
                self._places[entry] = name, key
                persons = max(persons, most_persons(frames))
                joints = joints or _joints(frames)
        if not joints:
            raise InputError(f"{names[0]}: has nobody in any picture")
        poses = pose_header(
            self.options,
            layout or layout_of(self.options, joints, names[0], LAYOUTS.get(joints, "")),
            unit="px",
            num_persons=min(persons, MAX_PERSONS),
            num_coords=2,
            confidence=True,
        )
        header = DatasetHeader(
            name=own[names[0]],
            label_names=classes,
            source=f"keypoints in COCO's JSON: {', '.join(names[:3])}",
            licence=LICENCE,
            poses=(poses,),
        )
        return Listing(clips, header)

    def _named_layout(self, content: Any, name: str) -> SkeletonLayout | None:
        """The layout of the joints that a file names; None: it names none, or a user does."""
        categories = content.get("categories") if isinstance(content, dict) else None
        for category in categories if isinstance(categories, list) else ():
            names = category.get("keypoints") if isinstance(category, dict) else None
            if isinstance(names, list) and names and all(isinstance(n, str) for n in names):
                if self.options.layout:
                    return None
                layout, places = match_joints(names, "", f"{name}, categories")
                if list(places.values()) != list(range(len(names))):
                    raise InputError(
                        f"{name}: has the joints of {layout.name} in another order; write a layout "
                        "file of your own and name it by --layout"
                    )
                return layout
        return None

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """All frames of a clip."""
        header = self.header.poses[0]
        name, key = self._places[entry]
        if self._open[0] != name:
            self._open = name, _clips(parse_json(self.files.read(name), name), name)
        poses, repairs = poses_of(
            self._open[1][key], header.skeleton, header.frame_rate, header.num_persons, entry
        )
        return ReadClip(clip, {header.layout: poses}, repairs)


def _clips(content: Any, name: str) -> Mapping[str, Frames]:
    """The frames of each clip of a file."""
    clips: dict[str, dict[int, list[Detection]]] = collections.defaultdict(dict)
    for clip, frame, detections in _pictures(content, name):
        clips[clip].setdefault(frame, []).extend(detections)
    if not clips:
        raise InputError(f"{name}: holds no keypoints")
    return clips


def _pictures(content: Any, name: str) -> Iterator[tuple[str, int, list[Detection]]]:
    """Clip, number and persons, for each picture or for each person of one."""
    if isinstance(content, dict) and isinstance(content.get("instance_info"), list):
        content = content["instance_info"]
    if isinstance(content, dict):
        yield from _annotated(content, name)
        return
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise InputError(f"{name}: is no file of COCO keypoints")
    for number, value in enumerate(content):
        where = f"{name}: entry {number}"
        if "instances" in value:
            people = value["instances"] if isinstance(value["instances"], list) else [None]
            yield (
                "",
                _whole(value.get("frame_id"), where),
                [_detection(person, f"{where}, person {n}") for n, person in enumerate(people)],
            )
        else:
            yield *_picture(value.get("image_id"), where), [_detection(value, where)]


def _annotated(content: Mapping[str, Any], name: str) -> Iterator[tuple[str, int, list[Detection]]]:
    images, annotations = content.get("images"), content.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise InputError(f"{name}: is no file of COCO keypoints, it lacks images or annotations")
    places: dict[Any, tuple[str, int]] = {}
    for number, image in enumerate(images):
        where = f"{name}: image {number}"
        if not isinstance(image, dict) or not isinstance(image.get("id"), (int, str)):
            raise InputError(f"{where}: has no id")
        place = _picture(image.get("file_name", image["id"]), where)
        places[image["id"]] = place
        yield *place, []  # a picture without persons is a frame without anybody
    for number, value in enumerate(annotations):
        where = f"{name}: annotation {number}"
        image = value.get("image_id") if isinstance(value, dict) else None
        if not isinstance(image, (int, str)) or image not in places:
            raise InputError(f"{where}: is of image {shown(image)}, which is not there")
        if "keypoints" in value:
            yield *places[image], [_detection(value, where, flags=True)]


def _picture(image: Any, where: str) -> tuple[str, int]:
    """The clip a picture is of, and its frame."""
    if isinstance(image, int) and not isinstance(image, bool):
        return "", image
    frame = numbered_frame(image) if isinstance(image, str) else None
    if frame is None:
        raise InputError(f"{where}: picture {shown(image)} ends without the number of its frame")
    clip, number = frame
    return (clip if posixpath.basename(clip) else posixpath.dirname(clip)), number


def _detection(value: Any, where: str, *, flags: bool = False) -> Detection:
    """A person; scores stand beside the keypoints, or as their third number."""
    if not isinstance(value, dict) or "keypoints" not in value:
        raise InputError(f"{where}: has no 'keypoints'")
    if "keypoint_scores" in value:
        coords = points_of(value["keypoints"], 2, f"{where}: keypoints")
        scores = points_of(value["keypoint_scores"], 1, f"{where}: keypoint_scores")
        if len(scores) != len(coords):
            raise InputError(f"{where}: {len(coords)} keypoints and {len(scores)} keypoint_scores")
        points = np.concatenate([coords, scores], axis=1)
    else:
        points = points_of(value["keypoints"], 3, f"{where}: keypoints")
        points[:, 2] /= 2 if flags else 1
    track = next((value[key] for key in _TRACKS if key in value), None)
    whole = isinstance(track, int) and not isinstance(track, bool)
    return Detection(points, track if whole else None)


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{where}: frame_id {shown(value)} is no whole number")
    return value


def _joints(frames: Frames) -> int:
    return next((len(each.points) for people in frames.values() for each in people), 0)
