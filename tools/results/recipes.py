"""The recipes in flags/: where the results of one are, and of which one a run is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.files import read_json
from ms2l_tf.settings.config import RANDOM_INIT
from tools.flag_settings import all_values, shown, typed_settings
from tools.results.store import AS_IT_IS, TABLES, RecipeResults, Variant

FLAGS_FOLDER = Path(__file__).resolve().parents[2] / "flags"
# What the runs of a recipe may differ in: the place of the data, how often the monitors look.
_FREE = {"data", "seed", "monitor_epochs"}
_CHOSEN_AT_EVALUATION = ("pooling",)

Differences = dict[str, tuple[Any, Any]]  # by setting: what the run has, what the recipe has


def results_path(results: Path, flag_file: Path) -> Path:
    """Where the results of a recipe are: its own file, or that of the cell its header names."""
    header = " ".join(
        line.removeprefix("#").strip()
        for line in flag_file.read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    )
    cell = re.search(r"makes, by name: (\w+)\.", header)
    folder = results / flag_file.parent.name
    return folder / TABLES / f"{cell[1]}.json" if cell else folder / f"{flag_file.stem}.json"


def recipe_name(flag_file: Path) -> str:
    """SET/NAME of a flag file."""
    return f"{flag_file.parent.name}/{flag_file.stem}"


def recipe_named(recipe: str) -> Path:
    """The flag file of SET/NAME.

    Raises:
        InputError: there is none.
    """
    path = FLAGS_FOLDER / f"{recipe}.cfg"
    if not path.is_file():
        raise InputError(f"--recipe={recipe}: there is no flags/{recipe}.cfg; name SET/RECIPE")
    return path


def recipe_of(run: Path, result: EvaluationResult, results: Path, variant: str) -> Path:
    """The flag file whose settings, with those of the variant, a run has.

    Raises:
        InputError: there is none, or several.
    """
    by_file: dict[Path, Differences] = {}
    for path in _recipes_of(result, results):
        variants = _variants(results, path)
        if variant == AS_IT_IS or variant in variants:
            flags = variants[variant].flags if variant in variants else {}
            by_file[path] = differences(run, result, path, flags)
    matching = [path for path, differing in by_file.items() if not differing]
    if len(matching) == 1:
        return matching[0]
    if matching:
        fitting = " and ".join(map(recipe_name, matching))
        raise InputError(f"{run}: has the settings of {fitting}; name one of them: --recipe")
    if not by_file:
        raise InputError(
            f"{run}: no recipe in flags/ is for its dataset '{result.dataset}'"
            + ("" if variant == AS_IT_IS else f" and has a variant '{variant}'")
            + "; name one: --recipe=SET/NAME"
        )
    nearest = min(by_file, key=lambda path: len(by_file[path]))
    raise InputError(f"{run}: no recipe has its settings; {refusal(by_file[nearest], nearest)}")


def _recipes_of(result: EvaluationResult, results: Path) -> Iterator[Path]:
    """Flag files for a dataset: its folder has its name, or results of it."""
    for path in sorted(FLAGS_FOLDER.glob("*/*.cfg")):
        if path.stem.startswith("tables_"):
            continue  # parts of the cells of tools.reproduce
        known = {variant.first.dataset for variant in _variants(results, path).values()}
        if result.dataset in {path.parent.name, *known}:
            yield path


def _variants(results: Path, flag_file: Path) -> dict[str, Variant]:
    return RecipeResults.load_or_new(results_path(results, flag_file)).variants


def differences(
    run: Path, result: EvaluationResult, flag_file: Path, flags: Mapping[str, str]
) -> Differences:
    """In which settings a run is not of a recipe with some flags changed.

    Args:
        run: its folder.
        result: of the run; some settings may be chosen anew for an evaluation.
        flag_file: of the recipe.
        flags: over those of the recipe.
    """
    # A setting that the run's version did not know has its default.
    settings = all_values(read_json(run / "flags.json").get("settings", {}))
    settings |= {n: result.details[n] for n in _CHOSEN_AT_EVALUATION if n in result.details}
    arguments = [f"--flagfile={flag_file}", *(f"--{n}={text}" for n, text in flags.items())]
    values = typed_settings(arguments, str(flag_file))
    wanted = all_values({**values, "init": _start(flag_file)})
    names = (set(settings) | set(wanted)) - _FREE
    if (settings.get("init", RANDOM_INIT) == RANDOM_INIT) == (wanted["init"] == RANDOM_INIT):
        names.discard("init")  # which run it started from is a matter of places
    return {
        name: (settings.get(name), wanted.get(name))
        for name in sorted(names)
        if settings.get(name) != wanted.get(name)
    }


def _start(flag_file: Path) -> str:
    """--init of a recipe: its header has the command, which names another run or none."""
    begins = f"{recipe_name(flag_file)} --init=" in flag_file.read_text(encoding="utf-8")
    return "RUN" if begins else RANDOM_INIT


def refusal(differing: Differences, flag_file: Path) -> str:
    """Why a run is not of a recipe, and how to keep it beside."""
    recipe = recipe_name(flag_file)
    name, (has, wants) = next(iter(differing.items()))
    more = f" and {len(differing) - 1} more differ" if len(differing) > 1 else ""
    return (
        f"it has --{name}={shown(has)}, {recipe} has --{name}={shown(wants)}{more}; "
        f"to keep it beside: --recipe={recipe} --variant=NAME"
    )
