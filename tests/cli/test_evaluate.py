"""ms2l-evaluate from the command line."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.train import train
from tests.cli.conftest import Command
from tests.helpers import TrainedRun, tiny_config, write_dataset


@pytest.fixture
def folder(trained_run: TrainedRun, tmp_path: pathlib.Path) -> RunFolder:
    """A copy of the trained run that a test may write into."""
    return RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))


def test_prints_a_table_beside_the_floors(
    command: Command,
    folder: RunFolder,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a dataset that has moved, with other probe settings than the run's."""
    flags = [f"--workdir={folder.path}", f"--data={write_dataset(tmp_path / 'moved').path}"]
    flags += ["--probes=knn", "--k=1,3", "--metric=euclidean", "--pooling=max", "--nofigures"]
    assert command("evaluate", *flags) == 0
    text = capsys.readouterr().out
    assert "tiny, split cross_subject, epoch 4, seed 0" in text
    assert f"{folder.path / 'result.json'}" in text
    for word in ("knn", "raw", "random"):
        assert word in text.lower()
    metrics = json.loads(folder.result.read_text())["metrics"]
    assert {"knn/1/top1", "knn/3/top1", "floor/raw/knn/3/top1"} <= set(metrics)
    assert "linear/top1" not in metrics
    assert not folder.figures.exists()


def test_a_result_that_cannot_be_written_is_on_the_screen(
    command: Command, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.result.mkdir()
    assert command("evaluate", f"--workdir={folder.path}", "--probes=knn", "--k=1") == 2
    printed = capsys.readouterr()
    assert "kNN, k = 1" in printed.out
    assert ".png" not in printed.out
    (line,) = printed.err.splitlines()
    assert line.startswith(f"error: {folder.result}: cannot be written (")
    assert line.endswith("then evaluate again")


def test_figures_of_an_earlier_evaluation_are_not_listed(
    command: Command, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--workdir={folder.path}", "--probes=knn", "--k=1"]
    assert command("evaluate", *flags) == 0
    assert "embedding.png" in capsys.readouterr().out
    assert command("evaluate", *flags, "--nofigures") == 0
    assert ".png" not in capsys.readouterr().out
    assert (folder.figures / "embedding.png").is_file(), "nobody asked for its removal"
    folder.history.unlink()
    assert command("evaluate", *flags) == 0
    printed = capsys.readouterr()
    assert "training.png" not in printed.out
    assert "training.png is left out: there is no history.csv; the earlier" in printed.err
    assert not (folder.figures / "training.png").exists()


def test_features_alone_take_neither_labels_nor_test_clips(
    command: Command,
    capsys: pytest.CaptureFixture[str],
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
) -> None:
    """The training clips of a split without test clips, as `extract_poses` writes it."""
    data = pathlib.Path(shutil.copytree(tiny_dataset.path, tmp_path / "data"))
    names = tiny_dataset.names[:8].tolist()
    split = {"train": names, "test": [], "description": "all for training"}
    (data / "splits" / "all_train.json").write_text(json.dumps(split))
    config = tiny_config(data=str(data), split="all_train", validation="none", epochs=1)
    run = train(config, str(tmp_path / "run"), strategy="one")
    path = tmp_path / "features.npz"
    flags = ["--probes=none", f"--save_features={path}", f"--workdir={run.path}"]
    assert command("evaluate", *flags) == 0
    assert f"features of 8 training and 0 test clips: {path}" in capsys.readouterr().out
    with np.load(path) as arrays:
        assert arrays["train_features"].shape == (8, 8)
        assert arrays["test_features"].shape == (0, 8)
        assert arrays["train_names"].tolist() == sorted(names)
    assert not run.result.exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--probes=forest"], "--probes: unknown probe 'forest'; choose from knn, linear"),
        (["--probes="], "--probes: no probe given"),
        (["--probes=none"], "--probes=none: name the file of the features"),
        (["--k=0"], "--k: 0 is below the smallest allowed value, 1"),
        (["--k=one"], "--k: 'one' is not a comma-separated list of int"),
        (["--metric=l1"], "flag --metric=l1: value should be one of <cosine|euclidean>"),
        (["--data=no/such"], "no/such: no such dataset folder"),
        (["--workdir="], "--workdir: name the folder of a trained run"),
        (["--workdir=no/such"], "--workdir: no/such holds no run (no flags.json); train one"),
        (["--units=3"], "Unknown command line flag 'units'"),
    ],
)
def test_bad_flags_are_one_line(
    command: Command,
    last_error: Callable[[], str],
    folder: RunFolder,
    flags: list[str],
    message: str,
) -> None:
    assert command("evaluate", f"--workdir={folder.path}", *flags) == 2
    assert message in last_error()
    assert not folder.result.exists()


def test_another_dataset(
    command: Command, last_error: Callable[[], str], folder: RunFolder, tmp_path: pathlib.Path
) -> None:
    other = write_dataset(tmp_path / "other", seed=1)
    assert command("evaluate", f"--workdir={folder.path}", f"--data={other.path}") == 2
    assert f"is not the dataset {folder.path} was trained on" in last_error()


def test_help_lists_its_own_flags_only(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("evaluate", "--help")
    text = capsys.readouterr().out
    for name in ("workdir", "data", "probes", "metric", "test_on", "pooling", "k", "save_features"):
        assert f"--{name}:" in text
    assert "--epochs" not in text
