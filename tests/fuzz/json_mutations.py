"""Damage to JSON that leaves it JSON: values of other types, keys gone, lists too long."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

_VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "x", "1", "\n", "\x1b[31m", -1, 0, 1, 1.5, 1e39, 10**30, -(10**18)),
    *(float("nan"), float("inf"), [], {}, [[]], [None], [1, "a"], {"a": 1}, [[1, 2], [3]], "é" * 9),
    *("../x", "/etc/passwd", "a/../../b", "x\0y", "\ud800", "__import__('os')", "9" * 30, -(2**63)),
    *(2**31, 2**63, 2**64, "2147483648", [0] * 75, [[0, 0, 0]] * 20, "NaN", "1" * 5000, 99999),
)


_KEYS = ("x", "", "frame", "id", "../x", "poses/../../x", "/dev/zero", "x\0y", "\ud800", "poses")


def is_json(content: bytes) -> bool:
    """Whether it is JSON of one value or of one a line."""
    return _load(content) is not None


def edit_json(content: bytes, random_: random.Random) -> bytes:
    """The value after some edits."""
    value = _load(content)
    if value is None:
        return content
    for _ in range(random_.choice((1, 1, 2, 4))):
        value = _edited(value, random_)
    if _is_lines(content) and isinstance(value, list):
        return "\n".join(map(json.dumps, value)).encode()
    text = json.dumps(value)
    if random_.random() < 0.03:
        text = text.replace("[", "[" * 2000, 1)
    return text.encode()


def _is_lines(content: bytes) -> bool:
    return content[:1] == b"{" and b"\n{" in content


def _load(content: bytes) -> Any:
    try:
        if _is_lines(content):
            return [json.loads(line) for line in content.decode().splitlines() if line.strip()]
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _edited(value: Any, random_: random.Random) -> Any:
    """The value after one edit, in a place whose depth is equally likely."""
    by_depth: dict[int, list[tuple[Any, Any]]] = {}
    for depth, container, key in _places(value):
        by_depth.setdefault(depth, []).append((container, key))
    if not by_depth or random_.random() < 0.02:
        return random_.choice(_VALUES)
    container, key = random_.choice(by_depth[random_.choice(list(by_depth))])
    kind = random_.randrange(5)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, list):
        container[key:key] = [container[key]] * random_.choice((1, 2, 50))
    elif kind == 1:
        container[random_.choice(_KEYS)] = container.pop(key)
    elif kind == 2:
        container[key] = [container[key]]
    else:
        container[key] = json.loads(json.dumps(random_.choice(_VALUES)))
    return value


def _places(value: Any, depth: int = 0) -> Iterator[tuple[int, Any, Any]]:
    """Depth, container and key of every value in it; of a list the first and last ones."""
    if depth > 12:
        return
    if isinstance(value, dict):
        keys: Any = list(value)
    elif isinstance(value, list):
        keys = sorted({*range(min(3, len(value))), *range(max(0, len(value) - 2), len(value))})
    else:
        return
    for key in keys:
        yield depth, value, key
        yield from _places(value[key], depth + 1)
