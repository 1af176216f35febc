"""What a depth camera makes of a scene: its view point, its noise and what it misses.

Camera axes are those of a Kinect: x to the sensor's left (the viewer's left), y up, z away from
the sensor; right-handed, metres. Notation: T frames, M persons, J joints.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ms2l_tf.data.records import Axes
from ms2l_tf.data.synthetic.posture import rotation

KINECT_AXES = Axes(up="+y", forward="+z", handedness="right")


@dataclass(frozen=True)
class Camera:
    """A camera that looks at the middle of the scene.

    Args:
        name: Of the camera in the clip table.
        yaw: Degrees around the scene; 0 is in front of a person with heading 0.
        height: Of the lens above the floor in metres.
        tilt: Degrees the camera looks down.
        distance: From the middle of the scene along the floor, metres.
        roll: Degrees the camera leans to its right.
    """

    name: str
    yaw: float = 0.0
    height: float = 1.0
    tilt: float = 0.0
    distance: float = 3.0
    roll: float = 0.0

    def moved(self, rng: np.random.Generator) -> Camera:
        """The same camera set up again by hand: a few degrees and centimetres off."""
        return Camera(
            self.name,
            self.yaw + rng.normal(0.0, 3.0),
            self.height + rng.normal(0.0, 0.05),
            self.tilt + rng.normal(0.0, 2.0),
            self.distance + rng.normal(0.0, 0.15),
            self.roll + rng.normal(0.0, 1.0),
        )

    def view(self, world: np.ndarray) -> np.ndarray:
        """World positions [..., 3] in the camera's axes."""
        turned = rotation("y", np.array(self.yaw))
        position = turned @ np.array([0.0, 0.0, self.distance])
        position[1] = self.height
        # Columns: the camera's x, y and z in the world when it looks along -z, level.
        level = np.diag([-1.0, 1.0, -1.0])
        tilted = rotation("x", np.array(self.tilt)) @ rotation("z", np.array(self.roll))
        axes = turned @ level @ tilted
        return np.asarray((world - position) @ axes)


@dataclass(frozen=True)
class Noise:
    """Strength of the sensor's errors; part of a preset.

    Args:
        white: Standard deviation in metres of the error of one joint in one frame.
        drift: Standard deviation in metres of a slowly changing error.
        hidden: Growth of both errors per metre a joint lies behind the middle of its person, where
            the body hides it.
        joints_lost: Probability that a clip has a stretch of missing joints.
        frames_lost: Probability that a clip has a stretch of frames without anybody.
    """

    white: float = 0.008
    drift: float = 0.01
    hidden: float = 4.0
    joints_lost: float = 0.2
    frames_lost: float = 0.04

    def scaled(self, factor: float) -> Noise:
        """The same losses with errors of another size."""
        return dataclasses.replace(self, white=self.white * factor, drift=self.drift * factor)


NO_NOISE = Noise(0.0, 0.0, 0.0, 0.0, 0.0)


def axes_matrix(axes: Axes) -> np.ndarray:
    """[3, 3] that turns rows of Kinect coordinates into those of other axes."""
    return np.asarray(KINECT_AXES.matrix.T @ axes.matrix, float)


def add_noise(
    coords: np.ndarray, depth: np.ndarray, frame_rate: float, noise: Noise, rng: np.random.Generator
) -> np.ndarray:
    """Coordinates [T, M, J, 3] with measurement errors.

    Args:
        coords: True positions in metres.
        depth: [T, M, J] metres a joint lies behind the middle of its person.
        frame_rate: Frames a second; the drift changes over about a second.
        noise: Strengths.
        rng: Source of randomness.
    """
    frames = len(coords)
    # Drift: independent errors once a second, joined linearly.
    knots = int(np.ceil(frames / frame_rate)) + 1
    errors = rng.normal(size=(knots, *coords.shape[1:])) * noise.drift
    position = np.arange(frames) / frame_rate
    index = np.minimum(position.astype(int), knots - 2)
    part = (position - index)[:, None, None, None]
    drift = errors[index] * (1.0 - part) + errors[index + 1] * part
    white = rng.normal(size=coords.shape) * noise.white
    hidden = 1.0 + noise.hidden * np.maximum(depth, 0.0)[..., None]
    return np.asarray(coords + (white + drift) * hidden)


def lose_joints(
    coords: np.ndarray, present: np.ndarray, noise: Noise, rng: np.random.Generator
) -> None:
    """Makes stretches of joints NaN and frames empty, in place.

    Args:
        coords: [T, M, J, 3].
        present: bool [T, M], cleared where nobody is seen.
        noise: Probabilities.
        rng: Source of randomness.
    """
    frames, persons, joints = coords.shape[:3]
    if rng.random() < noise.joints_lost:
        person = rng.integers(persons)
        lost = rng.choice(joints, size=rng.integers(1, max(2, joints // 6) + 1), replace=False)
        start = rng.integers(frames)
        coords[start : start + rng.integers(1, 9), person, lost] = np.nan
    if frames > 4 and rng.random() < noise.frames_lost:
        start = rng.integers(1, frames - 3)
        stop = start + rng.integers(1, 4)
        coords[start:stop] = np.nan
        present[start:stop] = False
