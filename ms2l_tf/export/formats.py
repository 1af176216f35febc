"""The formats of an exported model: how each is written, and run again from its file."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.export.checking import Runner
from ms2l_tf.export.converted import LITERT_FRAMES, needed, write_litert, write_onnx
from ms2l_tf.export.saved_model import DEFAULT, write_saved_model
from ms2l_tf.export.served import ServedModel

# (model, folder, metadata file) -> what runs the file that was written.
Write = Callable[[ServedModel, pathlib.Path, pathlib.Path], Runner]


@dataclasses.dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: for ``--formats``.
        file: its name in the folder; of the SavedModel, that of its graph.
        write: see `Write`.
        tolerance: largest difference of features from the live model, as a share of the largest.
        crossing: the same of networks that count what passes a bound: other libraries round
            otherwise, and what passes by a hair, or does not, moves a few features.
        needs: optional libraries.
        frames: the most of a clip; 0: any.
    """

    name: str
    file: str
    write: Write
    tolerance: float
    crossing: float
    needs: tuple[str, ...] = ()
    frames: int = 0

    def check_installed(self) -> None:
        """Refuses a format whose libraries are not there.

        Raises:
            InputError: which, and how to install it.
        """
        for module in self.needs:
            needed(module, self.name)


def _saved_model(model: ServedModel, folder: pathlib.Path, metadata: pathlib.Path) -> Runner:
    write_saved_model(model, folder, metadata)
    return saved_model_runners(folder)[DEFAULT]


def saved_model_runners(folder: str | os.PathLike[str]) -> dict[str, Runner]:
    """The signatures of a SavedModel as functions of arrays, by name."""
    loaded = tf.saved_model.load(os.fspath(folder))
    return {name: _of_signature(loaded, name) for name in loaded.signatures}


def _of_signature(loaded: Any, name: str) -> Runner:
    def run(poses: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        function = loaded.signatures[name]  # the object keeps the variables alive
        outputs = function(poses=tf.constant(poses), lengths=tf.constant(lengths))
        return {key: value.numpy() for key, value in outputs.items()}

    return run


def _keras(model: ServedModel, folder: pathlib.Path, metadata: pathlib.Path) -> Runner:
    path = folder / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)

    def run(poses: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        outputs = again({"poses": tf.constant(poses), "lengths": tf.constant(lengths)})
        return {name: value.numpy() for name, value in outputs.items()}

    return run


SAVED_MODEL = Format("savedmodel", "saved_model.pb", _saved_model, 1e-4, 1e-4)
FORMATS = {
    each.name: each
    for each in (
        SAVED_MODEL,
        Format("keras", "model.keras", _keras, 1e-4, 1e-4),
        Format("onnx", "model.onnx", write_onnx, 1e-3, 0.1, needs=("tf2onnx", "onnxruntime")),
        Format("litert", "model.tflite", write_litert, 1e-3, 0.1, frames=LITERT_FRAMES),
    )
}
