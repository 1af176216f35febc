"""JSON that can be read and compared by lines: flat lists, and all that is short, on one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LINE_LENGTH = 100


def compact_json(value: Any, indent: int = 0) -> str:
    """The text of a JSON value; a list of plain values is one line however long."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, Mapping | list) or not value:
        return line
    entries = list(value.values()) if isinstance(value, Mapping) else value
    is_row = isinstance(value, list) and not any(isinstance(e, Mapping | list) for e in entries)
    if is_row or len(line) + indent <= LINE_LENGTH:
        return line
    texts = [compact_json(entry, indent + 1) for entry in entries]
    if isinstance(value, Mapping):
        texts = [f"{json.dumps(key)}: {text}" for key, text in zip(value, texts, strict=True)]
    brackets = "{}" if isinstance(value, Mapping) else "[]"
    pad = "\n" + " " * (indent + 1)
    return brackets[0] + pad + f",{pad}".join(texts) + "\n" + " " * indent + brackets[1]
