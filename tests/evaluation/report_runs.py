"""Runs for the tests of the page of runs."""

from __future__ import annotations

import pathlib
import shutil

from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.run_report import write_run_report
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.train import train
from tests.helpers import RUN_CHANGES, TrainedRun, tiny_config

QUICK = Choices(probes=("knn", "linear"), figures=False)


def two_runs(trained: TrainedRun, place: pathlib.Path) -> list[RunFolder]:
    """Evaluated: a copy of the trained run, and one of another seed and fewer epochs."""
    one = RunFolder(shutil.copytree(trained.folder.path, place / "one"))
    changes = {**RUN_CHANGES, "seed": 3, "epochs": 2, "data": trained.config.data.data}
    other = train(tiny_config(**changes), str(place / "other"), strategy="one")
    for folder in (one, other):
        evaluate_run(folder, folder.config(), QUICK)
    return [one, other]


def page_of(*folders: RunFolder, out: pathlib.Path) -> str:
    """The page of some runs."""
    write_run_report(out, [folder.path for folder in folders])
    return out.read_text("utf-8")
