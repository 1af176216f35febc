"""Every network on every input channel: sizes, several layouts, files."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import run_config
from ms2l_tf.networks.base import Network
from ms2l_tf.networks.frame_encoder import FrameEncoder
from ms2l_tf.networks.registry import NETWORKS, build_network
from ms2l_tf.settings.config import CHANNELS
from ms2l_tf.skeletons import load_layout
from tests.helpers import FRAMES, assert_all_close, assert_close, fitting, random_poses, tiny_layout

LAYOUTS = (load_layout("kinect_v1_20"), load_layout("kinect_v1_upper_14"))
# Without semantic joints the kernels read one layout.
OF_TWO_LAYOUTS = [name for name in NETWORKS if name != "kernels"]
SMALL = {"units": 3, "width": 1, "blocks": 2, "temporal_kernel": 3, "dropout": 0.0}


def network_of(name: str, layouts: int = 2, coords: int = 3, **changes: Any) -> Network:
    keras.utils.set_random_seed(0)
    values = {"network": name, "method": "supervised", "inputs": CHANNELS, "centre": "clip"}
    values |= changes
    config = run_config({**fitting(SMALL, values), **values})
    encoder = build_network(config, LAYOUTS[:layouts], coords=coords)
    encoder.build((None, FRAMES, 2, 20, coords))
    return encoder


def poses_in(layout: int, coords: int = 3) -> np.ndarray:
    poses = random_poses(3, FRAMES, 2, LAYOUTS[layout].num_joints, coords, seed=layout)
    poses[1, :, 1] = 0.0
    return poses


@pytest.mark.parametrize("coords", [2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_one_layout(name: str, coords: int) -> None:
    encoder = network_of(name, 1, coords)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder(poses_in(0, coords), training=True) ** 2)
    for gradient in tape.gradient(loss, encoder.trainable_weights):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", OF_TWO_LAYOUTS)
def test_one_traced_function_reads_two_layouts(name: str) -> None:
    encoder = network_of(name)

    @tf.function(
        input_signature=[tf.TensorSpec([None, FRAMES, 2, None, 3]), tf.TensorSpec([], tf.int32)]
    )
    def step(poses: tf.Tensor, layout: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            features = encoder(poses, layout=layout)
            loss = tf.reduce_sum(features**2)
        return features, tape.gradient(loss, encoder.trainable_weights)

    for layout in (0, 1, 0):
        poses = poses_in(layout)
        features, gradients = step(poses, layout)
        assert_close(features, encoder(poses, layout=layout), 1e-4)
        assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", OF_TWO_LAYOUTS)
def test_a_saved_network_reads_the_same_channels(name: str, tmp_path: pathlib.Path) -> None:
    encoder = network_of(name)
    encoder.save(tmp_path / "encoder.keras")
    copy = keras.saving.load_model(tmp_path / "encoder.keras")
    assert copy.get_config() == encoder.get_config()
    assert copy.layouts == encoder.layouts
    found = [copy(poses_in(layout), layout=layout) for layout in (0, 1)]
    assert_all_close(found, [encoder(poses_in(layout), layout=layout) for layout in (0, 1)])


def test_sizes_follow_the_channels() -> None:
    inputs = ("relative", "path", "bone_unit", "angle", "distance")
    assert network_of("stgcn", inputs=inputs).joint_size == 3 + 3 + 3 + 1 + 11
    of_whole, of_upper = network_of("gru", inputs=inputs).person_sizes(20, 3)
    assert of_whole == 60 + 3 + 57 + 15 + 55
    assert of_upper == 42 + 3 + 39 + 9 + 21


def test_channels_of_bones_need_a_layout() -> None:
    FrameEncoder(inputs=("joint", "motion", "motion4"))
    with pytest.raises(InputError, match="inputs: 'angle' needs the layouts, whose bones and poi"):
        FrameEncoder(inputs=("joint", "angle"))


def test_a_layout_without_any_of_the_channels_is_refused() -> None:
    encoder = FrameEncoder([tiny_layout()], inputs=("angle",))
    with pytest.raises(InputError, match="--inputs=angle: layout 'tiny_5' has none of that; add"):
        encoder.build((None, FRAMES, 2, 5, 3))
