"""The page of the runs."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Sequence

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.run_report.accuracy import accuracy_section
from ms2l_tf.evaluation.run_report.classes import chosen_guesses, classes_section
from ms2l_tf.evaluation.run_report.clip_map import map_section, sample_note
from ms2l_tf.evaluation.run_report.confusions import confusions_section
from ms2l_tf.evaluation.run_report.curves import curves_section
from ms2l_tf.evaluation.run_report.features import RunFeatures, run_features
from ms2l_tf.evaluation.run_report.nearest import nearest_section
from ms2l_tf.evaluation.run_report.pictures import Pictures
from ms2l_tf.evaluation.run_report.reading import ReadRun, read_run, run_names
from ms2l_tf.evaluation.run_report.settings import settings_section, time_section
from ms2l_tf.evaluation.showcase import headline
from ms2l_tf.files import write_text
from ms2l_tf.pages import document
from ms2l_tf.pages.elements import Html, contents, element, joined, note, section, table
from ms2l_tf.pages.viewer import PLAY_ALL, legend
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig

MOST_RUNS = 8  # of a page


def write_run_report(
    path: str | os.PathLike[str],
    workdirs: Sequence[str | os.PathLike[str]],
    *,
    test_on: str = "test",
    adapted: Callable[[RunConfig], RunConfig] = lambda config: config,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Writes the page of one run or several, complete or not at all.

    Args:
        path: of the HTML file.
        workdirs: folders of the runs.
        test_on: ``test`` or ``validation``, the clips whose evaluation is shown.
        adapted: puts into the settings of a run where its data lies now.
        progress: called with a line for each step that takes its time.

    Raises:
        InputError: a folder holds no run or is named twice, there are too many, or the page cannot
            be written.
    """
    if not 0 < len(workdirs) <= MOST_RUNS:
        raise InputError(f"--workdir: {len(workdirs)} runs; a page shows 1 to {MOST_RUNS}")
    folders = [RunFolder(workdir) for workdir in workdirs]
    names = run_names([folder.path for folder in folders])
    runs = [
        read_run(folder, name, test_on, adapted)
        for folder, name in zip(folders, names, strict=True)
    ]
    write_text(path, _page(runs, test_on, progress))


def page_path(path: str) -> pathlib.Path:
    """The file that ``--out`` names, found out to be writable before anything is read.

    Raises:
        InputError: it is not named like a page, is a folder, or lies in none.
    """
    target = pathlib.Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out={path}: must be named like a page, for example report.html")
    if target.is_dir():
        raise InputError(f"--out={path}: is a folder; name an HTML file in it")
    if not target.parent.is_dir():
        raise InputError(f"--out={path}: {target.parent} is no folder; make it first")
    return target


def _page(runs: Sequence[ReadRun], test_on: str, progress: Callable[[str], None]) -> str:
    features: dict[str, RunFeatures] = {}
    lacking: list[str] = []
    for run in runs:
        of_run, reason = run_features(run, test_on, progress)
        if of_run is not None:
            features[run.name] = of_run
        else:
            lacking.append(f"{run.name}: no map, neighbours and skeletons here: {reason}.")
    parts, pictures = _parts(runs, features)
    sections = [section(heading, *content) for heading, content in parts.items()]
    title = ("Run " if len(runs) == 1 else "Runs ") + ", ".join(run.name for run in runs)
    whole = [element("h1", title), *_head(runs), *_flaws(runs, lacking, test_on)]
    return document(title, [*whole, contents(list(parts)), *sections], pictures.moving)


def _parts(
    runs: Sequence[ReadRun], features: dict[str, RunFeatures]
) -> tuple[dict[str, list[Html]], Pictures]:
    """The sections in their order; the clips of the first that need them find room first."""
    pictures, guesses = Pictures(features), chosen_guesses(runs)
    confusions = confusions_section(guesses, pictures)
    nearest = nearest_section(features, pictures) if features else []
    parts = {"Accuracy beside the floors": accuracy_section(runs)}
    moves = [PLAY_ALL, legend()] if features else []
    if guesses:
        parts["Classes"] = classes_section(guesses)
        parts["What is taken for what"] = [*moves, *confusions]
    if features:
        parts["Map of the clips"] = [
            *sample_note(features), PLAY_ALL, *map_section(features, guesses, pictures),
        ]  # fmt: skip
        parts["Nearest clips"] = [*moves, *nearest]
    parts["Training"] = curves_section(runs)
    parts["Settings"] = settings_section(runs)
    parts["Time and environment"] = time_section(runs)
    return parts, pictures


def _head(runs: Sequence[ReadRun]) -> list[Html]:
    """What the runs are, and what the evaluation says of each."""
    lines = [
        element("p", element("strong", run.name + ": ") if len(runs) > 1 else "",
                headline(run.result), class_="line")
        for run in runs
        if run.result is not None and {"method", "network"} <= set(run.result.details)
    ]  # fmt: skip
    rows = [
        (
            run.name,
            f"{run.config.model.method}, {run.config.model.network}",
            run.record["protocol"],
            run.record["dataset"],
            run.result.split if run.result else run.config.data.split,
            run.config.training.epochs,
            run.config.training.seed,
            run.result.feature_dim if run.result else "-",
        )
        for run in runs
    ]
    head = ("run", "method, network", "protocol", "dataset", "split", "epochs", "seed", "features")
    return [*lines, table("What was trained", head, rows, numbers=(5, 6, 7))]


def _flaws(runs: Sequence[ReadRun], lacking: Sequence[str], test_on: str) -> list[Html]:
    """What is not as one would have it."""
    told = [f"{run.name}: {line}." for run in runs for line in run.flaws]
    read = {(run.result.dataset, run.result.split) for run in runs if run.result is not None}
    if len(read) > 1:
        told.append(
            "The runs were read on other data or splits: their numbers are not to be compared."
        )
    if test_on != "test":
        told.append("All numbers are those of the validation clips.")
    return [note(joined((line,)), alarm=True) for line in (*told, *lacking)]
