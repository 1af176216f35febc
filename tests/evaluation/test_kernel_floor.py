"""The kernels floor: what it is fitted on, where it is left out, and that it is kept."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from typing import Any

import keras
import numpy as np
import pytest

from ms2l_tf.api.arrays import dataset_of
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation import kernel_floor as module
from ms2l_tf.evaluation import layout_features
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.kernel_floor import beside_run, kernel_features, kernel_floor, left_out
from ms2l_tf.evaluation.probes import RidgeProbe
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.evaluation.showcase import headline
from ms2l_tf.evaluation.tables import format_table
from ms2l_tf.methods.registry import changed, run_config
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.helpers import TrainedRun, motion, tiny_config, tiny_layout

KERNELS: dict[str, Any] = {"method": "kernels", "mixes": 6, "dims": 4, "instance_views": 2}
RIDGE = Choices(probes=("ridge",), figures=False)


@pytest.fixture(autouse=True)
def _small_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The floor that other tests leave out, of few kernels."""
    monkeypatch.setattr(layout_features, "kernel_floor", kernel_floor)
    monkeypatch.setattr(module, "SETTINGS", KERNELS)


@pytest.fixture
def config(trained_run: TrainedRun, tmp_path: pathlib.Path) -> RunConfig:
    """Of the trained run, on a copy of its dataset where no floor is kept."""
    source = pathlib.Path(trained_run.config.data.data)
    ignored = shutil.ignore_patterns(".floors")
    copy = shutil.copytree(source, tmp_path / "data", ignore=ignored)
    return changed(trained_run.config, data=str(copy))


@pytest.fixture
def folder(trained_run: TrainedRun, tmp_path: pathlib.Path) -> RunFolder:
    return RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))


def evaluated(
    folder: RunFolder, config: RunConfig, choices: Choices = RIDGE
) -> tuple[EvaluationResult, list[str]]:
    lines: list[str] = []
    return evaluate_run(folder, config, choices, progress=lines.append).result, lines


