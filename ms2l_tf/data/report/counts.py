"""Clips by class, person, camera and setup; names of classes that ask for a second look."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Any

from ms2l_tf.pages.charts import counted
from ms2l_tf.pages.elements import Html, beside, note, table

_NAMED = 10
_UNEVEN = 10  # times as many clips in one class as in another


def counts_section(summary: Mapping[str, Any]) -> list[Html]:
    """Remarks on the class names, tables with bars, the splits."""
    classes = dict(summary["by_class"])
    if summary["unlabelled"]:
        classes["unlabelled"] = summary["unlabelled"]
    tables = [counted("Clips by class", "class", classes)]
    for key, words in (("subject", "person"), ("camera", "camera"), ("setup", "setup")):
        counts = summary[f"by_{key}"]
        if set(counts) != {""}:
            tables.append(counted(f"Clips by {words}", words, counts))
    remarks = [note(words, alarm=True) for words in _remarks(summary["by_class"])]
    return [*remarks, beside(*tables), *_splits(summary["splits"])]


def _remarks(classes: Mapping[str, int]) -> list[str]:
    remarks = []
    alike = collections.defaultdict(list)
    for name in classes:
        alike["".join(filter(str.isalnum, name.casefold()))].append(name)
    for names in alike.values():
        if len(names) > 1:
            few = ", ".join(map(repr, names[:_NAMED]))
            remarks.append(f"These classes are called nearly the same: {few}.")
    empty = [name for name, count in classes.items() if not count]
    if empty:
        few = ", ".join(empty[:_NAMED]) + (", ..." if len(empty) > _NAMED else "")
        count = "One class has" if len(empty) == 1 else f"{len(empty):,} classes have"
        remarks.append(f"{count} no clip: {few}.")
    filled = {name: count for name, count in classes.items() if count}
    if filled and max(filled.values()) > _UNEVEN * min(filled.values()):
        most, least = max(filled, key=filled.__getitem__), min(filled, key=filled.__getitem__)
        remarks.append(
            f"Classes are uneven: {filled[most]:,} clips of {most}, {filled[least]:,} of {least}."
        )
    return remarks


def _splits(splits: Mapping[str, Any]) -> list[Html]:
    if not splits:
        return [note("There is no split: no clips are set aside for testing.")]
    rows = [
        (
            name,
            f"{split['train']:,}",
            f"{split['test']:,}",
            _missing(split["classes_without_training_clip"]) if split["train"] else "",
            split["description"],
        )
        for name, split in splits.items()
    ]
    head = ("split", "training", "test", "classes never trained", "description")
    return [table("Splits", head, rows, numbers=(1, 2))]


def _missing(classes: list[str]) -> str:
    few = ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
    return f"{len(classes)}: {few}" if classes else "none"
