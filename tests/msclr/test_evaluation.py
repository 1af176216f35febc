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
from ms2l_tf.evaluation.evaluate import Choices
from ms2l_tf.evaluation.feature_files import load_features
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.weights import save_weights
from msclr.config import ClrConfig
from msclr.cross import bridged_metrics
from msclr.cross_table import cross_table, largest_loss
from msclr.data import open_clr_data
from msclr.evaluation import (
    build_run_model,
    common_rows,
    evaluate_run,
    features_only,
)
from msclr.readings import Readings
from msclr.training import clr_record, train
from tests.msclr.tiny import LAYOUTS, config

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_evaluation_reads_every_layout_their_crossings_and_the_ensemble(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset)
    data = open_clr_data(settings)
    motion = tmp_path / "motion"  # the same weights read motion: no second run is trained
    shutil.copytree(run.path, motion)
    flags = json.loads((motion / "flags.json").read_text())
    flags["settings"]["stream"] = "motion"
    (motion / "flags.json").write_text(json.dumps(flags))
    single = train(config(dataset, layouts=LAYOUTS[:1], epochs=1), str(tmp_path / "single"))
    readings = Readings(single=(str(single.path),), unseen=("smpl_24",), streams=(str(motion),))
    result, found = evaluate_run(
        run,
        settings,
        data,
        Choices(probes=("knn", "linear"), figures=False),
        more_metrics=lambda features: readings.metrics(run, settings, data, features),
    )
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
    assert [one.name for one in found] == list(LAYOUTS)
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
    run: RunFolder[ClrConfig], dataset: ClipDataset
) -> None:
    settings = config(dataset)
    data = open_clr_data(settings)
    bridged = bridged_metrics(run, settings, data.of([0]), "test", "same")
    result, _ = evaluate_run(
        run, settings, data, Choices(probes=("linear",), figures=False), layouts=LAYOUTS[:1]
    )
    assert bridged[f"same/{LAYOUTS[0]}/{LAYOUTS[0]}/linear/top1"] == result.metrics["linear/top1"]


def test_features_alone_are_those_of_the_evaluation(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset)
    data, layout = open_clr_data(settings), LAYOUTS[1]
    paths = [str(tmp_path / name) for name in ("alone.npz", "both.npz")]
    counts = features_only(run, settings, data, layout, paths[0])
    choices = Choices(probes=("knn",), figures=False, save_features=paths[1])
    evaluate_run(run, settings, data, choices, layouts=[layout])
    alone, both = (load_features(path) for path in paths)
    assert counts == (len(both.train), len(both.test))
    for mine, its in ((alone.train, both.train), (alone.test, both.test)):
        np.testing.assert_array_equal(mine.features, its.features)
        np.testing.assert_array_equal(mine.labels, its.labels)


def test_other_runs_and_layouts_are_refused_by_the_evaluation(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset)
    data = open_clr_data(settings)
    with pytest.raises(InputError, match="'smpl_24' is not a layout of this run; it has kinect"):
        evaluate_run(run, settings, data, Choices(figures=False), layouts=("smpl_24",))
    other = generate(tmp_path / "o", clips=48, seed=3, layouts=list(LAYOUTS), progress=False)
    elsewhere = dataclasses.replace(
        settings, data=dataclasses.replace(settings.data, data=str(other.path))
    )
    with pytest.raises(InputError, match=r"is not the dataset .* was trained on"):
        evaluate_run(run, elsewhere, open_clr_data(elsewhere), Choices(figures=False))


def test_other_runs_named_beside_have_to_fit(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset)
    data = open_clr_data(settings)
    other = generate(tmp_path / "o", clips=48, seed=3, layouts=list(LAYOUTS), progress=False)
    other_data = finished(config(other, layouts=LAYOUTS[:1], stream="bone"), tmp_path / "a")
    other_layout = finished(config(dataset, layouts=LAYOUTS[1:], stream="bone"), tmp_path / "b")
    first = {"layouts": LAYOUTS[:1]}
    elsewhere = finished(config(dataset, **first, validation="subject"), tmp_path / "c")
    other_split = finished(config(dataset, **first, split="cross_view"), tmp_path / "e")
    other_stream = finished(config(dataset, **first, stream="bone"), tmp_path / "d")
    for readings, said in (
        (Readings(single=(str(run.path),)), "--single: .* on kinect_v2_25, h36m_17; name one"),
        (Readings(single=(str(tmp_path),)), "--single: .* holds no run"),
        (Readings(streams=(str(tmp_path),)), "--streams: .* holds no run"),
        (Readings(streams=(str(run.path),)), "is another run of the joint stream"),
        (Readings(unseen=("no_such_layout",)), r"--unseen: 'no_such_layout' is neither in"),
        (Readings(single=(str(other_data),)), "is not the dataset .* was trained on"),
        (Readings(streams=(str(other_data),)), "which is not .*; fuse runs of one dataset"),
        (
            Readings(single=(str(elsewhere),), test_on="validation"),
            r"or other validation clips and may have been trained",
        ),
        (Readings(single=(str(other_split),)), "has another split .'cross_view', here 'cross_sub"),
        (Readings(single=(str(other_stream),)), "of the bone stream; name one of the joint"),
        (Readings(single=(str(other_layout),)), f"a run on {LAYOUTS[1]}, which is not among"),
        (Readings(streams=(str(other_layout),)), f"has not learnt {LAYOUTS[0]}; it has"),
    ):
        with pytest.raises(InputError, match=said):
            readings.check(run, settings, data, LAYOUTS[:1])  # before minutes of work


