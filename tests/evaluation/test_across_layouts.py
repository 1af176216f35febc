"""Evaluation of tiny runs: every layout, crossings, ensembles, fusion, gaps, refusals."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset, DatasetWriter
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.cross import bridged_metrics
from ms2l_tf.evaluation.cross_table import cross_table, largest_loss
from ms2l_tf.evaluation.evaluate import evaluate_run, features_only
from ms2l_tf.evaluation.feature_files import load_features
from ms2l_tf.evaluation.layout_features import common_rows, untrained_learner
from ms2l_tf.evaluation.readings import Readings
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.build import open_data, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.record import run_record
from ms2l_tf.runs.starting import start_run
from ms2l_tf.runs.weights import save_weights
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.msclr.tiny import LAYOUTS, config

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def dataset(clr_dataset: ClipDataset) -> ClipDataset:
    return clr_dataset


@pytest.fixture
def run(clr_run: RunFolder) -> RunFolder:
    return clr_run


@pytest.mark.slow
def test_evaluation_reads_every_layout_their_crossings_and_the_ensemble(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset)
    motion = tmp_path / "motion"  # the same weights read motion: no second run is trained
    shutil.copytree(run.path, motion)
    flags = json.loads((motion / "flags.json").read_text())
    flags["settings"]["inputs"] = ["motion"]
    (motion / "flags.json").write_text(json.dumps(flags))
    single = train(config(dataset, layouts=LAYOUTS[:1], epochs=1), str(tmp_path / "single"))
    evaluated = evaluate_run(
        run,
        settings,
        Choices(
            probes=("knn", "linear"),
            figures=False,
            single=(str(single.path),),
            unseen=("smpl_24",),
            streams=(str(motion),),
        ),
    )
    result = evaluated.result
    a, b = LAYOUTS
    wanted = [
        "linear/top1", "floor/raw/linear/top1", "floor/random/knn/1/top1",
        f"layout/{b}/linear/top1", f"floor/raw/layout/{b}/knn/1/top1", "ensemble/linear/top1",
        f"cross/{a}/{b}/linear/top1", f"cross/{b}/{a}/knn/1/top1",
        f"floor/raw/cross/{a}/{b}/linear/top1", f"floor/single/cross/{a}/{b}/linear/top1",
        f"unseen/{a}/smpl_24/linear/top1",
        f"floor/raw/unseen/{a}/smpl_24/knn/1/top1", "fusion/linear/top1",
        "fusion/ensemble/linear/top1",
    ]  # fmt: skip
    assert set(wanted) <= set(result.metrics)
    assert all(0 <= value <= 100 for value in result.metrics.values())
    assert json.loads(run.result.read_text())["metrics"] == dict(result.metrics)
    assert [layout.name for layout in evaluated.features] == list(LAYOUTS)
    lost = {
        (x, y): result.metrics[f"{own}linear/top1"] - result.metrics[f"cross/{x}/{y}/linear/top1"]
        for x, y, own in ((a, b, f"layout/{b}/"), (b, a, ""))
    }
    points, trained_in, tested_in = largest_loss(result.metrics, LAYOUTS, "linear") or (0, "", "")
    assert points == lost[trained_in, tested_in] == max(lost.values())
    assert largest_loss(result.metrics, LAYOUTS, "svm") is None, "was not asked for"
    table = cross_table(result.metrics, LAYOUTS, "linear")
    assert f"{result.metrics['linear/top1']:.1f}" in table
    assert f"{result.metrics[f'cross/{b}/{a}/linear/top1']:.1f}" in table


def test_the_reference_layouts_own_encoder_crosses_to_itself_unchanged(
    run: RunFolder, dataset: ClipDataset
) -> None:
    settings = config(dataset)
    data = open_data(settings)
    bridged = bridged_metrics(run, settings, data.of([0]), "test", "same")
    choices = Choices(probes=("linear",), figures=False, layouts=LAYOUTS[:1])
    result = evaluate_run(run, settings, choices).result
    assert bridged[f"same/{LAYOUTS[0]}/{LAYOUTS[0]}/linear/top1"] == result.metrics["linear/top1"]


def test_features_alone_are_those_of_the_evaluation(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset)
    layout = LAYOUTS[1]
    paths = [str(tmp_path / name) for name in ("alone.npz", "both.npz")]
    counts = features_only(run, settings, paths[0], layout=layout)
    choices = Choices(probes=("knn",), figures=False, save_features=paths[1], layouts=(layout,))
    evaluate_run(run, settings, choices)
    alone, both = (load_features(path) for path in paths)
    assert counts == (len(both.train), len(both.test))
    for side, evaluated in ((alone.train, both.train), (alone.test, both.test)):
        np.testing.assert_array_equal(side.features, evaluated.features)
        np.testing.assert_array_equal(side.labels, evaluated.labels)


def test_other_runs_and_layouts_are_refused_by_the_evaluation(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset)
    with pytest.raises(InputError, match="'smpl_24' is not a layout of this run; it has kinect"):
        evaluate_run(run, settings, Choices(figures=False, layouts=("smpl_24",)))
    other = generate(tmp_path / "o", clips=48, seed=3, layouts=list(LAYOUTS), progress=False)
    elsewhere = changed(settings, data=str(other.path))
    with pytest.raises(InputError, match=r"is not the dataset .* was trained on"):
        evaluate_run(run, elsewhere, Choices(figures=False))


def test_other_runs_named_beside_have_to_fit(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset)
    data = open_data(settings)
    other = generate(tmp_path / "o", clips=48, seed=3, layouts=list(LAYOUTS), progress=False)
    other_data = finished(config(other, layouts=LAYOUTS[:1], inputs=("bone",)), tmp_path / "a")
    other_layout = finished(config(dataset, layouts=LAYOUTS[1:], inputs=("bone",)), tmp_path / "b")
    first = {"layouts": LAYOUTS[:1]}
    elsewhere = finished(config(dataset, **first, validation="subject"), tmp_path / "c")
    other_split = finished(config(dataset, **first, split="cross_view"), tmp_path / "e")
    several = finished(config(dataset, inputs=("joint", "bone")), tmp_path / "f")
    other_stream = finished(config(dataset, **first, inputs=("bone",)), tmp_path / "d")
    for choices, said in (
        (Choices(single=(str(run.path),)), "--single: .* on kinect_v2_25, h36m_17; name one"),
        (Choices(single=(str(tmp_path),)), "--single: .* holds no run"),
        (Choices(streams=(str(tmp_path),)), "--streams: .* holds no run"),
        (Choices(streams=(str(run.path),)), "is another run of the joint stream"),
        (Choices(streams=(str(several),)), r"with --inputs=joint,bone; fuse runs of joint, bone"),
        (Choices(unseen=("no_such_layout",)), r"--unseen: 'no_such_layout' is neither in"),
        (Choices(single=(str(other_data),)), "is not the dataset .* was trained on"),
        (Choices(streams=(str(other_data),)), "which is not .*; fuse runs of one dataset"),
        (
            Choices(single=(str(elsewhere),), test_on="validation"),
            r"or other validation clips and may have been trained",
        ),
        (Choices(single=(str(other_split),)), "has another split .'cross_view', here 'cross_sub"),
        (Choices(single=(str(other_stream),)), "of the bone stream; name one of the joint"),
        (Choices(single=(str(other_layout),)), f"a run on {LAYOUTS[1]}, which is not among"),
        (Choices(streams=(str(other_layout),)), f"has not learnt {LAYOUTS[0]}; it has"),
    ):
        readings = Readings(run, settings, data, choices.test_on)
        with pytest.raises(InputError, match=said):
            readings.check(
                dataclasses.replace(choices, layouts=LAYOUTS[:1])
            )  # before minutes of work


def finished(settings: RunConfig, path: pathlib.Path) -> pathlib.Path:
    """The records of a trained run; its weights are never read."""
    data = open_data(settings)
    folder = RunFolder(str(path))
    shape = run_shape(settings, data, clips=len(data.trained("all")))
    start_run(folder, run_record(settings, data, shape))
    folder.weights.touch()
    return path


def test_what_is_read_beside_a_run_is_recorded(run: RunFolder, dataset: ClipDataset) -> None:
    bone = config(dataset, inputs=("bone",), seed=3)
    readings = Readings(run, bone, open_data(bone))
    sources = readings.check(Choices(streams=(str(run.path),)))
    assert sources["fused_streams"] == {"joint": {"run": run.path.name, "seed": 0}}


def without_some(dataset: ClipDataset, out: pathlib.Path, layout: str) -> ClipDataset:
    """The dataset again; all training clips of a class, and every fifth test clip, lack one."""
    split = dataset.split(dataset.split_names[0])
    of_train, kept = dataset.labels[split.train], np.delete(split.test, np.s_[::5])
    chosen = np.intersect1d(of_train, dataset.labels[kept])[0]
    gone = {*split.train[of_train == chosen].tolist(), *split.test[::5].tolist()}
    with DatasetWriter(out, name="gaps", label_names=dataset.label_names) as writer:
        stores = {name: dataset.poses(name) for name in LAYOUTS}
        for store in stores.values():
            assert store.axes is not None
            writer.add_layout(
                store.layout,
                frame_rate=30.0,
                unit=store.unit,
                axes=store.axes,
                num_persons=store.num_persons,
            )
        for number, clip in enumerate(dataset.clips):
            poses = {
                name: store.poses(number)
                for name, store in stores.items()
                if not (number in gone and name == layout)
            }
            writer.add_clip(clip, poses)
        writer.add_split(
            "mine",
            train=dataset.names[split.train].tolist(),
            test=dataset.names[split.test].tolist(),
        )
    return ClipDataset.open(out)


@pytest.mark.slow
def test_clips_that_lack_a_layout_are_used_where_they_can_be(
    dataset: ClipDataset, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gaps = without_some(dataset, tmp_path / "gaps", LAYOUTS[1])
    settings = config(gaps, validation="subject", epochs=1)
    data = open_data(settings)
    assert len(data.parts[1].train) < len(data.parts[0].train)
    fit = np.concatenate([part.fit for part in data.parts])
    validation = np.concatenate([part.validation for part in data.parts])
    assert not np.isin(fit, validation).any(), "cut once for all layouts"
    folder = train(settings, str(tmp_path / "run"))
    assert "have poses in one layout only" in capsys.readouterr().err
    choices = Choices(probes=("knn", "linear"), figures=False)
    evaluated = evaluate_run(folder, settings, choices)
    result, features = evaluated.result, evaluated.features
    without = result.details["test_clips_without_poses"]
    assert without[LAYOUTS[0]] == 0 < without[LAYOUTS[1]]
    first, second = common_rows(features)
    assert len(first) == result.details["test_clips_in_all_layouts"] < len(features[0].test)
    np.testing.assert_array_equal(
        np.asarray(features[0].test.names)[first], np.asarray(features[1].test.names)[second]
    )
    assert "ensemble/linear/top1" in result.metrics
    crossed = {f"cross/{a}/{b}/knn/1/top1" for a, b in (LAYOUTS, LAYOUTS[::-1])}
    readings = Readings(folder, settings, data)
    asked = readings.metrics(Choices(probes=("knn", "svm")), features)
    assert crossed <= set(asked)
    assert not [key for key in asked if "linear" in key], "a probe that is not asked for"
    assert not readings.metrics(Choices(probes=("svm",)), features)
    by_layout = result.details["by_layout"][LAYOUTS[1]]
    lost = np.setdiff1d(data.parts[0].train, data.parts[1].train)
    absent = gaps.label_names[gaps.labels[lost[0]]]
    assert by_layout["classes_missing_in_training"] == [absent]
    assert not result.details["classes_missing_in_training"]


@pytest.fixture
def collapsed(run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path) -> pathlib.Path:
    """A run whose encoder gives every clip the same features, with a figure of an earlier state."""
    folder = RunFolder(shutil.copytree(run.path, tmp_path / "run"))
    model = untrained_learner(folder, config(dataset), open_data(config(dataset)))
    model.set_weights([np.zeros_like(values) for values in model.get_weights()])
    save_weights(model, folder.weights)
    folder.result.unlink(missing_ok=True)
    (folder.path / "figures").mkdir(exist_ok=True)
    (folder.path / "figures" / "alignment.png").write_text("of an earlier evaluation")
    return folder.path


@pytest.mark.slow
@pytest.mark.parametrize("writable", [True, False])
def test_a_collapsed_encoder_is_evaluated_and_said_to_be(
    writable: bool, collapsed: pathlib.Path
) -> None:
    """By the command, as its table and figures across layouts are."""
    if not writable:
        (collapsed / "result.json").mkdir()
    command = [sys.executable, "-m", "ms2l_tf.cli.evaluate", f"--workdir={collapsed}", "--k=1"]
    done = subprocess.run(
        [*command, "--probes=knn,linear"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == (0 if writable else 2), done.stderr
    assert "trained in \\ tested in" in done.stdout
    assert "kNN, k = 1" in done.stdout
    for layout in LAYOUTS:
        assert (
            "features are (nearly) constant: the encoder has collapsed; train with a smaller "
            f"--learning_rate or --clip_norm=1 (training features in {layout} and test features "
            f"in {layout})"
        ) in done.stderr
    figures = collapsed / "figures"
    assert ("confusion.png" in done.stdout) == writable
    assert (figures / "alignment.png").exists() != writable
    assert ("alignment.png is left out: the features are (nearly) const" in done.stderr) == writable
    assert ("result.json: cannot be written" in done.stderr) != writable
    assert "alignment.png" not in done.stdout
    assert "Traceback" not in done.stderr
