"""How near clips are to those that a model's classes were learned from."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np

from ms2l_tf.data.numpy_files import mapped_npy
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.probes.sampling import KNN_CLIPS, sample
from ms2l_tf.evaluation.rows import held

FILE = "known.npy"
_BLOCK = 1024
_TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class KnownClips:
    """Labelled training clips, by which a clip of an unknown action is told.

    Attributes:
        directions: features of length 1, float32 [N, D].
    """

    directions: np.ndarray

    def familiarity(self, features: np.ndarray) -> np.ndarray:
        """The cosine of clips and the nearest of the known ones.

        Args:
            features: [B, D].

        Returns:
            1 at most, the less the stranger the clip: float32 [B].
        """
        queries = _directions(features)
        parts = [
            (queries[start : start + _BLOCK] @ self.directions.T).max(axis=1)
            for start in range(0, len(queries), _BLOCK)
        ]
        return np.concatenate([np.empty(0, np.float32), *parts])


def write_known(folder: pathlib.Path, clips: ClipFeatures) -> None:
    """Keeps the features of labelled training clips beside a model.

    Args:
        folder: of the model.
        clips: so many that they are sampled, perhaps.
    """
    kept = sample(clips.features, clips.labels, clips.groups, limit=KNN_CLIPS, seed=0)
    np.save(folder / FILE, _directions(held(kept.features)), allow_pickle=False)


def read_known(folder: str | os.PathLike[str], dims: int) -> KnownClips | None:
    """What `write_known` wrote, of a folder that was verified; None: there is none.

    Args:
        folder: of the model.
        dims: D.

    Raises:
        InputError: it is damaged.
    """
    path = pathlib.Path(folder) / FILE
    if not path.is_file():
        return None
    try:
        directions = mapped_npy(path)
    except InputError:
        raise InputError(f"{path}: is damaged; export the run again") from None
    if directions.ndim != 2 or not len(directions) or directions.shape[1] != dims:
        raise InputError(f"{path}: is damaged; export the run again")
    return KnownClips(directions)


def _directions(features: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: np.ndarray = (features / np.maximum(lengths, _TINY)).astype(np.float32)
    return scaled
