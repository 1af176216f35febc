"""Settings as flags: conditions, types, and names that several groups share."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import all_settings
from ms2l_tf.settings.options import Group, declared_type, group_from, is_met, option


@pytest.mark.parametrize(
    ("condition", "values", "met"),
    [
        ("a=x", {"a": "x"}, True),
        ("a=x", {"a": "y"}, False),
        ("a=x", {"a": "xy"}, False),
        ("a=x", {}, False),
        ("a=x,y", {"a": "y"}, True),
        ("a=x,y", {"a": "z"}, False),
        ("a=x", {"a": ("y", "x")}, True),
        ("a=x", {"a": ["y", "x"]}, True),
        ("a=x", {"a": ("y", "z")}, False),
        ("a=x,y", {"a": ("z", "y")}, True),
        ("a=x", {"a": ()}, False),
        ("a=True", {"a": True}, True),
        ("a=True", {"a": False}, False),
        ("a=3", {"a": 3}, True),
        ("a<1", {"a": 0.5}, True),
        ("a<1", {"a": 1.0}, False),
        ("a<1", {"a": 2}, False),
        ("a=x or b=y", {"a": "x", "b": "z"}, True),
        ("a=x or b=y", {"a": "z", "b": "y"}, True),
        ("a=x or b=y", {"a": "z", "b": "z"}, False),
        ("a=x,y or b<2 or c=True", {"a": "z", "b": 2, "c": True}, True),
        ("a=x,y or b<2 or c=True", {"a": "z", "b": 2, "c": False}, False),
        ("method=ms2l", {"method": "ms2l", "tasks": ()}, True),
    ],
)
def test_conditions(condition: str, values: dict[str, Any], met: bool) -> None:
    assert is_met(condition, values) == met


def owners_by_name() -> dict[str, list[tuple[str, type[Group]]]]:
    """(owner, group) of each setting; several have those that share a flag."""
    owners: dict[str, list[tuple[str, type[Group]]]] = {}
    for owner, group in all_settings().items():
        for field in dataclasses.fields(group):
            owners.setdefault(field.name, []).append((owner, group))
    return owners


SHARED_NAMES = {name: owners for name, owners in owners_by_name().items() if len(owners) > 1}


def test_some_flags_are_shared() -> None:
    assert {"flip", "shear", "temperature", "projection", "units"} <= set(SHARED_NAMES)


@pytest.mark.parametrize("name", SHARED_NAMES)
def test_a_shared_flag_is_one_flag(name: str) -> None:
    """The command line shows one of the groups' type, choices and help for all of them."""
    for (one, group), (other, its_group) in itertools.pairwise(SHARED_NAMES[name]):
        assert declared_type(group, name) == declared_type(its_group, name), (one, other)
        fields = [
            next(field for field in dataclasses.fields(kind) if field.name == name)
            for kind in (group, its_group)
        ]
        texts, choices = ([field.metadata[key] for field in fields] for key in ("help", "choices"))
        assert texts[0] == texts[1], (one, other)
        assert choices[0] == choices[1], (one, other)


@dataclasses.dataclass(frozen=True)
class Sizes(Group):
    """Settings of every type."""

    count: int = option(2, "Count.", least=1, most=5)
    widths: tuple[int, ...] = option((4,), "Widths.", least=1)
    extra: tuple[str, ...] = option((), "Extra.", may_be_empty=True)
    kind: str = option("a", "Kind.", choices=("a", "b"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "--count: 0 is below the smallest allowed value, 1"),
        ({"count": 6}, "--count: 6 is above the largest allowed value, 5"),
        ({"widths": (4, 0)}, "--widths: 0 is below the smallest allowed value, 1"),
        ({"widths": []}, "--widths: name at least one"),
        ({"kind": "c"}, "--kind: 'c' is not one of a, b"),
    ],
)
def test_values_are_checked(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        group_from(Sizes, values)


def test_a_group_from_a_flat_mapping_takes_what_it_knows() -> None:
    group = group_from(Sizes, {"widths": [8, 2], "extra": [], "units": 3})
    assert group == Sizes(widths=(8, 2))
    assert group.to_json() == {"count": 2, "widths": [8, 2], "extra": [], "kind": "a"}
    assert declared_type(Sizes, "widths") == (int, True)
    assert declared_type(Sizes, "kind") == (str, False)
