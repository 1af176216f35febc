"""Reading JSON with one-line errors; writing files so that a crash loses nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ms2l_tf.errors import InputError


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends well.

    After an exception nothing is left behind, and a file that was there before is untouched. The
    temporary name keeps the ending, which some writers go by, and holds the process id, which
    keeps two runs apart that write the same file.

    Raises:
        InputError: the file cannot be written.
    """
    target = pathlib.Path(path)
    temporary = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror or error}); check the folder"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # a read-only file system refuses this too
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a UTF-8 text file, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes indented JSON, all or nothing; NumPy values are allowed, NaN is not."""
    # Encoded before the file is opened: a value that JSON cannot hold leaves no file at all.
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    write_text(path, text + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A JSON object.

    Raises:
        InputError: the file is missing, is not JSON, or holds something else than an object.
    """
    where = pathlib.Path(path)
    try:
        value = json.loads(where.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise InputError(f"{where}: is not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: must hold a JSON object")
    return value
