"""Networks and learners are Keras objects as any: configurations, files, `fit`, `evaluate`."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.base import Learner, RunShape
from ms2l_tf.methods.registry import run_config
from ms2l_tf.methods.schedules import LossMix
from ms2l_tf.networks.classifier import Classifier
from ms2l_tf.networks.registry import NETWORKS, build_network
from ms2l_tf.runs.build import build_learner
from ms2l_tf.views import (
    Augmentation,
    Plain,
    SpatialJigsaw,
    SpatialMask,
    TemporalJigsaw,
    TemporalMask,
)
from msclr.augment import Augmentation as ContrastViews
from msclr.augment import WeakView
from tests.helpers import random_poses, tiny_layout
from tests.layer_checks import run_layer_test

FRAMES = 12
SMALL: dict[str, dict[str, Any]] = {
    "gru": {"units": 4},
    "stgcn": {"width": 2, "blocks": 2, "dropout": 0.2},
    "kernels": {"mixes": 8, "dims": 6},
}
LAYOUTS = (tiny_layout(), tiny_layout(name="tiny_too"))
SHAPE = RunShape(LAYOUTS[:1], frames=FRAMES, persons=2, coords=3, classes=3, clips=16)
INPUTS = [
    random_poses(2, FRAMES, 2, 5, 3),
    random_poses(5, 7, 2, 5, 3),
    random_poses(1, 30, 2, 5, 3),
]


@pytest.mark.parametrize(
    ("name", "several"),
    [
        (name, several)
        for name in NETWORKS
        for several in (False, True)
        if not several or name != "kernels"  # which read one layout
    ],
)
@pytest.mark.parametrize("inputs", [("joint",), ("joint", "motion", "bone")])
def test_networks(
    name: str, inputs: tuple[str, ...], several: bool, tmp_path: pathlib.Path
) -> None:
    config = run_config({"network": name, "inputs": inputs, "method": "supervised",
                         **SMALL.get(name, SMALL["gru"])})  # fmt: skip
    network = build_network(config, LAYOUTS if several else LAYOUTS[:1], coords=3)
    run_layer_test(network, INPUTS, tmp_path, layout=int(several))


@pytest.mark.parametrize("settings", [{}, {"units": 0}, {"hidden": ()}, {"dropout": 0.5}])
@pytest.mark.parametrize("frames", [True, False])
def test_the_classifier(settings: dict[str, Any], frames: bool, tmp_path: pathlib.Path) -> None:
    shapes = [(2, 12, 6), (3, 5, 6), (1, 30, 6)] if frames else [(2, 6), (5, 6)]
    inputs = [random_poses(*shape) for shape in shapes]
    run_layer_test(Classifier(3, **settings), inputs, tmp_path)


POINTING = {"target_mixes": 8, "target_dims": 6}
LEARNERS: dict[str, dict[str, Any]] = {
    "ms2l": {"method": "ms2l", "observed": 4.0},
    "ms2l, MLP heads": {"method": "ms2l", "observed": 4.0, "head": "mlp", "head_hidden": (6,)},
    "ms2l, decoder": {"method": "ms2l", "observed": 4.0, "decoder": "gru",
                      "tasks": ("prediction",)},
    "ms2l, augmented": {"method": "ms2l", "observed": 4.0, "rotate": 9.0, "flip": 0.5},
    "ms2l, spatial": {"method": "ms2l", "prediction_view": "spatial", "jigsaw_view": "spatial"},
    "ms2l of a graph": {"method": "ms2l", "observed": 4.0, "network": "stgcn", **SMALL["stgcn"]},
    "longt_gan": {"method": "longt_gan", "crop": 0.8},
    "skeletonclr": {"method": "msclr", "contrast": "skeletonclr", "batch": 4},
    "aimclr": {"method": "msclr", "batch": 4, "weight_decay": 1e-4},
    "pointing": {"method": "pointing", **POINTING},
    "pointing, alone and clips as they are": {
        "method": "pointing", "network": "gru_last", "joined": False, "crop": 1.0, "rotate": 0.0,
        "shear": 0.0, "joint_dropout": 0.0, **POINTING,
    },
    "recogniser": {"method": "supervised"},
    "recogniser, joint": {"method": "ms2l", "observed": 4.0, "protocol": "supervised",
                          "schedule": "joint", "rotate": 9.0},
    "recogniser, frozen": {"method": "ms2l", "protocol": "supervised", "train": "classifier"},
    "recogniser, weak view": {"method": "msclr", "protocol": "supervised"},
}  # fmt: skip


def learner(case: str) -> Learner:
    small = SMALL["stgcn"] if LEARNERS[case].get("method") == "msclr" else {}
    if LEARNERS[case].get("network") != "stgcn" and not small:
        small = {"units": 4}
    config = run_config({"frames": FRAMES, **small, **LEARNERS[case]})
    return build_learner(config, SHAPE)


def batches(model: Learner, clips: int = 8) -> tf.data.Dataset:
    """Enough for any learner."""
    poses = random_poses(clips, FRAMES, 2, 5, 3)
    layout = np.zeros(clips, np.int32)
    data = {
        "poses": poses, "unlabelled": poses[::-1], "query": poses, "key": poses,
        "query_layout": layout, "key_layout": layout,
        "clip": np.arange(clips, dtype=np.int32), "label": np.arange(clips, dtype=np.int32) % 3,
    }  # fmt: skip
    return tf.data.Dataset.from_tensor_slices(data).batch(4)


def values(model: Learner) -> list[np.ndarray]:
    return [np.asarray(value) for value in (*model.weights, *model.optimizer.variables)]


@pytest.mark.slow
@pytest.mark.parametrize("case", LEARNERS)
def test_learners(case: str, tmp_path: pathlib.Path) -> None:
    model = learner(case)
    config = model.get_config()
    assert type(model).from_config(config).get_config() == config
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(batches(model), verbose=0)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert type(copy) is type(model)
    assert json.dumps(copy.get_config()) == json.dumps(config)  # JSON knows no tuples
    for mine, theirs in zip(values(model), values(copy), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    poses = random_poses(3, FRAMES, 2, 5, 3)
    np.testing.assert_array_equal(copy(poses), model(poses))
    before = [np.array(weight) for weight in model.weights]
    measured = model.evaluate(batches(model), verbose=0, return_dict=True)
    assert measured == copy.evaluate(batches(copy), verbose=0, return_dict=True)
    assert np.isfinite(measured["loss"])
    for weight, kept in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    for each in (model, copy):  # training goes on from the file as from the live model
        each.fit(batches(each), verbose=0)
    for mine, theirs in zip(values(model), values(copy), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


def test_the_parts_of_a_recogniser_stay_one_network(tmp_path: pathlib.Path) -> None:
    model = learner("recogniser, joint")
    model.compile(keras.optimizers.Adam())
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.tasks.encoder is copy.encoder
    again = type(model).from_config(model.get_config())
    assert again.tasks.encoder is again.encoder


PARTS = tuple(joints for joints in tiny_layout().parts.values() if joints)
RECORDS = [
    Plain(), TemporalMask(4, 0.1), TemporalJigsaw(4), SpatialMask(PARTS, 1), SpatialJigsaw(PARTS),
    Augmentation(shear=0.1, mirror=(1, 0)), ContrastViews(turn=3.0), LossMix("joint", omega=0.5),
    WeakView(ContrastViews(shear=0.2), (1, 0, 2)),
]  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records(record: Any) -> None:
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(record))
    assert copy == record
    assert type(copy) is type(record)
