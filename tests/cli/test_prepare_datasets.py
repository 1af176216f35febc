"""`ms2l-prepare` on datasets that are there: --merge, --derive, --relabel, --subset, --cut."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from ms2l_tf.data import ClipDataset
from tests.cli.conftest import Command
from tests.data.operations.datasets import LAYOUT, make


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> str:
    return str(make(tmp_path / "one", name="one").path)


def test_all_at_once(command: Command, folder: str, tmp_path: pathlib.Path) -> None:
    other = make(tmp_path / "other", name="other", seed=1).path
    names = tmp_path / "names.csv"
    names.write_text("old,new\nnod,greet\nwave,greet\n")
    out = tmp_path / "out"
    status = command(
        "prepare",
        f"--merge={folder},{other}",
        "--derive=h36m_17",
        f"--relabel={names}",
        "--subset=split:given:train",
        "--subset=label:greet",
        "--cut=windows:8",
        "--split=kfold:2:subject",
        f"--out={out}",
    )
    assert status == 0
    dataset = ClipDataset.open(out)
    assert dataset.layouts == ("h36m_17",)
    assert dataset.label_names == ("greet",)
    assert set(dataset.subjects) == {"one_0", "other_0"}
    assert dataset.split_names == ("fold_1_of_2", "fold_2_of_2", "given")
    assert all(clip.end - clip.start <= 8 for clip in dataset.clips)


def test_a_split_is_added_in_place(command: Command, folder: str) -> None:
    assert command("prepare", f"--source={folder}", "--split=camera:1") == 0
    assert ClipDataset.open(folder).split_names == ("cross_view", "given")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--cut=windows:5"], "--cut: name one dataset folder with --source, or several with"),
        (["--cut=windows:5", "--source={}"], "--out is missing"),
        (["--merge={},{}", "--source={}", "--out=x"], "--merge: name one dataset folder with"),
        (["--merge={}", "--out=x"], "--merge: name two dataset folders at least"),
        (["--cut=windows:5", "--source={}", "--format=bvh", "--out=x"], "--format is of no use"),
        (["--inspect={}", "--cut=windows:5"], "--cut is of no use with --inspect"),
        (["--subset=label:x", "--source={}", "--out=x"], "--subset=label:x: the dataset has no"),
        (["--subset=label:x", "--source=no/such", "--out=x"], "no/such: no such dataset folder"),
        (
            ["--subset=label:nod", "--source={}", "--layout_map=auto", "--out=x"],
            "--layout_map: name the layouts to make with --derive",
        ),
    ],
)
def test_one_line(
    command: Command,
    last_error: Callable[[], str],
    folder: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    arguments: list[str],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("prepare", *(argument.replace("{}", folder) for argument in arguments)) == 2
    assert last_error().startswith(line)
    assert not (tmp_path / "x").exists()


def test_nothing_is_lost_without_work(
    command: Command, folder: str, tmp_path: pathlib.Path
) -> None:
    """`--derive=native` alone copies a dataset, to the byte."""
    out = tmp_path / "out"
    assert command("prepare", f"--source={folder}", "--derive=native", f"--out={out}") == 0
    for file in ("coords.npy", "present.npy", "offsets.npy"):
        path = pathlib.Path("poses") / LAYOUT / file
        assert (out / path).read_bytes() == (pathlib.Path(folder) / path).read_bytes()
    assert ClipDataset.open(out).clips == ClipDataset.open(folder).clips
