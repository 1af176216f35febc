"""One file a recipe, ``results/<set>/<recipe>.json``: every seed of every variant of it.

A variant is the recipe itself (`AS_IT_IS`) or the recipe with a few flags changed, on another split
or read in another way. The metrics stand by name, one number a seed; the files are complete: what a
run's result.json holds comes out of them again (timings to the millisecond).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult, Summary, summarise
from ms2l_tf.files import read_json, write_text
from tools.results.compact import compact_json
from tools.results.seeds import columns, merged, of_column, of_seed

ROOT = Path(__file__).resolve().parents[2] / "results"
AS_IT_IS = "recipe"
TABLES = "tables"  # folder of a set with the cells of the paper's tables, and Figure 4's numbers
FIGURE_4 = "figure4.json"

_SHARED = ("protocol", "dataset", "split", "epoch", "feature_dim")
_BY_SEED = ("environment", "details")
_DIGITS_OF_SECONDS = 3


@dataclasses.dataclass
class Variant:
    """Results that are averaged: the same settings with several seeds.

    Attributes:
        what: what it differs in, for a reader; empty for the recipe itself.
        flags: settings over those of the recipe's flag file, by name.
        aside: superseded; kept in the file, but not in the tables.
        results: by seed.
        dates: ISO date on which a seed's test clips were read, by seed.
    """

    what: str = ""
    flags: dict[str, str] = dataclasses.field(default_factory=dict)
    aside: bool = False
    results: dict[int, EvaluationResult] = dataclasses.field(default_factory=dict)
    dates: dict[int, str] = dataclasses.field(default_factory=dict)

    @property
    def first(self) -> EvaluationResult:
        """Any of the results: in what they share, all are alike."""
        return next(iter(self.results.values()))

    def summary(self) -> dict[str, Summary]:
        """Mean and standard deviation of every metric over the seeds that have it."""
        readings = columns([result.metrics for result in self.results.values()])
        return {
            name: summarise(
                [
                    dataclasses.replace(result, metrics={name: result.metrics[name]})
                    for result in self.results.values()
                    if name in result.metrics
                ]
            )[name]
            for name in readings
        }

    def has(self, result: EvaluationResult) -> bool:
        """Whether this reading of a seed is there already."""
        known = self.results.get(result.seed)
        return known is not None and known.metrics == result.metrics

    def put(self, result: EvaluationResult, date: str, *, replace: bool = False) -> None:
        """Adds a result.

        Args:
            result: of a seed.
            date: on which test clips were read, ISO.
            replace: take it for one of the same seed that is there.

        Raises:
            InputError: it is of another dataset, split or length; or its seed is there already.
        """
        for name in _SHARED if self.results else ():
            wanted, given = getattr(self.first, name), getattr(result, name)
            if wanted != given:
                raise InputError(f"{name} is {given!r}, the results there are of {wanted!r}")
        if result.seed in self.results and not replace:
            raise InputError(f"seed {result.seed} is there already; --replace takes the new one")
        timing = {name: round(time, _DIGITS_OF_SECONDS) for name, time in result.timing.items()}
        self.results[result.seed] = dataclasses.replace(result, timing=timing)
        self.dates[result.seed] = date
        self.results = dict(sorted(self.results.items()))

    def to_json(self) -> dict[str, Any]:
        """What the file keeps of it."""
        results = self.results
        said = {"what": self.what, "flags": self.flags, "aside": self.aside}
        return {
            **{name: value for name, value in said.items() if value},
            **{name: getattr(self.first, name) for name in _SHARED},
            "seeds": list(results),
            "dates": merged({str(seed): self.dates[seed] for seed in results}),
            "metrics": columns([result.metrics for result in results.values()]),
            "timing": columns([result.timing for result in results.values()]),
            **{
                name: merged({str(seed): getattr(result, name) for seed, result in results.items()})
                for name in _BY_SEED
            },
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The opposite of `to_json`."""
        results = {
            seed: EvaluationResult(
                seed=seed,
                metrics=of_column(record["metrics"], position),
                timing=of_column(record["timing"], position),
                **{name: record[name] for name in _SHARED},
                **{name: of_seed(record[name], str(seed)) for name in _BY_SEED},
            )
            for position, seed in enumerate(record["seeds"])
        }
        dates = {seed: of_seed(record["dates"], str(seed)) for seed in results}
        said = {name: record[name] for name in ("what", "flags", "aside") if name in record}
        return cls(**said, results=results, dates=dates)


@dataclasses.dataclass
class RecipeResults:
    """What was measured of a recipe.

    Attributes:
        path: of the file.
        notes: what a reader of the numbers has to know, a sentence or two each.
        published: published numbers, percent, by metric.
        more: other measurements, by name.
        variants: by name, the recipe itself first.
    """

    path: Path
    notes: list[str] = dataclasses.field(default_factory=list)
    published: dict[str, float] = dataclasses.field(default_factory=dict)
    more: dict[str, Any] = dataclasses.field(default_factory=dict)
    variants: dict[str, Variant] = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a file.

        Raises:
            InputError: it is missing, damaged, or no such file.
        """
        record = read_json(path)
        try:
            return cls(
                path,
                record.get("notes", []),
                record.get("published", {}),
                record.get("more", {}),
                {name: Variant.from_json(entry) for name, entry in record["variants"].items()},
            )
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: is not a file of results ({type(error).__name__}: {error}); "
                "restore it, python -m tools.results --add=RUN makes such files"
            ) from None

    @classmethod
    def load_or_new(cls, path: Path) -> Self:
        """Reads a file, or begins one."""
        return cls.load(path) if path.is_file() else cls(path)

    def save(self) -> None:
        """Writes the file, all or nothing."""
        said = {"notes": self.notes, "published": self.published, "more": self.more}
        record = {
            **{name: value for name, value in said.items() if value},
            "variants": {name: variant.to_json() for name, variant in self.variants.items()},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, compact_json(record) + "\n")


def recipe_files(folder: Path) -> Iterator[RecipeResults]:
    """The recipes of a set, or of the cells in its `TABLES` folder, by name."""
    for path in sorted(folder.glob("*.json")):
        if path.name != FIGURE_4:
            yield RecipeResults.load(path)
