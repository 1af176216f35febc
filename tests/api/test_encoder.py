"""`load_encoder`: features of arrays are those of evaluation, and bad input has one line."""

from __future__ import annotations

import pathlib
import pickle
import shutil
import warnings
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

import ms2l_tf
from ms2l_tf import SkeletonEncoder, load_encoder
from ms2l_tf.data import Axes, ClipDataset, ClipPoses
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.layout_features import encoded, trained_learner
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from tests.helpers import TrainedRun, assert_close

LAYOUT = "kinect_v2_25"


def arrays(dataset: ClipDataset, layout: str, rows: np.ndarray) -> list[ClipPoses]:
    """Copies: of the memory map itself a caller would change the dataset."""
    store = dataset.poses(layout)
    clips = [store.poses(int(row)) for row in rows]
    return [
        ClipPoses(np.array(clip.coords), np.array(clip.present, copy=True))
        for clip in clips
        if clip.present is not None
    ]


def own_features(run: RunFolder, layout: str) -> tuple[np.ndarray, np.ndarray]:
    """(features by evaluation, rows) of the test clips."""
    config = run.config()
    data = open_data(config)
    number = data.index(layout)
    rows = data.parts[number].test
    rows = rows[data.parts[number].store.lengths[rows] > 0]
    learner = trained_learner(run, config, data)
    return encoded(run, learner, config, data, {number: (rows, rows)})[number][0], rows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "layout"), [("ms2l_run", LAYOUT), ("msclr_run", LAYOUT), ("msclr_run", "h36m_17")]
)
def test_features_are_those_of_evaluation(
    run: str, layout: str, dataset: ClipDataset, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(run)
    expected, rows = own_features(folder, layout)
    encoder = load_encoder(folder.path, layout=layout)
    np.testing.assert_array_equal(encoder.transform(dataset, rows), expected)
    clips = arrays(dataset, layout, rows)
    np.testing.assert_array_equal(encoder.transform(clips), expected)
    assert expected.dtype == np.float32
    alone = [encoder.transform([clip])[0] for clip in clips]
    assert_close(alone, expected, 1e-5)


def test_of_a_dataset_with_gaps_two_persons_and_single_frames(
    trained_run: TrainedRun, tiny_dataset: ClipDataset
) -> None:
    expected, rows = own_features(trained_run.folder, "tiny_5")
    encoder = load_encoder(trained_run.folder.path)
    clips = arrays(tiny_dataset, "tiny_5", rows)
    np.testing.assert_array_equal(encoder.transform(clips), expected)
    every = np.arange(len(tiny_dataset))
    np.testing.assert_array_equal(
        encoder.transform(arrays(tiny_dataset, "tiny_5", every)), encoder.transform(tiny_dataset)
    )


def test_the_dataset_is_not_needed(ms2l_run: RunFolder, tmp_path: pathlib.Path) -> None:
    for name in ("flags.json", "model.weights.h5", "weights.json"):
        shutil.copy(ms2l_run.path / name, tmp_path)
    text = (tmp_path / "flags.json").read_text()
    data = str(ms2l_run.config().data.data)
    (tmp_path / "flags.json").write_text(text.replace(data, "/gone"))
    clips = [np.random.default_rng(0).normal(size=(9, 25, 3))]
    there = load_encoder(ms2l_run.path).transform(clips)
    np.testing.assert_array_equal(load_encoder(tmp_path).transform(clips), there)


def test_kinds_of_clips_agree(ms2l_run: RunFolder) -> None:
    encoder = load_encoder(ms2l_run.path)
    clips = np.random.default_rng(0).normal(size=(5, 9, 25, 3))
    expected = encoder.transform(clips)
    assert expected.shape == (5, 8)
    kinds: list[Any] = [
        list(clips), clips[:, :, None], list(clips[:, :, None]), tuple(clips.astype(np.float32)),
        [ClipPoses(clip[:, None]) for clip in clips],
    ]  # fmt: skip
    for kind in kinds:
        np.testing.assert_array_equal(encoder.transform(kind), expected)


@pytest.mark.parametrize("length", [1, 2, 11, 12, 13, 48, 49, 500])
def test_any_length(length: int, ms2l_run: RunFolder) -> None:
    clip = np.random.default_rng(length).normal(size=(length, 25, 3))
    features = load_encoder(ms2l_run.path).transform([clip])
    assert features.shape == (1, 8)
    assert np.isfinite(features).all()


def test_no_clips_have_no_features(ms2l_run: RunFolder) -> None:
    encoder = load_encoder(ms2l_run.path)
    assert encoder.transform([]).shape == (0, 8)
    assert encoder.frames([]) == []


def test_unit_and_axes_may_differ(dataset: ClipDataset, tmp_path: pathlib.Path,
                                  tmp_path_factory: pytest.TempPathFactory) -> None:  # fmt: skip
    from tests.api.conftest import trained

    run = trained(dataset, tmp_path_factory, "ms2l", layouts=(LAYOUT,), scale="none")
    store = dataset.poses(LAYOUT)
    rows = np.arange(4)
    clips = [clip.coords for clip in arrays(dataset, LAYOUT, rows)]
    encoder = load_encoder(run.path)
    expected = encoder.transform(clips)
    assert store.axes is not None
    # The same persons, z up, in millimetres: x stays, what was up is z, what was z is -y.
    assert store.axes == Axes("+y", store.axes.forward, store.axes.handedness)
    turned = [1000 * np.stack([c[..., 0], -c[..., 2], c[..., 1]], -1) for c in clips]
    forward = {"+z": "-y", "-z": "+y"}[store.axes.forward]
    other = Axes("+z", forward, store.axes.handedness)
    told = load_encoder(run.path, unit="mm", axes=other)
    assert_close(told.transform(turned), expected, 1e-4)
    assert np.abs(encoder.transform(turned) - expected).max() > 0.01


def test_missing_joints_and_persons(ms2l_run: RunFolder) -> None:
    encoder = load_encoder(ms2l_run.path)
    clip = np.random.default_rng(0).normal(size=(9, 2, 25, 3))
    clip[2:4, 0, 5, 1] = np.nan  # one coordinate: the whole joint
    whole = clip.copy()
    whole[2:4, 0, 5] = np.nan
    np.testing.assert_array_equal(encoder.transform([clip]), encoder.transform([whole]))
    clip[:, 1] = np.nan
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        absent = whole.copy()
        absent[:, 1] = 0.0
        np.testing.assert_array_equal(encoder.transform([absent]), encoder.transform([clip]))
    assert any("zero in all joints" in str(one.message) for one in said)


def test_more_persons_than_the_run_reads_are_told(ms2l_run: RunFolder) -> None:
    kept = ms2l_run.record()["poses"]["shape"][1]
    clip = np.random.default_rng(0).normal(size=(9, kept + 1, 25, 3))
    encoder = load_encoder(ms2l_run.path)
    with pytest.warns(UserWarning, match=f"up to {kept + 1} persons; run .* reads {kept}"):
        features = encoder.transform([clip])
    np.testing.assert_array_equal(features, encoder.transform([clip[:, :kept]]))


GOOD = np.zeros((9, 25, 3)) + np.random.default_rng(0).normal(size=(9, 25, 3))
INFINITE = np.where(np.arange(9)[:, None, None] == 3, np.inf, GOOD)
BAD: dict[str, tuple[Any, str]] = {
    "joints": ([GOOD, GOOD[:, :20]], r"clip 1: has shape \(9, 20, 3\); run .* wants \[F, 25, 3\]"),
    "coords": ([GOOD[..., :2]], r"clip 0: has shape \(9, 25, 2\)"),
    "axes": ([GOOD[0]], r"clip 0: has shape \(25, 3\)"),
    "one clip": (GOOD, r"shape \(9, 25, 3\); .* one clip alone goes into a list"),
    "flat": (np.zeros((4, 10)), r"shape \(4, 10\); expected \[N, F, J, C\]"),
    "no frame": ([GOOD, GOOD[:0]], r"clip 1: has shape \(0, 25, 3\), no frame"),
    "infinite": ([INFINITE], "clip 0: has an infinite coordinate"),
    "text": ([GOOD, np.full((2, 25, 3), "a")], "clip 1: values are of type <U1"),
    "object": ([[GOOD, None]], "clip 0"),
    "number": (7, "clips: 7; expected a list"),
    "none": (None, "clips: None; expected a list"),
    "alone": (ClipPoses(GOOD[:, None]), "expected a list of arrays"),
    "present": ([ClipPoses(GOOD[:, None], np.ones((8, 1), bool))], r"clip 0: present has shape"),
    "folder": ("/no/such", "no such dataset folder"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_clips_are_named(kind: str, ms2l_run: RunFolder) -> None:
    clips, message = BAD[kind]
    with pytest.raises(InputError, match=message) as caught:
        load_encoder(ms2l_run.path).transform(clips)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "smpl_24"}, "layout: 'smpl_24' is not one of kinect_v2_25"),
        ({"pooling": "median"}, "pooling: 'median' is not one of mean"),
        ({"batch": 0}, "batch: 0; expected"),
        ({"unit": "feet"}, "unit: 'feet' is not one of m, mm"),
        ({"axes": "y up"}, "axes: 'y up'; expected Axes"),
    ],
)
def test_bad_settings_are_named(
    settings: dict[str, Any], message: str, ms2l_run: RunFolder
) -> None:
    with pytest.raises(InputError, match=message):
        load_encoder(ms2l_run.path, **settings).transform([GOOD])


