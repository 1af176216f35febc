"""What all commands share: exit codes, one-line errors, and flags made from settings."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver

from ms2l_tf import stopping
from ms2l_tf.cli import common
from ms2l_tf.errors import RUN_AGAIN_STATUS, InputError
from ms2l_tf.methods.augmentation import AugmentSettings
from ms2l_tf.methods.ms2l.settings import TaskSettings
from ms2l_tf.methods.registry import all_settings, groups_for, run_config
from ms2l_tf.settings.config import ProbeConfig


def run(
    monkeypatch: pytest.MonkeyPatch, main: Callable[[], None], *arguments: str, **settings: Any
) -> int:
    """Exit status of a command that only calls `main`."""
    monkeypatch.setattr(sys, "argv", ["ms2l-test", *arguments])
    with flagsaver.flagsaver(), pytest.raises(SystemExit) as stopped:
        common.run(main, **settings)
    flags.FLAGS.unparse_flags()
    return int(stopped.value.code or 0)


def refuse() -> None:
    raise InputError("--data: nothing there")


def test_success_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, lambda: None) == 0


def test_bad_input_is_one_line_and_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, refuse) == 2
    assert capsys.readouterr().err == "error: --data: nothing there\n"


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["ms2l-test", "--debug"])
    with flagsaver.flagsaver(), pytest.raises(InputError, match="nothing there"):
        common.run(refuse)
    flags.FLAGS.unparse_flags()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("nw_ucla", "command line: 'nw_ucla' is not a flag; write --name=value (see --help)"),
        ("--no_such_flag=3", "Unknown command line flag 'no_such_flag'"),
        ("--flagfile=no/such.cfg", "--flagfile=no/such.cfg: cannot be read (No such file"),
    ],
)
def test_leftovers_and_unknown_flags(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argument: str,
    message: str,
) -> None:
    def never() -> None:
        raise AssertionError("the command ran")

    assert run(monkeypatch, never, argument) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


def test_a_reader_that_has_had_enough_gets_no_traceback() -> None:
    code = "from ms2l_tf.cli import common\ncommon.run(lambda: print('line\\n' * 100_000))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141, "but it did not end what it was doing"


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), tf.errors.InvalidArgumentError(None, None, "shapes")]
)
def test_bugs_are_not_hidden(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Nor are errors of TensorFlow that are about anything but files and memory."""

    def bug() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["ms2l-test"])
    with flagsaver.flagsaver(), pytest.raises(type(error)):
        common.run(bug)
    flags.FLAGS.unparse_flags()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device"), "No space left on device; --debug shows where"),
        (PermissionError(13, "Permission denied", "runs/a/x"), "runs/a/x: Permission denied; "),
        (OSError(21, "Is a directory", "runs/.1.x", None, "runs/x"), "runs/x: Is a directory; "),
        (OSError(5, "file read failed\n at 3"), "file read failed at 3; --debug"),
        (MemoryError("Unable to allocate 9 TiB"), "out of memory (Unable to allocate 9 TiB); low"),
        (
            tf.errors.ResourceExhaustedError(None, None, "{{node a}} runs/x; No space [Op:Save]"),
            "TensorFlow: runs/x; No space; check space on the disk",
        ),
        (tf.errors.NotFoundError(None, None, "runs/x; No such file"), "TensorFlow: runs/x; No su"),
    ],
)
def test_trouble_with_disk_or_memory_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    message: str,
) -> None:
    def trouble() -> None:
        raise error

    assert run(monkeypatch, trouble) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")
    monkeypatch.setattr(sys, "argv", ["ms2l-test", "--debug"])
    with flagsaver.flagsaver(), pytest.raises(type(error)):
        common.run(trouble)
    flags.FLAGS.unparse_flags()


@pytest.mark.parametrize("flag", ["", "--help"])
def test_a_full_disk_under_the_output_is_one_line(flag: str) -> None:
    code = "import sys\nfrom ms2l_tf.cli import common\ndef main(): print('line\\n' * 9)\n"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", f"{code}common.run(main)", *([flag] if flag else [])],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "error: No space left on device" in done.stderr


