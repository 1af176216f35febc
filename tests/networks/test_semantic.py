"""One network for all layouts: its points against NumPy, Keras' conventions, its weights."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.registry import run_config
from ms2l_tf.networks.base import Network
from ms2l_tf.networks.registry import NETWORKS, build_network
from ms2l_tf.networks.semantic import SemanticNetwork
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout
from ms2l_tf.skeletons.mapping import load_mapping
from ms2l_tf.skeletons.semantic import SEMANTIC
from tests.helpers import assert_close, random_poses
from tests.layer_checks import run_layer_test

NAMES = ("kinect_v1_20", "kinect_v1_upper_14", "h36m_15")
LAYOUTS = [load_layout(name) for name in NAMES]
SMALL: dict[str, dict[str, Any]] = {
    "stgcn": {"width": 1, "blocks": 2, "temporal_kernel": 3},
    "kernels": {"mixes": 8, "dims": 6},
}
TORSOS = {"head": 0.41, "elbow": -0.65, "hand": -1.15, "knee": -0.85, "ankle": -1.70}
FROM = {"head": "spine_top", "knee": "hip", "ankle": "hip"}


def network_of(
    name: str = "gru", layouts: list[SkeletonLayout] = LAYOUTS, **settings: Any
) -> Network:
    small = SMALL.get(name, {"units": 4})
    values = {"method": "supervised", "network": name, "joints": "semantic", **small, **settings}
    return build_network(run_config(values), layouts, coords=3)


def poses_in(layout: SkeletonLayout) -> np.ndarray:
    """[3, 8, 2, J, 3]; one person is absent, another for some frames."""
    poses = random_poses(3, 8, 2, layout.num_joints, 3)
    poses[0, :, 1] = 0
    poses[1, 2:5, 1] = 0
    return poses


def points_twin(poses: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """[B, T, M, J, C] -> [B, T, M, 11, C], a person at a time."""

    def mean(person: np.ndarray, joints: tuple[int, ...]) -> np.ndarray:
        total: np.ndarray = person[:, list(joints)].sum(axis=1) / len(joints)
        return total

    points = np.zeros((*poses.shape[:3], len(SEMANTIC), poses.shape[-1]))
    for clip, person in np.ndindex(poses.shape[0], poses.shape[2]):
        track = poses[clip, :, person].astype(np.float64)
        shown = [t for t in range(len(track)) if track[t].any()]
        neck, pelvis = (mean(track, layout.semantic[point]) for point in ("neck", "pelvis"))
        spine = (neck - pelvis)[shown].mean(axis=0) if shown else np.zeros(3)
        for number, point in enumerate(SEMANTIC):
            if layout.semantic[point]:
                points[clip, :, person, number] = mean(track, layout.semantic[point])
                continue
            name, _, side = point.partition("_")
            anchor = "_".join(part for part in (FROM[name], side) if part)
            for frame in shown:
                base = mean(track, layout.anchors[anchor])[frame]
                points[clip, frame, person, number] = base + TORSOS[name] * spine
    return points


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_the_points_are_those_of_numpy(number: int) -> None:
    network = network_of()
    assert isinstance(network, SemanticNetwork)
    poses = poses_in(LAYOUTS[number])
    expected = points_twin(poses, LAYOUTS[number])
    assert_close(network.points(tf.constant(poses), number), expected)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, None, 3]), tf.TensorSpec([], tf.int32)]
    )
    def traced(poses: tf.Tensor, layout: tf.Tensor) -> tf.Tensor:
        return network.points(poses, layout)

    assert_close(traced(poses, number), expected)


@pytest.mark.parametrize("name", ["gru", "gru_last", "stgcn", "kernels"])
def test_it_gives_what_the_network_within_makes_of_the_points(name: str) -> None:
    network = network_of(name)
    assert isinstance(network, SemanticNetwork)
    poses = tf.constant(poses_in(LAYOUTS[1]))
    network.build((None, *poses.shape[1:]))
    points = network.points(poses, 1)
    inner = network.network
    assert_close(network(poses, layout=1), inner(points))
    assert network.has_frames == NETWORKS[name].has_frames
    assert network.gives_frames == NETWORKS[name].gives_frames
    assert network.feature_dim == inner.feature_dim
    assert_close(
        network.pooled(network.feature_map(poses, 1)), inner.pooled(inner.feature_map(points))
    )
    if network.has_frames:
        assert_close(network(poses, layout=1, by_frame=True), inner.frames(points))


@pytest.mark.parametrize("name", ["gru", "stgcn", "kernels"])
def test_keras_conventions(name: str, tmp_path: pathlib.Path) -> None:
    inputs = [random_poses(2, 12, 2, 14, 3), random_poses(5, 7, 2, 14, 3)]
    run_layer_test(network_of(name), inputs, tmp_path, layout=1)


@pytest.mark.parametrize("name", ["gru", "lstm", "tcn", "stgcn", "kernels"])
def test_no_weight_belongs_to_a_layout(name: str) -> None:
    shapes = []
    for layouts in ([LAYOUTS[0]], LAYOUTS):
        network = network_of(name, layouts)
        network.build((None, 8, 2, 20, 3))
        shapes.append([weight.shape for weight in network.weights])
    assert shapes[0] == shapes[1]


def test_two_layouts_of_the_same_points_have_the_same_features() -> None:
    mapping = load_mapping("kinect_v1_20_to_kinect_v1_18")
    network = network_of("gru", [mapping.source_layout, mapping.target_layout])
    poses = random_poses(2, 8, 2, 20, 3)
    assert_close(network(mapping.apply(poses), layout=1), network(poses, layout=0))
