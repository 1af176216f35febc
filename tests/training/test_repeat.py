"""A run done again from its records: equal to the bit, whatever its method, or told apart."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import h5py  # type: ignore[import-untyped]
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.repeat import Repetition, repeat_run
from ms2l_tf.training.train import train
from tests.cli.conftest import Command, command
from tests.helpers import TrainedRun, tiny_config, write_dataset
from tests.methods.test_kernels import config_of as kernels_config
from tests.msclr.tiny import config as clr_config
from tests.training.test_protocols import MOVING, from_run

__all__ = ["command"]  # a fixture


def repeated(folder: RunFolder, again: pathlib.Path, **told: Any) -> Repetition:
    found = repeat_run(folder.path, str(again), strategy="one", **told)
    assert found.weights.equal, found.lines()
    assert found.history.equal, found.lines()
    assert found.elsewhere == ()
    assert not found.broken
    assert json.loads((again / "repeat.json").read_text()) == found.to_json()
    return found


@pytest.mark.slow
def test_a_run_is_repeated_on_data_that_was_moved(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    moved = shutil.copytree(trained_run.config.data.data, tmp_path / "moved")
    found = repeated(trained_run.folder, tmp_path / "again", data=str(moved))
    assert found.lines()[1:] == ["on the same versions, code and machine"]
    assert "arrays of weights are equal to the bit" in found.lines()[0]


def with_labels(run: TrainedRun) -> RunConfig:
    return from_run(run, **MOVING)


def short_config(data: str, **changes: Any) -> RunConfig:
    """Of a run of one task, whose step is traced quickly."""
    return tiny_config(data=data, tasks=("jigsaw",), monitor_epochs=0, **changes)


def other_sets(run: TrainedRun, root: pathlib.Path) -> str:
    other = write_dataset(root / "other", clips=12, seed=5)
    return f"{run.config.data.data},{other.path}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "several sets", "kernels", "prolonged"])
def test_every_kind_of_run(trained_run: TrainedRun, tmp_path: pathlib.Path, kind: str) -> None:
    data = trained_run.config.data.data
    make: dict[str, Callable[[], RunConfig]] = {
        "labels": lambda: with_labels(trained_run),
        "several sets": lambda: short_config(other_sets(trained_run, tmp_path), epochs=2),
        "kernels": lambda: kernels_config(ClipDataset.open(data)),
        "prolonged": lambda: short_config(data, decay="cosine", epochs=2),
    }
    config, workdir = make[kind](), str(tmp_path / "run")
    folder = train(config, workdir, strategy="one")
    if kind == "prolonged":
        train(short_config(data, decay="cosine", epochs=4), workdir, strategy="one")
    for _ in range(2):  # the same command finds it done, and compares again
        repeated(folder, tmp_path / "again")
    assert RunFolder(tmp_path / "again").config() == folder.config()
    if kind == "labels":
        with pytest.raises(InputError, match=r"--init: .* is not what .* started from \(its check"):
            repeat_run(folder.path, str(tmp_path / "new"), init=str(folder.path))
        assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_msclr_by_its_command(
    command: Command,
    clr_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = clr_config(clr_dataset, epochs=1, monitor_epochs=0)
    run = train(config, str(tmp_path / "run"))
    again = [f"--repeat={run.path}", f"--workdir={tmp_path / 'again'}"]
    assert command("msclr-train", *again) == 0
    assert "are equal to the bit" in capsys.readouterr().out


@pytest.fixture(scope="module")
def original(
    tiny_dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunFolder, RunFolder]:
    """A short run and its repetition; copy them before writing."""
    root = tmp_path_factory.mktemp("runs")
    config = short_config(str(tiny_dataset.path), epochs=1)
    folder = train(config, str(root / "run"), strategy="one")
    return folder, repeat_run(folder.path, str(root / "again"), strategy="one").folder


@pytest.fixture
def copies(
    original: tuple[RunFolder, RunFolder], tmp_path: pathlib.Path
) -> tuple[RunFolder, RunFolder]:
    """The same, in folders of the test's own."""
    one, other = (shutil.copytree(run.path, tmp_path / run.path.name) for run in original)
    return RunFolder(one), RunFolder(other)


def change_a_weight(folder: RunFolder) -> None:
    (folder.path / "weights.json").unlink()
    with h5py.File(folder.weights, "r+") as file:
        names: list[str] = []
        file.visititems(
            lambda name, item: (
                names.append(name) if isinstance(item, h5py.Dataset) and item.ndim == 2 else None
            )
        )
        file[names[0]][0, 0] += 0.5


@pytest.mark.slow
def test_other_weights_of_the_same_versions_are_a_status_of_their_own(
    command: Command, copies: tuple[RunFolder, RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, again = copies
    change_a_weight(folder)
    flags = [f"--repeat={folder.path}", f"--workdir={again.path}", "--strategy=one"]
    assert command("train", *flags) == 3
    out = capsys.readouterr().out
    assert "1 of its" in out
    assert "arrays of weights differ, by at most 0.5" in out
    kept = json.loads((again.path / "repeat.json").read_text())
    assert kept["weights"]["differing"] == 1
    assert not kept["reproduced"]


def edit_origin(folder: RunFolder, edit: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(folder.origin.read_text())
    edit(value)
    folder.origin.write_text(json.dumps(value))


@pytest.mark.slow
def test_other_weights_of_other_versions_are_told(
    command: Command, copies: tuple[RunFolder, RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, again = copies
    change_a_weight(folder)
    edit_origin(folder, lambda value: value["origins"][0]["versions"].update(keras="3.1"))
    flags = [f"--repeat={folder.path}", f"--workdir={again.path}", "--strategy=one"]
    assert command("train", *flags) == 0
    assert "different from the original: keras 3.1 -> " in capsys.readouterr().out
    folder.origin.unlink()
    assert command("train", *flags) == 0
    assert "versions and machine of the original are not known" in capsys.readouterr().out


def test_what_cannot_be_repeated(
    command: Command,
    trained_run: TrainedRun,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = trained_run.folder
    new, repeat = f"--workdir={tmp_path / 'new'}", f"--repeat={folder.path}"
    other = write_dataset(tmp_path / "other", clips=12, seed=5)
    refused = {
        "--units: a repeated run has the settings of": [repeat, new, "--units=9"],
        "--repeat: nowhere holds no run": ["--repeat=nowhere", new],
        "is the run to repeat; name another folder": [repeat, f"--workdir={folder.path}"],
        "has other contents than dataset 'tiny' had when": [repeat, new, f"--data={other.path}"],
        "--synthetic_clips belongs to a run of its own": [repeat, new, "--synthetic_clips=9"],
    }
    for message, flags in refused.items():
        assert command("train", *flags) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "new").exists()
