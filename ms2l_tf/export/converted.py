"""ONNX and LiteRT files of an exported run, as far as their libraries allow."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import pathlib
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.errors import InputError, one_line
from ms2l_tf.export.checking import Runner
from ms2l_tf.export.saved_model import endpoint, endpoints, input_signature
from ms2l_tf.export.served import Outputs, ServedModel

OPSET = 18
LITERT_FRAMES = 300  # that a LiteRT model takes, ten seconds at 30 a second


class NotConvertedError(Exception):
    """A library cannot convert a model; the message says why, in one line."""


@contextlib.contextmanager
def _converting() -> Iterator[None]:
    """Keeps what converters write to stderr aside, and makes one line of what they raise.

    Raises:
        NotConvertedError: anything was raised.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except Exception as error:  # of any kind: what a network is made of decides
            raise NotConvertedError(one_line(error)) from error
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def needed(module: str, name: str) -> Any:
    """A library of the extra ``onnx``.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(
            f"--formats={name}: needs {module}, which is not installed; pip install 'ms2l-tf[onnx]'"
        ) from None


def write_onnx(model: ServedModel, folder: pathlib.Path, metadata: pathlib.Path) -> Runner:
    """Writes `model.onnx`, of clips of any length, and opens it in ONNX Runtime.

    Raises:
        InputError: the libraries are not installed.
        NotConvertedError: they cannot convert this model.
    """
    tf2onnx, onnxruntime = (needed(name, "onnx") for name in ("tf2onnx", "onnxruntime"))
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    path = folder / "model.onnx"
    with _converting():
        tf2onnx.convert.from_function(
            endpoint(model, endpoints(model)[-1], checked=False),
            input_signature=input_signature(model),
            opset=OPSET,
            custom_op_handlers={"SelectV2": (_as_where, [])},
            output_path=str(path),
        )
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(poses: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        found = session.run(names, {"poses": poses, "lengths": lengths})
        return dict(zip(names, found, strict=True))

    return run


def _as_where(graph: Any, node: Any, name: str, arguments: Any) -> Any:
    """tf2onnx would multiply what is not chosen by zero, and a missing joint would stay NaN."""
    node.type = "Where"
    return node


def write_litert(model: ServedModel, folder: pathlib.Path, metadata: pathlib.Path) -> Runner:
    """Writes `model.tflite`, of one clip of `LITERT_FRAMES` frames at most and M persons.

    It asks for LiteRT's own operations alone.

    Raises:
        NotConvertedError: the model needs others.
    """
    function = _fixed(model).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module())
    with _converting():
        content = converter.convert()
    (folder / "model.tflite").write_bytes(content)
    with warnings.catch_warnings():  # that the interpreter moves to a package of its own
        warnings.simplefilter("ignore")
        runner = tf.lite.Interpreter(model_content=content).get_signature_runner()

    def run(poses: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        shape = (len(poses), LITERT_FRAMES, model.normaliser.persons, *poses.shape[3:])
        fixed = np.full(shape, np.nan, np.float32)
        fixed[:, : poses.shape[1], : poses.shape[2]] = poses
        rows = [
            runner(poses=fixed[row : row + 1], lengths=lengths[row : row + 1])
            for row in range(len(fixed))
        ]
        return {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}

    return run


def _fixed(model: ServedModel) -> Any:
    """The model of one clip of a fixed size, its weights constants, without branches."""
    shape = (1, LITERT_FRAMES, model.normaliser.persons, *model.shape)
    signature = (
        tf.TensorSpec(shape, tf.float32, name="poses"),
        tf.TensorSpec([1], tf.int32, name="lengths"),
    )
    weights = [(weight, tf.constant(weight.numpy())) for weight in model.variables]

    @tf.function(input_signature=signature, autograph=False)
    def run(poses: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        with keras.StatelessScope(state_mapping=weights):
            return model.call({"poses": poses, "lengths": lengths})

    model.normaliser.shortcuts = False
    try:
        run.get_concrete_function()
    finally:
        model.normaliser.shortcuts = True
    return run
