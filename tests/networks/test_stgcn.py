"""The ST-GCN against a NumPy twin, and what layouts, persons and dropout may not change."""

from __future__ import annotations

import itertools
import pathlib
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.networks.stgcn import STGCN
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout
from ms2l_tf.views import ClipRandom
from tests.helpers import assert_all_close, assert_close, random_poses, tiny_layout
from tests.networks.stgcn_twin import Twin

FRAMES = 11
LAYOUTS = (
    tiny_layout(),
    tiny_layout(
        name="tiny_4",
        joints=("hip_left", "hip_right", "neck", "head"),
        edges=((0, 2), (1, 2), (3, 2)),
        bones=((0, 2), (1, 2), (3, 2)),
        mirror=(1, 0, 2, 3),
        parts={"trunk": (2, 3), "leg_left": (0,), "leg_right": (1,)},
    ),
)


def network(
    layouts: tuple[SkeletonLayout, ...] = LAYOUTS, *, scrambled: bool = True, **changes: Any
) -> STGCN:
    """A tiny one; `scrambled` weights are not at their neutral initial values."""
    keras.utils.set_random_seed(0)
    settings = {"width": 3, "blocks": 4, "temporal_kernel": 5, "dropout": 0.0, **changes}
    model = STGCN(layouts, **settings)
    model.build((None, FRAMES, 2, layouts[0].num_joints, model.coords))
    if scrambled:
        for number, weight in enumerate(model.weights):
            if len(weight.shape) == 1:
                weight.assign(1 + 0.3 * np.tanh(random_poses(*weight.shape, seed=number)))
    return model


def poses_in(layout: int, batch: int = 3, persons: int = 2) -> np.ndarray:
    """[B, T, M, J, C]; the second person of the second clip is absent."""
    found = random_poses(batch, FRAMES, persons, LAYOUTS[layout].num_joints, 3, seed=layout)
    found[1, :, 1:] = 0
    return found


def random_of(batch: int, seed: int = 0) -> ClipRandom:
    return ClipRandom(tf.constant([seed, 7]), batch)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("layout", "settings"),
    [
        (0, {}),
        (1, {"inputs": ("motion",), "partition": "distance", "temporal_kernel": 3}),
        (1, {"inputs": ("bone",), "edge_importance": False}),
        (0, {"inputs": ("bone",), "partition": "in_out", "blocks": 2}),
        (0, {"partition": "uniform", "blocks": 10, "width": 1, "temporal_kernel": 1}),
    ],
)
def test_forward_pass_equals_the_twin(
    layout: int, settings: dict[str, Any], training: bool
) -> None:
    model, poses = network(**settings), poses_in(layout)
    expected = Twin(model, layout, training)(poses)
    assert expected.any()
    found = model(poses, layout=layout, training=training)
    assert found.shape == (3, model.feature_dim)
    assert_close(found, expected, 1e-4)


def test_number_of_weights() -> None:
    """What the published size needs for 25 joints: with the heads of AimCLR 0.92 M in all.

    A block from D to D' channels has 3 D D' for the graph (one kernel a partition), 9 D' D' for
    time, 2 D' + 2 D' for its two normalisations, and 3 * 25 * 25 factors of edges; where the shape
    changes also D D' + 2 D' for the residual. The input normalisation has 2 * 25 * 3. There are no
    biases, for normalisation follows every convolution.
    """
    channels = [3, 16, 16, 16, 16, 32, 32, 32, 64, 64, 256]
    expected = 2 * 25 * 3
    for number, (one, other) in enumerate(itertools.pairwise(channels)):
        expected += 3 * one * other + 9 * other * other + 4 * other + 3 * 25 * 25
        if number and one != other:
            expected += one * other + 2 * other
    model = STGCN([load_layout("kinect_v2_25")])
    model.build((None, 50, 2, 25, 3))
    found = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert found == expected == 818_852


def test_another_layout_adds_only_what_belongs_to_it() -> None:
    one, two = network(LAYOUTS[:1]), network()
    joints = LAYOUTS[1].num_joints
    added = 2 * 3 * joints + 3 * joints**2 * len(two.blocks)

    def size(model: STGCN) -> int:
        return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)

    assert size(two) - size(one) == added
    assert len(two.weights) == len(one.weights)


