"""The written-out GRU against Keras' own layer; `test_encoder` has the twin in NumPy."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.networks import recurrent
from ms2l_tf.networks.frame_encoder import FrameEncoder
from tests.helpers import FRAMES, assert_all_close, assert_close, random_poses

INPUTS = 6
Function = Callable[[tf.Tensor], tf.Tensor]


def made_layer(
    *, cell: str = "gru", inputs: int = INPUTS, units: int = 4, policy: str = "float32"
) -> keras.layers.Bidirectional:
    """A built layer whose biases are not zero."""
    keras.config.set_dtype_policy(policy)
    layer = recurrent.bidirectional(cell, units, "layer")
    keras.config.set_dtype_policy("float32")
    return filled(layer, inputs)


def filled(layer: keras.layers.Layer, inputs: int = INPUTS) -> keras.layers.Layer:
    """The layer, built, with biases that are not zero."""
    layer.build((None, None, inputs))
    for number, weight in enumerate(layer.weights):
        weight.assign(0.5 * random_poses(*weight.shape, seed=number))
    return layer


def sample(*shape: int, dtype: str = "float32", seed: int = 9) -> tf.Tensor:
    return tf.constant(random_poses(*shape, seed=seed), dtype)


def with_gradients(
    function: Function, frames: tf.Tensor, weights: Sequence[tf.Variable]
) -> list[tf.Tensor]:
    """[features, gradient of the frames, gradients of the weights]."""
    with tf.GradientTape() as tape:
        tape.watch(frames)
        features = function(frames)
        upstream = tf.cos(tf.cast(tf.range(tf.size(features)), features.dtype))
        loss = tf.reduce_sum(features * tf.reshape(upstream, tf.shape(features)))
    return [features, *tape.gradient(loss, [frames, *weights])]


def values(layer: keras.layers.Layer) -> list[tf.Variable]:
    return [weight.value for weight in layer.weights]


def faster(layer: keras.layers.Layer) -> Function:
    assert recurrent.has_faster_way(layer.forward_layer)
    return lambda frames: recurrent.run(layer, frames)


@settings(max_examples=12, deadline=None)
@given(
    clips=st.integers(1, 5),
    length=st.integers(1, 7),
    inputs=st.integers(1, 5),
    units=st.integers(1, 5),
    precision=st.sampled_from([("float32", 1e-5), ("float64", 1e-12)]),
)
def test_equals_the_layer_with_all_gradients(
    clips: int, length: int, inputs: int, units: int, precision: tuple[str, float]
) -> None:
    dtype, tolerance = precision
    layer = made_layer(inputs=inputs, units=units, policy=dtype)
    frames = sample(clips, length, inputs, dtype=dtype)
    actual = with_gradients(faster(layer), frames, values(layer))
    expected = with_gradients(layer, frames, values(layer))
    assert {tensor.dtype.name for tensor in actual} == {dtype}
    assert_all_close(actual, expected, tolerance)


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("graph", [True, False])
def test_forwards_alone_equals_keras_own(return_sequences: bool, graph: bool) -> None:
    """The classifier's, the decoder's and the discriminator's."""
    mine = filled(recurrent.GRU(4, name="gru", return_sequences=return_sequences))
    its = filled(keras.layers.GRU(4, name="gru", return_sequences=return_sequences))
    assert [one.path for one in mine.weights] == [one.path for one in its.weights]
    frames = sample(3, 5, INPUTS)
    function = tf.function(mine) if graph else mine
    actual = with_gradients(function, frames, values(mine))
    assert_all_close(actual, with_gradients(its, frames, values(its)))
    state = sample(3, 4)  # what has no faster way is Keras' still
    np.testing.assert_array_equal(
        mine(frames, initial_state=state), its(frames, initial_state=state)
    )


@pytest.mark.parametrize("shape", [(None, None, INPUTS), (3, FRAMES, INPUTS)])
def test_in_a_graph(shape: tuple[int | None, ...]) -> None:
    """One trace serves every batch and length, or a fixed one is kept; repeats are bitwise."""
    layer = made_layer()
    traced = tf.function(
        lambda frames: with_gradients(faster(layer), frames, values(layer)),
        input_signature=[tf.TensorSpec(shape)],
    )
    features = traced.get_concrete_function().structured_outputs[0]
    assert features.shape.as_list() == [*shape[:2], 8]
    for clips, length in ((3, FRAMES), (16, 5), (1, 1))[: 1 if shape[0] else 3]:
        frames = sample(clips, length, INPUTS)
        first, again = traced(frames), traced(frames)
        assert_all_close(first, with_gradients(layer, frames, values(layer)))
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)


