"""`ms2l-predict` says what the model in Python says, of datasets and files, and tells bad input."""

from __future__ import annotations

import csv
import io
import json
import pathlib
import tracemalloc
from typing import Any

import numpy as np
import pytest

from ms2l_tf import ExportedModel
from ms2l_tf.data import Axes, ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.export.manifest import fingerprint
from ms2l_tf.prediction import reading
from ms2l_tf.prediction.inputs import opened_input
from ms2l_tf.prediction.reading import batches
from ms2l_tf.prediction.windows import window_predictions
from ms2l_tf.skeletons.layout import SkeletonLayout
from tests.cli.conftest import Command
from tests.helpers import motion, tiny_layout
from tests.prediction.conftest import Recorded

FRAME = "frame," + ",".join(f"{name}_{axis}" for name in tiny_layout().joints for axis in "xyz")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def write_layout(path: pathlib.Path, layout: SkeletonLayout) -> pathlib.Path:
    path.write_text(json.dumps(layout.to_json()))
    return path


def write_csv(path: pathlib.Path, clip: np.ndarray) -> None:
    """A wide table of one person; a missing coordinate is an empty cell."""
    rows = [
        ",".join([str(number), *("" if np.isnan(x) else repr(float(x)) for x in frame.ravel())])
        for number, frame in enumerate(clip[:, 0])
    ]
    path.write_text("\n".join([FRAME, *rows]) + "\n")


