"""What was made with other flags, or from other clips, than those given now is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.files import read_json
from ms2l_tf.settings.config import RANDOM_INIT
from tools.flag_settings import PLACES, begun_from, defaults_beside, shown
from tools.reproduce.runs import Run


def check_flags(run: Run) -> None:
    """Refuses a run that was made with other flags than those given now.

    Raises:
        InputError: names the cell and the flag.
    """
    wanted = run.settings()
    default = defaults_beside(wanted)
    free = set(PLACES)
    if wanted["init"] != RANDOM_INIT:  # those of the run it starts from, where none are told
        free |= {name for name in ("layouts", "persons") if not wanted[name]}
    for where, recorded in _recorded(run):
        for name, value in wanted.items():
            before = recorded.get(name, default[name])
            if name not in free and before != value:
                raise InputError(
                    f"cell {run.name}: {where} has --{name}={shown(before)}, the flags now "
                    f"say --{name}={shown(value)}; delete it, or name a new folder"
                )
        _check_start(run, where, str(recorded.get("init", "")))


def _check_start(run: Run, where: str, init: str) -> None:
    """Which run a label draw starts from depends on --seeds and --first_seed."""
    begun = begun_from(init)
    if run.start and begun and begun != (wanted := f"{run.start[0]}/seed{run.start[1]}"):
        raise InputError(
            f"cell {run.name}: {where} starts from {begun}, with --seeds and --first_seed as "
            f"they are now it would from {wanted}; give them as before, or delete it"
        )


def _recorded(run: Run) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Settings of the run as its folder or the kept results have them, and which of the two."""
    flags = run.folder / "flags.json"
    if flags.is_file():
        yield str(run.folder), read_json(flags).get("settings", {})
    elif (kept := run.kept_result) is not None and "settings" in kept.details:
        yield f"{run.kept_file}, seed {run.seed},", kept.details["settings"]


def check_data(run: Run) -> None:
    """Refuses a run folder made from other clips: its settings may well be the same.

    Raises:
        InputError: the dataset is not the one the run was trained on.
    """
    flags, data = run.folder / "flags.json", Path(run.plan.data[run.cell.data])
    if not flags.is_file() or not (data / "dataset.json").is_file():
        return  # nothing was run yet; or finished cells are read where their data is not
    record, dataset = read_json(flags), ClipDataset.open(data)
    # The checksum of a mapped run, or of one on a split added later, covers that too.
    plain = not record["settings"].get("layouts")
    split = record["settings"].get("split") or next(iter(dataset.split_names), "")
    comparable = plain and f"splits/{split}.json" in dataset.files
    if record["dataset"] != dataset.name or (
        comparable and record["fingerprint"] != dataset.fingerprint
    ):
        raise InputError(
            f"cell {run.name}: {run.folder} was trained on dataset '{record['dataset']}', "
            f"which is not {dataset.path}; name a new --workdir, or the dataset with --data"
        )
