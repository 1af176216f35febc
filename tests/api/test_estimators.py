"""`MS2L`, `MSCLR`, `Kernels` and `Pointing` as scikit-learn estimators."""

from __future__ import annotations

import gc
import pathlib
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from ms2l_tf import (
    MS2L,
    MSCLR,
    ClipDataset,
    ClipPoses,
    Kernels,
    Pointing,
    load_encoder,
    load_layout,
)
from ms2l_tf.api.estimators import ClipEstimator
from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.skeletons.layout import SkeletonLayout
from tests.api.conftest import KERNELS_QUICK, LAYOUT, MS2L_QUICK, MSCLR_QUICK, POINTING_QUICK
from tests.helpers import motion, tiny_layout

COMMON = ("epochs", "batch", "frames")


def quick(kind: type[ClipEstimator], **changes: Any) -> ClipEstimator:
    values = {
        MS2L: MS2L_QUICK, MSCLR: MSCLR_QUICK, Kernels: KERNELS_QUICK, Pointing: POINTING_QUICK
    }[kind]  # fmt: skip
    common = {name: values[name] for name in COMMON if name in values}
    settings = {name: value for name, value in values.items() if name not in COMMON}
    return kind(**{"strategy": "one", **common, "settings": settings, **changes})


def waves(persons: int = 1) -> list[np.ndarray]:
    return [motion(5 + n, seed=n, persons=persons, label=n % 2) for n in range(10)]


@pytest.fixture(scope="module")
def fitted() -> ClipEstimator:
    return quick(MS2L, layout=tiny_layout()).fit(waves())


@pytest.mark.slow
def test_it_trains_the_run_that_the_command_trains(
    dataset: ClipDataset, ms2l_run: RunFolder, tmp_path: pathlib.Path
) -> None:
    model = quick(MS2L, layouts=[LAYOUT], workdir=tmp_path / "run")
    model.set_params(settings={**(model.settings or {}), "inputs": ["joint", "motion"]})
    assert model.fit(dataset) is model
    expected = load_encoder(ms2l_run.path).transform(dataset)
    np.testing.assert_array_equal(model.transform(dataset), expected)
    mine, theirs = (run.record() for run in (RunFolder(model.run_), ms2l_run))
    for config in (*mine["normalisers"], *theirs["normalisers"]):
        del config["name"]  # Keras counts its layers
    assert mine == theirs
    assert model.history_["epoch"] == [1.0]
    assert np.isfinite(model.history_["loss"]).all()
    np.testing.assert_array_equal(model.encoder_.transform(dataset), expected)


@pytest.mark.slow
def test_a_folder_will_do_and_a_finished_run_is_taken_as_it_is(
    dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    model = quick(MSCLR, layouts=[LAYOUT, "h36m_17"], workdir=str(tmp_path / "run"))
    features = model.fit(str(dataset.path)).transform(dataset)
    written = (tmp_path / "run" / "model.weights.h5").stat().st_mtime_ns
    np.testing.assert_array_equal(model.fit(dataset).transform(dataset), features)
    assert (tmp_path / "run" / "model.weights.h5").stat().st_mtime_ns == written
    with pytest.raises(InputError, match="was started with --frames=12, now --frames=14"):
        model.set_params(frames=14).fit(dataset)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [MS2L, MSCLR, Kernels, Pointing])
@pytest.mark.parametrize("persons", [1, 2])
def test_fit_of_arrays(kind: type[ClipEstimator], persons: int) -> None:
    model = quick(kind, layout=tiny_layout())
    clips = waves(persons)
    features = model.fit_transform(clips)
    assert features.shape == (10, len(model.get_feature_names_out()))
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(model.transform(clips), features)


@pytest.mark.slow
def test_arrays_of_other_kinds(tmp_path: pathlib.Path) -> None:
    clips = np.random.default_rng(0).normal(size=(8, 9, 25, 3))
    expected = quick(MS2L, layout=LAYOUT).fit(clips).transform(clips)
    for number, given in enumerate((list(clips), [ClipPoses(clip[:, None]) for clip in clips])):
        model = quick(MS2L, layout=LAYOUT, workdir=tmp_path / str(number)).fit(given)
        np.testing.assert_array_equal(model.transform(clips), expected)
    flat = quick(MS2L, layout=LAYOUT)
    assert flat.fit(clips[..., :2]).transform(clips[..., :2]).shape == expected.shape


