"""Writes docs/settings.md: every setting of a run, from what its `option` states.

    python -m tools.settings_docs            writes the page
    python -m tools.settings_docs --check    fails where it is not what the settings say

A setting that several methods or networks share stands once, under all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError
from ms2l_tf.files import write_text
from ms2l_tf.methods.registry import all_settings, methods
from ms2l_tf.networks.registry import NETWORKS
from ms2l_tf.settings.options import Group, as_texts, conditions_of, declared_type
from ms2l_tf.settings.unused import as_flags

CHECK = flags.DEFINE_bool("check", False, "Write nothing; fail if the page is not up to date.")
PAGE = flags.DEFINE_string(
    "page", str(Path(__file__).resolve().parents[1] / "docs" / "settings.md"), "The page."
)

Field = dataclasses.Field[Any]
_HEAD = """# Settings

Made by `python -m tools.settings_docs` from the fields that declare them; do not edit. Each is a
flag of `ms2l-train` and `msclr-train`; those of the probes are flags of `ms2l-evaluate` too. In
Python the commonest are keyword arguments, all are keys of `settings={...}`. Lists are separated by
commas. A flag that a run does not read is told by a line. What the commands take beside settings
(`--workdir`, `--recipe`, ...) is in their `--help`.
"""
_COLUMNS = ("flag", "default", "values", "read with", "what")


def page_text() -> str:
    """The page: a section for each group of settings, in the order of the commands' help."""
    owners: dict[type[Group], list[str]] = {}
    for owner, group in all_settings().items():
        owners.setdefault(group, []).append(owner.split()[0])
    sections = [_section(group, names) for group, names in owners.items()]
    kinds = _kinds("method", methods().values()), _kinds("network", NETWORKS.values())
    return "\n\n".join([_HEAD.rstrip(), *kinds, *sections]) + "\n"


def _kinds(flag: str, kinds: Iterable[Any]) -> str:
    """What a flag chooses among, each with its half line."""
    rows = [[f"`{kind.name}`", kind.summary] for kind in kinds]
    return _table([[f"`--{flag}`", "what"], ["---"] * 2, *rows])


def _section(group: type[Group], owners: list[str]) -> str:
    """Heading, what the group is, and a row for each of its settings."""
    kind, _, _ = owners[0].partition("=")
    names = ", ".join(owner.partition("=")[2] for owner in owners)
    title = f"`--{kind}={names}`" if names else kind.capitalize()
    about = [str(group.__doc__).strip().splitlines()[0]]
    about += [f"Read with {_shown_condition(condition)}." for condition in as_texts(group.only)]
    rows = [_row(group, field) for field in dataclasses.fields(group)]
    table = _table([_COLUMNS, ["---"] * len(_COLUMNS), *rows])
    return "\n\n".join([f"## {title}", " ".join(about), table])


def _table(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _row(group: type[Group], field: Field) -> list[str]:
    conditions = conditions_of(group, field)[len(group.only) :]
    cells = [
        f"`--{field.name}`",
        "; ".join(_defaults(field)),
        ", ".join(_values(group, field)),
        " and ".join(map(_shown_condition, conditions)),
        field.metadata["help"],
    ]
    return [cell.replace("|", r"\|") for cell in cells]


def _shown_condition(condition: str) -> str:
    return " or ".join(f"`{text}`" for text in as_flags(condition).split(" or "))


def _defaults(field: Field) -> Iterator[str]:
    """The default, and those of the methods that have another."""
    yield _shown(field.default)
    for method in methods().values():
        if field.name in method.defaults:
            yield f"{method.name}: {_shown(method.defaults[field.name])}"


def _shown(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"`{text.lower() if isinstance(value, bool) else text}`" if text else "empty"


def _values(group: type[Group], field: Field) -> Iterator[str]:
    """Type and bounds, or the closed choices."""
    element, is_list = declared_type(group, field.name)
    choices, least, most = (field.metadata[key] for key in ("choices", "least", "most"))
    words = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    entry = ", ".join(f"`{choice}`" for choice in choices) if choices else words[element]
    yield f"list of {entry}" if is_list else entry
    if least is not None:
        yield f"≥ {least:g}"
    if most is not None:
        yield f"≤ {most:,}" if isinstance(most, int) else f"≤ {most:g}"


def check_page(page: Path) -> None:
    """Whether the page says what the settings say.

    Raises:
        InputError: it does not.
    """
    if not page.is_file() or page.read_text(encoding="utf-8") != page_text():
        raise InputError(f"{page}: is not what the settings say; python -m tools.settings_docs")


def main() -> None:
    """Writes the page, or checks it."""
    page = Path(PAGE.value)
    if CHECK.value:
        check_page(page)
        return
    write_text(page, page_text())
    print(page)


if __name__ == "__main__":
    common.run(main)
