"""`load_model`: clips as `load_encoder` takes them, and scikit-learn's habits."""

from __future__ import annotations

import pathlib
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from ms2l_tf import Axes, ClipDataset, ClipPoses, ExportedModel, load_encoder, load_model
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError
from ms2l_tf.export.export import ExportChoices, export_run
from tests.api.test_encoder import BAD, arrays
from tests.helpers import assert_close

LAYOUT = "kinect_v2_25"


@pytest.fixture(scope="module")
def exported(dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An MS2L run without scaling, so that units matter: (run, folder)."""
    from tests.api.conftest import trained

    run = trained(dataset, tmp_path_factory, "ms2l", layouts=(LAYOUT,), scale="none")
    out = tmp_path_factory.mktemp("models") / "model"
    export_run(run.path, out, ExportChoices())
    return run, out


@pytest.fixture(scope="module")
def model(exported: Any) -> ExportedModel:
    return load_model(exported[1])


def test_clips_are_those_of_the_encoder(
    exported: Any, model: ExportedModel, dataset: ClipDataset
) -> None:
    encoder = load_encoder(exported[0].path)
    rows = dataset.split("cross_subject").test
    expected = encoder.transform(dataset, rows)
    assert_close(model.embed(dataset, rows), expected, 1e-6)
    assert_close(model.embed(str(dataset.path), rows), expected, 1e-6)
    clips = arrays(dataset, LAYOUT, rows)
    assert_close(model.embed(clips), expected, 1e-6)
    small = load_model(exported[1], batch=3)
    assert_close(small.embed([clip.coords for clip in clips]), expected, 1e-5)
    lone = np.random.default_rng(0).normal(size=(500, 25, 3))
    assert_close(model.embed([lone, lone[:1]]), encoder.transform([lone, lone[:1]]), 1e-5)
    found = model.classify(clips)
    assert_close(found.features, expected, 1e-6)
    np.testing.assert_array_equal(found.labels, model.classes_[found.probabilities.argmax(axis=1)])
    assert model.layout == dataset.poses(LAYOUT).layout
    assert set(model.label_names) <= set(dataset.label_names)
    assert model.classify([]).scores.shape == (0, len(model.label_names))


def test_unit_and_axes_may_differ(
    exported: Any, model: ExportedModel, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    store, rows = dataset.poses(LAYOUT), np.arange(4)
    assert store.axes is not None
    clips = [clip.coords for clip in arrays(dataset, LAYOUT, rows)]
    expected = model.embed(clips)
    # The same persons, z up, in millimetres: x stays, what was up is z, what was z is -y.
    turned = [1000 * np.stack([c[..., 0], -c[..., 2], c[..., 1]], -1) for c in clips]
    other = Axes("+z", {"+z": "-y", "-z": "+y"}[store.axes.forward], store.axes.handedness)
    told = load_model(exported[1], unit="mm", axes=other)
    assert_close(told.embed(turned), expected, 1e-4)
    assert np.abs(model.embed(turned) - expected).max() > 0.01
    with DatasetWriter(tmp_path / "mm", name="mm", label_names=dataset.label_names) as writer:
        writer.add_layout(store.layout, frame_rate=30.0, unit="mm", axes=other)
        for row, coords in zip(rows, turned, strict=True):
            writer.add_clip(dataset.clips[row], {LAYOUT: ClipPoses(coords)})
    assert_close(model.embed(tmp_path / "mm"), expected, 1e-4)
    with pytest.raises(InputError, match="unit, axes: a dataset has its own"):
        told.embed(dataset)
    for settings, message in (
        ({"unit": "inch"}, "unit: 'inch' is not one of m"),
        ({"axes": "up"}, "axes: 'up'; expected Axes"),
        ({"batch": 0}, "batch: 0; expected"),
    ):
        with pytest.raises(InputError, match=message):
            load_model(exported[1], **settings).embed(clips)


@pytest.mark.parametrize("kind", BAD)
def test_bad_clips_are_named(kind: str, model: ExportedModel) -> None:
    clips, message = BAD[kind]
    with pytest.raises(InputError, match=message.replace("run .*", "model .*")) as caught:
        model.classify(clips)
    assert "\n" not in str(caught.value)


def test_datasets_that_do_not_fit_are_named(
    model: ExportedModel, dataset: ClipDataset, tiny_dataset: ClipDataset
) -> None:
    for clips, indices, message in (
        (tiny_dataset, None, f"'{LAYOUT}' is neither in"),
        (dataset, [99], "indices: 99 to 99"),
        ([np.zeros((4, 25, 3))], [0], "indices: belong to a dataset"),
    ):
        with pytest.raises(InputError, match=message):
            model.embed(clips, indices)


def test_more_persons_than_the_model_reads_are_told(model: ExportedModel) -> None:
    kept = model.manifest.persons
    clip = np.random.default_rng(0).normal(size=(9, kept + 1, 25, 3))
    with pytest.warns(UserWarning, match=f"up to {kept + 1} persons; model .* reads {kept}"):
        features = model.embed([clip])
    assert_close(features, model.embed([clip[:, :kept]]), 1e-6)


def test_it_fits_scikit_learn(exported: Any, model: ExportedModel, dataset: ClipDataset) -> None:
    clips = [clip.coords for clip in arrays(dataset, LAYOUT, np.arange(12))]
    labels = dataset.labels[:12]
    assert is_classifier(model)
    again = clone(model)
    assert again.get_params() == {"path": exported[1], "batch": 64, "unit": None, "axes": None}
    np.testing.assert_array_equal(again.predict(clips), model.classify(clips).labels)
    assert_close(again.predict_proba(clips), model.classify(clips).probabilities, 1e-6)
    names = np.array(dataset.label_names)[labels]
    assert model.score(clips, names) == np.mean(model.predict(clips) == names)
    pipeline = make_pipeline(ExportedModel(exported[1]), LinearSVC())
    assert pipeline.fit(clips, labels).predict(clips).shape == (12,)
    assert list(model.get_feature_names_out())[-1] == f"feature_{model.feature_dim - 1}"
    restored = pickle.loads(pickle.dumps(model))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_close(restored.transform(clips), model.transform(clips), 1e-6)
    restored.set_params(path="/none")
    with pytest.raises(InputError, match="/none: no such folder"):
        restored.transform(clips)
