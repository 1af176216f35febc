"""Which checkpoints are there, whatever the state file says."""

from __future__ import annotations

import pathlib

import pytest

from ms2l_tf.runs.checkpoint_files import CheckpointFiles, Position


def folder_of(path: pathlib.Path, *names: str) -> CheckpointFiles:
    for name in names:
        (path / name).touch()
    return CheckpointFiles(path)


def test_the_newest_comes_first_by_number(tmp_path: pathlib.Path) -> None:
    names = ("ckpt-9.index", "ckpt-10.index", "ckpt-11.data-00000-of-00001", "other-12.index")
    assert folder_of(tmp_path, *names).positions() == [Position(10), Position(9)]
    assert CheckpointFiles(tmp_path / "none").positions() == []


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        ('model_checkpoint_path: "ckpt-10"\n', ""),
        ('model_checkpoint_path: "/elsewhere/run/checkpoint/ckpt-10"\n', ""),
        ('model_checkpoint_path: "ckpt-9"\n', "names ckpt-9"),
        ('model_checkpoint_path: "ckpt-12"\n', "names ckpt-12, which is gone"),
        ("", "is empty"),
        ("ckpt-10", "is damaged"),
        (None, "is missing"),
    ],
)
def test_flaws_of_the_state_file(tmp_path: pathlib.Path, content: str | None, flaw: str) -> None:
    files = folder_of(tmp_path, "ckpt-9.index", "ckpt-10.index")
    if content is not None:
        files.state.write_text(content)
    assert files.state_flaw() == flaw
    files.write_state()
    assert files.state_flaw() == ""


def test_all_but_one_are_removed(tmp_path: pathlib.Path) -> None:
    names = ("ckpt-1.index", "ckpt-11.index", "ckpt-11.data-00000-of-00001", "checkpoint", "notes")
    files = folder_of(tmp_path, *names)
    (tmp_path / "ckpt-11_temp").mkdir()
    (tmp_path / "ckpt-12.index").mkdir()
    files.remove_others(Position(11))
    assert {path.name for path in tmp_path.iterdir()} == {*names} - {"ckpt-1.index"}


@pytest.mark.parametrize(
    ("names", "left"),
    [
        ([], ""),
        (["ckpt-1.data-00000-of-00001"], ""),
        (["ckpt-2.data-00000-of-00001"], "ckpt-2.data-00000-of-00001"),
        (["checkpoint"], "checkpoint"),
    ],
)
def test_what_tells_of_former_training(tmp_path: pathlib.Path, names: list[str], left: str) -> None:
    assert folder_of(tmp_path, *names).left_over() == left