def test_no_clip_at_all() -> None:
    """What a replica without clips computes."""
    layer = made_layer()
    features, *gradients = with_gradients(faster(layer), sample(0, 3, INPUTS), values(layer))
    assert features.shape == (0, 3, 8)
    assert gradients[0].shape == (0, 3, INPUTS)
    for gradient in gradients[1:]:
        assert not np.any(gradient)


@pytest.mark.parametrize("layers", [1, 3])
def test_gradients_of_stacked_layers(layers: int) -> None:
    encoder = FrameEncoder(layers=layers, units=3)
    encoder.build((None, FRAMES, 1, 2, 3))
    poses = sample(2, FRAMES, 1, 2, 3)

    def plain(poses: tf.Tensor) -> tf.Tensor:
        frames = tf.reshape(poses, [2, FRAMES, 6])
        for layer in encoder.recurrent:
            frames = layer(frames)
        return frames

    actual = with_gradients(encoder, poses, values(encoder))
    assert_all_close(actual, with_gradients(plain, poses, values(encoder)))


def test_frozen_weights_still_pass_gradients_on() -> None:
    layer = made_layer()
    layer.trainable = False
    frames = sample(2, 4, INPUTS)
    actual = with_gradients(faster(layer), frames, [])
    assert_all_close(actual, with_gradients(layer, frames, []))


def test_second_derivatives_are_refused() -> None:
    """They would silently lack terms."""
    layer = made_layer()
    frames = sample(1, 3, INPUTS)
    with tf.GradientTape() as outer:
        outer.watch(frames)
        with tf.GradientTape() as inner:
            inner.watch(frames)
            total = tf.reduce_sum(recurrent.run(layer, frames) ** 2)
        slope = tf.reduce_sum(inner.gradient(total, frames))
    with pytest.raises(LookupError, match="differentiable once"):
        outer.gradient(slope, frames)


def test_halves_on_two_replicas_equal_the_whole(two_replicas: tf.distribute.Strategy) -> None:
    with two_replicas.scope():
        layer = made_layer()
    frames = sample(4, 5, INPUTS)
    halves = iter(tf.split(frames, 2))
    per_replica = two_replicas.experimental_distribute_values_from_function(lambda _: next(halves))

    def half(part: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            features = faster(layer)(part)
            loss = tf.reduce_sum(features**2)
        gradients = tape.gradient(loss, values(layer))
        reduce = tf.distribute.get_replica_context().all_reduce
        return [features, *reduce(tf.distribute.ReduceOp.SUM, gradients)]

    features, *gradients = two_replicas.run(tf.function(half), args=(per_replica,))
    with tf.GradientTape() as tape:
        whole = layer(frames)
        loss = tf.reduce_sum(whole**2)
    assert_close(tf.concat(two_replicas.experimental_local_results(features), axis=0), whole)
    for mine, its in zip(gradients, tape.gradient(loss, values(layer)), strict=True):
        assert_close(two_replicas.experimental_local_results(mine)[0], its)


def test_a_saved_model_can_be_differentiated(tmp_path: pathlib.Path) -> None:
    """Export keeps the written-out gradient, so that an exported encoder can be fine-tuned."""
    layer = made_layer()
    archive = keras.export.ExportArchive()
    archive.track(layer)
    spec = tf.TensorSpec([None, None, INPUTS])
    archive.add_endpoint("features", faster(layer), input_signature=[spec])
    archive.write_out(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    for clips, length in ((2, 5), (3, 4)):
        frames = sample(clips, length, INPUTS)
        actual = with_gradients(served.features, frames, [])
        assert_all_close(actual, with_gradients(layer, frames, []))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_left_to_keras(policy: str) -> None:
    layer = made_layer(policy=policy)
    assert not recurrent.has_faster_way(layer.forward_layer)
    frames = sample(2, 3, INPUTS)
    np.testing.assert_array_equal(recurrent.run(layer, frames), layer(frames))


def test_lstm_is_left_to_keras() -> None:
    assert not recurrent.has_faster_way(made_layer(cell="lstm").forward_layer)


def test_a_graphics_card_is_left_to_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = made_layer()
    devices = [tf.config.PhysicalDevice(f"/physical_device:{n}:0", n) for n in ("CPU", "GPU")]
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda: devices)
    assert not recurrent.has_faster_way(layer.forward_layer)
