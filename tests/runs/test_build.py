"""Settings reach what is built from them."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.data.run_data import build_normaliser
from ms2l_tf.errors import InputError
from ms2l_tf.methods.augmentation import AugmentSettings, build_augmentation
from ms2l_tf.methods.ms2l.build import build_tasks
from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.methods.ms2l.tasks import Contrastive, Jigsaw, MotionPrediction, SpatialPrediction
from ms2l_tf.runs.build import build_learner, open_data, run_shape
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import TemporalJigsaw
from tests.helpers import (
    FRAMES,
    random_poses,
    tiny_config,
    tiny_layout,
    tiny_shape,
    write_dataset,
)


def test_tasks() -> None:
    config = tiny_config(
        observed=0.25,
        observed_noise=0.2,
        segments=4,
        prediction_reduction="sum",
        decoder="gru",
        head="mlp",
        head_hidden=(7, 9),
        projection=6,
        temperature=0.3,
        task_pooling="max",
        prediction_weight=2.0,
        jigsaw_weight=3.0,
        contrastive_weight=4.0,
    )
    prediction, jigsaw, contrastive = build_tasks(config, tiny_layout())
    assert isinstance(prediction, MotionPrediction)
    assert isinstance(jigsaw, Jigsaw)
    assert isinstance(contrastive, Contrastive)
    assert (prediction.view.observed, prediction.view.noise) == (3, 0.2)
    assert (prediction.reduction, prediction.decoder, prediction.weight) == ("sum", "gru", 2.0)
    assert isinstance(jigsaw.view, TemporalJigsaw)
    assert jigsaw.view.segments == 4
    for task in (jigsaw, contrastive):
        assert (task.kind, task.hidden, task.pooling) == ("mlp", (7, 9), "max")
    assert (jigsaw.weight, contrastive.weight) == (3.0, 4.0)
    assert (contrastive.projection, contrastive.temperature) == (6, 0.3)


def test_the_tasks_share_their_views() -> None:
    prediction, jigsaw, contrastive = build_tasks(tiny_config(), tiny_layout())
    plain, mask, shuffled = contrastive.views
    assert plain.name == "plain"
    assert mask is prediction.views[0]
    assert shuffled is jigsaw.views[0]


@pytest.mark.parametrize("prediction", ["temporal", "spatial"])
@pytest.mark.parametrize("jigsaw", ["temporal", "spatial"])
def test_the_four_contrastive_pairings(prediction: str, jigsaw: str) -> None:
    config = tiny_config(prediction_view=prediction, jigsaw_view=jigsaw, masked_parts=3)
    first, second, contrastive = build_tasks(config, tiny_layout())
    assert isinstance(first, SpatialPrediction if prediction == "spatial" else MotionPrediction)
    assert isinstance(second, Jigsaw)
    assert second.answer == ("slots" if jigsaw == "spatial" else "orders")
    names = [view.name for view in contrastive.views]
    assert names == ["plain", f"{prediction}_mask", f"{jigsaw}_jigsaw"]
    model = build_learner(config, tiny_shape())
    assert isinstance(model, MS2L)
    loss, logs = model.self_supervised_loss(
        tf.constant(random_poses(4, FRAMES, 2, 5, 3)), tf.constant([0, 1])
    )
    assert np.isfinite([loss, *logs.values()]).all()


def test_a_layout_of_too_few_parts_is_refused() -> None:
    with pytest.raises(InputError, match="--masked_parts: 3 of 3 body parts"):
        build_tasks(tiny_config(prediction_view="spatial", masked_parts=3), three_parts())
    one = dataclasses.replace(three_parts(), parts={"trunk": tuple(range(5))})
    with pytest.raises(InputError, match="--jigsaw_view=spatial: the layout has fewer than two"):
        build_tasks(tiny_config(jigsaw_view="spatial"), one)


def three_parts() -> SkeletonLayout:
    parts = {"trunk": (0, 1, 2), "arm_left": (3,), "arm_right": (4,)}
    return dataclasses.replace(tiny_layout(), parts=parts)


def test_augmentation_is_absent_when_nothing_is_asked_of_it() -> None:
    assert build_augmentation(tiny_config().of(AugmentSettings), tiny_layout()) is None
    augmentation = build_augmentation(
        tiny_config(shear=0.1, rotate=5.0, crop=0.7, joint_dropout=0.2, flip=0.3).of(
            AugmentSettings
        ),
        tiny_layout(),
    )
    assert augmentation is not None
    assert (augmentation.shear, augmentation.rotate) == (0.1, 5.0)
    assert (augmentation.crop, augmentation.joint_dropout) == (0.7, 0.2)
    assert (augmentation.flip, augmentation.mirror) == (0.3, tiny_layout().mirror)


def test_the_model_has_the_sizes_of_layout_and_settings() -> None:
    config = tiny_config(clip_norm=2.0, augment_each=True, seed=5, inputs=("joint", "motion"))
    model = build_learner(config, tiny_shape())
    assert isinstance(model, MS2L)
    assert (model.clip_norm, model.augment_each, model.seed) == (2.0, True, 5)
    prediction, jigsaw, contrastive = model.tasks
    assert model.encoder.weights[0].shape == (2 * 2 * 5 * 3, 3 * 4)
    assert prediction.head.weights[0].shape == (8, 2 * 5 * 3)
    assert jigsaw.head.weights[0].shape == (8, 6)
    assert contrastive.head.weights[0].shape == (8, 4)


@pytest.mark.parametrize("persons", [0, 1, 3])
def test_the_seed_decides_the_weights(persons: int, tmp_path: pathlib.Path) -> None:
    dataset = write_dataset(tmp_path / "tiny")
    models = []
    for seed in (0, 0, 1):
        config = tiny_config(data=str(dataset.path), seed=seed, persons=persons)
        data = open_data(config)
        models.append(build_learner(config, run_shape(config, data)))
    store = data.reference.store
    assert data.normalisers[0].persons == data.persons == (persons or 2)
    assert build_normaliser(config.normaliser, store).persons == (persons or 2)
    assert build_normaliser(config.normaliser, store, frames=7).frames == 7
    first, same, other = (model.encoder.get_weights() for model in models)
    assert first[0].shape[0] == (persons or 2) * 5 * 3
    np.testing.assert_array_equal(first[0], same[0])
    assert np.abs(first[0] - other[0]).max() > 0.01
