"""Pointing: its loss against NumPy; what its runs learn from, leave, go on with and are read by."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

import keras
import numpy as np
import pytest

from ms2l_tf import ClipDataset, load_encoder
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.feature_files import load_features
from ms2l_tf.evaluation.layout_features import trained_learner, untrained_learner
from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.kernels import fit as fit_module
from ms2l_tf.methods.pointing.method import target_config
from ms2l_tf.methods.pointing.model import Pointing, Taught
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.build import build_learner, open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.helpers import assert_close, random_poses, tiny_shape, write_dataset
from tests.training.test_train import assert_same_weights, interruption

QUICK: dict[str, Any] = {
    "method": "pointing", "target_mixes": 8, "target_dims": 6, "units": 4, "layers": 2,
    "frames": 12, "batch": 4, "epochs": 2, "monitor_epochs": 1, "k": (1,), "raw_frames": 6,
}  # fmt: skip
PLAIN = {"rotate": 0.0, "shear": 0.0, "crop": 1.0, "joint_dropout": 0.0}


def config_of(data: ClipDataset, **changes: Any) -> RunConfig:
    return run_config({**QUICK, "data": str(data.path), **changes})


def pointing(**changes: Any) -> Pointing:
    """An untrained learner on the tiny skeleton."""
    model = build_learner(run_config({**QUICK, **changes}), tiny_shape())
    assert isinstance(model, Pointing)
    return model


def teacher_of(learner: Learner) -> list[np.ndarray]:
    assert isinstance(learner, Pointing)
    return [weight.numpy() for weight in learner.taught.teacher.weights]


class Fits:
    """Stands where the teacher is fitted, and keeps what came of it."""

    def __init__(self) -> None:
        self.teachers: list[list[np.ndarray]] = []
        self._original = fit_module.fit_kernels

    def __call__(self, config: RunConfig, data: Any, learner: Learner) -> dict[str, float]:
        logs = self._original(config, data, learner)
        self.teachers.append([weight.numpy() for weight in learner.encoder.weights])
        return logs


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Fits:
    watched = Fits()
    monkeypatch.setattr(fit_module, "fit_kernels", watched)
    return watched


@pytest.fixture(scope="module")
def run(tiny_dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """An uninterrupted run; copy it before writing."""
    path = tmp_path_factory.mktemp("runs") / "pointing"
    return train(config_of(tiny_dataset), str(path), strategy="one")


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.sqrt((rows**2).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("network", ["tcn", "gru_last"])
def test_the_loss_is_that_of_numpy(network: str) -> None:
    model = pointing(network=network, sharpness=7.0, **PLAIN)
    poses = random_poses(5, 12, 2, 5, 3)
    student = np.asarray(model.encoder(poses), np.float64)
    if network == "tcn":
        student = np.concatenate([student.max(axis=1), student.mean(axis=1)], axis=-1)
    kernel, bias = (weight.numpy() for weight in model.taught.head.weights)
    predictions = unit(student @ kernel + bias)
    targets = unit(np.asarray(model.taught.teacher(poses), np.float64))
    cosines = predictions @ targets.T
    losses = []
    for clip, row in enumerate(cosines):
        losses.append(np.log(np.exp(7.0 * row).sum()) - 7.0 * row[clip])
    found = np.mean(cosines.argmax(axis=1) == np.arange(5))
    loss, logs = model.losses({"poses": poses}, np.array([0, 0]), training=False)
    assert_close(loss, np.mean(losses), 1e-4)
    assert_close(logs["found"], found)
    joined = np.concatenate([predictions, targets], axis=-1)
    assert_close(model.taught(poses), joined, 1e-4)
    assert_close(model.reader(poses), joined, 1e-4)


def test_the_student_sees_a_view_and_the_teacher_the_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    poses, seen = random_poses(5, 12, 2, 5, 3), []
    original = Taught.targets

    def targets(self: Taught, clips: Any) -> Any:
        seen.append(np.asarray(clips))
        return original(self, clips)

    monkeypatch.setattr(Taught, "targets", targets)
    model = pointing()

    def loss(model: Pointing, step: int) -> float:
        return float(model.losses({"poses": poses}, np.array([0, step]), training=False)[0])

    first, again, next_step = (loss(model, step) for step in (0, 0, 1))
    assert first == again
    assert len({first, next_step, loss(pointing(**PLAIN), 0)}) == 3
    for each in seen:
        np.testing.assert_array_equal(each, poses)


def test_joined_features_end_with_the_closed_form_ones() -> None:
    model, poses = pointing(), random_poses(3, 12, 2, 5, 3)
    alone = Taught(model.encoder, model.taught.teacher, joined=False)
    alone.build((None, 12, 2, 5, 3))
    alone.head.set_weights(model.taught.head.get_weights())
    assert alone.feature_dim == 6
    assert model.taught.feature_dim == 12
    assert alone.compute_output_shape((3, 12, 2, 5, 3)) == (3, 6)
    both = np.asarray(model.taught(poses))
    np.testing.assert_array_equal(alone(poses), both[:, :6])
    assert_close(np.linalg.norm(both.reshape(3, 2, 6), axis=-1), np.ones((3, 2)))
    assert pointing(joined=False).reader.feature_dim == 6


def test_no_gradient_reaches_the_teacher() -> None:
    model = pointing()
    model.compile(keras.optimizers.SGD(0.1))
    before = teacher_of(model)
    model.train_step({"poses": random_poses(4, 12, 2, 5, 3)})
    for old, new in zip(before, teacher_of(model), strict=True):
        np.testing.assert_array_equal(old, new)
    student = [*model.encoder.trainable_weights, *model.taught.head.trainable_weights]
    assert {id(each) for each in model.trained_weights()} == {id(each) for each in student}


@pytest.mark.slow
def test_the_teacher_is_fitted_once_and_stays(
    run: RunFolder, tiny_dataset: ClipDataset, tmp_path: pathlib.Path, fits: Fits
) -> None:
    """And a run that is killed in its second epoch finds it in its checkpoint."""
    config = config_of(tiny_dataset)
    with interruption(2), pytest.raises(KeyboardInterrupt):
        train(config, str(tmp_path / "run"), strategy="one")
    folder = train(config, str(tmp_path / "run"), strategy="one")
    assert_same_weights(run, folder)
    assert folder.history.read_text() == run.history.read_text()
    (fitted,) = fits.teachers
    data = open_data(config)
    for mine, kept in zip(fitted, teacher_of(trained_learner(run, config, data)), strict=True):
        np.testing.assert_array_equal(mine, kept)
    drawn = teacher_of(untrained_learner(run, config, data))
    assert any(not np.array_equal(old, new) for old, new in zip(drawn, fitted, strict=True))


@pytest.mark.slow
def test_a_run_killed_before_its_first_checkpoint_begins_again(
    run: RunFolder, tiny_dataset: ClipDataset, tmp_path: pathlib.Path, fits: Fits
) -> None:
    config = config_of(tiny_dataset)
    with interruption(1), pytest.raises(KeyboardInterrupt):
        train(config, str(tmp_path / "run"), strategy="one")
    assert_same_weights(run, train(config, str(tmp_path / "run"), strategy="one"))
    first, second = fits.teachers
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_logged(run: RunFolder) -> None:
    monitors = {"val_knn", "embedding_std", "effective_rank"}
    for row in run.read_history():
        assert set(row) == {"epoch", "loss", "found"} | monitors
        assert 0 <= float(row["found"]) <= 1
        assert np.isfinite([float(value) for value in row.values()]).all()


def test_features_are_the_same_everywhere(run: RunFolder, tiny_dataset: ClipDataset) -> None:
    copied = RunFolder(shutil.copytree(run.path, run.path.parent / "evaluated"))
    file = copied.path.parent / "features.npz"
    choices = Choices(probes=("knn",), figures=False, save_features=str(file))
    result = evaluate_run(copied, copied.config(), choices).result
    test = tiny_dataset.split("cross_subject").test
    features = load_encoder(copied.path).transform(tiny_dataset, test)
    np.testing.assert_array_equal(features, load_features(file).test.features)
    assert result.feature_dim == 12
    assert "floor/random/knn/1/top1" in result.metrics
    assert result.details["random_floor"].endswith("what is fitted in closed form, as drawn")


def test_frames_are_not_told_apart(run: RunFolder, tiny_dataset: ClipDataset) -> None:
    with pytest.raises(InputError, match=r"--method=pointing --network=tcn.* frames apart"):
        load_encoder(run.path).frames(tiny_dataset)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["semi", "supervised", "transfer"])
def test_labels_fine_tune_the_student(
    protocol: str, run: RunFolder, tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    transfer = protocol == "transfer"
    data = write_dataset(tmp_path / "data", seed=50) if transfer else tiny_dataset
    told = {
        "data": str(data.path), "init": str(run.path), "protocol": protocol, "epochs": 1,
        "batch": 4, "classifier_units": 4, "classifier_hidden": (), "monitor_epochs": 0,
    }  # fmt: skip
    if not transfer:
        told["train"] = "classifier"
    values = with_initial_run(told)
    wanted = {"method": "pointing", "network": "tcn", "units": 4, "layers": 2, "centre": "clip"}
    assert {name: values[name] for name in wanted} == wanted
    config = run_config(values)
    folder = train(config, str(tmp_path / "run"), strategy="one")
    tuned = trained_learner(folder, config, open_data(config))
    assert tuned.reader is tuned.encoder
    source = trained_learner(run, run.config(), open_data(run.config()))
    same = [
        np.array_equal(mine, other)
        for mine, other in zip(
            source.encoder.get_weights(), tuned.encoder.get_weights(), strict=True
        )
    ]
    assert all(same) != transfer, "which trains the student too"
    result = evaluate_run(folder, config, Choices(("knn",), figures=False)).result
    assert np.isfinite(result.metrics["classifier/top1"])
    assert result.feature_dim == 8, "mean and maximum of the student's frames"


@pytest.mark.slow
def test_mixed_precision(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    """The teacher reads poses in single precision all the same."""
    config = config_of(tiny_dataset, precision="mixed_float16", epochs=1)
    folder = train(config, str(tmp_path / "run"), strategy="one")
    (row,) = folder.read_history()
    assert np.isfinite(float(row["loss"]))
    learner = trained_learner(folder, config, open_data(config))
    assert isinstance(learner, Pointing)
    poses = random_poses(3, 12, 2, 5, 3)
    features = learner.reader(poses)
    assert features.dtype == "float32"
    np.testing.assert_array_equal(features[:, 6:], learner.taught.targets(poses))
    assert learner.encoder(poses).dtype == "float16"


def test_the_target_has_the_clips_of_the_run_and_a_size_of_its_own() -> None:
    told = {"method": "pointing", "inputs": ("joint",), "frames": 40, "scale": "none", "seed": 3,
            "train_on": "fit", "crop": 0.9, "target_mixes": 7, "target_dims": 5}  # fmt: skip
    config, own = run_config(told), run_config({"method": "kernels"})
    target = target_config(config)
    assert target.data == config.data
    assert target.normaliser == config.normaliser
    assert target.training.seed == 3
    assert target.own == own.own
    assert target.model == own.model
    assert target.network.to_json() == {**own.network.to_json(), "mixes": 7, "dims": 5}


def test_what_it_is_not_told() -> None:
    with pytest.raises(InputError, match="--centre=frame: takes away the root's path"):
        run_config({"method": "pointing", "inputs": ("joint",), "centre": "frame"})
    labels = {"protocol": "supervised", "inputs": ("joint",), "centre": "frame"}
    assert run_config({"method": "pointing", **labels}).model.method == "pointing"


def test_one_clip_is_refused(tmp_path: pathlib.Path) -> None:
    data = write_dataset(tmp_path / "data", clips=3)
    with pytest.raises(InputError, match=r"--batch=4: .* 1 training clip\(s\) on 1 replica"):
        train(
            config_of(data, train_on="fit", validation="subject"), str(tmp_path / "run"),
            strategy="one",
        )  # fmt: skip
    assert not (tmp_path / "run").exists()
