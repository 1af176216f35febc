"""Skeletons, labels and lists of PKU-MMD, byte for byte as the publisher writes them."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

SKELETONS, LABELS, LISTS = "PKU_Skeleton_Renew", "Train_Label_PKU_final", "Split"


def video_text(bodies: np.ndarray) -> str:
    """A video of [T, 2, 25, 3]; who is not there is zero."""
    rows = bodies.reshape(len(bodies), -1)
    return "".join(" " + " ".join(f"{value:.6f}" for value in row) + "\n" for row in rows)


def label_text(actions: Iterable[Sequence[int]]) -> str:
    """Lines of class, first frame, frame after the last, confidence."""
    return "".join(",".join(map(str, action)) + "\n" for action in actions)


def list_text(train: Sequence[str], test: Sequence[str]) -> str:
    lines = ("Training videos:", ", ".join(train), "Validataion videos:", ", ".join(test))
    return "".join(f"{line}\n" for line in lines)


def write_video(
    folder: pathlib.Path, video: str, bodies: np.ndarray, actions: Iterable[Sequence[int]]
) -> None:
    for kind, text in ((SKELETONS, video_text(bodies)), (LABELS, label_text(actions))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / f"{video}.txt").write_bytes(text.encode())


def write_list(folder: pathlib.Path, name: str, train: Sequence[str], test: Sequence[str]) -> None:
    (folder / LISTS).mkdir(parents=True, exist_ok=True)
    (folder / LISTS / f"{name}.txt").write_bytes(list_text(train, test).encode())


def bodies(frames: int, persons: int = 1, seed: int = 0) -> np.ndarray:
    """Poses with as many digits as are written, zeros for a second body that is not there."""
    random = np.random.default_rng(seed)
    poses = np.zeros((frames, 2, 25, 3))
    poses[:, :persons] = random.normal((0, 0, 3), 0.5, (frames, persons, 25, 3)).round(6)
    return poses
