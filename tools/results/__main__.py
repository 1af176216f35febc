"""Writes docs/results.md from results/, adds finished runs to them, or puts runs together.

    python -m tools.results                       writes docs/results.md
    python -m tools.results --check               fails where it is not what results/ says
    python -m tools.results --add=runs/w0,runs/w1,runs/w2
    python -m tools.results --runs=runs/w0,runs/w1,runs/w2

--add puts the result of each run in the file of the recipe that has its settings,
results/<set>/<recipe>.json, writes a line in the set's log, and docs/results.md anew. Runs with
other settings are refused; --recipe=SET/NAME --variant=NAME keeps them beside the recipe. --runs
prints mean and standard deviation over seeds and keeps nothing.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import summarise
from ms2l_tf.files import write_json
from tools.results.adding import add_runs
from tools.results.over_seeds import as_json, load_runs, table_over_seeds
from tools.results.page import check_page, write_page
from tools.results.store import AS_IT_IS, ROOT

CHECK = flags.DEFINE_bool("check", False, "Write nothing; fail if the page is not up to date.")
ADD = flags.DEFINE_list("add", [], "Folders of finished runs to add, comma-separated.")
RECIPE = flags.DEFINE_string(
    "recipe", "", "Of --add: SET/NAME, as in flags/SET/NAME.cfg; empty: the one with its settings."
)
VARIANT = flags.DEFINE_string("variant", AS_IT_IS, "Of --add: variant of the recipe.")
REPLACE = flags.DEFINE_bool("replace", False, "Of --add: take runs for those of the same seed.")
RUNS = flags.DEFINE_list("runs", [], "Run folders or result.json files to put together.")
MEASURE = flags.DEFINE_enum(
    "measure", "top1", ["top1", "mean_per_class"], "Of --runs: accuracy of clips or of classes."
)
JSON = flags.DEFINE_string("json", "", "Of --runs: write mean, sd and runs of each metric here.")
RESULTS = flags.DEFINE_string("results", str(ROOT), "Folder of the results.")
PAGE = flags.DEFINE_string("page", str(ROOT.parent / "docs" / "results.md"), "The page.")


def _check_flags() -> None:
    asked = [flag.name for flag in (CHECK, ADD, RUNS) if flag.value]
    if len(asked) > 1:
        raise InputError(f"--{asked[0]} and --{asked[1]}: one at a time")
    if not ADD.value and (RECIPE.value or VARIANT.value != AS_IT_IS or REPLACE.value):
        raise InputError("--recipe, --variant and --replace: belong to --add=RUN,...")
    if VARIANT.value != AS_IT_IS and not RECIPE.value:
        raise InputError("--variant: name the recipe too, --recipe=SET/NAME")


def _print_runs() -> None:
    results = load_runs([Path(text) for text in RUNS.value])
    print(table_over_seeds(results, MEASURE.value))
    if JSON.value:
        write_json(JSON.value, as_json(summarise(results)))


def main() -> None:
    """Reads the flags and does one of the four."""
    _check_flags()
    results, page = Path(RESULTS.value), Path(PAGE.value)
    if RUNS.value:
        _print_runs()
        return
    if CHECK.value:
        check_page(results, page)
        return
    if ADD.value:
        runs = [Path(text) for text in ADD.value]
        changed = add_runs(
            runs, results, recipe=RECIPE.value, variant=VARIANT.value, replace=REPLACE.value
        )
        print("\n".join(f"added to {path}" for path in changed))
    write_page(results, page)
    print(page)


if __name__ == "__main__":
    common.run(main)
