"""The SavedModel of a run: any TensorFlow program loads it, TensorFlow Serving serves it."""

from __future__ import annotations

import os
import pathlib

import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.export.served import Outputs, ServedModel

EMBED, CLASSIFY, DEFAULT = "embed", "classify", "serving_default"


class _Module(tf.Module):
    """Weights, endpoints and the metadata file, as `tf.saved_model.load` gives them back."""

    def __init__(self, model: ServedModel, metadata: pathlib.Path) -> None:
        super().__init__()
        self.weights = [weight.value for weight in model.weights]
        self.metadata = tf.saved_model.Asset(str(metadata))
        for name in endpoints(model):
            setattr(self, name, endpoint(model, name))


def endpoints(model: ServedModel) -> tuple[str, ...]:
    """Names of what the model can do."""
    return (EMBED,) if model.head is None else (EMBED, CLASSIFY)


def input_signature(model: ServedModel) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    """Of an endpoint: poses [B, F, M, J, C] and lengths [B]."""
    poses = tf.TensorSpec([None, None, None, *model.shape], tf.float32, name="poses")
    return poses, tf.TensorSpec([None], tf.int32, name="lengths")


def endpoint(
    model: ServedModel, name: str, *, checked: bool = True
) -> tf.types.experimental.PolymorphicFunction:
    """A function of poses and lengths, traced once for all sizes.

    Args:
        model: built.
        name: ``embed`` or ``classify``.
        checked: whether lengths that do not fit the poses are an error; formats without assertions
            go without.
    """
    compute = model.embed if name == EMBED else model.call

    @tf.function(input_signature=input_signature(model), autograph=False)
    def run(poses: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        if not checked:
            return compute({"poses": poses, "lengths": lengths})
        with tf.control_dependencies(_assertions(poses, lengths)):
            return compute({"poses": tf.identity(poses), "lengths": tf.identity(lengths)})

    return run


def _assertions(poses: tf.Tensor, lengths: tf.Tensor) -> list[tf.Operation]:
    frames = tf.shape(poses)[1]
    return [
        tf.debugging.assert_equal(
            tf.shape(lengths)[0], tf.shape(poses)[0], "lengths: one number a clip is expected"
        ),
        tf.debugging.assert_positive(lengths, "lengths: a clip has at least one frame"),
        tf.debugging.assert_less_equal(lengths, frames, "lengths: more frames than poses has"),
    ]


def write_saved_model(model: ServedModel, folder: pathlib.Path, metadata: pathlib.Path) -> None:
    """Writes the SavedModel into a folder.

    Args:
        model: built, with its weights.
        folder: to write into.
        metadata: the file that it takes along in its assets.

    Raises:
        InputError: it was traced for a graphics card, and would load on no other machine.
    """
    module = _Module(model, metadata)
    signatures = {name: getattr(module, name).get_concrete_function() for name in endpoints(model)}
    signatures[DEFAULT] = signatures[endpoints(model)[-1]]
    _check_portable(signatures[DEFAULT])
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    tf.saved_model.save(module, os.fspath(folder), signatures, options)


def _check_portable(function: tf.types.experimental.ConcreteFunction) -> None:
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for body in graph.library.function for node in body.node_def)]
    if any("Cudnn" in node.op for node in nodes):
        raise InputError(
            "export: the network was traced for a graphics card, and its file would load on no "
            "processor; export where no card is visible (CUDA_VISIBLE_DEVICES=-1)"
        )