def test_an_interrupted_command_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    assert run(monkeypatch, stop) == 130
    assert capsys.readouterr().err == "interrupted; the same command starts again\n"
    assert run(monkeypatch, stop, interrupted=common.RESUMES) == 130
    assert capsys.readouterr().err == f"interrupted; {common.RESUMES}\n"


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, RUN_AGAIN_STATUS), (signal.SIGINT, stopping.INTERRUPTED_STATUS)],
)
def test_a_signal_ends_a_command_with_a_documented_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    status: int,
) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    cleaned = []

    def work() -> None:
        try:
            signal.raise_signal(number)
        finally:
            cleaned.append(True)

    assert run(monkeypatch, work) == status
    assert capsys.readouterr().err == "interrupted; the same command starts again\n"
    assert cleaned
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before
    assert f"{status}: " in common.STATUSES


def test_a_signal_that_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `nohup` and a shell's background jobs have it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run(monkeypatch, lambda: signal.raise_signal(signal.SIGINT)) == 0
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def config_flags() -> Iterator[Any]:
    """The module, its flags taken away afterwards."""
    from ms2l_tf.cli import config_flags as module

    yield module
    for flag in list(flags.FLAGS.flags_by_module_dict().get(module.__name__, ())):
        delattr(flags.FLAGS, flag.name)
    flags.FLAGS.unparse_flags()


PROBES = {"probes": ProbeConfig}


def test_a_flag_that_is_not_given_leaves_the_settings_their_defaults(config_flags: Any) -> None:
    config_flags.define(all_settings())
    flags.FLAGS(["test"])
    assert config_flags.read(all_settings()) == {}


def test_each_kind_of_flag(config_flags: Any) -> None:
    groups = groups_for({})
    config_flags.define(groups)
    given = ["--data=d", "--frames=12", "--observed_noise=0.5", "--augment_each", "--tasks=jigsaw"]
    flags.FLAGS(["test", *given, "--inputs=joint,bone", "--k=3,7", "--linear_c=0.1,1"])
    config = run_config(config_flags.read(groups))
    tasks = config.of(TaskSettings)
    assert (config.data.data, config.normaliser.frames, tasks.observed_noise) == ("d", 12, 0.5)
    assert config.of(AugmentSettings).augment_each
    assert tasks.tasks == ("jigsaw",)
    assert config.model.inputs == ("joint", "bone")
    assert config.probes.k == (3, 7)
    assert config.probes.linear_c == (0.1, 1.0)


def test_what_is_not_given_is_left_out(config_flags: Any) -> None:
    config_flags.define(PROBES)
    flags.FLAGS(["test", "--pooling=max"])
    assert config_flags.read(PROBES) == {"pooling": "max"}


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("method", "longt_gan: re-generation of masked clips with an adversary"),
        ("network", "stgcn: graph convolution over joints and time"),
        ("network", "Default: gru, stgcn with --method=msclr, gru_last with --method=longt_gan,"),
        (
            "frames",
            "Default: 200, 50 with --method=msclr, 32 with --method=kernels, 32 with "
            "--method=pointing.",
        ),
        ("temperature", "Of --method=ms2l, msclr. Default: 1.0, 0.07 with --method=msclr."),
        (
            "units",
            "Of --network=gru, lstm, gru_last, lstm_last, blstm_last, tcn. Default: 30, 256 with "
            "--network=tcn.",
        ),
        ("layouts", "Default: empty."),
        ("classifier_hidden", "Default: 60, empty with --method=supervised."),
    ],
)
def test_help_says_what_there_is_whose_it_is_and_every_default(
    config_flags: Any, flag: str, said: str
) -> None:
    config_flags.define(all_settings())
    assert said in flags.FLAGS[flag].help


def test_a_list_of_the_wrong_type(config_flags: Any) -> None:
    config_flags.define(PROBES)
    flags.FLAGS(["test", "--k=1,five"])
    with pytest.raises(InputError, match="--k: '1,five' is not a comma-separated list of int"):
        config_flags.read(PROBES)
