"""The methods as scikit-learn estimators, which train by the code of the commands."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.exceptions import NotFittedError

from ms2l_tf.api.arrays import SPLIT, dataset_of
from ms2l_tf.api.clips import Clips, opened
from ms2l_tf.api.encoder import ClipTransformer, SkeletonEncoder
from ms2l_tf.api.loaded import globals_kept
from ms2l_tf.api.settings import chosen_config
from ms2l_tf.api.workdir import Workdir
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.records import Axes
from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout
from ms2l_tf.training.cluster import MULTIWORKER
from ms2l_tf.training.train import train

# Constructor arguments that are settings of the run, by the same name.
_SETTINGS = ("epochs", "batch", "frames", "learning_rate", "seed", "layouts", "split", "pooling")


class ClipEstimator(ClipTransformer):
    """Trains an encoder; what is None is left to the recipe, or the method's default.

    Args:
        epochs, batch, frames, learning_rate, seed, layouts, split, pooling: as the flags of
            ``ms2l-train`` of the same names.
        recipe: name of a packaged recipe to begin with, such as ``nw_ucla/unsupervised_wide``.
        settings: any other setting by the name of its flag, such as ``{"network": "lstm"}``.
        workdir: folder of the run; an interrupted one goes on, a finished one is taken as it is.
            None: a temporary folder that lives as long as the estimator.
        strategy: devices, as the flag: ``auto``, ``one``, ``mirrored``; ``multiworker``: those of
            all processes that `TF_CONFIG` names, each of which fits the same dataset folder.
        layout: of arrays: id of a packaged layout, path of a layout file, or a `SkeletonLayout`.
        unit: of arrays, ``m``, ``mm``, ``cm``, ``px``; None: unknown.
        axes: of arrays in 3-D, an `Axes`; None: y up, right-handed, seen along -z.
        verbose: print what the command prints.

    Attributes (fitted):
        run_: folder of the run.
        encoder_: its `SkeletonEncoder`.
        history_: {column: one number an epoch}, as ``history.csv`` has them.
    """

    _method: ClassVar[str]

    def __init__(
        self,
        *,
        epochs: int | None = None,
        batch: int | None = None,
        frames: int | None = None,
        learning_rate: float | None = None,
        seed: int | None = None,
        layouts: Sequence[str] | None = None,
        split: str | None = None,
        pooling: str | None = None,
        recipe: str | None = None,
        settings: Mapping[str, Any] | None = None,
        workdir: str | os.PathLike[str] | None = None,
        strategy: str = "auto",
        layout: str | SkeletonLayout | None = None,
        unit: str | None = None,
        axes: Axes | None = None,
        verbose: bool = False,
    ) -> None:
        self.epochs = epochs
        self.batch = batch
        self.frames = frames
        self.learning_rate = learning_rate
        self.seed = seed
        self.layouts = layouts
        self.split = split
        self.pooling = pooling
        self.recipe = recipe
        self.settings = settings
        self.workdir = workdir
        self.strategy = strategy
        self.layout = layout
        self.unit = unit
        self.axes = axes
        self.verbose = verbose

    def fit(self, clips: Clips, y: Any = None) -> Self:
        """Trains on the training clips of a dataset, or on arrays, all of them.

        Args:
            clips: a `ClipDataset`, its folder, or arrays (see `SkeletonEncoder`), which need
                `layout` and are written as a dataset beside the run.
            y: [N] labels of arrays; only protocols with labels learn from them.

        Raises:
            InputError: the settings, the clips or the folder do not allow it.
        """
        if self.strategy == MULTIWORKER and self.workdir is None:
            raise InputError(
                "workdir: the workers of strategy='multiworker' share a folder; name it"
            )
        place = Workdir(self.workdir)
        dataset, defaults = opened(clips), {}
        if dataset is None and self.strategy == MULTIWORKER:
            raise InputError(
                "clips: the workers of strategy='multiworker' share a dataset; name its folder"
            )
        if dataset is None:
            dataset = self._dataset_of(clips, y, place.data)
            defaults = {"split": SPLIT, "validation": "none"}
        keywords = {name: getattr(self, name) for name in _SETTINGS}
        config = chosen_config(
            self._method,
            {**keywords, "data": str(dataset.path)},
            self.settings,
            self.recipe,
            defaults,
            str(place.run),
        )
        shown = contextlib.nullcontext() if self.verbose else contextlib.redirect_stdout(_Nowhere())
        with globals_kept(), shown:
            train(config, str(place.run), strategy=self.strategy)
        self._workdir, self._encoder = place, SkeletonEncoder(place.run)
        return self

    def _dataset_of(self, clips: Any, labels: Any, out: pathlib.Path) -> ClipDataset:
        if self.layout is None:
            raise InputError(
                "layout: say in which layout the arrays are, by the id of a packaged one or the "
                "path of a layout file"
            )
        layout = self.layout
        if not isinstance(layout, SkeletonLayout):
            layout = load_layout(layout)
        return dataset_of(clips, labels, out, layout, unit=self.unit, axes=self.axes)

    def transform(self, clips: Clips, indices: Any = None) -> np.ndarray:
        """Features of the clips: float32 [N, D]; see `SkeletonEncoder.transform`.

        Raises:
            NotFittedError: nothing was trained yet.
        """
        return self.encoding().transform(clips, indices)

    def encoding(self) -> SkeletonEncoder:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"this {type(self).__name__} is not fitted yet; call fit with a dataset or clips"
            )
        encoder: SkeletonEncoder = self._encoder
        return encoder

    @property
    def run_(self) -> str:
        """Folder of the run."""
        return os.fspath(self.encoding().run)

    @property
    def encoder_(self) -> SkeletonEncoder:
        """The encoder of the run."""
        return self.encoding()

    @property
    def history_(self) -> dict[str, list[float]]:
        """What was logged, one number an epoch; NaN where there was none."""
        rows = RunFolder(self.run_).read_history()
        return {name: [float(row[name] or "nan") for row in rows] for name in (rows or [{}])[0]}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_workdir")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "_workdir"):  # a temporary folder is another one now
            self._encoder.run = self._workdir.run


class _Nowhere(io.StringIO):
    """Forgets what is printed."""

    def write(self, text: str, /) -> int:
        return len(text)


class MS2L(ClipEstimator):
    """MS2L, multi-task self-supervised learning (Lin et al. 2020); see `ClipEstimator`."""

    _method = "ms2l"


class MSCLR(ClipEstimator):
    """MS-CLR, contrast across skeleton layouts (Kiray et al. 2025); see `ClipEstimator`."""

    _method = "msclr"


class Kernels(ClipEstimator):
    """The closed-form encoder, fitted without gradients in one round; see `ClipEstimator`.

    ``epochs``, ``batch``, ``learning_rate`` and ``pooling`` are for the other methods.
    """

    _method = "kernels"


class Pointing(ClipEstimator):
    """A network that learns to predict closed-form features; see `ClipEstimator`.

    What ``transform`` gives is one vector a clip: ``pooling`` is for runs with labels.
    """

    _method = "pointing"
