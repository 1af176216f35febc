"""Finished runs among the measured results, in the file of their recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.files import read_json
from ms2l_tf.settings.config import RANDOM_INIT
from tools.flag_settings import begun_from, beside_defaults, shown
from tools.results.log import add_to_log
from tools.results.recipes import (
    differences,
    recipe_name,
    recipe_named,
    recipe_of,
    refusal,
    results_path,
)
from tools.results.store import AS_IT_IS, RecipeResults, Variant


def finished_result(run: Path) -> EvaluationResult:
    """The result of a run folder, with the settings it depends on; no folders of a machine.

    Raises:
        InputError: the run is not finished, or was not evaluated on test clips.
    """
    result = EvaluationResult.load(run / "result.json")
    evaluated_on = result.details.get("evaluated_on", "test")
    if evaluated_on != "test":
        raise InputError(
            f"{run}: was evaluated on {evaluated_on} clips; results are of the test clips: "
            f"ms2l-evaluate --workdir={run} on a run with --train_on=all"
        )
    settings = read_json(run / "flags.json").get("settings", {})
    kept = beside_defaults(settings)
    if settings.get("init", RANDOM_INIT) != RANDOM_INIT:
        kept["init"] = begun_from(settings["init"])
    return dataclasses.replace(result, details={**result.details, "settings": kept})


def add_runs(
    runs: Sequence[Path],
    results: Path,
    *,
    recipe: str = "",
    variant: str = AS_IT_IS,
    replace: bool = False,
) -> list[Path]:
    """Adds the results of runs to the files of their recipes: of all of them, or of none.

    Args:
        runs: folders of finished runs.
        results: folder of the measured results.
        recipe: SET/NAME, a flag file flags/SET/NAME.cfg; empty: the one with a run's settings.
        variant: of the recipe; a new one takes the settings in which a run differs from it.
        replace: take a result for one of the same seed.

    Returns:
        The files.

    Raises:
        InputError: a run has other settings, or a result of its seed is there.
    """
    stored: dict[Path, RecipeResults] = {}
    lines: list[tuple[Path, str, EvaluationResult]] = []
    for run in runs:
        result = finished_result(run)
        flag_file = recipe_named(recipe) if recipe else recipe_of(run, result, results, variant)
        path = results_path(results, flag_file)
        measured = stored.setdefault(path, RecipeResults.load_or_new(path))
        if variant not in measured.variants:
            measured.variants[variant] = _new_variant(run, result, flag_file, variant)
        _put(run, result, flag_file, measured.variants[variant], replace=replace)
        title = "" if variant == AS_IT_IS else f", {measured.variants[variant].what or variant}"
        lines.append((results / flag_file.parent.name, f"`{flag_file.stem}`{title}", result))
    for measured in stored.values():
        measured.save()
    for folder, title, result in lines:
        add_to_log(folder, title, result, replaced=replace)
    return list(stored)


def _put(
    run: Path, result: EvaluationResult, flag_file: Path, variant: Variant, *, replace: bool
) -> None:
    differing = differences(run, result, flag_file, variant.flags)
    if differing:
        raise InputError(f"{run}: {refusal(differing, flag_file)}")
    try:
        variant.put(result, date.today().isoformat(), replace=replace)
    except InputError as error:
        of = f" {variant.what}" if variant.what else ""
        raise InputError(f"{run}: {recipe_name(flag_file)}{of}: {error}") from None


def _new_variant(run: Path, result: EvaluationResult, flag_file: Path, variant: str) -> Variant:
    """A variant has the flags that make the recipe the run; the recipe itself has none."""
    if variant == AS_IT_IS:
        return Variant()
    differing = differences(run, result, flag_file, {})
    return Variant(variant, {name: shown(has) for name, (has, _) in differing.items()})
