"""Settings that a run does not read, so that whoever types one is told, and not left to believe."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ms2l_tf.settings.options import Group, conditions_of, is_met


def unused(
    groups: Iterable[type[Group]], values: Mapping[str, Any], names: Collection[str]
) -> list[str]:
    """A line for each setting among `names` that a run does not read.

    Args:
        groups: of the run.
        values: all its settings, flat.
        names: of the settings to judge.
    """
    reasons = {
        field.name: unmet
        for group in groups
        for field in dataclasses.fields(group)
        if field.name in names
        for unmet in [unmet_condition(group, field, values)]
        if unmet
    }
    return [no_effect(name, where) for name, where in reasons.items()]


def no_effect(name: str, where: str) -> str:
    """The line about one flag."""
    return f"--{name} has no effect here: it belongs to {where}"


def unmet_condition(
    group: type[Group], field: dataclasses.Field[Any], values: Mapping[str, Any]
) -> str:
    """The first condition of a setting that is not met, as flags; empty: all are."""
    for condition in conditions_of(group, field):
        if not is_met(condition, values):
            return as_flags(condition)
    return ""


def as_flags(condition: str) -> str:
    """``a=x,y or b=z`` -> ``--a=x, y or --b=z``."""
    alternatives = condition.split(" or ")
    return " or ".join(f"--{text.replace(',', ', ')}" for text in alternatives)
