"""What an exported folder gives is what the live run gives; what cannot be is one line."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf import load_encoder, load_model
from ms2l_tf.data import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.features import class_logits
from ms2l_tf.evaluation.layout_features import trained_learner
from ms2l_tf.evaluation.probes import KNNProbe, LinearProbe, RidgeProbe
from ms2l_tf.export import export as exporting
from ms2l_tf.export.checking import padded_poses
from ms2l_tf.export.export import ExportChoices, export_run
from ms2l_tf.export.formats import FORMATS
from ms2l_tf.export.manifest import read_manifest
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from tests.helpers import TrainedRun, assert_close

PLAIN = """
import json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("ms2l_tf", "msclr"):
            raise ImportError(name + " is not for this program")
sys.meta_path.insert(0, Refuse())
import numpy as np, tensorflow as tf
folder, clips, out = sys.argv[1:]
model = tf.saved_model.load(folder)
assert set(model.signatures) == {"embed", "classify", "serving_default"}, list(model.signatures)
known = json.load(open(model.metadata.asset_path.numpy()))
assert known["input"]["layout"]["joints"], known
given = np.load(clips)
found = {}
for count in (1, 1000):
    poses, lengths = (np.resize(given[name], (count, *given[name].shape[1:])) for name in given)
    outputs = model.signatures["classify"](poses=tf.constant(poses), lengths=tf.constant(lengths))
    found.update({f"{name}_{count}": value.numpy() for name, value in outputs.items()})
