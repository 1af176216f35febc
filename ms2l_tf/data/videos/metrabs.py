"""A pose model with MeTRAbs's signature, asked for several of our layouts at once."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ms2l_tf.data.videos.detectors import PoseDetector
from ms2l_tf.data.videos.names import joint_order, skeleton_name
from ms2l_tf.data.videos.tracking import match, root_points
from ms2l_tf.errors import InputError, one_line
from ms2l_tf.skeletons.layout import SkeletonLayout

ALL_JOINTS = ""  # the skeleton of MeTRAbs that holds all joints of all the others
SAME_PERSON = 0.3  # metres between the pelvis of one person in two layouts
METRES = 1e-3  # poses come in millimetres


class MetrabsDetector(PoseDetector):
    """Finds persons in images.

    A model that has all joints in one skeleton (MeTRAbs: the empty name and the table
    `per_skeleton_indices`) runs once a batch. Any other runs once a batch for each layout, and
    the persons of a frame are matched by their pelvis to those of the first layout.

    Only `saved_model.pb` and what it refers to (variables, assets) is loaded; other files in the
    folder are not touched. Still it is a program: load only a model you trust.

    Args:
        folder: of the SavedModel.
        layouts: which poses are wanted in; the first one decides who is there.

    Raises:
        InputError: the folder holds no such model, or the model lacks a layout or its joints.
    """

    def __init__(self, folder: str | os.PathLike[str], layouts: Sequence[SkeletonLayout]) -> None:
        self.folder = pathlib.Path(folder)
        self.name = f"the model {self.folder.resolve().name}"  # no path: datasets are passed on
        self.layouts = tuple(layouts)
        self._model = load_model(self.folder)
        self._batched = getattr(self._model, "detect_poses_batched", None)
        self._single = getattr(self._model, "detect_poses", None)
        names = self._table("per_skeleton_joint_names")
        if not (callable(self._batched) or callable(self._single)) or names is None:
            raise InputError(
                f"--model={self.folder}: is not a pose model like MeTRAbs: it needs "
                "detect_poses_batched or detect_poses, and per_skeleton_joint_names"
            )
        joints = {name: [_text(joint) for joint in values] for name, values in names.items()}
        skeletons = {layout.name: skeleton_name(layout.name, joints) for layout in self.layouts}
        # Which skeletons to ask the model for, and where in each one the joints of the layouts are.
        self._passes: dict[str, dict[str, np.ndarray]] = {}
        self._num_joints = {name: len(values) for name, values in joints.items()}
        indices = self._table("per_skeleton_indices") or {}
        together = ALL_JOINTS in joints and set(skeletons.values()) <= set(indices)
        for layout in self.layouts:
            skeleton = skeletons[layout.name]
            order = joint_order(layout, skeleton, joints[skeleton])
            if together:
                skeleton, order = ALL_JOINTS, indices[skeleton][order]
            self._passes.setdefault(skeleton, {})[layout.name] = order

    def detect(self, images: np.ndarray) -> list[dict[str, np.ndarray]]:
        frames: list[dict[str, np.ndarray]] = [{} for _ in images]
        for skeleton, orders in self._passes.items():
            for frame, poses in zip(frames, self._run(images, skeleton), strict=True):
                frame.update({name: poses[:, order] for name, order in orders.items()})
        return [self._same_persons(frame) for frame in frames]

    def _run(self, images: np.ndarray, skeleton: str) -> list[np.ndarray]:
        """Poses [P, joints of the skeleton, 3] of each image."""
        name = tf.constant(skeleton)
        try:
            if callable(self._batched):
                poses = self._batched(tf.constant(images), skeleton=name)["poses3d"]
                frames = [poses[i] for i in range(len(images))]
            else:
                assert callable(self._single)
                frames = [
                    self._single(tf.constant(image), skeleton=name)["poses3d"] for image in images
                ]
            arrays = [np.asarray(_dense(frame), np.float32) for frame in frames]
        except tf.errors.ResourceExhaustedError:
            raise InputError(
                f"--batch: {len(images)} frames at once are too many for the memory; use fewer"
            ) from None
        except (tf.errors.OpError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"--model={self.folder}: detecting poses (images, skeleton={skeleton!r}) -> "
                f"poses3d fails: {one_line(error)}"
            ) from None
        joints = self._num_joints[skeleton]
        for array in arrays:
            if array.size and array.shape[1:] != (joints, 3):
                raise InputError(
                    f"--model={self.folder}: poses3d of an image have shape {array.shape}, "
                    f"expected (persons, {joints}, 3)"
                )
        return [METRES * array.reshape(-1, joints, 3) for array in arrays]

    def _same_persons(self, frame: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The persons of the first layout, in the other layouts as far as they are found there."""
        first = self.layouts[0]
        seen = {name: _found(poses) for name, poses in frame.items()}
        if len(self._passes) == 1:  # one pass: a row is the same person in all layouts
            there = _anything(seen[first.name])
            return {name: poses[there] for name, poses in seen.items()}
        seen = {name: poses[_anything(poses)] for name, poses in seen.items()}
        points = root_points(seen[first.name], first)
        same = {first.name: seen[first.name]}
        for layout in self.layouts[1:]:
            poses = seen[layout.name]
            same[layout.name] = np.full((len(points), *poses.shape[1:]), np.nan, np.float32)
            pairs = match(points, root_points(poses, layout), SAME_PERSON)
            same[layout.name][pairs[:, 0]] = poses[pairs[:, 1]]
        return same

    def _table(self, attribute: str) -> dict[str, np.ndarray] | None:
        table = getattr(self._model, attribute, None)
        if not isinstance(table, Mapping):
            return None
        return {str(name): np.asarray(value) for name, value in table.items()}


def load_model(folder: pathlib.Path) -> Any:
    """Loads a SavedModel.

    Raises:
        InputError: there is none, or TensorFlow can't read it.
    """
    if not (folder / "saved_model.pb").is_file():
        raise InputError(
            f"--model={folder}: is not a SavedModel (no saved_model.pb in it); name the unpacked "
            "folder of the pose model"
        )
    try:
        return tf.saved_model.load(str(folder))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"--model={folder}: cannot be loaded ({one_line(error)}); fetch it anew"
        ) from None


def _found(poses: np.ndarray) -> np.ndarray:
    """Joints that aren't finite as a whole are missing as a whole."""
    return np.where(np.isfinite(poses).all(axis=-1, keepdims=True), poses, np.nan)


def _anything(poses: np.ndarray) -> np.ndarray:
    """Which persons have a joint, bool [P]."""
    with_joint: np.ndarray = np.isfinite(poses).any(axis=(1, 2))
    return with_joint


def _dense(poses: Any) -> Any:
    return poses.to_tensor() if isinstance(poses, tf.RaggedTensor) else poses


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
