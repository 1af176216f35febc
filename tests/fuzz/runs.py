"""Folders of runs: loaded as an encoder, opened to be evaluated, started from, resumed, shown."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import shutil
import unittest.mock
from collections.abc import Mapping
from typing import Any, NoReturn

import keras

from ms2l_tf import load_encoder
from ms2l_tf.api import loaded
from ms2l_tf.data.synthetic import generate
from ms2l_tf.evaluation import layout_features
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.figures.curves import read_history
from ms2l_tf.evaluation.layout_features import open_run, trained_learner
from ms2l_tf.evaluation.run_report import write_run_report
from ms2l_tf.evaluation.run_report.reading import read_run
from ms2l_tf.methods.base import Learner, RunShape
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs import initial
from ms2l_tf.runs.build import build_learner, open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import open_initial_run, with_initial_run
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training import train as training
from tests.fuzz.folders import Act, Subject
from tests.helpers import TINY, fitting
from tests.msclr import tiny as msclr

DATA = pathlib.Path("data")  # of where the fuzzer works: a run keeps the name of its dataset
LAYOUTS = msclr.LAYOUTS
_KERNELS = {"mixes": 8, "dims": 4, "instance_views": 2, "epochs": 1}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "ms2l": {"method": "ms2l", "layouts": LAYOUTS[:1]},
    "kernels": {"method": "kernels", "layouts": LAYOUTS[:1], **_KERNELS},
    "supervised": {"method": "supervised", "layouts": LAYOUTS[:1]},
    "msclr": {"method": "msclr", **msclr.TINY},
}


class Reached(Exception):
    """A run has been taken up, and would be trained."""


def dataset() -> None:
    """Makes the dataset of all runs, where it is not there yet."""
    if not DATA.exists():
        generate(DATA, clips=48, seed=2, layouts=list(LAYOUTS), progress=False)


@functools.cache
def settings(method: str) -> Any:
    """Of the run of a method."""
    values = {"data": str(DATA), "epochs": 2, **SETTINGS[method]}
    return run_config({**fitting({**TINY, "epochs": 2}, values), **values})


def _write(method: str, folder: pathlib.Path) -> None:
    dataset()
    with unittest.mock.patch("builtins.print"):
        run = training.train(settings(method), str(folder), strategy="one")
        choices = Choices(probes=("knn",), floors=("raw",), figures=False, cross=False)
        evaluate_run(run, run.config(), choices)
    shutil.rmtree(run.tensorboard, ignore_errors=True)  # which nothing reads


def _encode(place: pathlib.Path, _: pathlib.Path) -> None:
    load_encoder(place)


def _evaluate(place: pathlib.Path, _: pathlib.Path) -> None:
    folder = RunFolder(place)
    config, data = open_run(folder, folder.config())
    folder.timing()
    trained_learner(folder, config, data)


def _start(place: pathlib.Path, _: pathlib.Path) -> None:
    values = {"init": str(place), "data": str(DATA), "protocol": "supervised", "epochs": 1}
    config = run_config(with_initial_run(values))
    open_initial_run(config, open_data(config))


def _resume(method: str, place: pathlib.Path, _: pathlib.Path) -> None:
    if RunFolder(place).has_checkpoint:
        (place / "model.weights.h5").unlink(missing_ok=True)
    with (
        unittest.mock.patch.object(keras.Model, "fit", _reached),
        unittest.mock.patch.object(training, "fit_once", _begun),
    ):
        try:
            training.train(settings(method), str(place), strategy="one")
        except Reached:
            return


def _reached(*_: Any, **__: Any) -> NoReturn:
    raise Reached


def _begun(_: Any, __: Any, make_learner: Any, claim: Any, *___: Any) -> NoReturn:
    make_learner()
    claim()
    raise Reached


def _read(place: pathlib.Path, _: pathlib.Path) -> None:
    read = read_run(RunFolder(place), "a", "test", lambda config: config)
    if read.history:
        read_history(read.folder.history)


def _report(place: pathlib.Path, out: pathlib.Path) -> None:
    page = out.with_suffix(".html")
    write_run_report(page, [str(place)], test_on="test", adapted=lambda config: config)


def _subject(method: str) -> Subject:
    acts: dict[str, Act] = {
        "encode": _encode,
        "evaluate": _evaluate,
        "start": _start,
        "resume": functools.partial(_resume, method),
        "read": _read,
        **({"report": _report} if method == "kernels" else {}),  # a second each
    }
    acts = {name: _with_learners_kept(act) for name, act in acts.items()}
    return Subject(
        method,
        functools.partial(_write, method),
        acts,
        seconds=30.0,
        memory=2 << 30,
        share=0.2 if method == "msclr" else 1.0,
    )


def _with_learners_kept(act: Act) -> Act:
    """Building a network takes a second: one of the same settings is built once."""

    def kept(place: pathlib.Path, out: pathlib.Path) -> None:
        dataset()
        with contextlib.ExitStack() as stack:
            for module in (loaded, layout_features, training, initial):
                patch = unittest.mock.patch.object(module, "build_learner", _learner)
                stack.enter_context(patch)
            act(place, out)

    return kept


_LEARNERS: dict[str, Learner] = {}


def _learner(config: RunConfig, shape: RunShape) -> Learner:
    key = repr((config.to_json(), shape))
    if key not in _LEARNERS:
        while len(_LEARNERS) > 8:
            del _LEARNERS[next(iter(_LEARNERS))]
        _LEARNERS[key] = build_learner(config, shape)
    return _LEARNERS[key]


SUBJECTS = tuple(_subject(method) for method in SETTINGS)