def test_bad_runs_are_named(tmp_path: pathlib.Path, ms2l_run: RunFolder) -> None:
    with pytest.raises(InputError, match=f"run: {tmp_path} holds no run"):
        load_encoder(tmp_path)
    shutil.copy(ms2l_run.flags, tmp_path)
    with pytest.raises(InputError, match="not trained to its last epoch"):
        load_encoder(tmp_path)
    shutil.copy(ms2l_run.path / "weights.json", tmp_path)
    (tmp_path / "model.weights.h5").write_bytes(b"cut short")
    with pytest.raises(InputError, match="damaged or of another run"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    ("indices", "message"),
    [([0, 99], "indices: 0 to 99; .* has clips 0 to 35"), ([0.5], "whole numbers"),
     ([[0]], "whole numbers"), ([-1], "indices: -1 to -1")],
)  # fmt: skip
def test_bad_indices_are_named(
    indices: Any, message: str, dataset: ClipDataset, ms2l_run: RunFolder
) -> None:
    with pytest.raises(InputError, match=message):
        load_encoder(ms2l_run.path).transform(dataset, indices)
    with pytest.raises(InputError, match="indices: belong to a dataset"):
        load_encoder(ms2l_run.path).transform([GOOD], [0])


def test_poolings(ms2l_run: RunFolder) -> None:
    clips = [GOOD, GOOD[::-1]]
    frames = load_encoder(ms2l_run.path).frames(clips)
    assert [clip.shape for clip in frames] == [(12, 8), (12, 8)]
    for how, expected in (
        ("mean", np.mean(frames, axis=1)),
        ("max", np.max(frames, axis=1)),
        ("mean_max", np.concatenate([np.mean(frames, axis=1), np.max(frames, axis=1)], axis=1)),
    ):
        encoder = load_encoder(ms2l_run.path, pooling=how)
        assert_close(encoder.transform(clips), expected)
        assert len(encoder.get_feature_names_out()) == expected.shape[1]


