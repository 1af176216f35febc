"""Text files of MSR Action3D, UTKinect and MSRC-12, as their publishers write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

# Joints of MSR Action3D in the order of its files, by the names of the layout kinect_v1_20.
MSR_JOINTS = [
    "shoulder_left", "shoulder_right", "shoulder_center", "spine", "hip_left", "hip_right",
    "hip_center", "elbow_left", "elbow_right", "wrist_left", "wrist_right", "hand_left",
    "hand_right", "knee_left", "knee_right", "ankle_left", "ankle_right", "foot_left",
    "foot_right", "head",
]  # fmt: skip
TICKS = 49.875  # of MSRC-12's clock that make a microsecond


def poses(frames: int, seed: int = 0) -> np.ndarray:
    """Poses [T, 20, 3] with as many digits as are written."""
    random = np.random.default_rng(seed)
    return random.normal((0, 0, 3), 0.5, (frames, 20, 3)).round(6)


def msr_text(joints: np.ndarray) -> str:
    """A file of [T, 20, 3], the joints in the order of the file."""
    rows = joints.reshape(-1, 3)
    return "".join("".join(f"{v:16.7e}" for v in (*row, 1.0)) + "\r\n" for row in rows)


def utkinect_text(numbers: Iterable[int], joints: np.ndarray) -> str:
    lines = []
    for number, pose in zip(numbers, joints, strict=True):
        groups = "".join(f"   {x:.6f}  {y:.6f}  {z:.6f}" for x, y, z in pose)
        lines.append(f"{number}{groups}  \n")
    return "".join(lines)


def utkinect_labels(recordings: Mapping[str, Mapping[str, Sequence[object]]]) -> str:
    """`actionLabel.txt`: some lines end in a blank, as published."""
    lines = []
    for recording, actions in recordings.items():
        lines.append(recording)
        lines += [f"{action}: {first} {last} " for action, (first, last) in actions.items()]
    return "\n".join(lines) + "\n\n"


def msrc12_text(times: Iterable[int], joints: np.ndarray) -> str:
    """Frames that are zero have a state of zero too."""
    lines = []
    for time, pose in zip(times, joints, strict=True):
        if pose.any():
            words = [f"{value:.6f}" for joint in pose for value in (*joint, 1.0)]
        else:
            words = ["0"] * 80
        lines.append(" ".join([str(time), *words]) + "\n")
    return "".join(lines)


def tagstream(points: Iterable[tuple[int, str]]) -> str:
    """Action points at times in microseconds."""
    lines = [f"{round(time * TICKS)};{tag}\n" for time, tag in points]
    return "".join(["XQPCTick;Tag\n", *lines])
