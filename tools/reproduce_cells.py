"""The cells of the paper's tables: one trained and evaluated run each, and where it stands."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags as absl_flags

from ms2l_tf.config import RunConfig
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.files import read_json
from ms2l_tf.options import declared_type, groups_of

ROOT = Path(__file__).resolve().parent.parent
PRETRAIN = ("pretrain",)
RECOGNISE = ("pretrain", "recognise")
SUPERVISED = (*RECOGNISE, "supervised")
OPTIONAL_FILES = ("supervised",)  # a dataset has one only if all labels want settings of their own
FEW_PROBES = ("knn",)  # the classifier is what counts there; probes of the floors cost minutes
ALL_PROBES = ("knn", "linear", "svm")
# What a recorded run may differ in from the flags given now: places.
_FREE = ("data", "init")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A setting that is trained once for each seed.

    Attributes:
        name: of its folder.
        flags: of `ms2l-train`, over those of the flag files.
        files: its flag files, flags/<dataset>/tables_<name>.cfg, later ones over earlier ones.
        start: the cell whose run, of the same seed, it starts from; or empty.
        data: which of the datasets: "target", or the name of a source of Table 6.
        probes: what `ms2l-evaluate` reads.
        draws: trained for every draw of labels rather than every seed.
    """

    name: str
    flags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    files: tuple[str, ...] = RECOGNISE
    start: str = ""
    data: str = "target"
    probes: tuple[str, ...] = FEW_PROBES
    draws: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the command line says about all cells.

    Attributes:
        dataset: its name; flag files and published numbers go by it.
        data: folder of each dataset, by `Cell.data`.
        workdir: where the runs are.
        results_dir: committed results, or None.
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
    def kept_result(self) -> Path | None:
        """Its result among the committed ones."""
        if self.plan.results_dir is None:
            return None
        name = f"{self.plan.dataset}_{self.cell.name}_seed{self.seed}.json"
        return self.plan.results_dir / name

    @property
    def result(self) -> Path | None:
        """Its result: the run's own, or the committed one; None: it is not finished."""
        for path in (self.folder / "result.json", self.kept_result):
            if path is not None and path.is_file():
                return path
        return None

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
        given = parse_settings(self.arguments(), self.name)
        if self.start:
            given["init"] = f"{self.start[0]}/seed{self.start[1]}"
        return RunConfig.from_flat(given).to_json()

    def check(self) -> None:
        """Refuses a run that was made with other flags than those given now.

        Raises:
            InputError: names the cell and the flag.
        """
        wanted, default = self.settings(), RunConfig().to_json()
        free = set(_FREE)
        if wanted["protocol"] == "transfer" and not wanted["persons"]:
            free.add("persons")  # those of the run it starts from
        for where, recorded in self._recorded():
            for name, value in wanted.items():
                before = recorded.get(name, default[name])
                if name not in free and before != value:
                    raise InputError(
                        f"cell {self.name}: {where} has --{name}={_shown(before)}, the flags now "
                        f"say --{name}={_shown(value)}; delete it, or name a new folder"
                    )
            self._check_start(where, str(recorded.get("init", "")))

    def _check_start(self, where: Path, init: str) -> None:
        """Which run a label draw starts from depends on --seeds and --first_seed."""
        begun = begun_from(init)
        if self.start and begun and begun != (wanted := f"{self.start[0]}/seed{self.start[1]}"):
            raise InputError(
                f"cell {self.name}: {where} starts from {begun}, with --seeds and --first_seed as "
                f"they are now it would from {wanted}; give them as before, or delete it"
            )

    def check_data(self) -> None:
        """Refuses a run folder made from other clips: its settings may well be the same.

        Raises:
            InputError: the dataset is not the one the run was trained on.
        """
        flags, data = self.folder / "flags.json", Path(self.plan.data[self.cell.data])
        if not flags.is_file() or not (data / "dataset.json").is_file():
            return  # nothing was run yet; or finished cells are read where their data is not
        record, dataset = read_json(flags), ClipDataset.open(data)
        # The checksum of a mapped run, or of one on a split added later, covers that too.
        plain = not record["settings"].get("mapping")
        split = record["settings"].get("split") or next(iter(dataset.split_names), "")
        comparable = plain and f"splits/{split}.json" in dataset.files
        if record["dataset"] != dataset.name or (
            comparable and record["fingerprint"] != dataset.fingerprint
        ):
            raise InputError(
                f"cell {self.name}: {self.folder} was trained on dataset '{record['dataset']}', "
                f"which is not {dataset.path}; name a new --workdir, or the dataset with --data"
            )

    def _recorded(self) -> Iterable[tuple[Path, Mapping[str, Any]]]:
        flags = self.folder / "flags.json"
        if flags.is_file():
            yield self.folder, read_json(flags).get("settings", {})
        elif (kept := self.kept_result) is not None and kept.is_file():
            settings = read_json(kept).get("details", {}).get("settings")
            if settings is not None:
                yield kept, settings


def begun_from(init: str) -> str:
    """Cell and seed of the run that --init names, without its place."""
    return "/".join(init.split("/")[-2:])


def _flag_file(dataset: str, name: str) -> Path:
    return ROOT / "flags" / dataset / f"tables_{name}.cfg"


def parse_settings(arguments: Sequence[str], where: str) -> dict[str, Any]:
    """Typed settings of `--name=value` arguments, flag files read; the last one of a name counts.

    Raises:
        InputError: a file that cannot be read, or a flag that is no setting of a run.
    """
    try:
        lines = absl_flags.FlagValues().read_flags_from_files(list(arguments))
    except absl_flags.Error as error:
        raise InputError(f"cell {where}: {' '.join(str(error).split())}") from None
    kinds = _kinds()
    settings: dict[str, Any] = {}
    for line in lines:
        name, _, text = line.removeprefix("--").partition("=")
        if name not in kinds:
            raise InputError(f"cell {where}: '{line}' is no flag of ms2l-train (--name=value)")
        element, is_list = kinds[name]
        try:
            values = [_typed(element, one) for one in (text.split(",") if is_list else [text])]
        except ValueError:
            raise InputError(f"cell {where}: '{line}' is not of type {element.__name__}") from None
        settings[name] = tuple(values) if is_list else values[0]
    return settings


@functools.cache
def _kinds() -> dict[str, tuple[type, bool]]:
    """(element type, is a list) of every setting of a run."""
    return {
        field.name: declared_type(group, field.name)
        for group in groups_of(RunConfig).values()
        for field in dataclasses.fields(group)
    }


def _typed(element: type, text: str) -> Any:
    if element is not bool:
        return element(text)
    if text not in ("", "true", "false"):
        raise ValueError(text)
    return text != "false"


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


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
