"""Actions as data: named key poses, and actions as timed sequences or cycles of them.

`poses.json` holds key poses; each lists only the channels that differ from its base pose. In an
action `"sit+phone"` lays the entries of `phone` over those of `sit`. `actions.json` holds actions:

    {"poses": ["stand", "kick", "stand"], "seconds": [0.5, 0.5]}        a sequence
    {"cycle": ["left", "right"], "seconds": 1.2, "travel": [0, 1.4]}    repeated, any start phase

with, optionally, `flow` (pass through the keys without stopping), `repeats` [low, high], `sided`
(left-right exchange would make it another action), `partner` (poses of a second person, one for
each of the first), `distance` (between the two, metres).
Notation: D channels, n keys.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ms2l_tf.data.synthetic.posture import CHANNELS, NUM_CHANNELS, SLICES
from ms2l_tf.data.synthetic.resources import read_resource

Pose = Mapping[str, tuple[float, ...]]

_BOTH = {"hands": "hand", "elbows": "elbow", "wrists": "wrist", "feet": "foot", "toes": "toe"}


@dataclass(frozen=True)
class Action:
    """One action as written in `actions.json`.

    Args:
        name: Of the action.
        poses: Key pose expressions in order; of a cycle, without the return to the first.
        seconds: Of every step between keys at normal speed; of a cycle, one more.
        cyclic: Repeated for the whole clip from a random phase.
        flow: Keys are passed through without stopping.
        repeats: Least and most repetitions of a sequence.
        travel: Leg lengths moved left and forward in one cycle.
        sided: Mirroring would change the class.
        partner: The second person's key poses, or empty.
        distance: Between the two persons in metres at the middle of the clip.
    """

    name: str
    poses: tuple[str, ...]
    seconds: tuple[float, ...]
    cyclic: bool = False
    flow: bool = False
    repeats: tuple[int, int] = (1, 1)
    travel: tuple[float, float] = (0.0, 0.0)
    sided: bool = False
    partner: tuple[str, ...] = ()
    distance: float = 1.0

    @classmethod
    def from_json(cls, name: str, entry: Mapping[str, Any]) -> Action:
        """Reads one entry of `actions.json`."""
        cyclic = "cycle" in entry
        poses = tuple(entry["cycle"] if cyclic else entry["poses"])
        steps = len(poses) if cyclic else len(poses) - 1
        seconds = entry["seconds"]
        if not isinstance(seconds, list):
            seconds = [seconds / steps] * steps
        partner = tuple(entry.get("partner", ()))
        if len(seconds) != steps or (partner and len(partner) != len(poses)):
            raise ValueError(f"actions.json: {name!r}: {len(poses)} poses need {steps} durations")
        low, high = entry.get("repeats", (1, 1))
        left, forward = entry.get("travel", (0.0, 0.0))
        return cls(
            name=name,
            poses=poses,
            seconds=tuple(float(step) for step in seconds),
            cyclic=cyclic,
            flow=bool(entry.get("flow", cyclic)),
            repeats=(int(low), int(high)),
            travel=(float(left), float(forward)),
            sided=bool(entry.get("sided", False)),
            partner=partner,
            distance=float(entry.get("distance", 1.0)),
        )


@functools.cache
def action_library() -> dict[str, Action]:
    """All actions by name."""
    return {
        name: Action.from_json(name, entry) for name, entry in read_resource("actions.json").items()
    }


@functools.cache
def key_pose(expression: str) -> np.ndarray:
    """Channels [D] of a pose, or of poses laid over one another with `+`."""
    channels = np.zeros(NUM_CHANNELS)
    for name in expression.split("+"):
        for channel, values in _resolve(name).items():
            channels[SLICES[channel]] = values
    return channels


def key_poses(expressions: tuple[str, ...]) -> np.ndarray:
    """Channels [n, D] of several key poses; every one starts from `stand`."""
    return np.stack([key_pose(f"stand+{expression}") for expression in expressions])


@functools.cache
def _resolve(name: str) -> Pose:
    """The channels a named pose sets, those of its base included."""
    poses = read_resource("poses.json")
    if name not in poses:
        raise ValueError(f"poses.json: no pose named {name!r}")
    entry = dict(poses[name])
    resolved: dict[str, tuple[float, ...]] = {}
    for base in str(entry.pop("like", "")).split("+"):
        resolved |= _resolve(base) if base else {}
    for channel, value in entry.items():
        values = tuple(value) if isinstance(value, list) else (value,)
        names = [channel]
        if channel in _BOTH:
            names = [f"{side}_{_BOTH[channel]}" for side in ("left", "right")]
        for sided in names:
            if CHANNELS.get(sided) != len(values):
                raise ValueError(f"poses.json: pose {name!r}: {channel} has {len(values)} values")
            resolved[sided] = values
    return resolved


def interpolate(at: np.ndarray, key_times: np.ndarray, keys: np.ndarray, flow: bool) -> np.ndarray:
    """Cubic interpolation of key poses.

    Args:
        at: [T, D] times; every channel may have its own.
        key_times: [n] ascending.
        keys: [n, D].
        flow: Pass through the keys with the mean slope (Catmull-Rom) instead of resting there.

    Returns:
        [T, D]; constant before the first and after the last key.
    """
    slopes = np.zeros_like(keys)
    if flow and len(keys) > 2:
        slopes[1:-1] = (keys[2:] - keys[:-2]) / (key_times[2:] - key_times[:-2])[:, None]
    index = np.clip(np.searchsorted(key_times, at, side="right") - 1, 0, len(keys) - 2)
    width = key_times[index + 1] - key_times[index]
    u = np.clip((at - key_times[index]) / width, 0.0, 1.0)
    channel = np.arange(keys.shape[1])
    start, end = keys[index, channel], keys[index + 1, channel]
    rise, fall = slopes[index, channel] * width, slopes[index + 1, channel] * width
    square, cube = u * u, u * u * u
    return np.asarray(
        (2 * cube - 3 * square + 1) * start
        + (cube - 2 * square + u) * rise
        + (3 * square - 2 * cube) * end
        + (cube - square) * fall
    )
