"""Videos of coloured squares, and a pose model of MeTRAbs's signature that sees persons in them.

A person is a square of one colour channel. Its place in the picture is where the pelvis is, its
brightness is the size of the body: so a pose tells who it is of, wherever the person goes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import tensorflow as tf

from ms2l_tf.data.videos.names import JOINTS, SKELETONS
from ms2l_tf.skeletons.layout import load_layout

HEIGHT, WIDTH = 48, 64
MM_PER_PIXEL = 20.0
DEPTH = 3000.0
FULL_SIZE = 200.0  # brightness of a body of size 1
RATE = 10
LAYOUTS = ("smpl_24", "kinect_v2_25")


@dataclasses.dataclass(frozen=True)
class Person:
    """A square whose centre is at `x`, `y` (T,), in pixels; NaN: not in the picture."""

    channel: int
    brightness: int
    x: np.ndarray
    y: np.ndarray


def draw(*persons: Person) -> np.ndarray:
    """Frames uint8 [T, H, W, 3]; the squares are 7 x 7."""
    frames = np.zeros((len(persons[0].x), HEIGHT, WIDTH, 3), np.uint8)
    for person in persons:
        for frame, x, y in zip(frames, person.x, person.y, strict=True):
            if np.isfinite(x):
                part = slice(int(y) - 3, int(y) + 4), slice(int(x) - 3, int(x) + 4)
                frame[(*part, person.channel)] = person.brightness
    return frames


def write_video(path: Path, frames: np.ndarray, rate: int = RATE) -> Path:
    """A video without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=rate)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "rgb24"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def skeletons(layouts: Sequence[str] = LAYOUTS) -> dict[str, list[str]]:
    """MeTRAbs's skeleton names and, in an order that is not ours, its joint names."""
    found = {}
    for name in layouts:
        theirs = JOINTS.get(name, {})
        joints = [theirs.get(joint, joint) for joint in load_layout(name).joints]
        found[SKELETONS.get(name, name)] = joints[5:] + joints[:5]
    return found


def offsets(layout: str) -> np.ndarray:
    """Where a body of size 1 has its joints around the pelvis, in mm, [J, 3]."""
    found = load_layout(layout)
    places = np.random.default_rng(found.num_joints).uniform(-300, 300, (found.num_joints, 3))
    left, right = found.anchors["hip_left"], found.anchors["hip_right"]
    places[list(right)] = -places[list(left)]  # the pelvis is between the hips
    return places


def expected(layout: str, person: Person) -> np.ndarray:
    """The poses a dataset should hold, metres, [T, J, 3]."""
    x, y = (person.x - (WIDTH - 1) / 2), (person.y - (HEIGHT - 1) / 2)
    pelvis = np.stack([x * MM_PER_PIXEL, y * MM_PER_PIXEL, 0 * x + DEPTH], axis=-1)
    return (pelvis[:, None] + person.brightness / FULL_SIZE * offsets(layout)) / 1000.0


class FakeModel(tf.Module):
    """Finds persons from left to right, so that their order changes when they cross.

    Args:
        names: skeleton -> joint names.
        together: has all joints in one skeleton, as MeTRAbs.
        single: offers `detect_poses` only.
        answer: what the poses are called in the answer.
    """

    def __init__(
        self,
        names: Mapping[str, Sequence[str]] | None = None,
        *,
        together: bool = False,
        single: bool = False,
        answer: str = "poses3d",
    ) -> None:
        super().__init__()
        names = dict(names or skeletons())
        ours = {SKELETONS.get(layout, layout): layout for layout in LAYOUTS}
        places, indices, total = [], {}, 0
        for name, joints in names.items():
            table = np.roll(offsets(ours[name]), -5, axis=0)[: len(joints)]
            places.append(table)
            indices[name] = list(range(total, total + len(joints)))
            total += len(joints)
        if together:
            names[""] = [f"{joint}_{name}" for name in names for joint in names[name]]
            indices[""] = list(range(total))
        self.answer = answer
        self.places = tf.constant(np.concatenate(places), tf.float32)
        self.keys = tf.constant(list(names))
        rows = [indices[name] + [-1] * (total - len(indices[name])) for name in names]
        self.rows = tf.constant(rows)
        self.per_skeleton_joint_names = {k: tf.Variable(v) for k, v in names.items()}
        self.per_skeleton_joint_edges = {k: tf.Variable([[0, 1]]) for k in names}
        if together:
            self.per_skeleton_indices = {k: tf.Variable(v) for k, v in indices.items()}
        last = (tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.string))
        if single:
            image = tf.TensorSpec((None, None, 3), tf.uint8)
            self.detect_poses = tf.function(self._one, input_signature=(image, *last))
        else:
            images = tf.TensorSpec((None, None, None, 3), tf.uint8)
            self.detect_poses_batched = tf.function(self._many, input_signature=(images, *last))

    def _many(self, images: Any, default_fov_degrees: Any = 55.0, skeleton: Any = "") -> Any:
        row = self.rows[tf.argmax(tf.cast(self.keys == skeleton, tf.int32))]
        places = tf.gather(self.places, row[row >= 0])
        light = tf.cast(images[..., :2], tf.float32)
        body = tf.cast(light > 0, tf.float32)
        area = tf.reduce_sum(body, [1, 2])
        x = tf.reduce_sum(body * tf.range(WIDTH, dtype=tf.float32)[:, None], [1, 2]) / area
        y = tf.reduce_sum(body * tf.range(HEIGHT, dtype=tf.float32)[:, None, None], [1, 2]) / area
        size = tf.reduce_sum(light, [1, 2]) / area / FULL_SIZE
        pelvis = tf.stack(
            [
                (x - (WIDTH - 1) / 2) * MM_PER_PIXEL,
                (y - (HEIGHT - 1) / 2) * MM_PER_PIXEL,
                tf.fill(tf.shape(x), DEPTH),
            ],
            axis=-1,
        )
        poses = pelvis[:, :, None] + size[..., None, None] * places
        order = tf.argsort(x, axis=1)
        poses = tf.gather(poses, order, batch_dims=1)
        found = tf.gather(area > 0, order, batch_dims=1)
        return {
            "boxes": tf.ragged.boolean_mask(tf.zeros((tf.shape(x)[0], 2, 5)), found),
            self.answer: tf.ragged.boolean_mask(poses, found),
            "poses2d": tf.ragged.boolean_mask(poses[..., :2], found),
        }

    def _one(self, image: Any, default_fov_degrees: Any = 55.0, skeleton: Any = "") -> Any:
        many = self._many(image[None], default_fov_degrees, skeleton)
        return {name: value[0] for name, value in many.items()}


def save_model(path: Path, model: tf.Module) -> Path:
    """Writes a SavedModel."""
    tf.saved_model.save(model, str(path))
    return path
