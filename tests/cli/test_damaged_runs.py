"""Every file of a run folder damaged in every way: what is left is used and said, or refused.

Never is there a traceback, and never does a run that had got further start again at its first
epoch.
"""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.cli.conftest import Command
from tests.cli.damage import ALL, FEWER, Answer, damaged
from tests.cli.test_train import as_flags
from tests.helpers import largest_file, tiny_config
from tests.msclr.tiny import TINY as TINY_CLR
from tests.msclr.tiny import config as clr_config
from tests.training.test_train import assert_same_weights, interruption

Ask = Callable[..., Answer]
STATE, NEWEST, INDEX = "checkpoint/checkpoint", "checkpoint/ckpt-3.data-*", "checkpoint/*.index"


@pytest.fixture
def ask(command: Command, capfd: pytest.CaptureFixture[str]) -> Ask:
    """(command name, *arguments) -> its answer."""

    def run(name: str, *arguments: str) -> Answer:
        capfd.readouterr()
        status = command(name, *arguments)
        return Answer(status, *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def config(tiny_dataset: ClipDataset) -> RunConfig:
    """Of a run with labels, which has all the files there are."""
    return tiny_config(data=str(tiny_dataset.path), protocol="supervised", monitor_epochs=0)


@pytest.fixture(scope="module")
def flags(config: RunConfig) -> list[str]:
    settings = config.to_json().items()
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in settings}
    return [*as_flags(**values), "--strategy=one"]


