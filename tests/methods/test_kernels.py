"""Runs of the closed-form encoder: what they learn from, leave, go on with and are read by."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

from ms2l_tf import ClipDataset, load_encoder
from ms2l_tf.data import pipeline
from ms2l_tf.data.prepare import prepare
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.feature_files import load_features
from ms2l_tf.methods.kernels import fit as fit_module
from ms2l_tf.methods.kernels import fit_clips
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.build import build_learner, open_data, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.runs.weights import load_weights
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.helpers import write_dataset

QUICK: dict[str, Any] = {"method": "kernels", "mixes": 8, "dims": 6, "instance_views": 2}


def config_of(data: ClipDataset, **changes: Any) -> RunConfig:
    values = {**QUICK, "data": str(data.path), "k": (1,), "raw_frames": 6, **changes}
    return run_config(values)


def fitted(data: ClipDataset, workdir: pathlib.Path, **changes: Any) -> RunFolder:
    return train(config_of(data, **changes), str(workdir), strategy="one")


def weights(folder: RunFolder) -> dict[str, np.ndarray]:
    """Of the encoder, by the ends of their names."""
    config = folder.config()
    learner = build_learner(config, run_shape(config, open_data(config)))
    load_weights(learner, folder.weights)
    encoder = learner.encoder.weights
    return {"/".join(weight.path.split("/")[-2:]): weight.numpy() for weight in encoder}


def differing(one: RunFolder, other: RunFolder) -> list[str]:
    """Names of the weights that are not equal to the bit."""
    mine, others = weights(one), weights(other)
    return [name for name in mine if not np.array_equal(mine[name], others[name])]


@pytest.fixture(scope="module")
def run(tiny_dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A fitted run; copy it before writing."""
    return fitted(tiny_dataset, tmp_path_factory.mktemp("runs") / "kernels")


@pytest.fixture
def copied(run: RunFolder, tmp_path: pathlib.Path) -> RunFolder:
    return RunFolder(shutil.copytree(run.path, tmp_path / "run"))


