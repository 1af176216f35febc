"""`load_model`: an exported run, verified before anything of it is loaded."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from sklearn.base import ClassifierMixin

from ms2l_tf.api.clips import Clips, checked_clips, dataset_clips, opened, store_of
from ms2l_tf.api.encoder import ReadyTransformer
from ms2l_tf.data.normaliser import METRES
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.records import UNITS, Axes
from ms2l_tf.errors import InputError
from ms2l_tf.export.known import KnownClips, read_known
from ms2l_tf.export.manifest import Manifest, read_manifest
from ms2l_tf.prediction.model import check_threshold
from ms2l_tf.prediction.reading import batches, model_poses
from ms2l_tf.prediction.timeline import Timeline, checked_size, timeline
from ms2l_tf.prediction.windows import window_predictions
from ms2l_tf.skeletons.layout import SkeletonLayout

if TYPE_CHECKING:
    from ms2l_tf.export.checking import Runner


class Predictions(NamedTuple):
    """Actions of N clips, in their order.

    Attributes:
        labels: names of the most likely classes, str [N].
        probabilities: of each class, float32 [N, K]; columns by `ExportedModel.label_names`.
        scores: what they were made of, float32 [N, K].
        features: float32 [N, D].
    """

    labels: np.ndarray
    probabilities: np.ndarray
    scores: np.ndarray
    features: np.ndarray


class _Loaded(NamedTuple):
    """What was read of a folder."""

    path: str
    manifest: Manifest
    runners: dict[str, Runner]
    known: KnownClips | None


class ExportedModel(ClassifierMixin, ReadyTransformer):
    """A run that ``ms2l-export`` wrote: clips in, features and actions out.

    The folder is read at the first use; neither the run nor its dataset is needed. Its checksums
    are verified before TensorFlow reads any of it. In scikit-learn it is a transformer and, with a
    head, a classifier that is fitted already.

    Args:
        path: the folder.
        batch: clips that are computed at a time.
        unit: of arrays, ``m``, ``mm``, ``cm``, ``px`` or ``unknown``; None: the model's.
        axes: of arrays, an `Axes`; None: the model's.

    Clips are as `SkeletonEncoder` takes them. A dataset may have another unit or other axes than
    the model: its poses are turned.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        batch: int = 64,
        unit: str | None = None,
        axes: Axes | None = None,
    ) -> None:
        self.path = path
        self.batch = batch
        self.unit = unit
        self.axes = axes

    def fit(self, clips: Any = None, y: Any = None) -> Self:
        """Loads the model; learns nothing, from neither argument."""
        self._runner("embed")
        return self

    @property
    def manifest(self) -> Manifest:
        """What is known of the model; reading it verifies the folder."""
        return self._opened().manifest

    @property
    def layout(self) -> SkeletonLayout:
        """Of the joints that it reads."""
        return self.manifest.layout

    @property
    def label_names(self) -> tuple[str, ...]:
        """Of the K classes; empty: it gives features alone."""
        return self.manifest.label_names

    @property
    def classes_(self) -> np.ndarray:
        """The same, str [K], for scikit-learn."""
        return np.array(self.label_names)

    @property
    def feature_dim(self) -> int:
        """D."""
        return self.manifest.feature_dim

    def embed(self, clips: Clips, indices: Any = None) -> np.ndarray:
        """Features of clips, in their order: float32 [N, D].

        Args:
            clips: N of them, see the class.
            indices: of some clips of a dataset; None: all.

        Raises:
            InputError: the folder is damaged, or a clip does not fit the model.
        """
        parts = [outputs["features"] for outputs in self._outputs("embed", clips, indices)]
        return np.concatenate([np.empty((0, self.feature_dim), np.float32), *parts])

    def classify(self, clips: Clips, indices: Any = None) -> Predictions:
        """Actions of clips; see `embed` for the arguments.

        Raises:
            InputError: see `embed`; or the model has no head.
        """
        self._check_head()
        classes, dims = len(self.label_names), self.feature_dim
        found = list(self._outputs("classify", clips, indices))
        numbers = np.concatenate([np.empty(0, int), *(each["label"] for each in found)])
        arrays = [
            np.concatenate([np.empty((0, size), np.float32), *(each[name] for each in found)])
            for name, size in (("probabilities", classes), ("scores", classes), ("features", dims))
        ]
        return Predictions(self.classes_[numbers], *arrays)

    def windows(
        self,
        clip: Any,
        *,
        length: int,
        stride: int | None = None,
        smoothing: str = "mean",
        threshold: float = 0.0,
    ) -> Timeline:
        """Actions in one long clip, by windows that slide over it.

        Args:
            clip: one clip, as the entries of a list of them, see the class.
            length: frames of a window.
            stride: frames from one window to the next; None: half a length.
            smoothing: how the scores of windows that cover a frame become one, ``mean`` or
                ``median``.
            threshold: familiarity under which the label of a segment is ``unknown``.

        Raises:
            InputError: see `classify`; or there are no such windows.
        """
        self._check_head()
        check_threshold(self, threshold)
        size = checked_size(length, stride)
        store, _, turn = self._read([clip], None)

        def turned(poses: np.ndarray) -> np.ndarray:
            return poses if turn is None else poses @ turn.T

        made = list(window_predictions(self, store, 0, size, self.batch, turned))
        return timeline(made, self.label_names, smoothing, threshold)

    def compute(
        self, poses: np.ndarray, lengths: np.ndarray, endpoint: str = "classify"
    ) -> dict[str, np.ndarray]:
        """An endpoint of the SavedModel, without checks.

        Args:
            poses: float32 [B, F, M, J, C] in the model's unit and axes, padded; missing joints NaN.
            lengths: int32 [B].
            endpoint: ``embed`` or ``classify``.

        Returns:
            Outputs by name, see `ms2l_tf.export.served.ServedModel`.
        """
        return self._runner(endpoint)(poses, lengths)

    def familiarity(self, features: np.ndarray) -> np.ndarray | None:
        """How familiar clips are by their features, which tells unknown actions.

        Args:
            features: [N, D], of `embed` or `classify`.

        Returns:
            The cosine of each and its nearest labelled training clip, float32 [N]; None: the model
            was exported without these.
        """
        known = self._opened().known
        return None if known is None else known.familiarity(features)

    def turned(self, poses: np.ndarray, unit: str | None, axes: Axes | None) -> np.ndarray:
        """Poses [..., C] of a unit and axes in those of the model, as `compute` takes them."""
        turn = self._turn(unit, axes)
        return poses if turn is None else poses @ turn.T

    def transform(self, clips: Clips, indices: Any = None) -> np.ndarray:
        """`embed`, as scikit-learn calls it."""
        return self.embed(clips, indices)

    def predict(self, clips: Clips, indices: Any = None) -> np.ndarray:
        """Names of the most likely classes, str [N]."""
        return self.classify(clips, indices).labels

    def predict_proba(self, clips: Clips, indices: Any = None) -> np.ndarray:
        """Probabilities of the classes, float32 [N, K]."""
        return self.classify(clips, indices).probabilities

    def encoding(self) -> Any:
        return self

    def _check_head(self) -> None:
        if not self.label_names:
            raise InputError(
                f"{self.path}: was exported without a head and gives features alone; export the "
                "run with --head=ridge, linear or knn"
            )

    def _outputs(
        self, endpoint: str, clips: Clips, indices: Any
    ) -> Iterator[dict[str, np.ndarray]]:
        batch = self.checked_batch()
        store, rows, turn = self._read(clips, indices)
        for part in batches(store.lengths[rows], batch):
            poses, lengths = model_poses(store, rows[part], self.manifest.frames)
            yield self.compute(poses if turn is None else poses @ turn.T, lengths, endpoint)

    def _read(self, clips: Clips, indices: Any) -> tuple[PoseStore, np.ndarray, np.ndarray | None]:
        """Poses, which of them, and what turns them into the model's unit and axes: [C, C]."""
        known, dataset = self.manifest, opened(clips)
        where = f"model {self.path}"
        if dataset is not None:
            if self.unit is not None or self.axes is not None:
                raise InputError("unit, axes: a dataset has its own; they belong to arrays")
            store, rows = dataset_clips(
                dataset, known.layout.name, known.layout, known.coords, indices, where
            )
            return store, rows, self._turn(store.unit, store.axes)
        if indices is not None:
            raise InputError("indices: belong to a dataset; give the arrays that are wanted")
        poses = checked_clips(clips, known.layout, known.coords, where)
        most = max((clip.coords.shape[1] for clip in poses), default=0)
        if most > known.persons:
            warnings.warn(
                f"clips have up to {most} persons; {where} reads {known.persons}, those seen "
                "first in their order",
                stacklevel=4,
            )
        store = store_of(poses, known.layout, known.coords)
        return store, np.arange(len(poses)), self._turn(self.unit, self.axes)

    def _turn(self, unit: str | None, axes: Axes | None) -> np.ndarray | None:
        """From a unit and axes to the model's; None: nothing is to be done."""
        known = self.manifest
        if unit is not None and unit not in UNITS:
            raise InputError(f"unit: '{unit}' is not one of {', '.join(UNITS)}")
        if axes is not None and (not isinstance(axes, Axes) or known.coords == 2):
            raise InputError(f"axes: {axes!r}; expected Axes, of poses with 3 coordinates")
        own = known.to_metres
        scale = np.linalg.norm(own[0]) if unit is None else METRES.get(unit, 1.0)
        matrix = own / np.linalg.norm(own[0]) if axes is None else axes.matrix
        turn = np.linalg.inv(own) @ (matrix * scale)
        close = np.allclose(turn, np.eye(known.coords), atol=1e-6)
        return None if close else turn.astype(np.float32)

    def _opened(self) -> _Loaded:
        """What was loaded, read anew where the path was changed since."""
        path = os.fspath(self.path)
        kept: _Loaded | None = self.__dict__.get("_loaded")
        if kept is None or kept.path != path:
            manifest = read_manifest(path)
            kept = _Loaded(path, manifest, {}, read_known(path, manifest.feature_dim))
            self._loaded = kept
        return kept

    def _runner(self, endpoint: str) -> Runner:
        _, manifest, runners, _ = self._opened()
        if endpoint == "classify" and not manifest.label_names:
            self._check_head()
        if endpoint not in runners:
            from ms2l_tf.export.formats import saved_model_runners

            runners.update(saved_model_runners(self.path))
        return runners[endpoint]


def load_model(
    path: str | os.PathLike[str],
    *,
    batch: int = 64,
    unit: str | None = None,
    axes: Axes | None = None,
) -> ExportedModel:
    """An `ExportedModel`, which documents the arguments, verified and loaded.

    Raises:
        InputError: the folder is no exported model, or not as it was written.
    """
    return ExportedModel(path, batch=batch, unit=unit, axes=axes).fit()