def test_a_dataset(
    command: Command,
    exported: pathlib.Path,
    model: ExportedModel,
    tiny_dataset: ClipDataset,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = np.flatnonzero(tiny_dataset.poses("tiny_5").seen)
    expected = model.classify(tiny_dataset, rows)
    flags = (f"--model={exported}", f"--input={tiny_dataset.path}")
    assert command("predict", *flags, "--top_k=2", "--batch=3") == 0
    out = capsys.readouterr()
    header, *told = lines(out.out)
    assert header == {"model": fingerprint(exported), "layout": "tiny_5", "threshold": 0.0}
    assert [each["clip"] for each in told] == tiny_dataset.names.tolist()
    usable = [each for each in told if "error" not in each]
    assert {each["error"] for each in told if "error" in each} <= {"nobody is seen in it"}
    assert [each["clip"] for each in usable] == tiny_dataset.names[rows].tolist()
    assert [each["label"] for each in usable] == expected.labels.tolist()
    scores = [[top["score"] for top in each["top"]] for each in usable]
    sorted_scores = -np.sort(-expected.probabilities, axis=1)[:, :2]
    np.testing.assert_allclose(scores, sorted_scores, atol=2e-6)
    lengths = tiny_dataset.poses("tiny_5").lengths[rows]
    assert [each["frames"] for each in usable] == lengths.tolist()


def test_a_table_and_features(
    command: Command,
    exported: pathlib.Path,
    model: ExportedModel,
    recorded: Recorded,
    tmp_path: pathlib.Path,
) -> None:
    clips = [motion(length, seed=length) for length in (7, 30, 12)]
    data = recorded(clips)
    expected = model.classify(clips)
    flags = (f"--model={exported}", f"--input={data.path}")
    table, features = tmp_path / "p.csv", tmp_path / "f.npz"
    familiar = model.familiarity(expected.features)
    assert familiar is not None
    threshold = float(np.median(familiar))
    more = ("--output=csv", f"--out={table}", f"--threshold={threshold}", "--top_k=9")
    assert command("predict", *flags, *more) == 0
    told = list(csv.DictReader(io.StringIO(table.read_text())))
    ranks = ["label_1", "score_1", "label_2", "score_2"]
    assert list(told[0]) == ["clip", "frames", "label", "score", "familiarity", *ranks, "error"]
    surest = expected.probabilities.max(axis=1)
    assert {float(row["familiarity"]) >= threshold for row in told} == {True, False}
    for row, label, score, share in zip(told, expected.labels, surest, familiar, strict=True):
        assert row["label"] == (label if share >= threshold else "unknown")
        assert row["label_1"] == label
        assert float(row["familiarity"]) == pytest.approx(share, abs=2e-6)
        assert float(row["score"]) == pytest.approx(score, abs=2e-6)
    assert command("predict", *flags, "--output=features", f"--out={features}") == 0
    with np.load(features, allow_pickle=False) as file:
        assert file["names"].tolist() == ["r0", "r1", "r2"]
        assert tuple(file["label_names"]) == model.label_names
        np.testing.assert_allclose(file["features"], expected.features, atol=1e-5)
        np.testing.assert_allclose(file["probabilities"], expected.probabilities, atol=1e-5)


def test_files_in_another_unit_and_axes(
    command: Command,
    exported: pathlib.Path,
    model: ExportedModel,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "takes"
    folder.mkdir()
    clips = [motion(20, seed=3), motion(14, seed=4)]
    clips[0][2:5, 0, 4] = np.nan
    axes = Axes("+z", "+y", "right")
    assert model.manifest.axes is not None
    there = np.linalg.inv(axes.matrix) @ model.manifest.axes.matrix
    for number, clip in enumerate(clips):
        write_csv(folder / f"take{number}.csv", 1000 * clip @ there.T)
    layout = write_layout(tmp_path / "tiny.json", tiny_layout())
    source = ("--unit=mm", "--axes=+z,+y,right", f"--layout={layout}")
    assert command("predict", f"--model={exported}", f"--input={folder}", *source) == 0
    _, *told = lines(capsys.readouterr().out)
    expected = model.classify(clips)
    assert [each["clip"] for each in told] == ["take0", "take1"]
    assert [each["label"] for each in told] == expected.labels.tolist()
    scores = [each["score"] for each in told]
    np.testing.assert_allclose(scores, expected.probabilities.max(axis=1), atol=1e-4)


def test_a_recording_that_cannot_be_used(
    command: Command,
    exported: pathlib.Path,
    recorded: Recorded,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nobody = np.full_like(motion(5), np.nan)
    data = recorded([motion(9), nobody, motion(8)])
    assert command("predict", f"--model={exported}", f"--input={data.path}") == 0
    out = capsys.readouterr()
    assert [each.get("error") for each in lines(out.out)[1:]] == [
        None,
        "nobody is seen in it",
        None,
    ]
    assert "warning: " in out.err
    assert "1 of 3 recordings are of no use; r1: nobody is seen in it" in out.err
    alone, out_file = tmp_path / "alone.csv", tmp_path / "p.jsonl"
    write_csv(alone, nobody)
    layout = write_layout(tmp_path / "tiny.json", tiny_layout())
    flags = (f"--model={exported}", f"--input={alone}", f"--layout={layout}", f"--out={out_file}")
    assert command("predict", *flags) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: {alone}: none of its 1 recordings is of use; alone: ")
    assert not out_file.exists()


def test_another_layout(
    command: Command,
    exported: pathlib.Path,
    model: ExportedModel,
    recorded: Recorded,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Refused, or mapped by a file or by names: the order of joints is all that differs."""
    clips = [motion(12, seed=5), motion(20, seed=6)]
    order = [4, 2, 0, 3, 1]
    joints = tuple(tiny_layout().joints[joint] for joint in order)
    place = {joint: number for number, joint in enumerate(order)}
    own = tiny_layout()
    other = tiny_layout(
        name="other_5",
        joints=joints,
        edges=tuple((place[a], place[b]) for a, b in own.edges),
        bones=tuple((place[a], place[b]) for a, b in own.bones),
        graph_centre=place[2],
        mirror=tuple(place[own.mirror[joint]] for joint in order),
        anchors={name: tuple(place[j] for j in of) for name, of in own.anchors.items()},
        parts={name: tuple(place[j] for j in of) for name, of in own.parts.items()},
    )
    data = recorded([clip[:, :, order] for clip in clips], layout=other)
    flags = (f"--model={exported}", f"--input={data.path}")
    for more in ((), ("--map",)):
        assert command("predict", *flags, *more) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "holds poses of other_5, the model reads tiny_5; no packaged mapping" in line
    file = tmp_path / "mapping.json"
    same = {joint: [joint] for joint in own.joints}
    file.write_text(json.dumps({"source": "other_5", "target": "tiny_5", "joints": same}))
    expected = model.classify(clips).probabilities.max(axis=1)
    for given in (file, "auto"):
        assert command("predict", *flags, f"--layout_map={given}") == 0
        _, *told = lines(capsys.readouterr().out)
        np.testing.assert_allclose([each["score"] for each in told], expected, atol=1e-5)
    lacking = {**same, "hand_left": []}
    file.write_text(json.dumps({"source": "other_5", "target": "tiny_5", "joints": lacking}))
    assert command("predict", *flags, f"--layout_map={file}") == 2
    assert "other_5 has no counterpart of hand_left" in capsys.readouterr().err


def test_segments(
    command: Command,
    exported: pathlib.Path,
    model: ExportedModel,
    recorded: Recorded,
    long_clip: np.ndarray,
    capsys: pytest.CaptureFixture[str],
) -> None:
    timeline = model.windows(long_clip, length=20, stride=8)
    assert timeline.starts[:3].tolist() == [0, 8, 16]
    assert timeline.ends[-1] == 200
    number = 4
    window = long_clip[timeline.starts[number] : timeline.ends[number]]
    expected = model.classify([window]).probabilities[0]
    np.testing.assert_allclose(timeline.probabilities[number], expected, atol=1e-5)
    assert np.isnan(timeline.probabilities[timeline.starts == 88]).all(), "nobody: 88 to 108"
    data = recorded([long_clip, motion(9)])
    flags = (f"--model={exported}", f"--input={data.path}", "--windows=20:8", "--batch=5")
    assert command("predict", *flags) == 0
    header, *told = lines(capsys.readouterr().out)
    assert (header["windows"], header["smoothing"]) == ("20:8", "mean")
    first = [each for each in told if each["clip"] == "r0"]
    assert [(each["start"], each["end"], each["label"]) for each in first] == [
        segment[:3] for segment in timeline.segments
    ]
    scores = [segment.score for segment in timeline.segments]
    np.testing.assert_allclose([each["score"] for each in first], scores, atol=1e-5)
    assert first[1]["start_seconds"] == pytest.approx(first[1]["start"] / 30, abs=1e-3)
    assert [(each["start"], each["end"]) for each in told if each["clip"] == "r1"] == [(0, 9)]
    median = model.windows(long_clip, length=20, stride=8, smoothing="median", threshold=1.0)
    assert {segment.label for segment in median.segments} <= {"unknown", None}


class _Constant:
    """A model that costs nothing, so that memory is that of the windows."""

    def compute(self, poses: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
        features = np.zeros((len(poses), 1), np.float32)
        return {"probabilities": np.full((len(poses), 2), 0.5, np.float32), "features": features}

    def familiarity(self, features: np.ndarray) -> None:
        """Cannot be told."""


def test_memory_of_a_long_recording_does_not_grow(recorded: Recorded) -> None:
    peaks = []
    for seconds in (20, 400):
        clip = np.tile(motion(30), (seconds, 1, 1, 1))
        store = recorded([clip], name=f"of{seconds}").poses("tiny_5")
        tracemalloc.start()
        model: Any = _Constant()
        found = window_predictions(model, store, 0, (60, 30), 8, lambda poses: poses)
        assert sum(1 for _ in found) == seconds - 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_of_a_very_long_clip_some_frames_are_read(
    model: ExportedModel,
    recorded: Recorded,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A hand rises so evenly that frames between two others say nothing new."""
    low, high = motion(1, seed=1), motion(1, seed=1)
    high[:, 0, 3, 1] += 0.5
    slow = np.linspace(low, high, 401)[:, 0]
    dataset = recorded([motion(9), slow, motion(5)])
    whole = model.embed(dataset)
    assert capsys.readouterr().err == ""
    resampled = model.manifest.frames
    monkeypatch.setattr(reading, "PADDED_FRAMES", 10 * resampled)
    monkeypatch.setattr(reading, "LONGEST_VALUES", 10)
    np.testing.assert_allclose(model.embed(dataset), whole, atol=1e-4)
    count = (10 * resampled - 1) // (resampled - 1) * (resampled - 1) + 1
    said = f"warning: a clip of 401 frames is read at {count} of them, evenly spaced"
    assert capsys.readouterr().err.startswith(said)
    poses, lengths = reading.model_poses(dataset.poses(model.layout.name), np.array([1]), resampled)
    assert poses.shape[:2] == (1, count)
    assert lengths.tolist() == [count]


def test_long_clips_come_in_smaller_batches() -> None:
    lengths = [10, 10, 20000, 10, 10, 10, 8000, 9000]
    found = [lengths[part] for part in batches(lengths, 2)]
    assert found == [[10, 10], [20000], [10, 10], [10, 8000], [9000]]
    assert list(batches([], 4)) == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("", "--model is missing"),
        ("--model=M", "--input is missing"),
        ("--model=M --input=x --windows=3:9", "--windows=3:9: a stride is"),
        ("--model=M --input=x --keep_going", "--keep_going belongs to --stream"),
        ("--model=M --input=x --smoothing=mean", "--smoothing belongs to --windows"),
        ("--model=M --input=x --output=features", "--out is missing"),
        ("--model=M --input=x --windows=9 --output=features", "leave --windows out"),
        ("--model=M --input=x --windows=9 --top_k=2", "--top_k is of no use with --windows"),
        ("--model=M --stream", "--windows is missing"),
        ("--model=M --stream --windows=9 --output=csv", "--stream writes lines of JSON"),
        ("--model=M --stream --windows=9 --input=x", "--input is of no use with --stream"),
        ("--model=nowhere --input=x", "nowhere: no such folder; ms2l-export makes one"),
        ("--model=M --input=nowhere", "nowhere"),
        ("--model=M --input=M --format=arrays", "known.npy: an array has shape"),
        ("--model=M --input=M --format=films", "films"),
    ],
)
def test_bad_command_lines(
    flags: str,
    said: str,
    command: Command,
    exported: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("predict", *flags.replace("=M", f"={exported}").split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert said in line


@pytest.mark.parametrize(("length", "stride"), [(0, None), (5, 6), (5, 0), (2.5, 1), (True, 1)])
def test_bad_windows_in_python(model: ExportedModel, length: Any, stride: Any) -> None:
    with pytest.raises(InputError, match=r"length: |stride: "):
        model.windows(motion(9), length=length, stride=stride)


def test_options_of_a_dataset_are_refused(model: ExportedModel, tiny_dataset: ClipDataset) -> None:
    from ms2l_tf.data.formats import ReaderOptions
    from ms2l_tf.prediction.inputs import InputChoices

    choices = InputChoices(options=ReaderOptions(unit="mm"))
    with (
        pytest.raises(InputError, match=r"--unit: .* is a prepared dataset"),
        opened_input(tiny_dataset.path, model.manifest, choices),
    ):
        pass