np.savez(out, **found)
"""


def of_all(dataset: ClipDataset) -> tuple[np.ndarray, np.ndarray]:
    return padded_poses(dataset.poses("tiny_5"), np.arange(len(dataset)))


@pytest.mark.slow
def test_a_program_without_the_package_serves_it(
    exported: pathlib.Path, tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    poses, lengths = of_all(tiny_dataset)
    np.savez(tmp_path / "clips.npz", poses=poses, lengths=lengths)
    arguments = [exported, tmp_path / "clips.npz", tmp_path / "out.npz"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", PLAIN, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found, model = np.load(tmp_path / "out.npz"), load_model(exported)
    expected = model.classify(tiny_dataset)
    count = len(tiny_dataset)
    assert found["features_1000"].shape == (1000, model.feature_dim)
    assert_close(found["features_1"], expected.features[:1], 1e-6)
    assert_close(found["features_1000"][:count], expected.features, 1e-6)
    assert_close(found["features_1000"][count : 2 * count], expected.features, 1e-6)
    names = np.array(model.label_names)[found["label_1000"][:count]]
    np.testing.assert_array_equal(names, expected.labels)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trained_run", "labelled_run", "kernels_run"])
def test_features_are_those_of_the_run(
    name: str, tiny_dataset: ClipDataset, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(name)
    folder = run.folder if isinstance(run, TrainedRun) else run
    export_run(folder.path, tmp_path / "out", ExportChoices(head="none"))
    model = load_model(tmp_path / "out")
    assert_close(model.embed(tiny_dataset), load_encoder(folder.path).transform(tiny_dataset), 1e-6)
    assert model.embed(tiny_dataset, [3]).shape == (1, model.feature_dim)
    with pytest.raises(InputError, match="exported without a head"):
        model.classify(tiny_dataset)


@pytest.mark.slow
def test_the_head_of_a_run_with_labels_is_its_classifier(
    labelled_run: RunFolder, tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    manifest = export_run(labelled_run.path, tmp_path / "out", ExportChoices())
    assert manifest.values["output"]["head"]["kind"] == "network"
    config = labelled_run.config()
    data = open_data(config)
    learner = trained_learner(labelled_run, config, data)
    rows = np.arange(len(tiny_dataset))
    logits = class_logits(learner, data.reference.store, rows, data.normalisers[0])
    found = load_model(tmp_path / "out").classify(tiny_dataset)
    assert_close(found.scores, logits, 1e-5)
    assert_close(found.probabilities, tf.nn.softmax(logits).numpy(), 1e-5)
    np.testing.assert_array_equal(
        found.labels, np.array(tiny_dataset.label_names)[logits.argmax(axis=1)]
    )


PROBES: dict[str, Any] = {
    "ridge": RidgeProbe(),
    "linear": LinearProbe(),
    "knn": KNNProbe(k=(3,)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PROBES)
def test_a_head_is_the_probe_of_evaluation(
    kind: str, trained_run: TrainedRun, tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    manifest = export_run(trained_run.folder.path, tmp_path / "out", ExportChoices(kind, k=3))
    train = open_data(trained_run.config).reference.train
    features = load_encoder(trained_run.folder.path).transform(tiny_dataset)
    probe = PROBES[kind].fit(features[train], tiny_dataset.labels[train])
    expected = probe.predict(features)
    expected = expected[3] if kind == "knn" else expected
    found = load_model(tmp_path / "out").classify(tiny_dataset)
    np.testing.assert_array_equal(found.labels, np.array(tiny_dataset.label_names)[expected])
    assert_close(found.probabilities.sum(axis=1), 1.0)
    head = manifest.values["output"]["head"]
    assert head["training_clips"] == len(train)
    assert head["calibration"]["held_out_clips"] == len(train)
    assert 0 < head["temperature"] != 1.0


def test_what_lies_beyond_a_clip_is_ignored(
    exported: pathlib.Path, tiny_dataset: ClipDataset
) -> None:
    model, (poses, lengths) = load_model(exported), of_all(tiny_dataset)
    expected = model.compute(poses, lengths)
    longer = np.concatenate([poses, np.full_like(poses, 1e6)], axis=1)
    for row, length in enumerate(lengths):
        longer[row, length:] = 1e6
    crowd = np.concatenate([longer, np.full_like(longer[:, :, :1], np.nan)], axis=2)
    for given in (longer, crowd):
        found = model.compute(given, lengths)
        assert_close(found["features"], expected["features"], 1e-6)
    absent = np.concatenate([np.zeros_like(poses[:, :, :1]), poses], axis=2)
    found = model.compute(absent, lengths, "embed")
    assert_close(found["features"], expected["features"], 1e-6)
    assert set(found) == {"features"}


def test_lengths_that_do_not_fit_are_said(
    exported: pathlib.Path, tiny_dataset: ClipDataset
) -> None:
    model, (poses, lengths) = load_model(exported), of_all(tiny_dataset)
    for wrong, said in (
        (lengths * 0, "at least one frame"),
        (lengths + poses.shape[1], "more frames than poses"),
        (lengths[:-1], "one number a clip"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=said):
            model.compute(poses, wrong)


@pytest.mark.slow
def test_the_keras_file_is_the_whole_model(
    exported: pathlib.Path, tiny_dataset: ClipDataset
) -> None:
    code = (
        "import sys, numpy as np, keras; import ms2l_tf.export.heads, ms2l_tf.export.served\n"
        "import ms2l_tf.networks.frame_encoder\n"
        "given = dict(np.load(sys.argv[2]))\n"
        "np.savez(sys.argv[3], **keras.saving.load_model(sys.argv[1])(given))"
    )
    poses, lengths = of_all(tiny_dataset)
    files = [exported / "model.keras", *(exported.parent / f"{name}.npz" for name in "ab")]
    np.savez(files[1], poses=poses, lengths=lengths)
    done = subprocess.run([sys.executable, "-c", code, *map(str, files)], capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    expected, found = load_model(exported).compute(poses, lengths), np.load(files[2])
    for name, value in expected.items():
        assert_close(found[name], value, 1e-5)


def test_the_manifest_says_what_it_is(exported: pathlib.Path, tiny_dataset: ClipDataset) -> None:
    manifest = read_manifest(exported)
    store = tiny_dataset.poses("tiny_5")
    assert manifest.layout == store.layout
    assert (manifest.unit, manifest.axes, manifest.frame_rate) == ("m", store.axes, 30.0)
    assert (manifest.persons, manifest.coords) == (2, 3)
    assert manifest.label_names == ("left", "right")
    values = manifest.values
    assert values["training"]["dataset"] == "tiny"
    assert values["licence"] == {"package": "Apache-2.0", "data": "none"}
    assert values["formats"]["savedmodel"]["largest_difference"] <= 1e-4
    text = json.dumps(values)
    assert str(tiny_dataset.path) not in text, "no place on this machine"
    card = (exported / "README.md").read_text()
    assert "tf.saved_model.load" in card
    assert "hip_left, hip_right, neck, hand_left, hand_right" in card


@pytest.mark.slow
def test_without_its_dataset_a_run_gives_features_alone(
    trained_run: TrainedRun, labelled_run: RunFolder, tmp_path: pathlib.Path
) -> None:
    for run, kind in ((trained_run.folder, None), (labelled_run, "network")):
        moved = tmp_path / run.path.name
        shutil.copytree(run.path, moved)
        text = (moved / "flags.json").read_text()
        (moved / "flags.json").write_text(text.replace(str(run.config().data.data), "/gone"))
        said: list[str] = []
        out = tmp_path / f"{run.path.name}_out"
        manifest = export_run(moved, out, ExportChoices(), said.append)
        head = manifest.values["output"]["head"]
        assert (head and head["kind"]) == kind
        assert manifest.unit == "m", "of the normaliser"
        assert kind or any("without head: /gone" in line for line in said)
        with pytest.raises(InputError, match="/gone: no such dataset"):
            export_run(moved, tmp_path / "never", ExportChoices(head="knn"))


def refused(run: RunFolder, out: pathlib.Path, message: str, **choices: Any) -> None:
    with pytest.raises(InputError, match=message) as caught:
        export_run(run.path, out, ExportChoices(**choices))
    assert "\n" not in str(caught.value)
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]


def test_what_cannot_be_exported_leaves_nothing(
    trained_run: TrainedRun, clr_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    run, out = trained_run.folder, tmp_path / "out"
    refused(run, out, "has learned no classifier", head="network")
    refused(run, out, "is not one of auto", head="svm")
    refused(run, out, "is not one of savedmodel", formats=("torch",))
    refused(run, out, "20 neighbours asked for, but only 12", head="knn", k=20)
    refused(run, out, "layout: 'smpl_24' is not one of tiny_5", layout="smpl_24")
    refused(run, out, "--data: .* is not the dataset", data=str(clr_dataset.path))
    refused(RunFolder(tmp_path / "none"), out, "holds no run")
    assert not out.exists()
    out.mkdir()
    (out / "mine").write_text("")
    refused(run, out, "is not empty")
    assert [path.name for path in out.iterdir()] == ["mine"]


@pytest.mark.slow
def test_a_file_that_differs_from_the_live_model_is_refused(
    trained_run: TrainedRun, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(change: str) -> Any:
        def write(*arguments: Any) -> Any:
            run = FORMATS["keras"].write(*arguments)

            def off(poses: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
                outputs = run(poses, lengths)
                label = 1 - outputs["label"]
                new = {"features": outputs["features"] * 1.01, "label": label}
                return {**outputs, change: new[change]}

            return off

        return dataclasses.replace(FORMATS["keras"], write=write)

    for change, said in (("features", "other features"), ("label", "another class")):
        monkeypatch.setattr(exporting, "FORMATS", {**FORMATS, "keras": written(change)})
        refused(trained_run.folder, tmp_path / "out", f"keras .*{said}", formats=("keras",))
        assert not (tmp_path / "out").exists()


def test_onnx_without_its_libraries_is_one_line(
    trained_run: TrainedRun, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    refused(
        trained_run.folder, tmp_path / "o", r"needs tf2onnx.* 'ms2l-tf\[onnx\]'", formats=("onnx",)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trained_run", "labelled_run", "kernels_run"])
@pytest.mark.parametrize("kind", ["onnx", "litert"])
def test_other_formats_give_the_same(
    kind: str, name: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    """Compared as it is written: the record says on how many clips, and how far it was off."""
    if kind == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    run = request.getfixturevalue(name)
    folder = run.folder if isinstance(run, TrainedRun) else run
    manifest = export_run(folder.path, tmp_path / "out", ExportChoices(formats=(kind,)))
    record = manifest.values["formats"][kind]
    assert record["clips"] >= 12
    assert record["labels_equal"]
    assert record["median_difference"] <= 1e-6
    suffix = {"onnx": "onnx", "litert": "tflite"}[kind]
    assert (tmp_path / "out" / f"model.{suffix}").stat().st_size > 1000
