"""The queue against a plain list, alone and on two replicas."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.errors import InputError
from msclr.queue import UNFILLED, MomentumQueue
from tests.helpers import assert_close, random_poses


def state(queue: MomentumQueue) -> tuple[np.ndarray, np.ndarray, int]:
    return queue.features.numpy(), queue.clips.numpy(), int(queue.pointer.numpy())


def test_it_starts_with_random_unit_vectors_of_no_clip() -> None:
    features, clips, pointer = state(MomentumQueue(50, 4, seed=3))
    assert_close(np.linalg.norm(features, axis=1), np.ones(50))
    assert np.abs(features.mean(axis=0)).max() < 0.3
    assert set(clips) == {UNFILLED}
    assert pointer == 0
    np.testing.assert_array_equal(state(MomentumQueue(50, 4, seed=3))[0], features)
    assert np.any(state(MomentumQueue(50, 4, seed=4))[0] != features)


@pytest.mark.parametrize(("length", "batches"), [(7, [3, 3, 3, 3, 2]), (4, [4, 4]), (5, [5, 1, 5])])
def test_the_oldest_entries_go_first_wherever_the_ring_is_broken(
    length: int, batches: list[int]
) -> None:
    queue = MomentumQueue(length, 2)
    features, clips, pointer = state(queue)
    expected = [features.copy(), clips.copy()]
    for number, batch in enumerate(batches):
        keys, ids = random_poses(batch, 2, seed=number), np.arange(batch, dtype=np.int32) + number
        queue.enqueue(tf.constant(keys), tf.constant(ids))
        for row in range(batch):
            expected[0][pointer], expected[1][pointer] = keys[row], ids[row]
            pointer = pointer + 1 if pointer + 1 < length else 0
        features, clips, found = state(queue)
        np.testing.assert_array_equal(features, expected[0])
        np.testing.assert_array_equal(clips, expected[1])
        assert found == pointer


def test_masks() -> None:
    """Negatives: all but the own clip's. Neighbours: of those, the ones that are keys."""
    queue = MomentumQueue(5, 2)
    queue.enqueue(tf.constant(random_poses(3, 2)), tf.constant([8, 0, 8]))
    negatives, neighbours = queue.masks(tf.constant([0, 8, 1]))
    np.testing.assert_array_equal(negatives, [[1, 0, 1, 1, 1], [0, 1, 0, 1, 1], [1, 1, 1, 1, 1]])
    np.testing.assert_array_equal(neighbours, [[1, 0, 1, 0, 0], [0, 1, 0, 0, 0], [1, 1, 1, 0, 0]])


def test_a_batch_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"--queue=3: is smaller than --batch=4; a batch of keys"):
        MomentumQueue(3, 2).enqueue(tf.zeros([4, 2]), tf.zeros([4], tf.int32))


def test_everything_is_a_weight_that_is_not_trained() -> None:
    queue = MomentumQueue(3, 2)
    assert [tuple(weight.shape) for weight in queue.weights] == [(3, 2), (3,), ()]
    assert queue.trainable_weights == []


def test_keys_are_kept_in_single_precision() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    queue = MomentumQueue(3, 2)
    queue.enqueue(tf.ones([2, 2], tf.float16), tf.constant([1, 2]))
    assert queue.features.dtype == "float32"


def test_two_replicas_hold_what_one_device_holds(two_replicas: tf.distribute.Strategy) -> None:
    """Six batches of four into a ring of seven, gathered in replica order."""
    keys, ids = random_poses(24, 2), np.arange(24, dtype=np.int32)
    single = MomentumQueue(7, 2)
    with two_replicas.scope():
        double = MomentumQueue(7, 2)

    @tf.function
    def step(batch: Any) -> None:
        double.enqueue(*(replicas.gather(part) for part in batch))

    for start in range(0, 24, 4):
        batch = (keys[start : start + 4], ids[start : start + 4])
        single.enqueue(*(tf.constant(part) for part in batch))
        parts = [
            tuple(tf.constant(part[half]) for part in batch) for half in (slice(0, 2), slice(2, 4))
        ]
        values = two_replicas.experimental_distribute_values_from_function(
            lambda context, parts=parts: parts[context.replica_id_in_sync_group]
        )
        two_replicas.run(step, args=(values,))
    for one, two in zip(single.weights, double.weights, strict=True):
        for copy in two_replicas.experimental_local_results(two.value):
            np.testing.assert_array_equal(copy, one)
