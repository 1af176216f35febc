"""Runs of the cells: their folders, flags and commands, and where each of them stands."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ms2l_tf.evaluation.result import EvaluationResult
from tools.flag_settings import all_values, typed_settings
from tools.reproduce.cells import OPTIONAL_FILES, Cell
from tools.results.store import AS_IT_IS, TABLES, RecipeResults

ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the command line says about all cells.

    Attributes:
        dataset: its name; flag files and published numbers go by it.
        data: folder of each dataset, by `Cell.data`.
        workdir: where the runs are.
        results_dir: measured results (`tools.results`), or None.
        seeds: of the cells.
        draws: seeds of the cells with `Cell.draws`; the first ones are `seeds`.
        extra: flags over those of every cell (--quick).
    """

    dataset: str
    data: Mapping[str, str]
    workdir: Path
    results_dir: Path | None
    seeds: tuple[int, ...]
    draws: tuple[int, ...]
    extra: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def seeds_of(self, cell: Cell) -> tuple[int, ...]:
        """The seeds a cell is trained with."""
        return self.draws if cell.draws else self.seeds

    @property
    def kept_tables(self) -> Path | None:
        """Folder of the kept results of the cells."""
        return self.results_dir and self.results_dir / self.dataset / TABLES


@dataclasses.dataclass(frozen=True)
class Run:
    """A cell with a seed.

    Args:
        plan: what all cells share.
        cell: the setting.
        seed: of weights, views and label draw.
    """

    plan: Plan
    cell: Cell
    seed: int

    @property
    def name(self) -> str:
        return f"{self.cell.name}/seed{self.seed}"

    @property
    def folder(self) -> Path:
        return self.plan.workdir / self.cell.name / f"seed{self.seed}"

    @property
    def log(self) -> Path:
        """Beside the run: a run's folder holds nothing but the run."""
        return self.folder.with_name(f"seed{self.seed}.log")

    @property
    def kept_file(self) -> Path | None:
        """The cell's file among the kept results."""
        folder = self.plan.kept_tables
        return folder and folder / f"{self.cell.name}.json"

    @property
    def kept_result(self) -> EvaluationResult | None:
        """What the kept results have of it."""
        if self.kept_file is None or not self.kept_file.is_file():
            return None
        variant = RecipeResults.load(self.kept_file).variants.get(AS_IT_IS)
        return variant.results.get(self.seed) if variant else None

    @property
    def finished(self) -> bool:
        """Whether the run's own folder has its result."""
        return (self.folder / "result.json").is_file()

    @property
    def result(self) -> EvaluationResult | None:
        """Its result: the run's own, or the kept one; None: there is none yet."""
        if self.finished:
            return EvaluationResult.load(self.folder / "result.json")
        return self.kept_result

    @property
    def trained(self) -> bool:
        """Whether others can start from it."""
        return (self.folder / "model.weights.h5").is_file()

    @property
    def start(self) -> tuple[str, int] | None:
        """Cell and seed it starts from; label draws beyond the seeds take these in turn."""
        if not self.cell.start:
            return None
        seeds = self.plan.seeds
        return self.cell.start, seeds[(self.seed - seeds[0]) % len(seeds)]

    def arguments(self) -> list[str]:
        """Flags of `ms2l-train` without the folders."""
        paths = {name: _flag_file(self.plan.dataset, name) for name in self.cell.files}
        files = [
            f"--flagfile={path}"
            for name, path in paths.items()
            if name not in OPTIONAL_FILES or path.is_file()
        ]
        chosen = {**self.cell.flags, **self.plan.extra, "seed": str(self.seed)}
        return files + [f"--{name}={value}" for name, value in chosen.items()]

    def commands(self) -> list[list[str]]:
        """What trains and evaluates it, in order."""
        module = [sys.executable, "-m"]
        train = [*module, "ms2l_tf.cli.train", *self.arguments()]
        train += [f"--data={self.plan.data[self.cell.data]}", f"--workdir={self.folder}"]
        if self.start:
            cell, seed = self.start
            train.append(f"--init={self.plan.workdir / cell / f'seed{seed}'}")
        evaluate = [*module, "ms2l_tf.cli.evaluate", f"--workdir={self.folder}"]
        evaluate += ["--figures=false", f"--probes={','.join(self.cell.probes)}"]
        return [train, evaluate]

    def settings(self) -> dict[str, Any]:
        """The settings its flags amount to, as a run folder keeps them."""
        given = typed_settings(self.arguments(), f"cell {self.name}")
        if self.start:
            given["init"] = f"{self.start[0]}/seed{self.start[1]}"
        return all_values(given)


def _flag_file(dataset: str, name: str) -> Path:
    return ROOT / "flags" / dataset / f"tables_{name}.cfg"


def all_runs(plan: Plan, cells: Sequence[Cell]) -> list[Run]:
    """Every cell with every seed, a cell after the one it starts from."""
    return [Run(plan, cell, seed) for cell in cells for seed in plan.seeds_of(cell)]


def missing_runs(runs: Sequence[Run]) -> list[Run]:
    """Those without a result, and those that such a one starts from, in the order of `runs`."""
    by_name = {(run.cell.name, run.seed): run for run in runs}
    wanted: set[tuple[str, int]] = set()
    for run in reversed(runs):
        key = (run.cell.name, run.seed)
        if run.result is None:
            wanted.add(key)
        if key in wanted and run.start and not by_name[run.start].trained:
            wanted.add(run.start)
    return [run for run in runs if (run.cell.name, run.seed) in wanted]