@pytest.mark.slow
def test_it_stands_beside_the_others_and_is_kept(
    folder: RunFolder, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    two, _ = evaluated(folder, config, dataclasses.replace(RIDGE, floors=("raw", "random")))
    result, lines = evaluated(folder, config)
    assert "fitting kernels on 12 clips in tiny_5" in lines
    added = {key for key in result.metrics if key.startswith("floor/kernels/")}
    assert {"floor/kernels/ridge/top1", "floor/kernels/ridge/mean_per_class"} <= added
    assert {key: value for key, value in result.metrics.items() if key not in added} == two.metrics
    assert "fitted without labels" in result.details["kernels_floor"]
    assert "kernels_floor" not in two.details
    heading = format_table(result.metrics).splitlines()[1]
    assert heading.split()[-2:] == ["kernels", "gain"]
    assert "points against kernels in closed form" in headline(result)

    data = open_data(config)
    part = data.reference
    test = part.test[part.store.lengths[part.test] > 0]
    train_side, test_side = kernel_features(folder, config, data, 0, (part.train, test))
    assert train_side.shape == (12, 4)
    labels = data.dataset.labels
    known = ClipFeatures(train_side, labels[part.train])
    predicted = RidgeProbe().fit(known.features, known.labels).predict(test_side)
    top1 = 100 * np.mean(predicted == labels[test])
    assert result.metrics["floor/kernels/ridge/top1"] == pytest.approx(top1)

    monkeypatch.setattr(module, "build_learner", None)  # nothing is fitted again
    again, lines = evaluated(folder, config)
    assert again.metrics == result.metrics
    assert "floor/kernels/ridge" in again.details["kept_floors"]
    assert not any("fitting" in line for line in lines)


def test_it_depends_on_clips_seed_and_poses(folder: RunFolder, config: RunConfig) -> None:
    def facts(config: RunConfig) -> Any:
        data = open_data(config)
        part = data.reference
        floor = kernel_floor(folder, config, data, 0, (part.train, part.test), print)
        assert floor is not None
        return floor.cache.facts

    first = facts(config)
    assert facts(config) == first
    assert facts(changed(config, units=5, learning_rate=0.5, frames=30)) == first
    assert facts(changed(config, precision="mixed_float16")) == first
    for change in (
        {"seed": 1}, {"train_on": "fit"}, {"rotation": "vertical"}, {"scale": "none"},
        {"persons": 1}, {"validation": "camera", "train_on": "fit"},
    ):  # fmt: skip
        assert facts(changed(config, **change)) != first, change


def test_it_is_fitted_on_what_the_run_was_trained_on(config: RunConfig) -> None:
    told = changed(config, train_on="fit", seed=3, rotation="clip")
    data = open_data(told)
    kernels = beside_run(told, data, 0)
    np.testing.assert_array_equal(kernels.clips, data.reference.fit)
    assert len(kernels.clips) < len(data.reference.train)
    settings = kernels.config.to_json()
    assert (settings["seed"], settings["rotation"], settings["frames"]) == (3, "clip", 32)
    (normaliser,) = kernels.data.normalisers
    assert (normaliser.centre, normaliser.rotation, normaliser.persons) == ("clip", "clip", 2)


def test_a_run_of_kernels_has_none_where_it_is_the_same(
    config: RunConfig, tmp_path: pathlib.Path
) -> None:
    same = run_config({**KERNELS, "data": config.data.data, "k": (1,), "raw_frames": 6})
    result, lines = evaluated(train(same, str(tmp_path / "same"), strategy="one"), same)
    assert "tiny_5: the kernels floor is left out: the run is that encoder itself" in lines
    assert result.details["kernels_floor"] == "left out: the run is that encoder itself"
    assert not any("kernels" in key for key in result.metrics)
    data = open_data(config)
    assert left_out(same, data, 0)
    for change in ({"mixes": 7}, {"shrinkage": 0.5}, {"frames": 20}, {"protocol": "supervised"}):
        assert not left_out(changed(same, **change), data, 0), change


def test_one_clip_is_too_few(folder: RunFolder, config: RunConfig) -> None:
    data = open_data(config)
    few = dataclasses.replace(data.reference, train=data.reference.train[:1])
    one = RunData((few,), data.normalisers)
    assert "it tells clips apart" in left_out(config, one, 0)
    sides = (few.train, few.test)
    assert kernel_floor(folder, config, one, 0, sides, print) is None
    with pytest.raises(InputError, match="was trained on one clip; kernels tell clips apart"):
        kernel_features(folder, config, one, 0, sides)


def test_floors_are_chosen(folder: RunFolder, config: RunConfig) -> None:
    none, _ = evaluated(folder, config, dataclasses.replace(RIDGE, floors=()))
    assert set(none.metrics) == {"ridge/top1", "ridge/mean_per_class"}
    assert "gain" not in format_table(none.metrics).splitlines()[1]
    with pytest.raises(InputError, match="--floors: 'trained' is not one of raw, random, kernels"):
        Choices(floors=("raw", "trained"))


@pytest.mark.slow
def test_several_layouts_and_their_own_policy(clr_run: RunFolder, tmp_path: pathlib.Path) -> None:
    folder = RunFolder(shutil.copytree(clr_run.path, tmp_path / "run"))
    result, _ = evaluated(folder, folder.config(), dataclasses.replace(RIDGE, cross=False))
    second = folder.config().data.layouts[1]
    assert {"floor/kernels/ridge/top1", f"floor/kernels/layout/{second}/ridge/top1"} <= set(
        result.metrics
    )
    assert keras.config.dtype_policy().name == "float32"


def test_flat_poses(tmp_path: pathlib.Path) -> None:
    clips = [motion(5 + n, seed=n, persons=2, label=n % 2)[..., :2] for n in range(8)]
    dataset = dataset_of(clips, None, tmp_path / "data", tiny_layout())
    config = tiny_config(data=str(dataset.path), rotation="in_plane", validation="none")
    data = open_data(config)
    sides = (data.reference.train, data.reference.test[:0])
    train_side, test_side = kernel_features(RunFolder(tmp_path), config, data, 0, sides)
    assert (train_side.shape, test_side.shape) == ((8, 4), (0, 4))
    assert np.isfinite(train_side).all()
