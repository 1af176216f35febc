"""A case of a folder: one that a command wrote, some of whose files are damaged, and its use."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.fuzz.mutations import mutate
from tests.fuzz.promise import REFUSED, Failure, judged

USED = "used"
_ODD_NAMES = (
    "x y",
    "é ü.json",
    "\x1b[31m",
    "x" * 200,
    "CON",
    "-rf",
    "\udcff",
    "%s",
    "'",
    "{0}.npy",
)
_TEXTS = 0.4  # of the changes are of tables and JSON, where most is said
_UNSEALED = 0.4  # of the cases of folders with checksums are damage that these tell


@dataclasses.dataclass(frozen=True)
class Odd:
    """What is no file: a ``folder``, a ``pipe``, or a ``link`` to a place."""

    kind: str
    target: str = ""

    def put(self, path: pathlib.Path) -> None:
        """Makes it."""
        if self.kind == "folder":
            path.mkdir(exist_ok=True)
        elif self.kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(self.target or path.name)


Content = bytes | Odd
Files = dict[str, Content]
Act = Callable[[pathlib.Path, pathlib.Path], object]
# The first is a loop; of the last two one is an error when it is read, and one has no end.
_ODD = (
    Odd("link"),
    Odd("folder"),
    Odd("pipe"),
    *(Odd("link", target) for target in ("nowhere", "..", "/etc/passwd", "/dev/null")),
    *(Odd("link", target) for target in ("/proc/self/mem", "/dev/zero")),
)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A kind of folder.

    Attributes:
        name: of it.
        write: writes a valid one.
        acts: what is done with one, by name: takes its path and that of one to write.
        seal: makes the checksums in it right again; None: it has none.
        seconds: of a processor that an act may take.
        memory: bytes that it may need.
        share: of the cases that are asked for, where one takes long.
        sealed_names: tells the files whose damage may be sealed; of others, which native libraries
            read, only whoever wrote the checksums can be trusted.
    """

    name: str
    write: Callable[[pathlib.Path], object]
    acts: Mapping[str, Act]
    seal: Callable[[Files], None] | None = None
    seconds: float = 10.0
    memory: int = 512 << 20
    share: float = 1.0
    sealed_names: Callable[[str], bool] = lambda name: True

    @functools.cached_property
    def files(self) -> Mapping[str, bytes]:
        """Those of the valid folder, by their names in it."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch) / self.name
            self.write(folder)
            paths = sorted(path for path in folder.rglob("*") if path.is_file())
            return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@dataclasses.dataclass(frozen=True)
class FolderCase:
    """A damaged folder.

    Attributes:
        subject: what kind it is.
        changes: by name, what a file became; None: it is gone.
        act: what is done with it.
        sealed: whether its checksums are made right again.
    """

    subject: Subject
    changes: Mapping[str, Content | None]
    act: str
    sealed: bool = False

    @property
    def files(self) -> Files:
        """What lies in the folder."""
        mixed = {**self.subject.files, **self.changes}
        files = {name: content for name, content in mixed.items() if content is not None}
        if self.sealed and self.subject.seal is not None:
            self.subject.seal(files)
        return files

    def to_json(self) -> dict[str, Any]:
        """What the corpus keeps of it."""
        changes = {name: _to_json(content) for name, content in self.changes.items()}
        return {"act": self.act, "sealed": self.sealed, "changes": changes}

    @classmethod
    def from_json(cls, subject: Subject, kept: Mapping[str, Any]) -> FolderCase:
        """The case that `to_json` kept."""
        changes = {name: _from_json(content) for name, content in kept["changes"].items()}
        return cls(subject, changes, kept["act"], kept["sealed"])


def make_case(subject: Subject, number: int) -> FolderCase:
    """The case of this number, the same at any time."""
    random_ = random.Random(f"{subject.name}/{number}")
    sealed = subject.seal is not None and random_.random() >= _UNSEALED
    changes: dict[str, Content | None] = {}
    names = [name for name in subject.files if not sealed or subject.sealed_names(name)]
    texts = [name for name in names if name.endswith((".json", ".csv"))]
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        name = random_.choice(texts if texts and random_.random() < _TEXTS else names)
        content = changes.get(name, subject.files.get(name))
        if isinstance(content, bytes) and random_.random() < 0.85:
            changes[name] = mutate(content, random_)
        else:
            _change_place(subject, changes, name, random_.choice(names), random_)
    return FolderCase(subject, changes, random_.choice(list(subject.acts)), sealed)


def _change_place(
    subject: Subject,
    changes: dict[str, Content | None],
    name: str,
    other: str,
    random_: random.Random,
) -> None:
    """A file gone, become something else, twice, under an odd name, or exchanged with another."""
    files = subject.files
    kind = random_.randrange(6)
    if kind == 0:
        changes[name] = None
    elif kind in (1, 2):
        changes[name] = random_.choice(_ODD)
    elif kind == 3:
        folder, _, base = name.rpartition("/")
        odd = random_.choice((*_ODD_NAMES, f".{base}", f"{base}.json", f"x{base}"))
        changes[f"{folder}{folder and '/'}{odd}"] = files[name]
    elif kind == 4:
        changes[name] = files[other]
    else:
        changes[name], changes[other] = files[other], files[name]


def run_case(case: FolderCase, folder: pathlib.Path) -> str:
    """Uses the damaged folder in an empty one, which is empty again afterwards.

    Returns:
        `USED` or `REFUSED`.

    Raises:
        Failure: it ended otherwise than a user is promised.
    """
    place, out = folder / "given", folder / "out"
    try:
        put(case.files, place)

        def act() -> str:
            case.subject.acts[case.act](place, out)
            return USED

        names = (str(place), "--", "clip ", "layout ", "split ")
        outcome = judged(act, names, case.subject.seconds)
        if outcome == REFUSED and out.exists():
            raise Failure("leaves files", f"{out} is left after an error")
        return outcome
    finally:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def put(files: Mapping[str, Content], folder: pathlib.Path) -> None:
    """Writes files and what is none."""
    made: set[pathlib.Path] = set()
    for name, content in files.items():
        path = folder / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.put(path)


def smallest(case: FolderCase, kind: str, folder: pathlib.Path, trials: int = 200) -> FolderCase:
    """The case with as little damage, and then as few bytes, as some hundred trials find."""
    left = iter(range(trials))

    def fails(changes: Mapping[str, Content | None]) -> bool:
        if next(left, None) is None:
            return False
        try:
            run_case(dataclasses.replace(case, changes=changes), folder)
        except Failure as failure:
            return failure.kind == kind
        return False

    changes = dict(case.changes)
    for name in list(changes):
        without = {other: content for other, content in changes.items() if other != name}
        if fails(without):
            changes = without
    for name, content in list(changes.items()):
        if isinstance(content, bytes):
            changes[name] = _shorter(content, functools.partial(_fails_with, fails, changes, name))
    return dataclasses.replace(case, changes=changes)


def _fails_with(
    fails: Callable[[Mapping[str, Content | None]], bool],
    changes: Mapping[str, Content | None],
    name: str,
    part: bytes,
) -> bool:
    return fails({**changes, name: part})


def _shorter(content: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Content of which no block that was tried can be left out."""
    size = len(content) // 2
    while size:
        start = 0
        while start < len(content):
            part = content[:start] + content[start + size :]
            if fails(part):
                content = part
            else:
                start += size
        size //= 4
    return content


def _to_json(content: Content | None) -> Any:
    if content is None or isinstance(content, Odd):
        return None if content is None else vars(content)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _from_json(content: Any) -> Content | None:
    if isinstance(content, Mapping):
        coded = content.get("base64")
        return Odd(**content) if coded is None else base64.b64decode(coded)
    return None if content is None else str(content).encode()


def reseal(files: Files, manifest: str, listed: Callable[[str], bool]) -> None:
    """Makes a JSON file's entry ``files`` (name -> bytes, sha256) right, where it can be read.

    Args:
        files: of the folder; changed.
        manifest: name of that file.
        listed: tells the files that belong there.
    """
    content = files.get(manifest)
    if not isinstance(content, bytes):
        return
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return
    records = values.get("files") if isinstance(values, dict) else None
    if not isinstance(records, dict):
        return
    for name, each in files.items():
        if name in records or listed(name):
            held = each if isinstance(each, bytes) else b""
            records[name] = {"bytes": len(held), "sha256": hashlib.sha256(held).hexdigest()}
    gone: Sequence[str] = [name for name in records if name not in files and listed(name)]
    for name in gone:
        del records[name]
    files[manifest] = json.dumps(values).encode()
