"""A case: a valid source of a format, damaged, and what `prepare` has to make of it."""

from __future__ import annotations

import dataclasses
import pathlib
import random
import shutil
import unittest.mock
from collections.abc import Mapping

import numpy as np

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.prepare import prepare
from ms2l_tf.data.preparing import assembly
from ms2l_tf.data.preparing.report import PrepareReport
from tests.fuzz.archive_mutations import pack
from tests.fuzz.mutations import mutate
from tests.fuzz.promise import REFUSED, Failure, check_text, judged
from tests.fuzz.seeds import SEEDS, seed_files

DATASET = "a dataset"
SECONDS = 10.0  # of a processor, for sources of some kilobytes
_AUTO = 0.05  # of the cases are not told their format
_ODD_NAMES = (
    "é ü",
    "\udce9t",
    "\x1b[31m",
    ".hidden",
    "a b",
    "x#1",
    "#",
    "ß.x",
    "-x",
    "'",
    "x" * 200,
    "%s",
    "{0}",
)


@dataclasses.dataclass(frozen=True)
class Case:
    """A damaged source.

    Attributes:
        format_name: a key of `FORMATS`.
        seed: which of its seeds was damaged; it says what the user said.
        files: of the source, by name; one archive alone is the source itself.
        lenient: whether bad clips are skipped however many they are.
        auto: whether the format is to be recognised.
    """

    format_name: str
    seed: int
    files: Mapping[str, bytes]
    lenient: bool = True
    auto: bool = False

    @property
    def archive(self) -> str:
        """The name of the archive that is the source, if it is one."""
        name = next(iter(self.files), "")
        return name if len(self.files) == 1 and name.startswith("packed.") else ""


def make_case(format_name: str, number: int) -> Case:
    """The case of this number, the same at any time."""
    random_ = random.Random(f"{format_name}/{number}")
    seed = number % len(SEEDS[format_name])
    files = dict(seed_files(format_name, seed))
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        if random_.random() < 0.9:
            name = random_.choice(list(files))
            files[name] = mutate(files[name], random_)
        else:
            _change_names(files, random_)
    if random_.random() < 0.1:
        name, content = pack(files, random_)
        files = {name: mutate(content, random_) if random_.random() < 0.6 else content}
    auto = random_.random() < _AUTO
    return Case(format_name, seed, files, random_.random() < 0.6, auto)


def _change_names(files: dict[str, bytes], random_: random.Random) -> None:
    """A file gone, twice, under another name, with the content of another, or all in a folder."""
    name, other = random_.choice(list(files)), random_.choice(list(files))
    kind = random_.randrange(6)
    if kind == 0 and len(files) > 1:
        del files[name]
    elif kind == 1:
        files[f"again/{name}"] = files[name]
    elif kind == 2:
        folder, _, base = name.rpartition("/")
        stem, _, ending = base.rpartition(".")
        stem = random_.choice((random_.choice(_ODD_NAMES), f"{stem}{random_.choice(_ODD_NAMES)}"))
        files[f"{folder}{folder and '/'}{stem[:240]}.{ending}"] = files.pop(name)
    elif kind == 3:
        files[name], files[other] = files[other], files[name]
    elif kind == 4:
        for old in list(files):
            files[f"deep er/é/{old}"] = files.pop(old)
    else:
        files[random_.choice((".DS_Store", "Thumbs.db", "README.txt", "x.json", "a.csv"))] = b"\0x"


def run_case(case: Case, folder: pathlib.Path) -> str:
    """Prepares the source in an empty folder, which is empty again afterwards.

    Returns:
        `DATASET` or `REFUSED`.

    Raises:
        Failure: it ended otherwise than a user is promised.
    """
    try:
        source = _write(case, folder)
        names = () if case.archive else _names(case, source)
        outcome = judged(lambda: _prepare(case, source, folder / "out"), names, SECONDS)
        if outcome == REFUSED:
            left = sorted(path.name for path in folder.iterdir() if path.name != "source")
            if left:
                raise Failure("leaves files", f"{left} is left after an error")
        return outcome
    finally:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _names(case: Case, source: pathlib.Path) -> list[str]:
    """What an error has to hold one of: the source, a file of it, a flag."""
    files = [*case.files, *(name.rpartition("/")[2] for name in case.files)]
    return [str(source), "--", "clip ", "layout ", *files]


def _write(case: Case, folder: pathlib.Path) -> pathlib.Path:
    source = folder / "source"
    for name, content in case.files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return source / case.archive


def _prepare(case: Case, source: pathlib.Path, out: pathlib.Path) -> str:
    seed = SEEDS[case.format_name][case.seed]
    with unittest.mock.patch.object(assembly, "MAX_BAD", 0.7 if case.lenient else 0.05):
        dataset, report = prepare(
            "auto" if case.auto else case.format_name,
            source,
            out,
            layouts=seed.layouts,
            options=seed.options,
            progress=False,
        )
    _check_dataset(dataset, report)
    return DATASET


def _check_dataset(dataset: ClipDataset, report: PrepareReport) -> None:
    """It can be read, its checksums agree, and its numbers are finite or missing."""
    dataset.verify(force=True)
    assert len(dataset.clips) == len(dataset) == report.clips
    for name in dataset.split_names:
        dataset.split(name)
    for name in dataset.layouts:
        store = dataset.poses(name)
        for index in range(len(dataset)):
            poses = store.poses(index)
            missing = np.isnan(poses.coords)
            assert np.isfinite(poses.coords[~missing]).all(), f"{name}, clip {index}"
            assert (missing.all(axis=-1) == missing.any(axis=-1)).all(), f"{name}, clip {index}"
            assert poses.confidence is None or np.isfinite(poses.confidence).all()
    for line in report.lines():
        check_text(line, "a report")
        assert "\n" not in line
    bad = [*report.skipped.values(), *report.blanked.values()]
    for line in bad:
        check_text(line, "an error")