def finished(settings: ClrConfig, path: pathlib.Path) -> pathlib.Path:
    """The records of a trained run; its weights are never read."""
    data = open_clr_data(settings)
    folder = RunFolder(str(path), ClrConfig)
    folder.start(clr_record(settings, data, data.layouts, data.trained("all")))
    folder.weights.touch()
    return path


def test_what_is_read_beside_a_run_is_recorded(
    run: RunFolder[ClrConfig], dataset: ClipDataset
) -> None:
    bone = config(dataset, stream="bone", seed=3)
    sources = Readings(streams=(str(run.path),)).check(run, bone, open_clr_data(bone))
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


def test_clips_that_lack_a_layout_are_used_where_they_can_be(
    dataset: ClipDataset, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gaps = without_some(dataset, tmp_path / "gaps", LAYOUTS[1])
    settings = config(gaps, validation="subject", epochs=1)
    data = open_clr_data(settings)
    assert len(data.parts[1].train) < len(data.parts[0].train)
    fit = np.concatenate([part.fit for part in data.parts])
    validation = np.concatenate([part.validation for part in data.parts])
    assert not np.isin(fit, validation).any(), "cut once for all layouts"
    folder = train(settings, str(tmp_path / "run"))
    assert "have poses in one layout only" in capsys.readouterr().err
    readings = Readings()
    result, found = evaluate_run(
        folder,
        settings,
        data,
        Choices(probes=("knn",), figures=False),
        more_metrics=lambda features: readings.metrics(folder, settings, data, features),
    )
    without = result.details["test_clips_without_poses"]
    assert without[LAYOUTS[0]] == 0 < without[LAYOUTS[1]]
    first, second = common_rows(found)
    assert len(first) == result.details["test_clips_in_all_layouts"] < len(found[0].test)
    np.testing.assert_array_equal(
        np.asarray(found[0].test.names)[first], np.asarray(found[1].test.names)[second]
    )
    assert "ensemble/linear/top1" in result.metrics
    crossed = {f"cross/{a}/{b}/knn/1/top1" for a, b in (LAYOUTS, LAYOUTS[::-1])}
    asked = Readings(probes=("knn", "svm")).metrics(folder, settings, data, found)
    assert crossed <= set(asked)
    assert not [key for key in asked if "linear" in key], "a probe that is not asked for"
    assert not Readings(probes=("svm",)).metrics(folder, settings, data, found)
    by_layout = result.details["by_layout"][LAYOUTS[1]]
    lost = np.setdiff1d(data.parts[0].train, data.parts[1].train)
    absent = gaps.label_names[gaps.labels[lost[0]]]
    assert by_layout["classes_missing_in_training"] == [absent]
    assert not result.details["classes_missing_in_training"]


@pytest.fixture
def collapsed(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> pathlib.Path:
    """A run whose encoder gives every clip the same features, with a figure of an earlier state."""
    folder = RunFolder(shutil.copytree(run.path, tmp_path / "run"), ClrConfig)
    model = build_run_model(folder, config(dataset), open_clr_data(config(dataset)))
    model.set_weights([np.zeros_like(values) for values in model.get_weights()])
    save_weights(model, folder.weights)
    folder.result.unlink(missing_ok=True)
    (folder.path / "figures").mkdir(exist_ok=True)
    (folder.path / "figures" / "alignment.png").write_text("of an earlier evaluation")
    return folder.path


@pytest.mark.parametrize("writable", [True, False])
def test_a_collapsed_encoder_is_evaluated_and_said_to_be(
    writable: bool, collapsed: pathlib.Path
) -> None:
    """By the command, as its table and figures across layouts are."""
    if not writable:
        (collapsed / "result.json").mkdir()
    command = [sys.executable, "-m", "msclr.cli.evaluate", f"--workdir={collapsed}", "--k=1"]
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