@pytest.mark.parametrize("blocks", range(2, 11))
def test_depth(blocks: int) -> None:
    model = STGCN(LAYOUTS, width=2, blocks=blocks)
    filters = [block.filters for block in model.blocks]
    assert len(filters) == blocks
    assert filters == sorted(filters)
    assert filters[0] == 2
    assert filters[-1] == model.feature_dim == 32
    assert [block.stride for block in model.blocks].count(2) == min(2, max(blocks - 2, 0))
    assert [block.residual for block in model.blocks] == [False, *[True] * (blocks - 1)]


def test_absent_persons_change_nothing() -> None:
    """Neither features nor statistics, in training; and features are the mean over persons."""
    poses = poses_in(0)
    wider = np.concatenate([poses, np.zeros_like(poses[:, :, :1])], axis=2)
    one, two = network(), network()
    assert_close(one(poses, training=True), two(wider, training=True))
    assert_all_close(one.get_weights(), two.get_weights())
    each = [one(poses[:, :, person : person + 1]) for person in range(2)]
    found = one(poses)
    assert_close(found[0], (each[0][0] + each[1][0]) / 2)
    assert_close(found[1], each[0][1])


def test_a_clip_without_anybody_has_features() -> None:
    poses = poses_in(0)
    poses[2] = 0
    model = network()
    found = model.feature_map(poses)
    np.testing.assert_array_equal(found.clip, [0, 0, 1, 2])
    assert np.isfinite(model(poses)).all()


def test_presence_is_judged_before_the_stream() -> None:
    """A person that stands still has no motion, and is there."""
    poses = np.ones((1, FRAMES, 2, 5, 3), np.float32)
    assert network(inputs=("motion",)).feature_map(poses).maps.shape[0] == 2


@pytest.mark.parametrize("layout", [0, 1])
def test_a_layout_is_its_own_business(layout: int) -> None:
    """What belongs to the other layout gets no gradient, no update, and has no say."""
    model, poses = network(), poses_in(layout)
    flat = []
    for weight in model.weights:
        # How many values belong to the first layout; the others are the second's.
        first = 0
        if "input_norm" in weight.path:
            first = 3 * 5
        elif "edge_importance" in weight.path:
            first = 3 * 5 * 5
        elif not weight.trainable:
            first = weight.shape[0] // 2
        if first:
            flat.append((weight, slice(first, None) if layout else slice(0, first)))
    assert len(flat) == 4 + len(model.blocks) + 2 * (2 * len(model.blocks) + 3)
    before = [weight.numpy() for weight, _ in flat]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(poses, layout=layout, training=True) ** 2)
    trained = [(weight, part) for weight, part in flat if weight.trainable]
    for gradient, (_, part) in zip(
        tape.gradient(loss, [weight for weight, _ in trained]), trained, strict=True
    ):
        assert not np.delete(gradient, part).any()
        assert gradient.numpy()[part].any()
    for old, (weight, part) in zip(before, flat, strict=True):
        np.testing.assert_array_equal(np.delete(weight.numpy(), part), np.delete(old, part))
    features = model(poses, layout=layout)
    for weight, part in flat:
        changed = np.full(weight.shape, 9.0, np.float32)
        changed[part] = weight.numpy()[part]
        weight.assign(changed)
    np.testing.assert_array_equal(model(poses, layout=layout), features)


