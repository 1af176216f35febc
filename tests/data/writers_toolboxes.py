"""Writes datasets as other toolboxes publish them, value for value."""

from __future__ import annotations

import pathlib
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NTU_NAMES = tuple(
    f"S00{setup}C00{camera}P00{person}R001A0{action:02}"
    for setup in (1, 2)
    for camera in (1, 2, 3)
    for person in (1, 3)
    for action in (1, 2)
)


def motion(
    name: str, frames: int, joints: int = 25, coords: int = 3, persons: int = 1
) -> np.ndarray:
    """Poses float32 [T, M, J, C] that depend on the name; in 2-D they are pixels."""
    random = np.random.default_rng(list(name.encode()))
    start = random.normal(size=(1, persons, joints, coords))
    steps = random.normal(scale=0.02, size=(frames, persons, joints, coords))
    place = np.arange(persons)[:, None, None] + np.array([0.5, 0.25, 3.0])[:coords]
    poses = start + np.cumsum(steps, axis=0) + place
    return (poses * 50 + 300 if coords == 2 else poses).astype(np.float32)


def clips_of(
    names: Sequence[str] = NTU_NAMES, joints: int = 25, coords: int = 3, persons: int = 1
) -> dict[str, np.ndarray]:
    """Clips of 5 frames and more, by name."""
    return {
        name: motion(name, 5 + number % 4, joints, coords, persons)
        for number, name in enumerate(names)
    }


def label_of(name: str) -> int:
    """The label that a name of NTU RGB+D says, from 0."""
    return int(name[17:20]) - 1


def annotation(name: str, poses: np.ndarray, label: int, **changes: Any) -> dict[str, Any]:
    """An annotation of PYSKL; 2-D ones are float16 with scores, as those of its detector."""
    keypoint = poses.swapaxes(0, 1)
    value: dict[str, Any] = {
        "frame_dir": name,
        "label": label,
        "total_frames": keypoint.shape[1],
        "keypoint": keypoint,
    }
    if poses.shape[-1] == 2:
        value |= {
            "img_shape": (1080, 1920),
            "original_shape": (1080, 1920),
            "keypoint": keypoint.astype(np.float16),
            "keypoint_score": np.full(keypoint.shape[:3], 0.75, np.float16),
        }
    return value | changes


def pyskl_content(
    clips: Mapping[str, np.ndarray], split: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """What a file of PYSKL holds; its split is cross-subject, training on performer 1."""
    if split is None:
        split = {
            "xsub_train": [name for name in clips if name[8:12] == "P001"],
            "xsub_val": [name for name in clips if name[8:12] != "P001"],
        }
    annotations = [annotation(name, poses, label_of(name)) for name, poses in clips.items()]
    return {"split": dict(split), "annotations": annotations}


def write_pyskl(path: pathlib.Path, content: Any = None, protocol: int = 4) -> pathlib.Path:
    """A pickle as `mmcv.dump` writes it."""
    value = pyskl_content(clips_of()) if content is None else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def write_stgcn(
    folder: pathlib.Path,
    clips: Mapping[str, np.ndarray],
    side: str,
    *,
    array: str = "data",
    frames: int = 12,
    persons: int = 2,
    ending: str = ".skeleton",
    protocol: int = 2,
) -> pathlib.Path:
    """`train_data.npy` [N, C, T, V, M] padded with zeros, and `train_label.pkl`."""
    folder.mkdir(parents=True, exist_ok=True)
    _, _, joints, coords = next(iter(clips.values())).shape
    values = np.zeros((len(clips), coords, frames, joints, persons), np.float32)
    for row, poses in zip(values, clips.values(), strict=True):
        row[:, : len(poses), :, : poses.shape[1]] = np.nan_to_num(poses).transpose(3, 0, 2, 1)
    np.save(folder / f"{side}_{array}.npy", values)
    labels = ([f"{name}{ending}" for name in clips], [label_of(name) for name in clips])
    (folder / f"{side}_label.pkl").write_bytes(pickle.dumps(labels, protocol))
    return folder


def write_ctrgcn(
    path: pathlib.Path,
    train: Mapping[str, np.ndarray],
    test: Mapping[str, np.ndarray],
    *,
    frames: int = 12,
    classes: int = 2,
    save: Any = np.savez,
    **changes: np.ndarray,
) -> pathlib.Path:
    """`x_train` [N, T, M·V·C] padded with zeros, `y_train` [N, K] of one 1 a row, and the tests."""
    arrays: dict[str, np.ndarray] = {}
    for side, clips in (("train", train), ("test", test)):
        values = np.zeros((len(clips), frames, 2, 25, 3), np.float32)
        for row, poses in zip(values, clips.values(), strict=True):
            row[: len(poses), : poses.shape[1]] = np.nan_to_num(poses)
        arrays[f"x_{side}"] = values.reshape(len(clips), frames, -1)
        arrays[f"y_{side}"] = np.eye(classes)[[label_of(name) for name in clips]]
    save(path, **{**arrays, **changes})
    return path
