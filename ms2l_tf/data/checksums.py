"""SHA-256 of the files of a dataset folder, and the memory of an earlier verification."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Mapping

from ms2l_tf.errors import InputError
from ms2l_tf.files import opened, read_bytes

_MEMORY = ".verified.json"


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """Size in bytes and hexadecimal SHA-256 of one file."""

    bytes: int
    sha256: str


def record_file(path: pathlib.Path) -> FileRecord:
    """Reads `path` once and returns its size and checksum."""
    with opened(path) as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileRecord(file.tell(), digest.hexdigest())


def fingerprint(files: Mapping[str, FileRecord], extra: str = "") -> str:
    """One checksum (hexadecimal) over all files' checksums and `extra`."""
    lines = [f"{name} {files[name].sha256}" for name in sorted(files)]
    return hashlib.sha256("\n".join([*lines, extra]).encode()).hexdigest()


def verify_files(
    folder: pathlib.Path,
    files: Mapping[str, FileRecord],
    *,
    force: bool = False,
    remember: bool = True,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Compares every file with its record; a difference is an `InputError` naming the file.

    Files whose size and modification time are those of an earlier success are not read again,
    unless `force`. The memory is a hidden file in the folder or, if that is read-only, one in the
    user's cache; if neither can be written, the next call simply reads everything again.

    Args:
        folder: the dataset.
        files: relative name -> record, as in `dataset.json`.
        force: read every file whatever was remembered.
        remember: a success, for the next call.
        progress: called with each name after it has been checked.
    """
    remembered = {} if force else _recall(folder)
    verified: dict[str, list[int | str]] = {}
    for name, record in files.items():
        path = folder / name
        try:
            state = path.stat()
            key: list[int | str] = [state.st_size, state.st_mtime_ns, record.sha256]
            if remembered.get(name) != key and record_file(path) != record:
                raise InputError(
                    f"{path}: the content does not match its checksum in dataset.json "
                    "(damaged or edited); prepare the dataset again"
                )
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        verified[name] = key
        if progress is not None:
            progress(name)
    if remember and verified != remembered:
        _remember(folder, verified)


def _memory_files(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
    return folder / _MEMORY, cache / "ms2l_tf" / f"verified-{key}.json"


def _recall(folder: pathlib.Path) -> dict[str, list[int | str]]:
    for path in _memory_files(folder):
        try:
            memory = json.loads(read_bytes(path))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(memory, dict):
            return memory
    return {}


def _remember(folder: pathlib.Path, verified: Mapping[str, list[int | str]]) -> None:
    for path in _memory_files(folder):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_name(f"{path.name}.{os.getpid()}")
            scratch.write_text(json.dumps(verified), encoding="utf-8")
            scratch.replace(path)
        except OSError:
            continue
        return
