"""The JSON files of a dataset folder."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from ms2l_tf.errors import InputError


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """A JSON object from a file; anything else is an `InputError` naming the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise InputError(f"{path}: is not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: must hold a JSON object")
    return value


def write_json(path: pathlib.Path, content: Mapping[str, Any]) -> None:
    """Writes readable UTF-8 JSON; refuses NaN, which is no JSON."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
