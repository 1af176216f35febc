"""A case: a valid source of a format, damaged, and what `prepare` has to make of it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import pathlib
import random
import shutil
import traceback
import unittest.mock
import warnings
from collections.abc import Mapping

import numpy as np

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.prepare import prepare
from ms2l_tf.data.preparing import assembly
from ms2l_tf.data.preparing.report import PrepareReport
from ms2l_tf.errors import InputError, printable
from tests.fuzz import trap
from tests.fuzz.archive_mutations import pack
from tests.fuzz.limits import TooLong, limited_time
from tests.fuzz.mutations import mutate
from tests.fuzz.seeds import SEEDS, seed_files

DATASET, REFUSED = "a dataset", "refused"
SECONDS = 10.0  # of a processor, for sources of some kilobytes
_LONGEST = 1200  # characters of an error's line
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


class Failure(Exception):
    """What must not have come of a case; `kind` is the same for all cases of one fault."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


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
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()) as said:
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)  # which users are not shown
            source = _write(case, folder)
            trap.sprung.clear()
            with limited_time(SECONDS):
                outcome = _prepare(case, source, folder / "out")
        if trap.sprung:
            raise Failure(f"runs {trap.sprung[0]}", f"something was run: {trap.sprung}")
        _check_text(said.getvalue(), "says")
        return outcome
    except (Failure, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever it is, no user may see it
        place = _place(error)
        raise Failure(f"{type(error).__name__} in {place}", traceback.format_exc(-6)) from None
    finally:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _write(case: Case, folder: pathlib.Path) -> pathlib.Path:
    source = folder / "source"
    for name, content in case.files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return source / case.archive


def _prepare(case: Case, source: pathlib.Path, out: pathlib.Path) -> str:
    seed = SEEDS[case.format_name][case.seed]
    most = unittest.mock.patch.object(assembly, "MAX_BAD", 0.7 if case.lenient else 0.05)
    try:
        with most:
            dataset, report = prepare(
                "auto" if case.auto else case.format_name,
                source,
                out,
                layouts=seed.layouts,
                options=seed.options,
                progress=False,
            )
    except InputError as error:
        _check_error(str(error), case, source)
        left = sorted(path.name for path in out.parent.iterdir() if path != source)
        if set(left) - {"source"}:
            raise Failure("leaves files", f"{left} is left after: {error}") from None
        return REFUSED
    _check_dataset(dataset, report)
    return DATASET


def _check_error(text: str, case: Case, source: pathlib.Path) -> None:
    """One line that can be printed, and names the source, a file of it or a flag."""
    _check_text(text, "an error")
    names = [
        str(source),
        "--",
        "clip ",
        "layout ",
        *case.files,
        *(name.rpartition("/")[2] for name in case.files),
    ]
    if not any(printable(name) in text for name in names) and not case.archive:
        raise Failure("an error names no place", text)


def _check_text(text: str, what: str) -> None:
    for line in text.split("\n"):
        if not line.isprintable():
            raise Failure(f"{what} that cannot be printed", repr(line))
        if len(line) > _LONGEST:
            raise Failure(f"{what} too long", line)
    if what == "an error" and "\n" in text:
        raise Failure("an error of several lines", text)


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
        _check_text(line, "a report")
        assert "\n" not in line
    bad = [*report.skipped.values(), *report.blanked.values()]
    for line in bad:
        _check_text(line, "an error")


def _place(error: BaseException) -> str:
    """The last function of the package that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "ms2l_tf" in frame.filename]
    if isinstance(error, TooLong) or not own:
        own = own[:-1] or frames
    return f"{pathlib.Path(own[-1].filename).name}:{own[-1].name}"
