"""What watches a run: history file, kNN and collapse monitors."""

from __future__ import annotations

import abc
import csv
import io
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ms2l_tf import files
from ms2l_tf.errors import InputError, warn
from ms2l_tf.evaluation.collapse import effective_rank, embedding_std, isotropic_std
from ms2l_tf.evaluation.probes import KNNProbe
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.history_rows import lacking


class StopWhenDiverged(keras.callbacks.Callback):
    """Ends a run whose loss is no number any more, before a checkpoint keeps its weights."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            raise InputError(
                f"{self._folder.path}: the loss of epoch {epoch + 1} is {float(loss):g}; train in "
                "a new folder with a smaller --learning_rate or with --clip_norm=1"
            )


class HistoryFile(keras.callbacks.Callback):
    """Writes ``history.csv`` after each epoch: epoch, then whatever was logged, blank if not."""

    def __init__(self, folder: RunFolder, first_epoch: int) -> None:
        super().__init__()
        self._folder = folder
        # What an interrupted run wrote after its last checkpoint is computed again.
        kept = [row for row in folder.read_history() if int(row["epoch"]) <= first_epoch]
        if lacks := lacking(kept, first_epoch):
            warn(f"{folder.history}: lacks epochs {lacks}, which are not trained again")
        self._rows: list[dict[str, Any]] = [dict(row) for row in kept]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        row = {name: f"{float(value):.6g}" for name, value in (logs or {}).items()}
        self._rows.append({"epoch": epoch + 1, **row})
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        files.write_text(self._folder.history, text.getvalue())


class _Monitor(keras.callbacks.Callback, abc.ABC):
    """Adds its readings to the logs of every few epochs, and of the last one.

    Args:
        every: epochs between readings.
        epochs: of the run.
    """

    def __init__(self, *, every: int, epochs: int) -> None:
        super().__init__()
        self._every = every
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is None or ((epoch + 1) % self._every and epoch + 1 != self._epochs):
            return
        logs.update(self.readings())

    @abc.abstractmethod
    def readings(self) -> dict[str, float]:
        """What the monitor reads now, by the name it is logged under."""


class FeatureMonitor(_Monitor):
    """Cheap signs of learning every few epochs, put into the epoch's logs.

    ``val_knn``: top-1 per cent of a cosine 1-NN from the fit clips to the validation clips, both
    cut from the training clips. ``embedding_std``: mean standard deviation of the L2-normalised
    features times sqrt(D): about 1 when they spread, 0 when they collapse. ``effective_rank``:
    dimensions they use (Roy & Vetterli 2007).

    Args:
        features: () -> (fit features, validation features), [N, D].
        labels: (fit labels, validation labels); -1 is left out.
        every: epochs between readings; the last epoch is always read.
        epochs: of the run.
    """

    def __init__(
        self,
        features: Callable[[], tuple[np.ndarray, np.ndarray]],
        labels: tuple[np.ndarray, np.ndarray],
        *,
        every: int,
        epochs: int,
    ) -> None:
        super().__init__(every=every, epochs=epochs)
        self._features = features
        self._labels = labels

    def readings(self) -> dict[str, float]:
        fit, validation = self._features()
        found = {
            "embedding_std": embedding_std(fit) / isotropic_std(fit.shape[1]),
            "effective_rank": effective_rank(fit),
        }
        known, asked = (labels >= 0 for labels in self._labels)
        if known.any() and asked.any():
            probe = KNNProbe(k=(1,)).fit(fit[known], self._labels[0][known])
            right = probe.predict(validation[asked])[1] == self._labels[1][asked]
            found["val_knn"] = 100.0 * float(np.mean(right))
        return found


class AccuracyMonitor(_Monitor):
    """``val_accuracy``: top-1 per cent of the classifier on clips that are not trained on.

    Args:
        logits: () -> class logits [N, K].
        labels: [N]; -1 is left out.
        every: epochs between readings; the last epoch is always read.
        epochs: of the run.
    """

    def __init__(
        self, logits: Callable[[], np.ndarray], labels: np.ndarray, *, every: int, epochs: int
    ) -> None:
        super().__init__(every=every, epochs=epochs)
        self._logits = logits
        self._labels = labels

    def readings(self) -> dict[str, float]:
        asked = self._labels >= 0
        if not asked.any():
            return {}
        right = self._logits().argmax(axis=1)[asked] == self._labels[asked]
        return {"val_accuracy": 100.0 * float(np.mean(right))}
