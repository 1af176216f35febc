"""A five-joint skeleton, tiny settings and a tiny dataset for the tests of the core."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import resource
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.methods.base import RunShape
from ms2l_tf.methods.registry import groups_for, run_config
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.skeletons.layout import SkeletonLayout

FRAMES, JOINTS, COORDS = 12, 5, 3

# Settings of a run that takes seconds; a test overrides what it is about.
TINY: dict[str, Any] = {
    "frames": FRAMES,
    "units": 4,
    "observed": 4.0,
    "projection": 4,
    "head_hidden": (8,),
    "batch": 4,
    "epochs": 4,
    "monitor_epochs": 2,
    "k": (1,),
    "raw_frames": 6,
}

# What the run of the fixture `trained_run` has besides: batch norm, augmentation, clipping.
RUN_CHANGES: dict[str, Any] = {
    "head": "mlp",
    "rotate": 10.0,
    "learning_rate": 0.003,
    "clip_norm": 1.0,
}


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """A finished run, its settings, and the clips that were read while it was trained."""

    folder: RunFolder
    config: RunConfig
    clips_read: frozenset[int]


def tiny_config(**changes: Any) -> RunConfig:
    """`TINY`, as far as the method and network have such settings, with some changed."""
    return run_config({**fitting(TINY, changes), **changes})


def fitting(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Those of the settings that a run with these changes has."""
    names = {
        field.name for group in groups_for(changes).values() for field in dataclasses.fields(group)
    }
    return {name: value for name, value in settings.items() if name in names}


def tiny_layout(**changes: Any) -> SkeletonLayout:
    """Hips, neck and hands: all the anchors that the normaliser asks for but shoulders."""
    fields: dict[str, Any] = {
        "name": "tiny_5",
        "joints": ("hip_left", "hip_right", "neck", "hand_left", "hand_right"),
        "edges": ((0, 2), (1, 2), (3, 2), (4, 2)),
        "bones": ((0, 2), (1, 2), (3, 2), (4, 2)),
        "graph_centre": 2,
        "mirror": (1, 0, 2, 4, 3),
        "anchors": {"root": (0, 1), "hip_left": (0,), "hip_right": (1,), "spine_top": (2,)},
        "parts": {
            "trunk": (2,),
            "arm_left": (3,),
            "arm_right": (4,),
            "leg_left": (0,),
            "leg_right": (1,),
        },
    }
    return SkeletonLayout(**{**fields, **changes})


def tiny_shape(layout: SkeletonLayout | None = None, **changes: Any) -> RunShape:
    """What a learner of two persons in one layout is built for."""
    fields: dict[str, Any] = {"frames": FRAMES, "persons": 2, "coords": COORDS, "classes": 2}
    return RunShape((layout or tiny_layout(),), **{**fields, **changes})


# Metres, y up; the person faces -z (towards the viewer), so the person's left is the viewer's
# right, +x.
REST_POSE = np.array(
    [[0.1, 1.0, 0.0], [-0.1, 1.0, 0.0], [0.0, 1.5, 0.02], [0.5, 1.3, 0.1], [-0.5, 1.2, 0.2]],
    np.float32,
)


def motion(length: int, *, seed: int = 0, persons: int = 1, label: int = 0) -> np.ndarray:
    """A wave of the left (label 0) or right hand (label 1): coords [length, persons, 5, 3]."""
    random = np.random.default_rng([seed, length, label])
    coords = np.tile(REST_POSE, (length, persons, 1, 1))
    coords[..., 0] += np.arange(persons, dtype=np.float32)[:, None]  # side by side
    coords += random.normal(scale=0.02, size=coords.shape).astype(np.float32)
    time = np.linspace(0, 2 * np.pi, length)[:, None] + random.uniform(0, 6, persons)
    coords[:, :, 3 + label, 1] += 0.4 * np.sin(time)
    coords += random.uniform(-1, 1, 3).astype(np.float32)
    return coords.astype(np.float32)


def random_poses(*shape: int, seed: int = 0) -> np.ndarray:
    """Standard normal float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def write_dataset(
    out: pathlib.Path,
    *,
    clips: int = 18,
    seed: int = 0,
    flaws: bool = True,
    copies: Mapping[int, int] | None = None,
) -> ClipDataset:
    """Two actions of three subjects seen by two cameras; the test clips are those of subject 3.

    Args:
        out: folder to write.
        clips: number of clips; the last test clip always has one frame.
        seed: of the motions.
        flaws: the first clip misses a joint for a while and its second person is absent.
        copies: clips that have the poses of another.
    """
    subjects = [str(1 + number % 3) for number in range(clips)]
    rows = [
        Clip(f"clip_{number:02}", number // 3 % 2, subject=subject, camera="ab"[number // 6 % 2])
        for number, subject in enumerate(subjects)
    ]
    names = {
        side: [row.name for row in rows if (row.subject == "3") == (side == "test")]
        for side in ("train", "test")
    }
    with DatasetWriter(
        out, name="tiny", label_names=("left", "right"), source="made up", licence="none"
    ) as writer:
        writer.add_layout(
            tiny_layout(),
            frame_rate=30.0,
            unit="m",
            axes=Axes("+y", "+z", "left"),
            num_persons=2 if flaws else 1,
        )
        for number, row in enumerate(rows):
            shown = (copies or {}).get(number, number)
            length = 1 if shown == clips - 1 else 5 + shown % 7
            label = rows[shown].label
            writer.add_clip(row, {"tiny_5": _poses(shown, length, label, seed, flaws)})
        writer.add_split("cross_subject", train=names["train"], test=names["test"])
    return ClipDataset.open(out)


def _poses(number: int, length: int, label: int, seed: int, flaws: bool) -> ClipPoses:
    coords = motion(length, seed=seed + number, persons=2 if flaws else 1, label=label)
    if not flaws or number:
        return ClipPoses(coords)
    coords[1:3, 0, 4] = np.nan
    present = np.ones((length, 2), bool)
    present[:, 1] = False
    return ClipPoses(coords, present)


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    """Equal within `tolerance`, absolute for small and relative for large values."""
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def assert_all_close(
    actual: Sequence[Any], expected: Sequence[Any], tolerance: float = 1e-5
) -> None:
    """`assert_close` for each pair of two sequences of one length."""
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other, tolerance)


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Lets no file grow beyond so many bytes: it ends as on a full disk, but for the reason."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
