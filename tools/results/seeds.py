"""Records of several seeds as one: what they share stands once, what differs stands by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BY_SEED = "by_seed"


def merged(records: Mapping[str, Any]) -> Any:
    """One JSON value for the values of several seeds.

    Args:
        records: by seed; a seed may be missing where it has no such entry.
    """
    values = list(records.values())
    if all(value == values[0] for value in values):
        return values[0]
    if not all(isinstance(value, Mapping) for value in values):
        return {BY_SEED: dict(records)}
    names = dict.fromkeys(name for value in values for name in value)
    entries = {
        name: {seed: value[name] for seed, value in records.items() if name in value}
        for name in names
    }
    return {
        name: merged(entry) if len(entry) == len(records) else {BY_SEED: entry}
        for name, entry in entries.items()
    }


def of_seed(value: Any, seed: str) -> Any:
    """What `merged` was given for a seed."""
    if not isinstance(value, Mapping):
        return value
    if set(value) == {BY_SEED}:
        return value[BY_SEED][seed]
    return {name: of_seed(entry, seed) for name, entry in value.items() if _has(entry, seed)}


def _has(entry: Any, seed: str) -> bool:
    is_split = isinstance(entry, Mapping) and set(entry) == {BY_SEED}
    return not is_split or seed in entry[BY_SEED]


def columns(records: Sequence[Mapping[str, float]]) -> dict[str, list[float | None]]:
    """Numbers of several seeds by name: one a seed, in order; None where a seed lacks it."""
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


def of_column(table: Mapping[str, Sequence[float | None]], position: int) -> dict[str, float]:
    """What `columns` was given in this position."""
    numbers = {name: column[position] for name, column in table.items()}
    return {name: number for name, number in numbers.items() if number is not None}
