"""Settings that are flags: a dataclass field states default, help text, choices and bounds once."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Self

from ms2l_tf.errors import InputError


def option(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] | None = None,
    least: float | None = None,
    most: float | None = None,
    may_be_empty: bool = False,
) -> Any:
    """A dataclass field that is also a flag: default, help text, closed choices, bounds."""
    return dataclasses.field(
        default=default,
        metadata={
            "help": text,
            "choices": choices,
            "least": least,
            "most": most,
            "may_be_empty": may_be_empty,
        },
    )


@dataclasses.dataclass(frozen=True)
class Checked:
    """Checks every field against the choices and bounds its `option` states."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if "help" in field.metadata:
                _check(field, getattr(self, field.name))


def _check(field: dataclasses.Field[Any], value: Any) -> None:
    choices, least, most = (field.metadata[key] for key in ("choices", "least", "most"))
    if value == () and not field.metadata["may_be_empty"]:
        raise InputError(f"--{field.name}: name at least one")
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, float) and not math.isfinite(one):
            raise InputError(f"--{field.name}: {one} is not a finite number")
        if choices and one not in choices:
            raise InputError(f"--{field.name}: '{one}' is not one of {', '.join(choices)}")
        if least is not None and one < least:
            raise InputError(f"--{field.name}: {one} is below the smallest allowed value, {least}")
        if most is not None and one > most:
            raise InputError(f"--{field.name}: {one} is above the largest allowed value, {most}")


def groups_of(config: type) -> dict[str, type]:
    """The dataclass of each group of a run's settings, by attribute name."""
    hints = typing.get_type_hints(config)
    return {field.name: hints[field.name] for field in dataclasses.fields(config)}


def declared_type(group: type, name: str) -> tuple[type, bool]:
    """(element type, is a list) of a setting."""
    hint = typing.get_type_hints(group)[name]
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    assert not isinstance(hint, types.UnionType), f"{name}: flags have one type"
    return hint, False


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides what a run computes, as groups of options with unique names."""

    def to_json(self) -> dict[str, Any]:
        """A flat {flag: value} mapping."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._items()
        }

    def _items(self) -> Iterator[tuple[str, Any]]:
        for group in dataclasses.fields(self):
            settings = getattr(self, group.name)
            for field in dataclasses.fields(settings):
                yield field.name, getattr(settings, field.name)

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; names that are not given keep their defaults.

        Raises:
            InputError: a value is out of its bounds, or two values contradict each other.
        """
        groups = {}
        for name, group in groups_of(cls).items():
            given = {
                field.name: _as_declared(values[field.name])
                for field in dataclasses.fields(group)
                if field.name in values
            }
            groups[name] = group(**given)
        return cls(**groups)


def _as_declared(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
