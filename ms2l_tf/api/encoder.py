"""`SkeletonEncoder`: the frozen encoder of a run as a scikit-learn transformer."""

from __future__ import annotations

import os
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from ms2l_tf.api.clips import Clips
from ms2l_tf.api.loaded import LoadedRun, load_run
from ms2l_tf.data.records import Axes
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.features import encoder_features, frame_features
from ms2l_tf.skeletons.layout import SkeletonLayout


class ClipTransformer(TransformerMixin, BaseEstimator):
    """What reads clips: its names of output features, and its tags.

    `encoding` gives the encoder that makes the features.
    """

    def encoding(self) -> SkeletonEncoder:
        """The encoder, loaded."""
        raise NotImplementedError

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """``feature_0`` .. ``feature_<D - 1>``: str [D]; the argument is ignored."""
        return np.array([f"feature_{n}" for n in range(self.encoding().feature_dim)], object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True  # clips [F, J, C] in a list, or one array of more axes
        tags.input_tags.allow_nan = True
        tags.no_validation = True  # a clip has no fixed number of features
        tags.transformer_tags.preserves_dtype = []
        return tags


class ReadyTransformer(ClipTransformer):
    """One that is fitted already: it reads what it needs from a folder into `_loaded`."""

    batch: int

    def checked_batch(self) -> int:
        """The clips computed at a time.

        Raises:
            InputError: it is no whole number, or none.
        """
        if not isinstance(self.batch, (int, np.integer)) or self.batch < 1:
            raise InputError(f"batch: {self.batch!r}; expected a whole number, 1 at least")
        return int(self.batch)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_loaded", None)  # read again where it is unpickled
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class SkeletonEncoder(ReadyTransformer):
    """The frozen encoder of a finished run: clips in, one vector a clip out.

    The run is read at the first use; its dataset is not needed. Clips go through the chain that
    they went through in training: missing joints filled, centred, turned, scaled, resampled to the
    run's T frames.

    Args:
        run: folder of the run.
        layout: id of one of its layouts; None: the reference. A run of ``--joints=semantic`` reads
            any: an id, a file, or a `SkeletonLayout`.
        pooling: frames to one vector (see ``--pooling``); None: as the run was trained.
        batch: clips that are encoded at a time.
        unit: of the arrays, ``m``, ``mm``, ``cm``, ``px`` or ``unknown``; None: that of the
            training data.
        axes: of the arrays, an `Axes`; None: those of the training data.

    Clips are a list of arrays [F, J, C] or [F, M, J, C] of any F (or of `ClipPoses`), one array
    [N, F, J, C] or [N, F, M, J, C], or a `ClipDataset` or its folder. A missing joint is NaN.
    """

    def __init__(
        self,
        run: str | os.PathLike[str],
        *,
        layout: str | SkeletonLayout | None = None,
        pooling: str | None = None,
        batch: int = 64,
        unit: str | None = None,
        axes: Axes | None = None,
    ) -> None:
        self.run = run
        self.layout = layout
        self.pooling = pooling
        self.batch = batch
        self.unit = unit
        self.axes = axes

    def fit(self, clips: Any = None, y: Any = None) -> Self:
        """Loads the run; learns nothing, from neither argument."""
        self.loaded()
        return self

    def transform(self, clips: Clips, indices: Any = None) -> np.ndarray:
        """Features of the clips, in their order: float32 [N, D].

        Args:
            clips: N of them, see the class.
            indices: of some clips of a dataset, such as ``dataset.split(name).test``; None: all.

        Raises:
            InputError: the run cannot be read, or a clip does not fit it.
        """
        run = self.loaded()
        store, rows, normaliser = run.read(clips, indices, unit=self.unit, axes=self.axes)
        return encoder_features(
            run.network,
            store,
            rows,
            normaliser,
            pooling=run.pooling,
            layout=run.number,
            batch=self.checked_batch(),
        )

    def frames(self, clips: Clips, indices: Any = None) -> list[np.ndarray]:
        """Features of every frame of each clip, resampled to T frames: N arrays [T, D].

        Raises:
            InputError: as `transform`; or the network gives one vector a clip only.
        """
        run = self.loaded()
        if not run.network.has_frames:
            kind = run.config.model
            raise InputError(
                f"{self.run}: its features (--method={kind.method} --network={kind.network}) do "
                "not tell frames apart"
            )
        store, rows, normaliser = run.read(clips, indices, unit=self.unit, axes=self.axes)
        if not len(rows):
            return []
        batch = self.checked_batch()
        return list(
            frame_features(run.network, store, rows, normaliser, layout=run.number, batch=batch)
        )

    @property
    def feature_dim(self) -> int:
        """D."""
        return int(self.transform([]).shape[1])

    def encoding(self) -> SkeletonEncoder:
        return self

    def loaded(self) -> LoadedRun:
        """The run, read anew where a parameter was changed since."""
        asked = (os.fspath(self.run), self.layout, self.pooling)
        kept: tuple[tuple[Any, ...], LoadedRun] | None = self.__dict__.get("_loaded")
        if kept is None or kept[0] != asked:
            kept = asked, load_run(self.run, layout=self.layout, pooling=self.pooling)
            self._loaded = kept
        return kept[1]


def load_encoder(
    run: str | os.PathLike[str],
    *,
    layout: str | SkeletonLayout | None = None,
    pooling: str | None = None,
    batch: int = 64,
    unit: str | None = None,
    axes: Axes | None = None,
) -> SkeletonEncoder:
    """A `SkeletonEncoder`, which documents the arguments, with its run read already.

    Raises:
        InputError: the run is unfinished or damaged, or has no such layout.
    """
    encoder = SkeletonEncoder(
        run, layout=layout, pooling=pooling, batch=batch, unit=unit, axes=axes
    )
    return encoder.fit()
