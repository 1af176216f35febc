"""`.skeleton` files of NTU RGB+D, byte for byte as the publisher writes them."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

FIRST_ID = 72057594037931101  # beyond what a float holds exactly
# Of a joint: pixels in the depth and the colour picture, a quaternion, the state of tracking.
_REST = "280.4133 170.1796 1050.123 390.2417 -0.2336982 0.06126631 0.9698871 0.02990268 2"


def standing(frames: int, seed: int = 0, place: float = 0.0, motion: float = 0.01) -> np.ndarray:
    """A body higher than wide whose joints move, float32 [T, 25, 3]."""
    random = np.random.default_rng(seed)
    body = random.uniform((place - 0.3, -0.9, 2.5), (place + 0.3, 0.9, 3.0), (25, 3))
    return (body + random.normal(scale=motion, size=(frames, 25, 3))).astype(np.float32)


def skeleton_text(frames: Sequence[Mapping[int, np.ndarray]]) -> str:
    """A file of frames, each a map from the numbers of bodies to their joints [25, 3]."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for number, joints in bodies.items():
            lines += [f"{number} 0 1 1 1 1 0 0.02764709 -0.2137693 2", str(len(joints))]
            lines += [" ".join(f"{value:.9g}" for value in joint) + f" {_REST}" for joint in joints]
    return "\r\n".join(lines) + "\r\n"


def tracks(num_frames: int, *bodies: tuple[int, np.ndarray]) -> list[dict[int, np.ndarray]]:
    """Frames in which body k, [n, 25, 3], is tracked under its own number from a frame on."""
    frames: list[dict[int, np.ndarray]] = [{} for _ in range(num_frames)]
    for number, (begin, joints) in enumerate(bodies):
        for offset, of_frame in enumerate(joints):
            frames[begin + offset][FIRST_ID + number] = of_frame
    return frames


def clip_name(setup: int, camera: int, performer: int, replication: int, action: int) -> str:
    return f"S{setup:03d}C{camera:03d}P{performer:03d}R{replication:03d}A{action:03d}"


def write_clip(folder: pathlib.Path, name: str, text: str) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.skeleton"
    path.write_bytes(text.encode())
    return path
