"""Settings that are flags: a dataclass field states default, help, range and readers once.

From it come the flag, its check, the line that says that a flag has no effect here, and the table
of settings in the documentation.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from ms2l_tf.errors import InputError

# Of which types, NumPy's among them, a setting of a declared type may be, and what it is called.
_KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "truth value"),
    int: ((numbers.Integral,), "whole number"),
    float: ((numbers.Real,), "number"),
    str: ((str,), "text"),
}
_LONGEST = 60  # characters of a value in an error
Condition = str | Callable[[], str]


def option(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] | None = None,
    least: float | None = None,
    most: float | None = None,
    may_be_empty: bool = False,
    only: tuple[Condition, ...] = (),
    may_change: bool = False,
) -> Any:
    """A dataclass field that is also a flag.

    Args:
        default: value unless the method or the network has another one.
        text: help.
        choices: closed choices.
        least: smallest allowed value.
        most: largest allowed value.
        may_be_empty: of a list.
        only: conditions under which a run reads the setting, all of them to be met; each as it
            would be typed, such as ``protocol=semi,supervised`` or ``jigsaw_view=spatial``;
            alternatives are joined by `` or ``. A function where it depends on what is registered.
        may_change: a run that starts from another may choose it anew: it changes no weight's shape
            and no input.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": text,
            "choices": choices,
            "least": least,
            "most": most,
            "may_be_empty": may_be_empty,
            "only": only,
            "may_change": may_change,
        },
    )


@dataclasses.dataclass(frozen=True)
class Group:
    """Settings that belong together; every field is checked against what its `option` states.

    Attributes:
        only: conditions under which a run reads any of them, as in `option`.
    """

    only: ClassVar[tuple[Condition, ...]] = ()

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            _check_type(type(self), field.name, value)
            _check(field, value)

    def to_json(self) -> dict[str, Any]:
        """A flat {flag: value} mapping."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }


def group_from(group: type[AnyGroup], values: Mapping[str, Any]) -> AnyGroup:
    """A group with the values that are given by name; the others keep their defaults.

    Raises:
        InputError: a value is out of its bounds, or two values contradict each other.
    """
    names = [field.name for field in dataclasses.fields(group) if field.name in values]
    return group(**{name: _as_declared(values[name]) for name in names})


AnyGroup = typing.TypeVar("AnyGroup", bound=Group)


def _check(field: dataclasses.Field[Any], value: Any) -> None:
    choices, least, most = (field.metadata[key] for key in ("choices", "least", "most"))
    if value == () and not field.metadata["may_be_empty"]:
        raise InputError(f"--{field.name}: name at least one")
    for entry in value if isinstance(value, tuple) else (value,):
        if isinstance(entry, numbers.Real) and not _is_finite(entry):
            raise InputError(f"--{field.name}: {entry} is not a finite number")
        if choices and entry not in choices:
            raise InputError(f"--{field.name}: '{entry}' is not one of {', '.join(choices)}")
        if least is not None and entry < least:
            raise InputError(
                f"--{field.name}: {entry} is below the smallest allowed value, {least}"
            )
        if most is not None and entry > most:
            raise InputError(f"--{field.name}: {entry} is above the largest allowed value, {most}")


def _is_finite(number: numbers.Real) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _check_type(group: type[Group], name: str, value: Any) -> None:
    """Files of runs are JSON that anyone may have edited, where a number may be anything."""
    element, is_list = declared_type(group, name)
    for entry in value if is_list and isinstance(value, tuple) else (value,):
        kinds, meant = _KINDS[element]
        whole = isinstance(entry, bool) and element is not bool
        if not isinstance(entry, kinds) or whole or isinstance(value, tuple) != is_list:
            told = f"a list of {meant}s" if is_list else f"a {meant}"
            raise InputError(f"--{name}: {_shown(value)} is not {told}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < _LONGEST else f"{text[:_LONGEST]}..."


@functools.cache
def _hints(group: Any) -> dict[str, Any]:
    return typing.get_type_hints(group)


def declared_type(group: type, name: str) -> tuple[type, bool]:
    """(element type, is a list) of a setting."""
    hint = _hints(group)[name]
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    assert not isinstance(hint, types.UnionType), f"{name}: flags have one type"
    return hint, False


def conditions_of(group: type[Group], field: dataclasses.Field[Any]) -> list[str]:
    """The conditions under which a run reads a setting: those of its group, then its own."""
    return as_texts((*group.only, *field.metadata["only"]))


def as_texts(conditions: Iterable[Condition]) -> list[str]:
    """Conditions of `option` as they would be typed."""
    return [condition if isinstance(condition, str) else condition() for condition in conditions]


def is_met(condition: str, values: Mapping[str, Any]) -> bool:
    """Whether settings meet a condition of `option`.

    Args:
        condition: ``name=value,value or other=value``; a list meets it with any of its entries.
        values: flat {setting: value}.
    """
    return any(_alternative_is_met(text, values) for text in condition.split(" or "))


def _alternative_is_met(text: str, values: Mapping[str, Any]) -> bool:
    if "<" in text:
        name, _, limit = text.partition("<")
        return float(values[name]) < float(limit)
    name, _, wanted = text.partition("=")
    value = values.get(name)
    texts = [str(entry) for entry in value] if isinstance(value, (list, tuple)) else [str(value)]
    return bool(set(texts) & set(wanted.split(",")))


def _as_declared(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