def test_kernels_of_flat_arrays() -> None:
    model = quick(Kernels, layout=tiny_layout())
    clips = [clip[..., :2] for clip in waves(2)]
    features = model.fit_transform(clips)
    assert features.shape == (10, 6)
    assert np.isfinite(features).all()
    assert model.history_["directions"] == [6.0]


def test_arrays_beside_a_workdir(tmp_path: pathlib.Path) -> None:
    model = quick(MS2L, layout=tiny_layout(), workdir=tmp_path / "run")
    model.fit(waves())
    assert len(ClipDataset.open(tmp_path / "run_data")) == 10
    model.fit(waves())
    with pytest.raises(InputError, match="run_data: holds other clips"):
        model.fit(waves()[1:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run_data"]


def test_labels_are_learnt_from_where_the_protocol_says_so(tmp_path: pathlib.Path) -> None:
    model = quick(MS2L, layout=tiny_layout(), workdir=tmp_path / "run")
    kept = {name: value for name, value in (model.settings or {}).items() if name == "units"}
    model.set_params(settings={**kept, "protocol": "supervised"})
    model.fit(waves(), np.array(["left", "right"] * 5))
    assert ClipDataset.open(tmp_path / "run_data").label_names == ("left", "right")
    assert "accuracy" in model.history_
    with pytest.raises(InputError, match="y: are 3; there are 10 clips"):
        model.fit(waves(), [0, 1, 0])


@pytest.mark.slow
def test_a_temporary_run_lives_as_long_as_the_estimator() -> None:
    model = quick(MS2L, layout=tiny_layout()).fit(waves())
    features, run = model.transform(waves()), pathlib.Path(model.run_)
    content = pickle.dumps(model)
    assert run.is_dir()
    del model
    gc.collect()
    assert not run.exists()
    copy = pickle.loads(content)
    np.testing.assert_array_equal(copy.transform(waves()), features)
    assert copy.history_["epoch"] == [1.0]
    assert pathlib.Path(copy.run_).is_dir()


@pytest.mark.parametrize("kind", [MS2L, MSCLR, Kernels, Pointing])
def test_not_fitted(kind: type[ClipEstimator]) -> None:
    for ask in (
        lambda: kind().transform(waves()),
        lambda: kind().get_feature_names_out(),
        lambda: kind().run_,
        lambda: kind().history_,
    ):
        with pytest.raises(NotFittedError, match=f"this {kind.__name__} is not fitted yet"):
            ask()


@pytest.mark.parametrize("kind", [MS2L, MSCLR, Kernels, Pointing])
def test_parameters_round_trip(kind: type[ClipEstimator]) -> None:
    values: dict[str, Any] = {
        "epochs": 3, "settings": {"units": 5}, "layouts": ["a", "b"], "workdir": "w", "seed": 2,
        "layout": tiny_layout(),
    }  # fmt: skip
    model = kind(**values)
    assert {name: model.get_params()[name] for name in values} == values
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert kind(**model.get_params()).get_params() == model.get_params()
    assert copy.set_params(epochs=4).epochs == 4
    assert not hasattr(copy, "run")


def test_a_clone_is_not_fitted(fitted: ClipEstimator) -> None:
    with pytest.raises(NotFittedError):
        clone(fitted).transform(waves())


def test_in_a_pipeline() -> None:
    labels = np.arange(10) % 2
    model = make_pipeline(quick(MS2L, layout=tiny_layout()), SVC())
    assert clone(model).fit(waves(), labels).predict(waves()).shape == (10,)


def test_a_recipe_and_what_overrides_it(dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    model = MS2L(
        recipe="nw_ucla/unsupervised_wide", epochs=1, frames=12, batch=8, strategy="one",
        workdir=tmp_path / "run", layouts=LAYOUT, split=dataset.split_names[0],
        settings={"units": 4, "observed": 4, "validation": "subject", "monitor_epochs": 0},
    )  # fmt: skip
    config = RunFolder(model.fit(dataset).run_).config().to_json()
    wanted = {"frames": 12, "units": 4, "projection": 128, "augment_each": True, "flip": 0.5}
    assert {name: config[name] for name in wanted} == wanted
    assert config["inputs"] == ["joint", "motion"]
    assert config["layouts"] == [LAYOUT]


BAD: dict[str, tuple[type[ClipEstimator], dict[str, Any], str]] = {
    "unknown": (MS2L, {"settings": {"unit": 3}}, "--unit: is no setting of --method=ms2l"),
    "other method's": (MS2L, {"settings": {"queue": 3}}, "--queue: is no setting"),
    "twice": (
        MS2L,
        {"epochs": 2, "settings": {"epochs": 3}},
        "settings: 'epochs' is given beside it",
    ),
    "method": (MS2L, {"settings": {"method": "msclr"}}, "settings: 'method' is given beside it"),
    "type": (MS2L, {"epochs": "many"}, "epochs: 'many'; expected int"),
    "fraction": (MS2L, {"epochs": 1.5}, "epochs: 1.5; expected int"),
    "truth": (MS2L, {"settings": {"augment_each": 3}}, "augment_each: 3; expected bool"),
    "text": (MS2L, {"split": 3}, "split: 3; expected str"),
    "number": (MS2L, {"learning_rate": [1]}, r"learning_rate: \[1\]; expected float"),
    "bounds": (MS2L, {"batch": 0}, "--batch: 0 is below"),
    "no recipe": (MS2L, {"recipe": "nw_ucla/none"}, "no such recipe"),
    "other recipe": (MS2L, {"recipe": "nw_ucla/aimclr"}, "is one of method 'msclr'"),
    "its recipe": (MSCLR, {"recipe": "nw_ucla/unsupervised_wide"}, "is one of method 'ms2l'"),
    "split": (MS2L, {"split": "none"}, "no split 'none'"),
    "layouts": (MSCLR, {"layouts": ["none"]}, "--layouts: 'none'"),
    "strategy": (MS2L, {"strategy": "all"}, "--strategy=all: is not one of auto, "),
    "no folder": (MS2L, {"strategy": "multiworker", "workdir": None}, "workdir: the workers"),
    "no workers": (MS2L, {"strategy": "multiworker"}, "TF_CONFIG is not set"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_named(case: str, dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    kind, values, message = BAD[case]
    with pytest.raises(InputError, match=message):
        kind(**{"workdir": tmp_path / "run", "strategy": "one", **values}).fit(dataset)
    assert not list(tmp_path.iterdir())


def test_kernels_tell_what_is_for_the_other_methods(dataset: ClipDataset) -> None:
    model = quick(Kernels, layouts=[LAYOUT], batch=8)
    with pytest.warns(UserWarning, match="--batch has no effect here: it belongs to --protocol="):
        model.fit(dataset)


def test_settings_without_effect_are_told(dataset: ClipDataset) -> None:
    model = quick(MS2L, layouts=[LAYOUT])
    model.set_params(settings={**(model.settings or {}), "masked_parts": 2})
    with pytest.warns(UserWarning, match="--masked_parts has no effect here"):
        model.fit(dataset)


@pytest.mark.parametrize(
    ("clips", "layout", "message"),
    [
        (waves(), None, "layout: say in which layout the arrays are"),
        (waves(), "none", "none"),
        ([], tiny_layout(), "there are none to train on"),
        ([*waves(), waves()[0][..., :2]], tiny_layout(), r"clip 10: has .* wants \[F, 5, 3\]"),
        (waves(), load_layout(LAYOUT), r"clip 0: has shape .* wants \[F, 25, 2 or 3\]"),
        ("/no/such", None, "no such dataset folder"),
    ],
)  # fmt: skip
def test_bad_clips_are_named(
    clips: Any, layout: SkeletonLayout | str | None, message: str, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(InputError, match=message):
        quick(MS2L, layout=layout, workdir=tmp_path / "run").fit(clips)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_it_is_silent_unless_told(
    fitted: ClipEstimator, capsys: pytest.CaptureFixture[str]
) -> None:
    clone(fitted).fit(waves())
    assert capsys.readouterr().out == ""
    clone(fitted).set_params(verbose=True).fit(waves())
    assert "loss" in capsys.readouterr().out