def test_the_seed_decides(
    run: RunFolder, tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    assert differing(run, fitted(tiny_dataset, tmp_path / "same")) == []
    other = fitted(tiny_dataset, tmp_path / "other", seed=1)
    assert set(differing(run, other)) >= {name for name in weights(run) if "mix" in name}


def test_a_killed_run_begins_again_and_a_finished_one_is_left_alone(
    run: RunFolder,
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "discriminant", stop)
        with pytest.raises(KeyboardInterrupt):
            fitted(tiny_dataset, tmp_path / "run")
    assert not RunFolder(tmp_path / "run").finished
    again = fitted(tiny_dataset, tmp_path / "run")
    assert "starts again at epoch 1" in capsys.readouterr().err
    assert differing(run, again) == []
    written = again.weights.stat().st_mtime_ns
    fitted(tiny_dataset, tmp_path / "run")
    assert again.weights.stat().st_mtime_ns == written
    with pytest.raises(InputError, match="was started with --mixes=8, now --mixes=9"):
        fitted(tiny_dataset, tmp_path / "run", mixes=9)


def test_every_training_clip_is_read_a_batch_at_a_time_and_no_other(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No array but the one of `BASIS_CLIPS` clips grows with the clips."""
    read: list[list[int]] = []
    held: list[int] = []
    original, basis = pipeline.padded_batch, fit_module.principal_basis

    def spy(store: Any, indices: np.ndarray) -> Any:
        read.append(indices.tolist())
        return original(store, indices)

    def basis_of(numbers: np.ndarray) -> Any:
        held.append(len(numbers))
        return basis(numbers)

    monkeypatch.setattr(pipeline, "padded_batch", spy)
    monkeypatch.setattr(fit_module, "principal_basis", basis_of)
    monkeypatch.setattr(fit_clips, "BATCH", 2)
    monkeypatch.setattr(fit_module, "BASIS_CLIPS", 5)
    monkeypatch.setattr(fit_module, "THRESHOLD_CLIPS", 3)
    folder = fitted(tiny_dataset, tmp_path / "run", train_on="fit", validation="subject")
    data = open_data(folder.config()).reference
    assert {clip for clips in read for clip in clips} == set(data.fit.tolist())
    assert len(data.fit) < len(data.train)
    assert {len(clips) for clips in read} == {2}
    assert held == [5]


def test_at_most_so_many_clips_are_fitted_on(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], run: RunFolder,
) -> None:  # fmt: skip
    read: set[int] = set()
    original = pipeline.padded_batch

    def spy(store: Any, indices: np.ndarray) -> Any:
        read.update(indices.tolist())
        return original(store, indices)

    clips = len(open_data(run.config()).reference.train)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "padded_batch", spy)
        few = fitted(tiny_dataset, tmp_path / "few", fit_clips=4)
    assert f"fits on 4 of {clips} training clips" in capsys.readouterr().out
    assert len(read) == 4
    assert differing(few, fitted(tiny_dataset, tmp_path / "again", fit_clips=4)) == []
    for enough in (0, clips):
        folder = fitted(tiny_dataset, tmp_path / f"all{enough}", fit_clips=enough)
        assert differing(run, folder) == []


def test_measuring_does_not_depend_on_the_batch_size(
    run: RunFolder, tiny_dataset: ClipDataset, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(fit_clips, "BATCH", 5)
    mine, others = weights(run), weights(fitted(tiny_dataset, tmp_path / "run"))
    for name in ("mean", "scale", "thresholds", "centre"):
        (path, *more) = [path for path in mine if path.endswith(f"/{name}")]
        for each in (path, *more):
            np.testing.assert_allclose(mine[each], others[each], rtol=1e-4, atol=1e-5)


def test_features_are_the_same_everywhere(
    copied: RunFolder, tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "features.npz"
    choices = Choices(probes=("knn", "ridge"), save_features=str(file))
    result = evaluate_run(copied, copied.config(), choices).result
    saved = load_features(file)
    split = tiny_dataset.split("cross_subject")
    encoder = load_encoder(copied.path)
    np.testing.assert_array_equal(encoder.transform(tiny_dataset, split.test), saved.test.features)
    assert result.feature_dim == 6
    assert {"ridge/top1", "floor/raw/ridge/top1", "floor/random/ridge/top1"} <= set(result.metrics)
    assert (copied.figures / "confusion.png").is_file()
    assert not (copied.figures / "training.png").exists(), "there was no step to draw"
    (row,) = copied.read_history()
    assert float(row["directions"]) == 6


def test_it_is_a_step_of_a_pipeline(run: RunFolder, tiny_dataset: ClipDataset) -> None:
    split = tiny_dataset.split("cross_subject")
    clips = [tiny_dataset.poses("tiny_5").poses(row).coords for row in split.train]
    model = make_pipeline(load_encoder(run.path), RidgeClassifier())
    assert model.fit(clips, tiny_dataset.labels[split.train]).predict(clips).shape == (len(clips),)


def test_without_a_map_all_numbers_are_features(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    folder = fitted(tiny_dataset, tmp_path / "run", dims=0)
    split = tiny_dataset.split("cross_subject")
    features = load_encoder(folder.path).transform(tiny_dataset, split.train)
    assert features.shape[1] == 6 * 8 + 6 * 2  # of two persons, and between them
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    deviation = features.std(axis=0)
    assert np.all((np.abs(deviation - 1) < 1e-3) | (deviation < 1e-5))


@pytest.mark.slow
@pytest.mark.parametrize(
    "labels",
    [{"protocol": "supervised"}, {"protocol": "semi", "label_fraction": 0.5}],
    ids=lambda labels: labels["protocol"],
)
def test_a_classifier_is_trained_on_it(
    labels: dict[str, Any], run: RunFolder, tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    _check_started(run, tiny_dataset, tmp_path, labels)


def test_it_is_transferred(run: RunFolder, tmp_path: pathlib.Path) -> None:
    other = write_dataset(tmp_path / "data", seed=50)
    _check_started(run, other, tmp_path, {"protocol": "transfer"})


def _check_started(
    run: RunFolder, data: ClipDataset, tmp_path: pathlib.Path, labels: dict[str, Any]
) -> None:
    told = {"method": "kernels", "data": str(data.path), "init": str(run.path), **labels}
    told |= {"train": "classifier", "epochs": 2, "batch": 4, "monitor_epochs": 0}
    values = with_initial_run(told)
    assert values["mixes"] == 8
    folder = train(run_config(values), str(tmp_path / "run"), strategy="one")
    assert differing(run, folder) == []
    result = evaluate_run(folder, folder.config(), Choices(("ridge",), figures=False)).result
    assert np.isfinite(result.metrics["classifier/top1"])


@pytest.mark.parametrize("clips", [3, 9])
def test_few_clips(clips: int, tmp_path: pathlib.Path) -> None:
    data = write_dataset(tmp_path / "data", clips=clips, flaws=False)
    folder = fitted(data, tmp_path / "run", validation="none")
    (row,) = folder.read_history()
    trained = len(data.split("cross_subject").train)
    assert float(row["directions"]) == min(trained - 1, 6)
    features = load_encoder(folder.path).transform(data)
    assert np.isfinite(features).all()
    assert not features[:, trained - 1 :].any(), "directions that few clips do not have"


def test_copies_and_clips_that_are_all_the_same(tmp_path: pathlib.Path) -> None:
    copies = dict.fromkeys(range(1, 9), 0)
    data = write_dataset(tmp_path / "data", clips=9, copies=copies)
    folder = fitted(data, tmp_path / "run", validation="none")
    features = load_encoder(folder.path).transform(data)
    assert np.isfinite(features).all()
    assert np.abs(features - features[:1]).max() < 1e-2


def test_one_clip_is_refused(tmp_path: pathlib.Path) -> None:
    data = write_dataset(tmp_path / "data", clips=6)
    split = {"name": "one", "train": ["clip_00"], "test": ["clip_01"]}
    (data.path / "splits" / "one.json").write_text(json.dumps(split))
    data = ClipDataset.open(data.path)
    with pytest.raises(InputError, match="--method=kernels: tells clips apart, and there is 1"):
        fitted(data, tmp_path / "run", split="one", validation="none")


def test_what_it_is_not_told(tiny_dataset: ClipDataset) -> None:
    with pytest.raises(InputError, match="--epochs=3: --method=kernels is solved in one round"):
        config_of(tiny_dataset, epochs=3)
    values = {"method": "kernels", "network": "gru", "data": str(tiny_dataset.path)}
    with pytest.raises(InputError, match="--network=gru: --method=kernels fits --network=kernels"):
        run_config(values)
    with pytest.raises(InputError, match="--inputs=path: needs --centre=clip"):
        config_of(tiny_dataset, centre="frame")


@pytest.mark.slow
def test_on_real_clips_of_another_view(
    nw_ucla_archive: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    data, _ = prepare("nw_ucla", nw_ucla_archive, tmp_path / "data", progress=False)
    values = {"method": "kernels", "data": str(data.path), "split": "cross_view_2_no_copies"}
    folder = train(run_config(values), str(tmp_path / "run"), strategy="one")
    result = evaluate_run(folder, folder.config(), Choices(("ridge",), figures=False)).result
    assert result.metrics["ridge/top1"] >= 78
    assert result.metrics["ridge/top1"] > result.metrics["floor/raw/ridge/top1"] + 5


def test_workers_have_no_steps_to_share(tmp_path: pathlib.Path) -> None:
    config = run_config({"method": "kernels", "data": str(tmp_path)})
    with pytest.raises(InputError, match="--method=kernels takes no steps that workers could"):
        train(config, str(tmp_path / "run"), strategy="multiworker")
