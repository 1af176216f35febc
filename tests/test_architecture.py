"""The house as `docs/architecture.md` draws it: imports point down, and nowhere in a circle."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
# From the ground floor up; a room imports from rooms below it and from itself.
FLOORS = (
    ("errors", "files", "measures", "stopping", "version"),
    ("replicas", "serialised"),
    ("settings",),
    ("skeletons",),
    ("pages",),
    ("data",),
    ("views",),
    ("networks",),
    ("methods", "msclr"),
    ("runs",),
    ("training", "evaluation"),
    ("api", "export", "prediction", "retrieval"),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(
    path for package in ("ms2l_tf", "msclr") for path in (ROOT / package).rglob("*.py")
)


def name_of(path: pathlib.Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


def imported(path: pathlib.Path) -> set[str]:
    """Modules of the project that a module names anywhere, for types or in a function too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            each = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in NAMES else node.module for name in each}
    return {name for name in found if name in NAMES and name != name_of(path)}


def room_of(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "msclr":
        return "cli" if parts[1:2] == ["cli"] else "msclr"
    return parts[1] if len(parts) > 1 else "api"


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_down(name: str) -> None:
    level = LEVEL[room_of(name)]
    above = [other for other in imported(NAMES[name]) if LEVEL[room_of(other)] > level]
    assert not above, f"{name} ({room_of(name)}) imports {above}"


def test_no_circle_of_any_size() -> None:
    graph = {name: imported(path) for name, path in NAMES.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name in done:
            return
        for other in sorted(graph[name]):
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_no_method_is_named_outside_its_folder() -> None:
    """A method is a folder and one line of registration."""
    for path in MODULES:
        room = room_of(name_of(path))
        if room in ("methods", "msclr", "cli"):
            continue
        assert not re.search(r"model\.method [=!]=", path.read_text()), path
