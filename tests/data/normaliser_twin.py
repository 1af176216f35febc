"""The rules of `Normaliser`, one after the other, on one clip with plain loops in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def normalise(
    coords: np.ndarray,
    present: np.ndarray | None,
    anchors: Mapping[str, Sequence[int]],
    *,
    frames: int,
    centre: str = "frame",
    rotation: str = "first",
    scale: str = "torso",
    persons: int = 1,
    unit_scale: float = 1.0,
    axes: Any = None,
) -> np.ndarray:
    """[F, M, J, C] -> [T, persons, J, C]."""
    size = coords.shape[-1]
    with np.errstate(invalid="ignore"):  # infinite times zero: still missing
        coords = coords.astype(float) @ (np.eye(size) if axes is None else np.array(axes)).T
    coords *= unit_scale
    if present is None:
        present = np.isfinite(coords).all(axis=-1).any(axis=-1)
    coords, seen = filled(coords, present)
    order = sorted(range(len(seen)), key=lambda person: not seen[person])
    coords, present, seen = coords[:, order], present[:, order], sorted(seen, reverse=True)

    def anchor(name: str) -> np.ndarray:
        return np.mean([coords[:, 0, joint] for joint in anchors[name]], axis=0)

    def lateral(of: slice) -> np.ndarray:
        for part in ("hip", "shoulder"):
            if anchors.get(f"{part}_left") and anchors.get(f"{part}_right"):
                axis = (anchor(f"{part}_left") - anchor(f"{part}_right"))[of].mean(axis=0)
                if np.linalg.norm(axis) > 1e-6:
                    return axis
        return np.zeros(size)

    root = anchor("root")
    spine = anchor("spine_top") - root if anchors.get("spine_top") else np.zeros_like(root)
    early = slice(0, 5) if rotation == "first" else slice(None)
    turn = np.eye(size)
    if rotation == "in_plane":
        turn = in_plane_frame(spine.mean(axis=0))
    elif rotation != "none":
        up = np.array([0.0, 1.0, 0.0]) if rotation == "vertical" else None
        turn = body_frame(lateral(early), spine[early].mean(axis=0), up)
    torso = np.mean([np.linalg.norm(one) for one in spine])
    origin = {
        "frame": root,
        "clip": np.tile(root.mean(axis=0), (len(root), 1)),
        "none": np.zeros_like(root),
    }[centre]
    result = np.zeros((frames, persons, *coords.shape[2:]))
    for t in range(frames):
        time = t / (frames - 1) * (len(coords) - 1)
        low, high = int(np.floor(time)), int(np.ceil(time))
        share = time - low
        for person in range(min(persons, coords.shape[1])):
            shown = person == 0 or present[round(time), person]
            if not (seen[person] and shown):
                continue
            for joint in range(coords.shape[2]):
                ends = [turn @ (coords[f, person, joint] - origin[f]) for f in (low, high)]
                result[t, person, joint] = (1 - share) * ends[0] + share * ends[1]
    if torso <= 1e-6:
        torso = np.mean(np.linalg.norm(coords[:, 0] - root[:, None], axis=-1))
    return result / torso if scale == "torso" and torso > 1e-6 else result


def filled(coords: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, list[bool]]:
    """Rule 2; also which persons were ever seen."""
    frames, persons, joints, size = coords.shape
    result, seen = np.zeros_like(coords), []
    for person in range(persons):
        never = []
        for joint in range(joints):
            valid = [
                f
                for f in range(frames)
                if present[f, person] and np.isfinite(coords[f, person, joint]).all()
            ]
            if not valid:
                never.append(joint)
                continue
            for c in range(size):  # constant beyond the ends, as rule 2 wants it
                values = [coords[f, person, joint, c] for f in valid]
                result[:, person, joint, c] = np.interp(range(frames), valid, values)
        known = [joint for joint in range(joints) if joint not in never]
        seen.append(bool(known))
        for joint in never if known else []:
            result[:, person, joint] = result[:, person, known].mean(axis=1)
    return result, seen


def body_frame(lateral: np.ndarray, spine: np.ndarray, up: np.ndarray | None) -> np.ndarray:
    """Rows left, up, ahead; the identity where an axis has no length."""
    kept, other = (lateral, spine) if up is None else (up, lateral)
    if np.linalg.norm(kept) <= 1e-6:
        return np.eye(3)
    kept = kept / np.linalg.norm(kept)
    other = other - (other @ kept) * kept
    if np.linalg.norm(other) <= 1e-6:
        return np.eye(3)
    other = other / np.linalg.norm(other)
    x, y = (kept, other) if up is None else (other, kept)
    return np.stack([x, y, np.cross(x, y)])


def in_plane_frame(spine: np.ndarray) -> np.ndarray:
    """Turns the spine onto +y."""
    if np.linalg.norm(spine) <= 1e-6:
        return np.eye(2)
    x, y = spine / np.linalg.norm(spine)
    return np.array([[y, -x], [x, y]])
