"""ms2l-train from the command line."""

from __future__ import annotations

import dataclasses
import pathlib
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.methods.registry import all_settings
from ms2l_tf.runs.folder import RunFolder
from tests.cli.conftest import Command
from tests.helpers import TINY, TrainedRun, tiny_config

ROOT = pathlib.Path(__file__).resolve().parents[2]


def as_flags(**settings: object) -> list[str]:
    return [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in settings.items()
    ]


@pytest.mark.slow
def test_train_in_a_process_of_its_own(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    """From a flagfile; nothing on stderr distracts the user."""
    recipe = tmp_path / "tiny.cfg"
    recipe.write_text("# A comment.\n" + "\n".join(as_flags(**{**TINY, "epochs": 1})))
    flags = [f"--flagfile={recipe}", f"--data={tiny_dataset.path}", f"--workdir={tmp_path / 'a'}"]
    done = subprocess.run(
        [sys.executable, "-m", "ms2l_tf.cli.train", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    folder = RunFolder(tmp_path / "a")
    assert folder.finished
    assert folder.config() == tiny_config(data=str(tiny_dataset.path), epochs=1)
    assert f"next: ms2l-evaluate --workdir={folder.path}" in done.stdout


@pytest.mark.slow
def test_where_no_method_is_named_the_recommended_one_is_taken(
    command: Command,
    tiny_dataset: ClipDataset,
    trained_run: TrainedRun,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shortest = [f"--data={tiny_dataset.path}", f"--workdir={tmp_path / 'run'}"]
    assert command("train", *shortest) == 0
    assert "--method=kernels: recommended" in capsys.readouterr().out
    assert RunFolder(tmp_path / "run").config().model.method == "kernels"
    assert command("train", *shortest) == 0, "the same command finds the run finished"
    of_a_method = [f"--data={tiny_dataset.path}", f"--workdir={tmp_path / 'b'}", "--layers=2"]
    assert command("train", *of_a_method, *as_flags(**{**TINY, "epochs": 1})) == 0
    assert RunFolder(tmp_path / "b").config().model.method == "ms2l"
    before = trained_run.folder
    goes_on = [f"--data={trained_run.config.data.data}", f"--workdir={before.path}"]
    assert command("train", *goes_on) == 2, "it keeps its method, whose flags are lacking"
    assert "was started with" in capsys.readouterr().err
    assert before.config().model.method == "ms2l"


def test_the_next_command_is_quoted_for_the_shell(
    command: Command,
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "my runs" / "o'neill; $HOME"
    flags = as_flags(**{**TINY, "epochs": 1, "monitor_epochs": 0})
    assert command("train", f"--data={tiny_dataset.path}", f"--workdir={folder}", *flags) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("next: "))
    assert shlex.split(line.removeprefix("next: ")) == ["ms2l-evaluate", f"--workdir={folder}"]


def test_a_finished_run_is_found_finished(
    command: Command, trained_run: TrainedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = as_flags(**{n: _listed(v) for n, v in trained_run.config.to_json().items()})
    assert command("train", *flags, f"--workdir={trained_run.folder.path}") == 0
    assert f"trained to the last epoch: {trained_run.folder.weights}" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_from_another_and_what_it_refuses(
    command: Command,
    trained_run: TrainedRun,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = as_flags(
        protocol="semi",
        init=trained_run.folder.path,
        data=trained_run.config.data.data,
        label_fraction=0.5,
        batch=4,
        epochs=1,
        classifier_units=0,
        classifier_hidden=(),
        workdir=tmp_path / "b",
    )
    assert command("train", *flags) == 0
    config = RunFolder(tmp_path / "b").config()
    assert config.model == trained_run.config.model, "taken over"
    assert config.network == trained_run.config.network
    assert config.protocol.classifier_hidden == ()
    assert command("evaluate", f"--workdir={tmp_path / 'b'}", "--figures=false") == 0
    assert "classifier" in capsys.readouterr().out
    assert command("train", *flags[:-1], f"--workdir={tmp_path / 'c'}", "--units=9") == 2
    message = capsys.readouterr().err
    assert "--units=4, not --units=9; leave the flag out" in message
    assert message.count("\n") == 1
    assert not (tmp_path / "c").exists()


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--observed=12"], "--observed: 12 leaves 12 of --frames=12 observed; it must be at"),
        (["--segments=6", "--frames=5", "--observed=2"], "--segments: 6 segments do not fit into"),
        (["--layouts=smpl_24"], "--layouts: 'smpl_24' is neither in "),
        (["--split=cross_view"], "no split 'cross_view'; it has cross_subject"),
        (["--data="], "--data: name the folder of a prepared dataset"),
        (["--data=no/such"], "no/such: no such dataset folder; ms2l-prepare makes one"),
        (["--workdir="], "--workdir: name the folder of the run"),
        (["--decay=linear"], "flag --decay=linear: value should be one of <step|cosine|constant>"),
        (["--tasks=jigsaw,gan"], "--tasks: 'gan' is not one of prediction, jigsaw, contrastive"),
        (["--tasks="], "--tasks: name at least one"),
        (["--batch=four"], "flag --batch=four: invalid literal for int"),
        (["--rotation=in_plane"], "--rotation=in_plane is for 2-D poses"),
        (["--batch=3", "--strategy=mirrored"], "--batch: 3 clips cannot be shared equally by 2"),
        (["--protocol=semi"], "--protocol=semi: name the --label_fraction whose labels are read"),
        (["--strategy=all"], "--strategy=all: value should be one of <auto|one|mirrored|multi"),
        (["--strategy=multiworker"], "TF_CONFIG is not set, and srun of Slurm did not start this"),
        (["extra"], "command line: 'extra' is not a flag"),
    ],
)
def test_bad_flags_are_one_line(
    command: Command,
    last_error: Callable[[], str],
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    flags: list[str],
    message: str,
) -> None:
    given = [f"--data={tiny_dataset.path}", f"--workdir={tmp_path / 'run'}", *as_flags(**TINY)]
    assert command("train", *given, *flags) == 2
    assert message in last_error()
    assert not (tmp_path / "run").exists(), "nothing is half-written"


def test_a_typed_flag_without_effect_is_told_and_one_of_a_recipe_is_not(
    command: Command,
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = tmp_path / "recipe.cfg"
    recipe.write_text("--moving_epochs=2\n--omega=0.5\n")
    flags = [f"--data={tiny_dataset.path}", f"--workdir={tmp_path / 'run'}", *as_flags(**TINY)]
    flags += [f"--flagfile={recipe}", "--noaugment_each", "--protocol=supervised", "--omega=3"]
    assert command("train", *flags, "--split=none_such") == 2  # before anything is trained
    lines = capsys.readouterr().err.splitlines()
    told = {line.split()[1] for line in lines if line.startswith("warning: ")}
    assert {"--omega", "--augment_each"} <= told
    assert "--moving_epochs" not in told
    assert "warning: --omega has no effect here: it belongs to --schedule=joint" in lines


def test_other_flags_on_an_old_run(
    command: Command, last_error: Callable[[], str], trained_run: TrainedRun
) -> None:
    given = [f"--data={trained_run.config.data.data}", f"--workdir={trained_run.folder.path}"]
    assert command("train", *given, *as_flags(**TINY), "--units=6") == 2
    assert "was started with --units=4, now --units=6" in last_error()


def test_help_lists_every_setting(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("train", "--help") in (0, 1)  # absl exits 1
    text = capsys.readouterr().out
    for group in all_settings().values():
        for field in dataclasses.fields(group):
            assert f"--{field.name}:" in text or f"--[no]{field.name}:" in text
    for name in ("workdir", "strategy"):
        assert f"--{name}:" in text