def test_frames_of_a_graph_network(msclr_run: RunFolder) -> None:
    encoder = load_encoder(msclr_run.path)
    (frames,) = encoder.frames([GOOD])
    assert frames.shape == (12, encoder.feature_dim)


def test_it_loads_at_the_first_use(ms2l_run: RunFolder) -> None:
    encoder = SkeletonEncoder("no/run")
    encoder.set_params(run=ms2l_run.path)
    features = encoder.transform([GOOD])
    encoder.set_params(pooling="max")
    assert np.abs(encoder.transform([GOOD]) - features).max() > 0
    assert clone(encoder).get_params() == encoder.get_params()
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(copy.transform([GOOD]), encoder.transform([GOOD]))


def test_the_callers_globals_stay(ms2l_run: RunFolder) -> None:
    np.random.seed(7)
    expected = np.random.random()
    keras.config.set_dtype_policy("mixed_bfloat16")
    np.random.seed(7)
    load_encoder(ms2l_run.path)
    assert np.random.random() == expected
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_in_a_pipeline(dataset: ClipDataset, ms2l_run: RunFolder) -> None:
    split = dataset.split(dataset.split_names[0])
    clips = [clip.coords for clip in arrays(dataset, LAYOUT, split.train)]
    labels = dataset.labels[split.train]
    model = Pipeline([("features", load_encoder(ms2l_run.path)), ("svm", SVC(C=100.0))])
    predicted = model.fit(clips, labels).predict(clips)
    assert (predicted == labels).mean() > 0.5
    assert len(model[:-1].get_feature_names_out()) == 8


def test_the_names_are_there_without_tensorflow() -> None:
    import subprocess
    import sys

    code = (
        "import sys, ms2l_tf; dir(ms2l_tf); ms2l_tf.ClipDataset, ms2l_tf.DatasetWriter;"
        "ms2l_tf.load_layout('kinect_v2_25');"
        "print([m for m in ('tensorflow', 'keras', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert set(ms2l_tf.__all__) <= set(dir(ms2l_tf))
    for name in ms2l_tf.__all__:
        assert getattr(ms2l_tf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'load_encodr'"):
        ms2l_tf.load_encodr  # noqa: B018
