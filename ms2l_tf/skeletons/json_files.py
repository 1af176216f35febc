"""Reading the JSON files of this package and of users: every fault becomes one readable line."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from ms2l_tf.errors import InputError
from ms2l_tf.files import decode_text, read_bytes

_PACKAGE = "ms2l_tf.skeletons"


def is_path(name_or_path: str | os.PathLike[str]) -> bool:
    """Tells a file (`Path`, `dir/x`, `x.json`) from a packaged id (`kinect_v2_25`)."""
    if isinstance(name_or_path, os.PathLike):
        return True
    if not isinstance(name_or_path, str):
        kind = type(name_or_path).__name__
        raise InputError(f"a value of type {kind}; expected a packaged id or a .json file")
    return name_or_path.lower().endswith(".json") or Path(name_or_path).name != name_or_path


def packaged_names(folder: str) -> tuple[str, ...]:
    """Ids of the JSON files that ship in `folder`, sorted."""
    entries = resources.files(_PACKAGE).joinpath(folder).iterdir()
    return tuple(sorted(e.name.removesuffix(".json") for e in entries if e.name.endswith(".json")))


def read_packaged(folder: str, name: str) -> dict[str, Any]:
    """Reads `folder/name.json` of the package; an unknown id is an `InputError`."""
    known = packaged_names(folder)
    kind = folder.removesuffix("s")
    if name not in known:
        raise InputError(
            f"unknown {kind} {name!r}{did_you_mean(name, known)}; "
            f"known: {', '.join(known)}; or give the path of a .json file"
        )
    text = resources.files(_PACKAGE).joinpath(folder, f"{name}.json").read_text(encoding="utf-8")
    return parse_object(text, f"packaged {kind} {name!r}")


def read_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads the JSON object in a user's file; an unreadable file is an `InputError`."""
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_object(decode_text(content, str(path)), str(path))


def parse_object(text: str, where: str) -> dict[str, Any]:
    """Parses a JSON object, refusing keys that appear twice (JSON would drop one silently)."""

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise InputError(f"{where}: the key {key!r} appears twice; keep one")
        return dict(pairs)

    try:
        obj = json.loads(text, object_pairs_hook=no_duplicates)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where}: invalid JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except InputError:
        raise
    except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
        raise InputError(f"{where}: this JSON is too large or too deep for its purpose") from None
    return require_object(obj, where)


def require_object(value: Any, where: str) -> dict[str, Any]:
    """Returns `value` if it is a JSON object."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object {{...}}, got {describe(value)}")
    return value


def require_fields(
    obj: Mapping[str, Any], where: str, required: Sequence[str], optional: Sequence[str] = ()
) -> None:
    """Refuses absent and unknown keys; an unknown one is usually a misspelt known one."""
    allowed = (*required, *optional)
    for key in obj:
        if key not in allowed:
            raise InputError(
                f"{where}: unknown field {key!r}{did_you_mean(key, allowed)}; "
                f"allowed: {', '.join(allowed)}"
            )
    for key in required:
        if key not in obj:
            raise InputError(f"{where}: the field {key!r} is missing; add it")


def require_text(value: Any, where: str) -> str:
    """Returns `value` if it is a non-empty string."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: expected a non-empty string, got {describe(value)}")
    return value


def require_texts(value: Any, where: str) -> tuple[str, ...]:
    """Returns `value` as a tuple if it is a list of non-empty strings."""
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list of joint names, got {describe(value)}")
    return tuple(require_text(item, f"{where}[{i}]") for i, item in enumerate(value))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" (did you mean 'x'?)"` for the closest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def describe(value: Any) -> str:
    """A short, one-line picture of a JSON value for an error message."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