def test_one_traced_function_serves_all_layouts() -> None:
    """Layout and number of joints known at run time only; in training with dropout."""
    static, traced = (network(inputs=("bone",), blocks=3, dropout=0.5) for _ in range(2))
    traces = []

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, FRAMES, 2, None, 3]),
            tf.TensorSpec([], tf.int32),
        ]
    )
    def step(poses: tf.Tensor, layout: tf.Tensor) -> Any:
        traces.append(layout)
        with tf.GradientTape() as tape:
            features = traced(poses, layout=layout, training=True, random=random_of(3))
            loss = tf.reduce_sum(features**2)
        return features, tape.gradient(loss, traced.trainable_weights)

    for layout in (0, 1, 0):
        poses = poses_in(layout)
        found, gradients = step(poses, layout)
        expected = static(poses, layout=layout, training=True, random=random_of(3))
        assert_close(found, expected, 1e-4)
        assert_all_close(traced.get_weights(), static.get_weights())
        assert all(np.isfinite(gradient).all() for gradient in gradients)
        assert all(np.any(gradient) for gradient in gradients)
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("name", "joint", "reached"),
    [
        ("smplx_42", "leyehf", ["leyehf"]),
        ("berkeley_mhad_43", "lhead", ["head", "lhead", "rhead"]),
    ],
)
def test_components_of_a_disconnected_graph(name: str, joint: str, reached: list[str]) -> None:
    """They don't hear of each other before pooling; and all are trained."""
    layout = load_layout(name)
    model = network((layout,), blocks=3, width=1)
    poses = random_poses(2, FRAMES, 1, layout.num_joints, 3)
    moved = poses.copy()
    moved[:, :, :, layout.index(joint)] += 1
    one, two = (model.feature_map(values).maps for values in (poses, moved))
    changed = np.abs(one - two).max(axis=(0, 1, 3)) > 0
    assert set(np.array(layout.joints)[changed]) <= set(reached)
    assert changed[layout.index(joint)]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(poses, training=True) ** 2)
    gradients = tape.gradient(loss, model.trainable_weights)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_dropout_is_decided_by_the_seed() -> None:
    model, poses = network(dropout=0.5), poses_in(0)
    one, again, other = (
        model(poses, training=True, random=random_of(3, seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3
    plain = network()
    assert_close(model(poses, random=random_of(3)), model(poses))
    assert_close(model(poses, training=True), plain(poses, training=True))


def test_features_of_a_clip_and_version() -> None:
    """Features come of one call for all versions of the batch, in the order of the rows."""
    model, poses = network(), poses_in(0)
    found = model.feature_map(np.concatenate([poses, poses[::-1]]))
    assert found.maps.shape == (10, 3, 5, model.feature_dim)
    pooled = model.pooled(found)
    assert_close(pooled[:3], pooled[3:][::-1])
    assert_close(pooled[:3], model(poses))


@pytest.mark.parametrize("layout", [0, 1])
def test_frames_average_to_the_features_of_a_clip(layout: int) -> None:
    model, poses = network(), poses_in(layout)
    frames = model(poses, layout=layout, by_frame=True)
    assert frames.shape == (3, FRAMES, model.feature_dim)
    strided = model.feature_map(poses, layout).maps.shape[1]
    first = [np.flatnonzero(np.arange(FRAMES) * strided // FRAMES == t)[0] for t in range(strided)]
    assert_close(np.asarray(frames)[:, first].mean(axis=1), model(poses, layout=layout))


def test_several_channels_are_fed_side_by_side() -> None:
    model = network(inputs=("joint", "bone"))
    assert model(poses_in(0)).shape == (3, model.feature_dim)
    assert model.blocks[0].graph_kernel.shape[0] == 3 * 2 * 3


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(precision: str) -> None:
    poses = poses_in(1)
    full = network(dropout=0.5)(poses, layout=1, training=True, random=random_of(3))
    keras.config.set_dtype_policy(precision)
    model = network(dropout=0.5)
    found = model(poses, layout=1, training=True, random=random_of(3))
    assert found.dtype == tf.float32
    assert model.feature_map(poses, 1).maps.dtype == model.compute_dtype
    assert_close(found, full, 0.2)
    assert all(weight.dtype == "float32" for weight in model.weights)


def test_config_round_trip() -> None:
    model = network(inputs=("bone",), partition="in_out", dropout=0.25, edge_importance=False)
    copy = STGCN.from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    copy.build((None, FRAMES, 2, 5, 3))
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(poses_in(1), layout=1), model(poses_in(1), layout=1))


def test_files_and_exports_equal_the_live_model(tmp_path: pathlib.Path) -> None:
    model = network(dropout=0.5)
    model(poses_in(0))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(poses_in(1), layout=1), model(poses_in(1), layout=1))

    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = tf.TensorSpec([None, None, 2, 4, 3])
    archive.add_endpoint("features", lambda poses: model(poses, layout=1, training=False), [spec])
    archive.write_out(str(tmp_path / "exported"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "exported"))
    for batch, frames in ((3, FRAMES), (1, 7)):
        poses = poses_in(1)[:batch, :frames]
        assert_close(served.features(poses), model(poses, layout=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inputs": ("angles",)}, "--inputs=angles: is not one of joint, motion, bone"),
        ({"blocks": 1}, "--blocks=1: must be 2 to 10"),
        ({"partition": "radial"}, "--partition=radial: is not one of"),
        ({"temporal_kernel": 4}, "--temporal_kernel=4: must be odd"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        STGCN(LAYOUTS, **settings)
