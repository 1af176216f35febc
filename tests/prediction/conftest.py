"""Recordings for the exported model."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from ms2l_tf import ExportedModel
from ms2l_tf.data import ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.data.records import Axes, Clip
from ms2l_tf.skeletons.layout import SkeletonLayout
from tests.cli.conftest import command  # noqa: F401 - a fixture
from tests.helpers import motion

Recorded = Callable[..., ClipDataset]


@pytest.fixture
def recorded(model: ExportedModel, tmp_path: pathlib.Path) -> Recorded:
    """(clips [F, M, J, C], unit=, axes=, layout=) -> a dataset of them, named r0, r1, ..."""

    def write(
        clips: Sequence[np.ndarray],
        unit: str = "m",
        axes: Axes | None = None,
        layout: SkeletonLayout | None = None,
        name: str = "recorded",
    ) -> ClipDataset:
        chosen = layout or model.layout
        with DatasetWriter(tmp_path / name, name=name, label_names=()) as writer:
            writer.add_layout(
                chosen,
                frame_rate=30.0,
                unit=unit,
                axes=axes or model.manifest.axes,
                num_persons=max(clip.shape[1] for clip in clips),
            )
            for number, clip in enumerate(clips):
                writer.add_clip(Clip(f"r{number}"), {chosen.name: ClipPoses(clip.copy())})
        return ClipDataset.open(writer.out)

    return write


@pytest.fixture(scope="session")
def long_clip() -> np.ndarray:
    """200 frames of two actions, in the middle of which nobody is seen: [F, 1, J, C]."""
    parts = [motion(80, seed=1, label=0), motion(80, seed=2, label=1)]
    nobody = np.full((40, *parts[0].shape[1:]), np.nan, np.float32)
    return np.concatenate([parts[0], nobody, parts[1]])
