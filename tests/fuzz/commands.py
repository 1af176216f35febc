"""Flags of the commands with values that nobody means, up to where the work would begin."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pathlib
import random
import re
import shutil
import sys
import unittest.mock
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from absl import flags
from absl.testing import flagsaver

from ms2l_tf import cli
from ms2l_tf.export import formats
from tests.cli.conftest import MODULES, OF_PREPARE, TRAIN, forget
from tests.fuzz import artefacts, runs
from tests.fuzz.folders import put
from tests.fuzz.promise import REFUSED, Failure, judged
from tests.fuzz.seeds import seed_files
from tests.fuzz.targets import Fuzzed

RAN = "ran"
_BAR = re.compile(r"\d+%\||\d+(it|clip|file|recording)s? \[")  # of progress, on a line of its own
# Of the scheduler is the network, and what Dask does as it is imported.
_NOT_OURS = {
    "scheduler",
    "pdb",
    "run_with_pdb",
    "run_with_profiling",
    "profile_file",
    "debug",
    "helpxml",
}
_VALUES = (
    *("", " ", "x", "0", "1", "-1", "2", "1.5", "nan", "inf", "-inf", "1e300", "1e-300", "-0.0"),
    *("9" * 30, "9" * 5000, "x" * 5000, "é ü", "\u2028", "\udcff", "a\nb", "\x1b[31m", "%s", "{}"),
    *("none", "None", "auto", "help", "true", "false", "a,a", "1,1", ",", ",,", "a,,b", "0.5,0.5"),
    *("x=y", "--x", "-", "'", '"', "\\", "#", "a:b", "subject:1", "kfold:2", "kfold:0:subject"),
    *("windows:3:2", "windows:0", "windows:٣", "windows:" + "9" * 5000, "points:labels.csv:1:1"),
    *(
        "split:given:train",
        "2s:0.5s",
        "60:15",
        "0:0",
        "1e300s",
        "nans",
        "+y,+z,right",
        "+y,+y,left",
    ),
    # Within where the fuzzer works: outputs may be written to any of them.
    *("data", "run", "model", "nowhere", "nowhere/x", "data/dataset.json", "labels.csv", "pipe"),
    *("null", "zero", "loop", "..", ".", "../..", "empty", "out.html", "out.png", "data,data"),
    *("run,run", "/proc/x", "/proc/self/mem", "damaged.json", "binary", "kinect_v2_25", "coco_17"),
)


class Reached(Exception):
    """The flags are in order, and the work would begin."""


def _reached(*_: Any, **__: Any) -> NoReturn:
    raise Reached


# Where the work of a command begins, and flags that lead there.
_WORK: Mapping[str, tuple[str, ...]] = {
    "ms2l-train": ("ms2l_tf.training.train.build_learner", "ms2l_tf.training.train.fit_once"),
    "ms2l-evaluate": (
        "ms2l_tf.evaluation.evaluate.layout_features",
        "ms2l_tf.evaluation.evaluate.trained_learner",
    ),
    "ms2l-export": ("ms2l_tf.export.export.served_model", "ms2l_tf.export.export._head"),
    "ms2l-predict": (
        "ms2l_tf.prediction.tasks.predictions",
        "ms2l_tf.prediction.tasks.window_predictions",
        "ms2l_tf.prediction.tasks.stream_predictions",
    ),
    "ms2l-search": ("ms2l_tf.retrieval.tasks.opened_archive",),
    "ms2l-report": ("ms2l_tf.evaluation.run_report.page._page",),
    "ms2l-prepare": (
        "ms2l_tf.data.synthetic.generate",
        "ms2l_tf.cli.videos.extract",
        "ms2l_tf.data.prepare.Assembly",
        "ms2l_tf.data.inspect.summarise",
        "ms2l_tf.data.operations.write",
    ),
    "msclr-train": ("ms2l_tf.training.train.build_learner", "ms2l_tf.training.train.fit_once"),
}
_GOOD: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "ms2l-train": (
        {"data": "data", "workdir": "new"},
        {"data": "data", "workdir": "new", "method": "ms2l", "epochs": "2"},
        {"data": "data", "workdir": "new", "protocol": "supervised", "init": "run"},
    ),
    "ms2l-evaluate": (
        {"workdir": "run"},
        {"workdir": "run", "probes": "none", "save_features": "new.npz"},
    ),
    "ms2l-export": ({"workdir": "run", "out": "new"}, {"show": "model"}),
    "ms2l-predict": (
        {"model": "model", "input": "data"},
        {"model": "model", "input": "data", "windows": "4:2"},
        {"model": "model", "stream": "true", "windows": "4:2", "unit": "m"},
    ),
    "ms2l-search": ({"model": "model", "data": "data", "input": "data"},),
    "ms2l-report": ({"workdir": "run", "out": "new.html"},),
    "ms2l-prepare": (
        {"source": "poses", "layout": "kinect_v1_20", "frame_rate": "30", "out": "new"},
        {"format": "synthetic", "out": "new", "clips": "20"},
        {"inspect": "data"},
        {"merge": "data,data", "out": "new"},
        {"source": "data", "subset": "subject:1", "out": "new"},
        {"source": "data", "cut": "windows:3", "out": "new"},
    ),
    "msclr-train": ({"data": "data", "workdir": "new"},),
}


class Command(Fuzzed):
    """The flags of a command."""

    memory = 2 << 30

    def __init__(self, name: str) -> None:
        self.name = name
        self._main: Callable[[], None] = _reached
        self._flags: list[str] = []

    def prepare(self, folder: pathlib.Path) -> None:
        """Makes what good flags name, and sees that these lead to the work."""
        _make_inputs()
        self._define()
        for good in _GOOD[self.name]:
            outcome = self._run([f"--{flag}={value}" for flag, value in good.items()])
            assert outcome == RAN, f"{self.name}: refuses {good}"

    def _define(self) -> None:
        known = set(flags.FLAGS)
        for module in (MODULES[self.name], TRAIN, *OF_PREPARE):  # flags are defined on import
            sys.modules.pop(module, None)
            vars(cli).pop(module.rpartition(".")[2], None)
        self._main = importlib.import_module(MODULES[self.name]).entry
        self._flags = sorted((set(flags.FLAGS) - known | {"flagfile"}) - _NOT_OURS)

    def arguments(self, number: int) -> list[str]:
        """Those of a case: good flags, some of them and of the others with odd values."""
        random_ = random.Random(f"{self.name}/{number}")
        chosen = dict(random_.choice(_GOOD[self.name]))
        for _ in range(random_.choice((1, 1, 2, 3))):
            flag = random_.choice(self._flags)
            parser = flags.FLAGS[flag].parser if flag in flags.FLAGS else None  # not of a flag file
            choices = getattr(parser, "enum_values", None)
            chosen[flag] = random_.choice(_VALUES)
            if choices and random_.random() < 0.7:
                chosen[flag] = random_.choice(choices)
        if random_.random() < 0.1:
            del chosen[random_.choice(list(chosen))]
        arguments = [f"--{flag}={value}" for flag, value in chosen.items()]
        if random_.random() < 0.03:
            arguments.append(random_.choice(("x", "--", "--nosuch=1", "-h", "--=", "--no", "")))
        return arguments

    def trial(self, number: int, folder: pathlib.Path) -> str:
        before = _there()
        outcome = self._run(self.arguments(number))
        after = _there()
        _put_back(after - before)
        if outcome == REFUSED and (left := sorted(after - before)):
            raise Failure("leaves files", f"{left} after {self.arguments(number)}")
        if lost := sorted(before - after):
            raise Failure("takes away", f"{lost}: {self.arguments(number)}")
        return outcome

    def _run(self, arguments: list[str]) -> str:
        try:
            return judged(lambda: self._called(arguments), (), 20.0)
        except Failure as failure:
            raise Failure(failure.kind, f"{failure}\n{arguments}") from None

    def _called(self, arguments: list[str]) -> str:
        with contextlib.ExitStack() as stack:
            for place in _WORK[self.name]:
                stack.enter_context(unittest.mock.patch(place, _reached))
            stack.enter_context(unittest.mock.patch.object(sys, "argv", [self.name, *arguments]))
            patch = unittest.mock.patch.object(formats, "saved_model_runners", artefacts.runners)
            stack.enter_context(patch)
            stdin = io.TextIOWrapper(io.BytesIO(b"{}\n"))
            stack.enter_context(unittest.mock.patch.object(sys, "stdin", stdin))
            said = stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            stack.enter_context(flagsaver.flagsaver())
            try:
                self._main()
            except Reached:
                return RAN
            except SystemExit as stopped:
                return _answer(stopped.code, said.getvalue())
            finally:
                flags.FLAGS.unparse_flags()
        raise Failure("a command that does not exit", str(arguments))

    def keep(self, number: int, kind: str, folder: pathlib.Path, place: pathlib.Path) -> None:
        arguments = self.arguments(number)
        for argument in list(arguments):
            fewer = [other for other in arguments if other != argument]
            try:
                self._run(fewer)
            except Failure as failure:
                arguments = fewer if failure.kind == kind else arguments
        path = place / self.name / f"case_{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(arguments) + "\n")

    def again(self, arguments: list[str]) -> str:
        """What comes of arguments that were kept."""
        return self._run(arguments)

    def forget(self) -> None:
        """Makes room for the flags of another command; what this one read is as it was."""
        for good in _GOOD[self.name]:
            outcome = self._run([f"--{flag}={value}" for flag, value in good.items()])
            assert outcome == RAN, f"{self.name}: has spoilt {good}"
        forget(MODULES[self.name], TRAIN, *OF_PREPARE, "ms2l_tf.cli.config_flags")


def _answer(code: object, said: str) -> str:
    """What an exit says; the last line of one with status 2, and no other, is an error."""
    kept = (line for line in said.replace("\r", "\n").split("\n") if line.strip())
    lines = [line for line in kept if not line.startswith("warning: ") and not _BAR.search(line)]
    if code not in (0, None, 2):
        raise Failure(f"exits with {code}", said)
    if code == 2:
        errors = [line for line in lines if line.startswith("error: ")]
        if errors != lines[-1:] or len(errors[0]) > 1200 or not errors[0].isprintable():
            raise Failure("no single line", said)
        return REFUSED
    return RAN


def _make_inputs() -> None:
    """What flags name: a dataset, a run, a model, poses, a table, and what is no file."""
    if pathlib.Path("run").exists():
        return
    runs.dataset()
    put(dict(runs.SUBJECTS[1].files), pathlib.Path("run"))
    put(dict(artefacts.MODELS.files), pathlib.Path("model"))
    put(dict(seed_files("arrays", 0)), pathlib.Path("poses"))
    pathlib.Path("labels.csv").write_text("clip,label\na,wave\n")
    pathlib.Path("damaged.json").write_text('{"a": ')
    pathlib.Path("binary").write_bytes(bytes(range(256)))
    pathlib.Path("empty").mkdir()
    os.mkfifo("pipe")
    for name, target in (("null", "/dev/null"), ("zero", "/dev/zero"), ("loop", "loop")):
        pathlib.Path(name).symlink_to(target)


def _there() -> set[str]:
    """Names of everything where the fuzzer works, two folders above included."""
    top = pathlib.Path("../..")
    return {path.as_posix() for path in top.rglob("*") if ".floors" not in path.parts}


def _put_back(more: set[str]) -> None:
    for name in sorted(more, reverse=True):
        path = pathlib.Path(name)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


COMMANDS: dict[str, Fuzzed] = {name: Command(name) for name in _GOOD}
