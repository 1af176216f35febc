"""How near clips are to those that a model's classes were learned from, and how near others are."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.probes.sampling import KNN_CLIPS, sample
from ms2l_tf.evaluation.rows import held

CLIPS, HELD_OUT = "known.npy", "held_out.npy"
_MOST = 8192  # clips held out
_BLOCK = 1024
_TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class KnownClips:
    """Labelled training clips, by which a clip of an unknown action is told.

    Attributes:
        directions: features of length 1, float32 [N, D].
        held_out: cosines of such clips and their nearest of other subjects, float32 [H], rising.
    """

    directions: np.ndarray
    held_out: np.ndarray

    def familiarity(self, features: np.ndarray) -> np.ndarray:
        """How familiar clips are: the share of held-out training clips that are no nearer.

        Of clips of known actions by other persons a share of p has a familiarity of p or less, as
        far as these are like the training clips.

        Args:
            features: [B, D].

        Returns:
            Between 0 and 1: float [B].
        """
        near = _nearest(_directions(features), self.directions)
        below = np.searchsorted(self.held_out, near, side="right")
        share: np.ndarray = (1 + below) / (1 + len(self.held_out))
        return share


def write_known(folder: pathlib.Path, clips: ClipFeatures) -> None:
    """Keeps the features of labelled training clips beside a model.

    Nothing is written of a single clip.

    Args:
        folder: of the model.
        clips: with groups, subjects say, if they are known: the nearest of a clip is looked for in
            other groups.
    """
    kept = sample(clips.features, clips.labels, clips.groups, limit=KNN_CLIPS, seed=0)
    directions = _directions(held(kept.features))
    groups = np.arange(len(directions)) if kept.groups is None else np.asarray(kept.groups)
    if len(np.unique(groups)) < 2:
        groups = np.arange(len(directions))
    if len(groups) < 2:
        return
    looked_at = np.arange(0, len(groups), -(-len(groups) // _MOST))
    held_out = [
        np.where(groups[rows, None] == groups, -1.0, directions[rows] @ directions.T).max(axis=1)
        for rows in _parts(looked_at)
    ]
    np.save(folder / CLIPS, directions, allow_pickle=False)
    near = np.sort(np.concatenate(held_out)).astype(np.float32)
    np.save(folder / HELD_OUT, near, allow_pickle=False)


def read_known(folder: str | os.PathLike[str], dims: int) -> KnownClips | None:
    """What `write_known` wrote, of a folder that was verified; None: there is none.

    Args:
        folder: of the model.
        dims: D.

    Raises:
        InputError: it is damaged.
    """
    path = pathlib.Path(folder)
    if not (path / CLIPS).is_file():
        return None
    try:
        directions = np.load(path / CLIPS, allow_pickle=False)
        held_out = np.load(path / HELD_OUT, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise InputError(f"{path / CLIPS}: is damaged; export the run again") from None
    if directions.ndim != 2 or directions.shape[1] != dims or held_out.ndim != 1:
        raise InputError(f"{path / CLIPS}: is damaged; export the run again")
    return KnownClips(directions, held_out)


def _directions(features: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: np.ndarray = (features / np.maximum(lengths, _TINY)).astype(np.float32)
    return scaled


def _nearest(queries: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The largest cosine of each query [Q, D] and a direction [N, D]: [Q]."""
    parts = [(part @ directions.T).max(axis=1) for part in _parts(queries)]
    return np.concatenate([np.empty(0, np.float32), *parts])


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
