"""Runs a command inside the test process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

import pytest
from absl import flags
from absl.testing import flagsaver

from ms2l_tf import cli

Command = Callable[..., int]
MODULES = {
    **{
        f"ms2l-{name}": f"ms2l_tf.cli.{name}"
        for name in ("prepare", "train", "evaluate", "export", "predict", "search", "report")
    },
    "msclr-train": "msclr.cli.train",
    "msclr-evaluate": "ms2l_tf.cli.evaluate",
}
TRAIN = MODULES["ms2l-train"]  # whose flags msclr-train has
# Whose flags ms2l-prepare has. (Those of `dataset_flags` are the command's own. absl knows modules
# that disclaim their flags by their address: such a module must stay, or another gets the address.)
OF_PREPARE = tuple(f"ms2l_tf.cli.{name}" for name in ("videos", "prepare_flags"))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """(command name, *arguments) -> exit status, as the console script would give it.

    Of the core's commands the name may be short: ``train`` is ``ms2l-train``.
    """

    def run(name: str, *arguments: str) -> int:
        script = name if "-" in name else f"ms2l-{name}"
        module = MODULES[script]
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        for imported in (module, TRAIN, *OF_PREPARE):  # flags are defined on import
            sys.modules.pop(imported, None)
            vars(cli).pop(imported.rpartition(".")[2], None)
        entry = importlib.import_module(module).entry
        try:
            with flagsaver.flagsaver(), pytest.raises(SystemExit) as stopped:
                entry()
        finally:
            forget(module, TRAIN, *OF_PREPARE, "ms2l_tf.cli.config_flags")
        code = stopped.value.code
        return 0 if code is None else int(code)

    return run


def forget(*modules: str) -> None:
    """Takes flags away: commands have some of the same name, as they meet in one process here."""
    defined = flags.FLAGS.flags_by_module_dict()
    for module in modules:
        for flag in list(defined.get(module, ())):
            delattr(flags.FLAGS, flag.name)
    flags.FLAGS.unparse_flags()


@pytest.fixture
def last_error(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What the command wrote to stderr but for warnings: one line, without its `error: `."""

    def read() -> str:
        written = capsys.readouterr().err.splitlines()
        lines = [line for line in written if not line.startswith("warning: ")]
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")

    return read
