"""Runs of the commands' library side on tiny networks: training, resuming, evaluating, labels."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.data import ClipDataset, DatasetWriter
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.evaluate import Choices
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training import loop
from msclr import training
from msclr.build import build_recogniser
from msclr.config import ClrConfig
from msclr.cross import bridged_metrics, cross_table
from msclr.data import open_clr_data
from msclr.evaluation import build_run_model, common_rows, evaluate_run, layout_features
from msclr.initial import with_initial_run
from msclr.readings import Readings
from msclr.training import train

LAYOUTS = ("kinect_v2_25", "h36m_17")
TINY: dict[str, Any] = {
    "layouts": LAYOUTS, "frames": 8, "width": 2, "blocks": 2, "temporal_kernel": 3, "batch": 8,
    "epochs": 2, "monitor_epochs": 1, "projection": 4, "k": (1,), "raw_frames": 4, "dropout": 0.2,
    "learning_rate": 0.05, "validation": "none", "classifier_hidden": (4,),
}  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "clr"
    return generate(out, clips=48, seed=2, layouts=[*LAYOUTS, "smpl_24"], progress=False)


def config(dataset: ClipDataset, **changes: Any) -> ClrConfig:
    return ClrConfig.from_flat({"data": str(dataset.path), **TINY, **changes})


@pytest.fixture(scope="module")
def run(dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder[ClrConfig]:
    return train(config(dataset), str(tmp_path_factory.mktemp("runs") / "run"))


def weights(folder: RunFolder[ClrConfig], dataset: ClipDataset, **changes: Any) -> list[np.ndarray]:
    settings = config(dataset, **changes)
    model = build_run_model(folder, settings, open_clr_data(settings))
    model.load_weights(folder.weights)
    found: list[np.ndarray] = model.get_weights()
    return found


def test_a_run_keeps_what_it_was_started_with(run: RunFolder[ClrConfig]) -> None:
    record = json.loads(run.flags.read_text())
    assert record["protocol"] == "unsupervised"
    assert [layout["name"] for layout in record["layouts"]] == list(LAYOUTS)
    assert record["settings"]["layouts"] == list(LAYOUTS)
    history = run.read_history()
    assert [row["epoch"] for row in history] == ["1", "2"]
    for name in ("loss", "info_nce", "d3m", "contrast_accuracy", "positives"):
        assert np.isfinite([float(row[name]) for row in history]).all()
    assert float(history[0]["positives"]) == 1.0, "neighbours count from half of the run on"
    assert float(history[1]["positives"]) > 1.0


def test_training_moves_both_encoders_apart_from_each_other(
    run: RunFolder[ClrConfig], dataset: ClipDataset
) -> None:
    settings = config(dataset)
    model = build_run_model(run, settings, open_clr_data(settings))
    before = [weight.copy() for weight in model.encoder.get_weights()]
    model.load_weights(run.weights)
    after, keys = model.encoder.get_weights(), model.key_encoder.get_weights()
    moved = [np.abs(a - b).max() for a, b in zip(before, after, strict=True)]
    assert max(moved) > 1e-3
    assert max(np.abs(a - k).max() for a, k in zip(after, keys, strict=True)) > 1e-4


def test_a_resumed_run_equals_the_uninterrupted_one(
    run: RunFolder[ClrConfig],
    dataset: ClipDataset,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workdir = str(tmp_path / "run")

    class Stopped(Exception):
        pass

    class StopsAfterOneEpoch(loop.Checkpoints):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            super().on_epoch_end(epoch, logs)
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(loop, "Checkpoints", StopsAfterOneEpoch)
        with pytest.raises(Stopped):
            train(config(dataset), workdir)
    resumed = train(config(dataset), workdir)
    for mine, its in zip(weights(resumed, dataset), weights(run, dataset), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_finished_run_is_not_trained_again_and_other_flags_are_refused(
    run: RunFolder[ClrConfig], dataset: ClipDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "run_epochs", None)
    train(config(dataset), str(run.path))
    with pytest.raises(InputError, match="was started with --width=2, now --width=4"):
        train(config(dataset, width=4), str(run.path))


@pytest.mark.slow
def test_two_devices_equal_one(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    two = train(config(dataset), str(tmp_path / "two"), strategy="mirrored")
    for mine, its in zip(weights(two, dataset), weights(run, dataset), strict=True):
        np.testing.assert_allclose(mine, its, atol=2e-4)


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
        f"unseen/{a}/smpl_24/linear/top1", "fusion/linear/top1", "fusion/ensemble/linear/top1",
    ]  # fmt: skip
    assert set(wanted) <= set(result.metrics)
    assert all(0 <= value <= 100 for value in result.metrics.values())
    assert json.loads(run.result.read_text())["metrics"] == dict(result.metrics)
    assert [one.name for one in found] == list(LAYOUTS)
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


def labelled(dataset: ClipDataset, init: str, **changes: Any) -> ClrConfig:
    values = {"data": str(dataset.path), **TINY, "init": init, "protocol": "supervised", **changes}
    return ClrConfig.from_flat(with_initial_run(values, {"layouts"} & set(changes)))


def test_labels_train_a_pretrained_encoder_in_any_of_its_layouts(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = labelled(
        dataset, str(run.path), layouts=LAYOUTS[1:], protocol="semi", label_fraction=0.5
    )
    folder = train(settings, str(tmp_path / "semi"))
    assert json.loads(folder.flags.read_text())["init"]["protocol"] == "unsupervised"
    assert len(json.loads(folder.labelled.read_text())["clips"]) < 30
    data = open_clr_data(settings)
    result, _ = evaluate_run(folder, settings, data, Choices(probes=("knn",), figures=False))
    assert "classifier/top1" in result.metrics
    assert result.protocol == "semi"


def test_a_frozen_encoder_keeps_its_weights(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = labelled(dataset, str(run.path), train="classifier", epochs=1)
    folder = train(settings, str(tmp_path / "frozen"))
    data = open_clr_data(settings)
    model = build_run_model(folder, settings, data)
    model.load_weights(folder.weights)
    original = config(dataset)
    source = build_run_model(run, original, open_clr_data(original))
    source.load_weights(run.weights)
    for mine, its in zip(model.encoder.get_weights(), source.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_supervised_run_needs_no_other_run(dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    settings = config(dataset, protocol="supervised", method="supervised", epochs=1)
    folder = train(settings, str(tmp_path / "labels"))
    assert float(folder.read_history()[0]["classification"]) > 0


def test_starting_runs_that_do_not_fit_are_refused(
    run: RunFolder[ClrConfig], dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    cases: dict[str, dict[str, Any]] = {
        "knows the layouts kinect_v2_25, h36m_17, not 'smpl_24'": {"layouts": ("smpl_24",)},
        "holds no run": {"init": str(tmp_path)},
    }
    for said, changes in cases.items():
        with pytest.raises(InputError, match=said):
            train(labelled(dataset, **{"init": str(run.path), **changes}), str(tmp_path / "new"))
    with pytest.raises(InputError, match="was trained with --width=2, not --width=4"):
        with_initial_run({"init": str(run.path), "width": 4}, {"width"})
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    (copy / "model.weights.h5").write_bytes(b"damaged")
    with pytest.raises(InputError, match="is damaged"):
        train(labelled(dataset, str(copy)), str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"queue": 4}, "--queue=4: is smaller than --batch=8"),
        ({"layouts": ("kinect_v2_25", "nowhere_9")}, "--layouts: 'nowhere_9' is neither"),
        ({"data": "/nowhere"}, "/nowhere"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(
    dataset: ClipDataset, tmp_path: pathlib.Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        train(config(dataset, **changes), str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_mapping_that_leaves_joints_out_is_refused(tmp_path: pathlib.Path) -> None:
    alone = generate(tmp_path / "k", clips=48, seed=1, layouts=["kinect_v2_25"], progress=False)
    with pytest.raises(InputError, match=r"--layouts: 'h36m_17' cannot be mapped .* of htop"):
        open_clr_data(config(alone))


def test_a_long_queue_is_mentioned(
    dataset: ClipDataset,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "run_epochs", lambda *_, **__: None)
    train(config(dataset, queue=1000, epochs=1), str(tmp_path / "run"))
    said = capsys.readouterr().err
    assert "warning: the queue holds 1000 keys for" in said


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
    found = layout_features(run, settings, data, LAYOUTS[:1], "test")
    for readings, said in (
        (Readings(single=(str(run.path),)), "--single: .* on kinect_v2_25, h36m_17; name one"),
        (Readings(single=(str(tmp_path),)), "--single: .* holds no run"),
        (Readings(streams=(str(tmp_path),)), "--streams: .* holds no run"),
        (Readings(streams=(str(run.path),)), "is another run of the joint stream"),
    ):
        with pytest.raises(InputError, match=said):
            readings.metrics(run, settings, data, found)


def test_a_run_with_labels_reads_the_first_of_several_layouts(
    dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset, layouts=(), protocol="supervised", method="supervised", epochs=1)
    folder = train(settings, str(tmp_path / "labels"))
    recorded = folder.config()
    assert recorded.data.layouts == dataset.layouts[:1]
    data = open_clr_data(recorded)
    result, found = evaluate_run(
        folder, recorded, data, Choices(probes=("knn",), figures=False), layouts=()
    )
    assert [one.name for one in found] == [dataset.layouts[0]]
    assert "classifier/top1" in result.metrics
    unseen = Readings(unseen=("smpl_24",))
    with pytest.raises(InputError, match=r"--unseen: .* protocol supervised"):
        unseen.metrics(folder, recorded, data, found)
    other = dataclasses.replace(
        recorded, data=dataclasses.replace(recorded.data, layouts=("smpl_24",))
    )
    with pytest.raises(InputError, match="was started with --layouts="):
        train(other, str(folder.path))


def without_some(dataset: ClipDataset, out: pathlib.Path, layout: str) -> ClipDataset:
    """The dataset again; a training clip of most classes, and every fifth test clip, lack one."""
    split = dataset.split(dataset.split_names[0])
    labels = dataset.labels
    first_of = {
        int(label): int(split.train[labels[split.train] == label][0])
        for label in np.unique(labels[split.train])
        if (labels[split.train] == label).sum() > 1
    }
    gone = {*first_of.values(), *split.test[::5].tolist()}
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
    readings = Readings(cross=False)
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


def test_dropout_of_the_encoder_is_drawn_when_labels_train_it(
    run: RunFolder[ClrConfig], dataset: ClipDataset
) -> None:
    settings = config(dataset, protocol="supervised", dropout=0.5, shear=0.0)
    data = open_clr_data(settings)
    model = build_recogniser(settings, data.layouts, 0, persons=data.persons, coords=3, classes=4)
    poses = tf.random.stateless_normal([4, 8, data.persons, 25, 3], [1, 2])
    batch = {"poses": poses, "label": tf.zeros([4], tf.int32)}
    first, again, later = (float(model.losses(batch, tf.constant(step))[0]) for step in (0, 0, 1))
    assert first == pytest.approx(again, abs=1e-6)
    assert first != pytest.approx(later, abs=1e-6)
