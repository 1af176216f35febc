"""What predictions ask of an exported model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.records import Axes
from ms2l_tf.errors import InputError
from ms2l_tf.export.manifest import Manifest
from ms2l_tf.prediction.reading import batches, model_poses

EMBED, CLASSIFY = "embed", "classify"
UNKNOWN = "unknown"  # the label of what is none of the model's classes


class Model(Protocol):
    """As `ms2l_tf.ExportedModel` is; see there."""

    path: str | os.PathLike[str]

    @property
    def manifest(self) -> Manifest:
        """What is known of it."""

    def compute(
        self, poses: np.ndarray, lengths: np.ndarray, endpoint: str = CLASSIFY
    ) -> dict[str, np.ndarray]:
        """An endpoint of the SavedModel."""

    def familiarity(self, features: np.ndarray) -> np.ndarray | None:
        """How familiar clips of features [B, D] are: [B]; None: the model cannot tell."""

    def turned(self, poses: np.ndarray, unit: str | None, axes: Axes | None) -> np.ndarray:
        """Poses in the unit and axes of the model."""


def check_threshold(model: Model, threshold: float) -> None:
    """Makes sure that a model can tell unknown actions, if it is asked to.

    Raises:
        InputError: it cannot, or the threshold is no cosine.
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold: {threshold}; expected a cosine between 0 and 1")
    nothing = np.zeros((1, model.manifest.feature_dim), np.float32)
    if threshold and model.familiarity(nothing) is None:
        raise InputError(
            f"threshold: {model.path} was exported without its labelled training clips, by which "
            "unknown actions are told; export the run again with its dataset at hand"
        )


def store_outputs(
    model: Model, store: PoseStore, rows: np.ndarray, endpoint: str, batch: int
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Outputs of clips of a store in its own unit and axes, batch after batch.

    Args:
        model: reads the layout of the store.
        store: poses.
        rows: [N] clips with a frame at least.
        endpoint: ``embed`` or ``classify``.
        batch: the most clips of a batch; long ones come in smaller batches.

    Yields:
        Rows [B] and the outputs of these.
    """
    for part in batches(store.lengths[rows], batch):
        chosen = rows[part]
        poses, lengths = model_poses(store, chosen, model.manifest.frames)
        poses = model.turned(poses, store.unit, store.axes)
        yield chosen, model.compute(poses, lengths, endpoint)
