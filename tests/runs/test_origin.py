"""What a run was made with: recorded, told apart, and never in the way of going on."""

from __future__ import annotations

import copy
import json
import pathlib
import subprocess

import pytest

from ms2l_tf.runs import revision as module
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.origin import (
    UNKNOWN,
    Origin,
    current_origin,
    differences,
    keep_origin,
    recorded_origins,
)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> RunFolder:
    """With a checkpoint, so that a run there goes on."""
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "ckpt-1.index").touch()
    return RunFolder(tmp_path)


def of_another_keras(origin: Origin) -> Origin:
    other = copy.deepcopy(origin)
    other["versions"]["keras"] = "9.9"
    other["machine"]["memory_gb"] = 1.0
    other["revision"] = None
    return other


def test_versions_code_and_machine_are_known() -> None:
    origin = current_origin(replicas=2)
    assert all(version[0].isdigit() for version in origin["versions"].values())
    assert {"python", "tensorflow", "keras", "numpy", "scikit-learn"} <= set(origin["versions"])
    assert len(origin["code"]) == 64
    assert origin["machine"]["cores"] >= 1
    assert origin["machine"]["memory_gb"] > 0
    assert origin["machine"]["cpu"]
    assert origin["machine"]["gpus"] == []
    assert origin["replicas"] == 2
    assert json.loads(json.dumps(origin)) == origin


def test_the_revision_is_that_of_the_checkout(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> str:
        told = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run([*told, *words], check=True, capture_output=True, text=True).stdout

    monkeypatch.setattr(module, "_ROOT", tmp_path)
    monkeypatch.setattr(module, "_GIT", ("git", "-C", str(tmp_path)))
    module.revision.cache_clear()
    assert module.revision() is None
    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "first")
    for content, dirty in (("1", False), ("2", True)):
        (tmp_path / "a").write_text(content)
        module.revision.cache_clear()
        assert module.revision() == {"commit": git("rev-parse", "HEAD").strip(), "dirty": dirty}
    monkeypatch.setattr(module, "_GIT", ("no such program",))
    module.revision.cache_clear()
    assert module.revision() is None
    module.revision.cache_clear()


def test_only_what_a_number_may_depend_on_differs() -> None:
    origin = current_origin()
    keras = origin["versions"]["keras"]
    assert differences(origin, origin) == []
    assert differences(origin, of_another_keras(origin)) == [f"keras {keras} -> 9.9"]
    assert differences(origin, current_origin(2)) == ["replicas 1 -> 2"]


def test_going_on_elsewhere_is_said_once_and_kept(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = current_origin()
    keep_origin(folder, of_another_keras(origin))
    folder.checkpoint.joinpath("ckpt-1.index").touch()
    capsys.readouterr()
    keep_origin(folder, origin)
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"(keras 9.9 -> {origin['versions']['keras']}); its last digits" in err
    before = folder.origin.read_bytes()
    keep_origin(folder, origin)
    assert capsys.readouterr().err == ""
    assert folder.origin.read_bytes() == before
    assert len(recorded_origins(folder)) == 3, "epochs of unknown origin, and both others"


def test_a_run_of_an_earlier_version_goes_on(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = current_origin()
    keep_origin(folder, origin)
    assert recorded_origins(folder) == [UNKNOWN, origin]
    assert capsys.readouterr().err == ""


def test_a_run_that_begins_anew_forgets(folder: RunFolder) -> None:
    origin = current_origin()
    keep_origin(folder, of_another_keras(origin))
    folder.checkpoint.joinpath("ckpt-1.index").unlink()
    keep_origin(folder, origin)
    assert recorded_origins(folder) == [origin]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not valid JSON"),
        ("{}", "format_version None, this program reads 1"),
        ('{"format_version": 2}', "format_version 2, this program reads 1"),
        ('{"format_version": 1, "origins": [3]}', "entry 'origins' is missing or damaged"),
    ],
)
def test_a_damaged_record_is_said_and_left_out(
    folder: RunFolder, content: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.origin.write_text(content)
    assert recorded_origins(folder) == []
    assert f"origin.json: {told}" in capsys.readouterr().err
