"""Rule 2 of `Normaliser`: missing joints are filled in from the frames around them."""

from __future__ import annotations

import tensorflow as tf


def fill_missing(
    coords: tf.Tensor,
    lengths: tf.Tensor,
    present: tf.Tensor | None,
    *,
    shortcuts: bool = True,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Replaces missing joints by rule 2 of `Normaliser`.

    Args:
        coords: [B, F, M, J, C], missing joints not finite.
        lengths: [B].
        present: [B, F, M] or None.
        shortcuts: whether batches that miss nothing are spared the work; the numbers are the same.

    Returns:
        filled coords, seen [B, M] (the person appears at least once), present [B, F, M].
    """
    in_clip = tf.sequence_mask(lengths, tf.shape(coords)[1])[:, :, None]
    if present is None:
        present = tf.reduce_any(tf.reduce_all(tf.math.is_finite(coords), axis=-1), axis=-1)
    present = tf.logical_and(present, in_clip)
    seen = tf.reduce_any(present, axis=1)
    if not shortcuts:
        return (*_interpolated(coords, present, seen), present)
    expected = tf.logical_and(in_clip, seen[:, None])
    # One sum tells whether anything at all is not finite; most batches stop here.
    complete = tf.logical_and(
        tf.math.is_finite(tf.reduce_sum(coords)), tf.reduce_all(present == expected)
    )
    coords, seen = tf.cond(
        complete, lambda: (coords, seen), lambda: _interpolated(coords, present, seen)
    )
    return coords, seen, present


def _interpolated(
    coords: tf.Tensor, present: tf.Tensor, seen: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Linear in time between valid frames, constant beyond them; never-seen joints: see rule 2."""
    valid = tf.logical_and(tf.reduce_all(tf.math.is_finite(coords), axis=-1), present[..., None])
    coords = tf.where(valid[..., None], coords, 0.0)
    seen = tf.logical_and(seen, tf.reduce_any(valid, axis=[1, 3]))
    frames = tf.shape(coords)[1]
    index = tf.range(frames)[None, :, None, None]
    before = _running_max(tf.where(valid, index, -1))
    after = (
        frames - 1 - _running_max(tf.where(tf.reverse(valid, [1]), index, -1))
    )  # the same search on reversed time, with `frames` meaning "none"
    after = tf.reverse(after, [1])
    start = tf.where(before < 0, after, before)
    end = tf.where(after >= frames, before, after)
    known = start < frames
    start, end = (tf.clip_by_value(frame, 0, frames - 1) for frame in (start, end))
    span = tf.cast(tf.maximum(end - start, 1), tf.float32)
    mix = tf.cast(tf.clip_by_value(index - start, 0, frames), tf.float32) / span
    mix = tf.clip_by_value(mix, 0.0, 1.0)[..., None]
    filled = _at_frames(coords, start) * (1 - mix) + _at_frames(coords, end) * mix
    count = tf.reduce_sum(tf.cast(known, tf.float32), axis=3, keepdims=True)[..., None]
    known_float = tf.cast(known, tf.float32)[..., None]
    middle = tf.reduce_sum(filled * known_float, axis=3, keepdims=True) / tf.maximum(count, 1.0)
    return tf.where(known[..., None], filled, middle), seen


def _running_max(values: tf.Tensor) -> tf.Tensor:
    """Cumulative maximum over axis 1 by doubling shifts."""
    frames = tf.shape(values)[1]

    def step(shift: tf.Tensor | int, best: tf.Tensor) -> tuple[tf.Tensor | int, tf.Tensor]:
        shifted = tf.pad(best, [[0, 0], [shift, 0], [0, 0], [0, 0]], constant_values=-1)
        return shift * 2, tf.maximum(best, shifted[:, :frames])

    if values.shape[1] is not None:  # a few steps, and shapes that stay known
        known_shift: tf.Tensor | int = 1
        while known_shift < values.shape[1]:
            known_shift, values = step(known_shift, values)
        return values

    _, best = tf.while_loop(
        lambda shift, _: shift < frames,
        step,
        (tf.constant(1), values),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None] * 4)),
    )
    return best


def _at_frames(coords: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """coords[b, index[b, f, m, j], m, j]: [B, F, M, J, C]."""
    by_joint = tf.transpose(coords, [0, 2, 3, 1, 4])
    picked = tf.gather(by_joint, tf.transpose(index, [0, 2, 3, 1]), batch_dims=3)
    return tf.transpose(picked, [0, 3, 1, 2, 4])


def seen_first(
    coords: tf.Tensor, seen: tf.Tensor, present: tf.Tensor, *, shortcuts: bool = True
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Persons never seen go behind the others, whose order stays; `shortcuts` as above."""
    if coords.shape[2] == 1:
        return coords, seen, present

    def ordered() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        order = tf.argsort(tf.cast(~seen, tf.int32), axis=1, stable=True)
        return (
            tf.ensure_shape(tf.gather(coords, order, axis=2, batch_dims=1), coords.shape),
            tf.ensure_shape(tf.gather(seen, order, axis=1, batch_dims=1), seen.shape),
            tf.ensure_shape(tf.gather(present, order, axis=2, batch_dims=1), present.shape),
        )

    if not shortcuts:
        return ordered()
    # As a rule they are in order, and gathering costs a copy of all frames.
    in_order = tf.reduce_all(tf.logical_or(seen[:, :-1], ~seen[:, 1:]))
    return tf.cond(in_order, lambda: (coords, seen, present), ordered)
