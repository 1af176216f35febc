"""Recurrent layers, and a faster way to compute the GRU on processors.

The layers are Keras' own: they make, name, save and load the weights, and on a graphics card they
compute as well (cuDNN). On processors Keras projects every frame within its loop over time and
leaves the loop's gradient to automatic differentiation. Here all frames are projected by one
product, only what has to wait for the previous state stays in the loop, and backpropagation
through time is written out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

CELLS = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def bidirectional(cell: str, units: int, name: str) -> keras.layers.Bidirectional:
    """A layer [B, T, I] -> [B, T, 2 units]; cell is ``gru`` or ``lstm``."""
    return keras.layers.Bidirectional(CELLS[cell](units, return_sequences=True), name=name)


@keras.saving.register_keras_serializable("ms2l_tf")
class GRU(keras.layers.GRU):
    """Keras' GRU as it is made with `units` and `return_sequences` alone, the faster way."""

    def call(
        self,
        sequences: tf.Tensor,
        initial_state: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        own = initial_state is not None or mask is not None or self.go_backwards
        if own or not has_faster_way(self):
            return super().call(sequences, initial_state, mask, training)
        states = gru(tf.cast(sequences, self.compute_dtype), *_weights(self))
        return states if self.return_sequences else states[:, -1]


def run(layer: keras.layers.Layer, frames: tf.Tensor) -> tf.Tensor:
    """What ``layer(frames)`` returns, computed the faster way where there is one.

    Args:
        layer: made by `bidirectional`, and built.
        frames: [B, T, I].

    Returns:
        [B, T, 2 units].
    """
    if not isinstance(layer, keras.layers.Bidirectional):
        return layer(frames)
    directions = (layer.forward_layer, layer.backward_layer)
    if not all(map(has_faster_way, directions)):
        return layer(frames)
    weights = [weight for direction in directions for weight in _weights(direction)]
    return gru(tf.cast(frames, layer.compute_dtype), *weights)


def _weights(layer: keras.layers.GRU) -> list[tf.Tensor]:
    cell = layer.cell
    return [
        tf.convert_to_tensor(weight) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
    ]


def has_faster_way(layer: keras.layers.Layer) -> bool:
    """A GRU as Keras makes it, in one precision, and nothing but processors to run on."""
    return (
        isinstance(layer, keras.layers.GRU)
        and layer.compute_dtype == layer.variable_dtype
        and all(device.device_type == "CPU" for device in tf.config.get_visible_devices())
    )


class Direction(NamedTuple):
    """Weights of one direction; the 3 U columns are update z, reset r and candidate c."""

    backwards: bool
    kernel: tf.Tensor  # [I, 3 U]
    recurrent: tf.Tensor  # [U, 3 U]
    bias: tf.Tensor  # [2, 3 U]: of the input, of the recurrence


class Trace(NamedTuple):
    """What the loop over time leaves for its gradient."""

    states: tf.Tensor  # h, [T, B, U]
    gates: tf.Tensor  # z and r, [T, B, 2 U]
    candidates: tf.Tensor  # c, [T, B, U]
    products: tf.Tensor  # p, [T, B, U]: the recurrence that r multiplies


class Sums(NamedTuple):
    """What the loop of the gradient adds up.

    Products of single frames, still in the cache, cost less than one product over all frames
    that has to be put together first; and float32 sums of few terms are the more exact ones.
    """

    carried: tf.Tensor  # of the state before, [B, U]
    kernel: tf.Tensor  # [I, 3 U]
    recurrent: tf.Tensor  # [U, 3 U]
    now: tf.Tensor  # of z, r and c, [B, 3 U]
    product: tf.Tensor  # of p, [B, U]


# Tracing these functions needs no conversion of Python control flow, and is quicker without.
@tf.autograph.experimental.do_not_convert
@tf.custom_gradient
def gru(
    frames: tf.Tensor, *weights: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
    """The GRU whose reset gate acts after the product (``reset_after``), forwards or both ways.

    z, r = sigmoid(x W_zr + b_zr + h' R_zr + d_zr);  p = h' R_c + d_c
    c = tanh(x W_c + b_c + r p);                     h = z h' + (1 - z) c

    with h' the state before (0 at the start), b the input's and d the recurrence's bias.

    Args:
        frames: [B, T, I].
        *weights: kernel [I, 3 U], recurrent kernel [U, 3 U] and bias [2, 3 U] of the forward
            direction, then the same of the backward one if there is one.

    Returns:
        [B, T, U], or both directions side by side [B, T, 2 U]; differentiable once.
    """
    directions = [Direction(n > 0, *weights[n : n + 3]) for n in range(0, len(weights), 3)]
    clips, length = tf.shape(frames)[0], tf.shape(frames)[1]
    inputs = frames.shape[2]
    flat = tf.reshape(tf.transpose(frames, [1, 0, 2]), [-1, inputs])  # time first: [T B, I]
    traces = [_forward(flat, direction, clips, length) for direction in directions]
    features = tf.concat([trace.states for trace in traces], axis=2)
    features = tf.transpose(features, [1, 0, 2])
    features.set_shape([frames.shape[0], frames.shape[1], features.shape[2]])

    def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
        of_states = tf.split(tf.transpose(upstream, [1, 0, 2]), len(directions), axis=2)
        of_frames, of_weights = tf.zeros_like(flat), []
        for direction, trace, of_direction in zip(directions, traces, of_states, strict=True):
            of_inputs, weights_of_direction = _backward(flat, direction, trace, of_direction)
            of_frames += of_inputs
            of_weights += weights_of_direction
        of_frames = tf.transpose(tf.reshape(of_frames, [length, clips, inputs]), [1, 0, 2])
        # The trace is a constant to an outer tape: a second derivative would lack its terms.
        return [
            tf.raw_ops.PreventGradient(input=derivative, message="this GRU is differentiable once")
            for derivative in (of_frames, *of_weights)
        ]

    return features, gradient


def _forward(flat: tf.Tensor, direction: Direction, clips: tf.Tensor, length: tf.Tensor) -> Trace:
    """Runs one direction over the frames [T B, I]."""
    units = direction.recurrent.shape[0]
    of_gates, of_product = tf.split(direction.bias[1], [2 * units, units])
    bias = direction.bias[0] + tf.pad(of_gates, [[0, units]])
    projected = tf.nn.bias_add(tf.matmul(flat, direction.kernel), bias)
    projected = tf.reshape(projected, [length, clips, 3 * units])

    def step(frame: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, Trace]:
        now, before = projected[frame], tf.matmul(state, direction.recurrent)
        gates = tf.sigmoid(now[:, : 2 * units] + before[:, : 2 * units])
        update, reset = tf.split(gates, 2, axis=1)
        product = before[:, 2 * units :] + of_product
        candidate = tf.tanh(now[:, 2 * units :] + reset * product)
        state = candidate + update * (state - candidate)
        return state, Trace(state, gates, candidate, product)

    start = tf.zeros([clips, units], flat.dtype)
    sizes = [units, 2 * units, units, units]
    _, entries = _over_time(step, start, length, sizes, backwards=direction.backwards)
    return Trace(*entries)


def _backward(
    flat: tf.Tensor, direction: Direction, trace: Trace, upstream: tf.Tensor
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Gradients of (the frames [T B, I]; kernel, recurrent kernel and bias of one direction).

    Args:
        flat: the frames.
        direction: the weights.
        trace: what `_forward` left.
        upstream: [T, B, U], the gradient of the states.
    """
    length, units = tf.shape(trace.states)[0], trace.states.shape[2]
    frames = tf.reshape(flat, [length, -1, flat.shape[1]])
    start = tf.zeros_like(trace.states[:1])
    parts = [trace.states[1:], start] if direction.backwards else [start, trace.states[:-1]]
    previous = tf.concat(parts, axis=0)

    def step(frame: tf.Tensor, sums: Sums) -> tuple[Sums, list[tf.Tensor]]:
        gates, candidate = trace.gates[frame], trace.candidates[frame]
        update, reset = tf.split(gates, 2, axis=1)
        of_state = upstream[frame] + sums.carried
        passed = of_state * update
        of_candidate = tf.raw_ops.TanhGrad(y=candidate, dy=of_state - passed)
        of_update = of_state * (previous[frame] - candidate)
        of_reset = of_candidate * trace.products[frame]
        of_gates = tf.concat([of_update, of_reset], axis=1)
        of_gates = tf.raw_ops.SigmoidGrad(y=gates, dy=of_gates)
        of_product = of_candidate * reset
        of_before = tf.concat([of_gates, of_product], axis=1)
        of_now = tf.concat([of_gates, of_candidate], axis=1)
        sums = Sums(
            carried=passed + tf.matmul(of_before, direction.recurrent, transpose_b=True),
            kernel=sums.kernel + tf.matmul(frames[frame], of_now, transpose_a=True),
            recurrent=sums.recurrent + tf.matmul(previous[frame], of_before, transpose_a=True),
            now=sums.now + of_now,
            product=sums.product + of_product,
        )
        return sums, [of_now]

    sums = Sums(
        carried=start[0],
        kernel=tf.zeros_like(direction.kernel),
        recurrent=tf.zeros_like(direction.recurrent),
        now=tf.tile(start[0], [1, 3]),
        product=start[0],
    )
    backwards = not direction.backwards
    sums, (of_projected,) = _over_time(step, sums, length, [3 * units], backwards=backwards)
    of_input, of_product = tf.reduce_sum(sums.now, axis=0), tf.reduce_sum(sums.product, axis=0)
    bias = tf.stack([of_input, tf.concat([of_input[: 2 * units], of_product], axis=0)])
    of_projected = tf.reshape(of_projected, [-1, 3 * units])
    of_frames = tf.matmul(of_projected, direction.kernel, transpose_b=True)
    return of_frames, [sums.kernel, sums.recurrent, bias]


def _over_time(
    step: Callable[[tf.Tensor, Any], tuple[Any, Sequence[tf.Tensor]]],
    state: Any,
    length: tf.Tensor,
    sizes: Sequence[int],
    *,
    backwards: bool,
) -> tuple[Any, list[tf.Tensor]]:
    """Calls ``state, entries = step(frame, state)`` for every frame, in order or backwards.

    Args:
        step: entries are [B, size] for every size.
        state: the first one, a tensor or a tuple of tensors.
        length: T.
        sizes: widths of the entries.
        backwards: from frame T - 1 to 0.

    Returns:
        (the last state, the entries of all frames in order of time, [T, B, size]).
    """

    def body(number: tf.Tensor, state: Any, *arrays: tf.TensorArray) -> tuple[Any, ...]:
        frame = length - 1 - number if backwards else number
        state, entries = step(frame, state)
        written = [array.write(frame, entry) for array, entry in zip(arrays, entries, strict=True)]
        return number + 1, state, *written

    first = tf.nest.flatten(state)[0]
    shapes = [[first.shape[0], size] for size in sizes]
    empty = [tf.TensorArray(first.dtype, length, element_shape=shape) for shape in shapes]
    # Every step waits for the one before; the bookkeeping of steps in parallel would only cost.
    _, state, *arrays = tf.while_loop(
        lambda number, *_: number < length,
        body,
        (tf.constant(0), state, *empty),
        parallel_iterations=1,
    )
    return state, [array.stack() for array in arrays]
