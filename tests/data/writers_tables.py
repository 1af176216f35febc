"""Writes poses as people keep their own: arrays in folders, tables."""

from __future__ import annotations

import io
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ms2l_tf.skeletons.layout import SkeletonLayout


def write_arrays(
    folder: pathlib.Path,
    clips: Mapping[str, np.ndarray],
    manifest: str = "",
    name: str = "manifest.csv",
) -> pathlib.Path:
    """`<name>.npy` a clip, and a table of labels."""
    for clip, poses in clips.items():
        path = folder / f"{clip}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, poses)
    if manifest:
        (folder / name).write_text(manifest, encoding="utf-8")
    return folder


def cell(number: Any, decimal: str = ".") -> str:
    """A number with all its digits, or nothing where it is missing."""
    return "" if np.isnan(number) else repr(float(number)).replace(".", decimal)


def long_rows(
    clips: Mapping[str, np.ndarray],
    layout: SkeletonLayout,
    tags: Mapping[str, Mapping[str, Any]] | None = None,
    decimal: str = ".",
    scores: Mapping[str, np.ndarray] | None = None,
) -> list[list[str]]:
    """A row a joint; the first names the columns."""
    coords = next(iter(clips.values())).shape[-1]
    extra = list(next(iter(tags.values()))) if tags else []
    confidence = ["confidence"] if scores else []
    rows = [["clip", "frame", "person", "joint", *"xyz"[:coords], *confidence, *extra]]
    for name, poses in clips.items():
        own = [str(tags[name][tag]) for tag in extra] if tags else []
        for frame, person, joint in np.ndindex(poses.shape[:3]):
            score = [cell(scores[name][frame, person, joint], decimal)] if scores else []
            numbers = [cell(value, decimal) for value in poses[frame, person, joint]]
            rows.append(
                [name, str(frame), f"p{person}", layout.joints[joint], *numbers, *score, *own]
            )
    return rows


def wide_rows(
    clips: Mapping[str, np.ndarray],
    layout: SkeletonLayout,
    spell: Callable[[str, str], str] = lambda joint, axis: f"{joint}_{axis}",
    decimal: str = ".",
    tags: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[list[str]]:
    """A row a frame and person; the first names the columns, each joint's as `spell` has it."""
    coords = next(iter(clips.values())).shape[-1]
    extra = list(next(iter(tags.values()))) if tags else []
    names = [spell(joint, axis) for joint in layout.joints for axis in "xyz"[:coords]]
    rows = [["Clip", "Frame", "Person", *names, *extra]]
    for name, poses in clips.items():
        own = [str(tags[name][tag]) for tag in extra] if tags else []
        for frame, person in np.ndindex(poses.shape[:2]):
            numbers = [cell(value, decimal) for value in poses[frame, person].ravel()]
            rows.append([name, str(frame), f"p{person}", *numbers, *own])
    return rows


def table_bytes(
    rows: list[list[str]], separator: str = ",", end: str = "\n", encoding: str = "utf-8"
) -> bytes:
    """The rows as a file; cells are quoted where they hold the separator."""
    lines = io.StringIO(newline="")
    for row in rows:
        lines.write(
            separator.join(f'"{text}"' if separator in text else text for text in row) + end
        )
    return lines.getvalue().encode(encoding)