@pytest.fixture(scope="module")
def stopped(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Interrupted in the last of four epochs: checkpoints of the second and third are there."""
    path = tmp_path_factory.mktemp("runs") / "stopped"
    with interruption(4), pytest.raises(KeyboardInterrupt):
        train(config, str(path), strategy="one")
    return path


@pytest.fixture(scope="module")
def finished(
    config: RunConfig, stopped: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    path = shutil.copytree(stopped, tmp_path_factory.mktemp("runs") / "finished")
    train(config, str(path), strategy="one")
    return path


def _contents(run: pathlib.Path) -> dict[pathlib.Path, bytes | None]:
    """Of all files but links, and the names of the rest."""
    paths = list(run.rglob("*"))
    return {
        path: path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in paths
    }


@pytest.mark.slow
@pytest.mark.parametrize("damage", ALL)
@pytest.mark.parametrize(
    ("name", "named", "first_epoch"),
    [
        (STATE, "checkpoint/checkpoint", 4),
        ("checkpoint/ckpt-3.*", "checkpoint", 3),
        (NEWEST, "checkpoint", 3),
        ("checkpoint/ckpt-3.index", "checkpoint", 3),
        ("checkpoint/*.data-*", "checkpoint", 0),
        (INDEX, "checkpoint", 0),
        ("history.csv", "history.csv", 4),
        ("flags.json", "flags.json", 0),
        ("origin.json", "", 4),  # no number depends on it
        ("labelled.json", "", 4),  # the same clips are drawn again
    ],
)
def test_training_goes_on_from_what_is_left(
    ask: Ask,
    flags: list[str],
    stopped: pathlib.Path,
    tmp_path: pathlib.Path,
    damage: str,
    name: str,
    named: str,
    first_epoch: int,
) -> None:
    run = damaged(stopped, tmp_path / "run", name, damage)
    before = _contents(run)
    answer = ask("train", *flags, f"--workdir={run}")
    answer.check(named)
    assert answer.first_epoch in (first_epoch, 0)
    if answer.status == 2:
        assert not answer.first_epoch
        assert _contents(run) == before, "nothing was touched"
    else:
        assert first_epoch, "it should have been refused"
        assert named in answer.err or (name, damage) == (STATE, "truncated")
        assert RunFolder(run).finished
    if damage != "a folder" and first_epoch:
        assert answer.status == 0, answer.err


@pytest.mark.parametrize("damage", ALL)
@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("flags.json", True),
        ("labelled.json", True),
        ("model.weights.h5", True),
        ("weights.json", False),
        ("origin.json", False),
        ("timing.json", False),
        ("history.csv", False),
        (STATE, False),
        (INDEX, False),
    ],
)
def test_an_evaluation_asks_for_no_file_it_can_do_without(
    ask: Ask,
    finished: pathlib.Path,
    tmp_path: pathlib.Path,
    damage: str,
    name: str,
    needed: bool,
) -> None:
    run = damaged(finished, tmp_path / "run", name, damage)
    drawn = name == "history.csv"
    answer = ask("evaluate", f"--workdir={run}", "--probes=knn", f"--figures={drawn}")
    answer.check(name, "--workdir")
    assert answer.status == (2 if needed else 0), answer.err
    assert (run / "result.json").exists() != needed
    unread = name == "origin.json" or (name, damage) == ("weights.json", "missing")
    if not needed and "checkpoint" not in name and not unread:
        assert name in answer.err, "said"
    if drawn:
        assert not (run / "figures" / "training.png").exists()


@pytest.mark.parametrize("damage", ALL)
@pytest.mark.parametrize("name", ["labelled.json", "model.weights.h5", "timing.json", STATE])
def test_training_a_finished_run_mends_or_refuses(
    ask: Ask,
    flags: list[str],
    finished: pathlib.Path,
    tmp_path: pathlib.Path,
    damage: str,
    name: str,
) -> None:
    """Weights that are gone come from the checkpoint; labels are those drawn before."""
    run, whole = damaged(finished, tmp_path / "run", name, damage), RunFolder(finished)
    answer = ask("train", *flags, f"--workdir={run}")
    answer.check(name)
    assert not answer.first_epoch, "no epoch is left to train"
    if answer.status == 0:
        assert_same_weights(whole, RunFolder(run))
        assert RunFolder(run).labelled.read_bytes() == whole.labelled.read_bytes()
    if name == "model.weights.h5":
        assert answer.status == (0 if damage in ("missing", "a loop") else 2)


@pytest.mark.parametrize(
    "left",
    [
        ["history.csv"],
        ["history.csv", "tensorboard"],
        ["timing.json"],
        ["weights.json"],
        ["checkpoint/checkpoint"],
        ["checkpoint/ckpt-3.data-00000-of-00001"],
    ],
)
def test_a_run_without_checkpoints_that_had_got_further_is_refused(
    ask: Ask,
    flags: list[str],
    finished: pathlib.Path,
    tmp_path: pathlib.Path,
    left: list[str],
) -> None:
    for name in ["flags.json", *left]:
        (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (finished / name).is_dir() else shutil.copy
        copy(finished / name, tmp_path / "run" / name)
    answer = ask("train", *flags, f"--workdir={tmp_path / 'run'}")
    answer.check("checkpoint")
    assert answer.status == 2
    assert "name a new --workdir, or delete" in answer.err


@pytest.mark.slow
def test_a_run_stopped_in_its_first_epoch_starts_again_and_says_so(
    ask: Ask, flags: list[str], stopped: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    run = tmp_path / "run"
    (run / "checkpoint" / "ckpt-1_temp").mkdir(parents=True)
    shutil.copy(stopped / "flags.json", run)
    lines = (stopped / "history.csv").read_text().splitlines(keepends=True)
    (run / "history.csv").write_text("".join(lines[:2]))
    answer = ask("train", *flags, f"--workdir={run}")
    assert (answer.status, answer.first_epoch) == (0, 1)
    assert "stopped before its first checkpoint; starts again at epoch 1" in answer.err
    assert not list(run.glob("checkpoint/*_temp"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flags.json", "ckpt-1", "model.weights.h5"])
def test_a_disk_that_fills_up_is_one_line_and_training_goes_on(
    config: RunConfig,
    finished: pathlib.Path,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """Not by the command: its output would be a file that may not grow."""
    largest = RunFolder(finished).weights.stat().st_size
    sizes = {"flags.json": 99, "ckpt-1": 9_999, "model.weights.h5": largest}
    run = RunFolder(tmp_path / "run")
    refused = pytest.raises(InputError, match=rf"{name}: cannot be written \(.*File too large\)")
    with largest_file(sizes[name]), refused:
        train(config, str(run.path), strategy="one")
    left = [path.name for path in run.path.rglob("*") if path.name.startswith(".")]
    left += [path.name for path in run.path.glob("checkpoint/*_temp*")]
    assert not left, "nothing is half-written"
    capsys.readouterr()
    train(config, str(run.path), strategy="one")
    assert_same_weights(RunFolder(finished), run)
    assert ("Epoch" in capsys.readouterr().out) == (name != "model.weights.h5")


@pytest.fixture(scope="module")
def clr(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """A dataset, a pre-training that is finished, one stopped in its third epoch."""
    folder = tmp_path_factory.mktemp("clr")
    dataset = generate(
        folder / "data", clips=48, seed=2, layouts=list(TINY_CLR["layouts"]), progress=False
    )
    settings = clr_config(dataset, epochs=3, monitor_epochs=0)
    with interruption(3), pytest.raises(KeyboardInterrupt):
        train(settings, str(folder / "stopped"), strategy="one")
    shutil.copytree(folder / "stopped", folder / "finished")
    train(settings, str(folder / "finished"), strategy="one")
    return {name: folder / name for name in ("data", "stopped", "finished")}


@pytest.mark.slow
@pytest.mark.parametrize("damage", FEWER)
@pytest.mark.parametrize(
    ("name", "first_epoch"),
    [(STATE, 3), ("checkpoint/ckpt-2.*", 2), ("history.csv", 3), ("flags.json", 0), (INDEX, 0)],
)
def test_the_same_of_contrastive_training(
    ask: Ask,
    clr: dict[str, pathlib.Path],
    tmp_path: pathlib.Path,
    damage: str,
    name: str,
    first_epoch: int,
) -> None:
    run = damaged(clr["stopped"], tmp_path / "run", name, damage)
    flags = as_flags(**{**TINY_CLR, "data": clr["data"], "epochs": 3, "monitor_epochs": 0})
    answer = ask("msclr-train", *flags, f"--workdir={run}", "--strategy=one")
    answer.check(name.partition("/")[0])
    if answer.status == 0:
        assert answer.first_epoch == first_epoch
        assert name.partition("/")[0] in answer.err or (name, damage) == (STATE, "truncated")
    else:
        assert not first_epoch or (damage == "a folder" and name in (STATE, "history.csv"))
        assert not answer.first_epoch


@pytest.mark.parametrize("damage", FEWER)
@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("flags.json", True),
        ("model.weights.h5", True),
        ("weights.json", False),
        ("origin.json", False),
        ("timing.json", False),
        ("checkpoint/*", False),
    ],
)
def test_the_same_of_its_evaluation(
    ask: Ask,
    clr: dict[str, pathlib.Path],
    tmp_path: pathlib.Path,
    damage: str,
    name: str,
    needed: bool,
) -> None:
    run = damaged(clr["finished"], tmp_path / "run", name, damage)
    answer = ask("msclr-evaluate", f"--workdir={run}", "--probes=knn", "--nofigures", "--nocross")
    answer.check(name, "--workdir")
    assert answer.status == (2 if needed else 0), answer.err
