"""Writes what pose estimators write: OpenPose, COCO (AlphaPose, MMPose), MediaPipe."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.skeletons.layout import load_layout

BLAZE = load_layout("blazepose_33")


def scored(poses: np.ndarray, score: float = 0.5) -> np.ndarray:
    """[T, M, J, 3]: x, y and the score, all zero where a joint is missing."""
    missing = np.isnan(poses).any(axis=-1, keepdims=True)
    values = np.concatenate([poses, np.full((*poses.shape[:-1], 1), score)], axis=-1)
    return np.where(missing, 0.0, values)


def people_of(frame: np.ndarray) -> list[list[float]]:
    """Each person of a frame as numbers in a row; those without a joint are not there."""
    return [person.ravel().tolist() for person in frame if person.any()]


def write_openpose(
    folder: pathlib.Path,
    video: str,
    poses: np.ndarray,
    *,
    first: int = 0,
    key: str = "pose_keypoints_2d",
    order: Sequence[int] | None = None,
) -> pathlib.Path:
    """A file a frame; `order` is that of the persons in every other frame."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(scored(poses)):
        turned = frame[list(order)] if order is not None and number % 2 else frame
        people = [
            {
                "person_id": [-1],
                key: keypoints,
                "face_keypoints_2d": [],
                "hand_left_keypoints_2d": [],
                "hand_right_keypoints_2d": [],
                "pose_keypoints_3d": [],
            }
            for keypoints in people_of(turned)
        ]
        name = f"{f'{video}_' if video else ''}{number + first:012}_keypoints.json"
        (folder / name).write_text(json.dumps({"version": 1.3, "people": people}))
    return folder


def coco_annotations(
    clips: Mapping[str, np.ndarray], layout: str = "coco_17", track: bool = True
) -> dict[str, Any]:
    """Pictures `<clip>/<number>.jpg`, their annotations; of joints that are there the flag is 2."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for name, poses in clips.items():
        for number, frame in enumerate(scored(poses, 2)):
            image = {"id": len(images), "file_name": f"{name}/{number:06}.jpg", "width": 640}
            images.append({**image, "height": 480})
            for person, keypoints in enumerate(frame):
                if keypoints.any():
                    annotations.append(
                        {
                            "id": len(annotations),
                            "image_id": image["id"],
                            "category_id": 1,
                            "keypoints": keypoints.ravel().tolist(),
                            "num_keypoints": int(keypoints[:, 2].any()),
                            **({"track_id": person} if track else {}),
                        }
                    )
    joints = list(load_layout(layout).joints)
    category = {"id": 1, "name": "person", "keypoints": joints, "skeleton": []}
    return {"info": {}, "images": images, "annotations": annotations, "categories": [category]}


def coco_results(clips: Mapping[str, np.ndarray], ending: str = ".jpg") -> list[dict[str, Any]]:
    """As AlphaPose writes them: a person an entry, by the name of the picture."""
    return [
        {
            "image_id": f"{name}_{number}{ending}",
            "category_id": 1,
            "keypoints": keypoints,
            "score": 2.9,
            "box": [0, 0, 1, 1],
            "idx": [0.0],
        }
        for name, poses in clips.items()
        for number, frame in enumerate(scored(poses))
        for keypoints in people_of(frame)
    ]


def mmpose_video(poses: np.ndarray) -> dict[str, Any]:
    """As MMPose's inferencer writes a video."""
    frames = [
        {
            "frame_id": number,
            "instances": [
                {
                    "keypoints": person[:, :2].tolist(),
                    "keypoint_scores": person[:, 2].tolist(),
                    "bbox": [[0, 0, 1, 1]],
                    "bbox_score": 1.0,
                }
                for person in frame
                if person.any()
            ],
        }
        for number, frame in enumerate(scored(poses), start=1)
    ]
    return {"meta_info": {"dataset_name": "coco"}, "instance_info": frames}


def landmarks(person: np.ndarray, score: float = 0.5) -> list[dict[str, float]]:
    """Landmarks of a person [33, 2 or 3]."""
    points = np.zeros((len(person), 3))
    points[:, : person.shape[1]] = person
    names = ("x", "y", "z")
    return [
        {**dict(zip(names, map(float, point), strict=True)), "visibility": score}
        for point in points
    ]


def media_pipe_frames(
    flat: np.ndarray | None = None, world: np.ndarray | None = None
) -> list[dict[str, Any]]:
    """A frame a result, with one list of landmarks a person."""
    given = {"pose_landmarks": flat, "pose_world_landmarks": world}
    frames = len(next(poses for poses in given.values() if poses is not None))
    return [
        {
            key: [landmarks(person) for person in poses[number] if np.isfinite(person).all()]
            for key, poses in given.items()
            if poses is not None
        }
        for number in range(frames)
    ]
