from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.networks.normalisation import BatchNorm
from ms2l_tf.networks.stgcn import STGCN
from ms2l_tf.skeletons.layout import load_layout
from ms2l_tf.views import ClipRandom

LAYOUTS = ("kinect_v1_20", "h36m_17")


def test_weights_are_shared_and_statistics_are_not() -> None:
    layer = BatchNorm(3, layouts=2)
    layer.build((None, None, None, 3))
    assert [tuple(weight.shape) for weight in layer.weights] == [(3,), (3,), (6,), (6,)]
    values = tf.random.stateless_normal([4, 5, 6, 3], [1, 2], mean=7.0)
    layer(values, training=True, layout=1)
    mean = np.asarray(layer.moving_mean)
    np.testing.assert_array_equal(mean[:3], 0.0)
    np.testing.assert_allclose(mean[3:], 0.1 * np.mean(values, axis=(0, 1, 2)), rtol=1e-5)


def test_training_in_one_layout_leaves_the_statistics_of_the_other() -> None:
    network = STGCN(
        [load_layout(name) for name in LAYOUTS], width=2, blocks=3, temporal_kernel=3, dropout=0.0
    )
    poses = [tf.random.stateless_normal([3, 8, 1, joints, 3], [0, joints]) for joints in (20, 17)]
    network.build(poses[0].shape)
    before = [network(one, layout=number).numpy() for number, one in enumerate(poses)]
    network(poses[1], layout=1, training=True, random=ClipRandom(tf.constant([0, 0]), 3))
    after = [network(one, layout=number).numpy() for number, one in enumerate(poses)]
    np.testing.assert_array_equal(after[0], before[0])
    assert np.abs(after[1] - before[1]).max() > 1e-4


@pytest.mark.slow
def test_after_many_steps_inference_equals_training_in_every_layout() -> None:
    # With statistics shared by both, neither would come out.
    keras.utils.set_random_seed(0)
    network = STGCN(
        [load_layout(name) for name in LAYOUTS], width=2, blocks=3, temporal_kernel=3, dropout=0.0
    )
    poses = [
        scale * tf.random.stateless_normal([48, 8, 1, joints, 3], [0, joints])
        for scale, joints in ((1.0, 20), (3.0, 17))
    ]
    network.build(poses[0].shape)
    random = ClipRandom(tf.constant([0, 0]), 48)

    @tf.function
    def step(one: tf.Tensor, layout: tf.Tensor) -> tf.Tensor:
        return network(one, layout=layout, training=True, random=random)

    trained = [poses[0], poses[1]]
    for _ in range(120):
        for layout, one in enumerate(poses):
            trained[layout] = step(one, tf.constant(layout))
    for layout, one in enumerate(poses):
        # Moving variances are unbiased ones, those of a batch are not.
        np.testing.assert_allclose(network(one, layout=layout), trained[layout], atol=0.02)
