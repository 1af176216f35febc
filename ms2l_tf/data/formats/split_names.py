"""Lists of clips that are called after what they are for, such as `xsub_train` and `xsub_val`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ms2l_tf.data.splits import SplitNames

PUBLISHED = "published"
_SIDE = re.compile(r"(?:^|(?<=[^a-zA-Z]))(train|training|val|valid|validation|test)(?=[^a-zA-Z]|$)")
_TRAIN, _VALIDATION = ("train", "training"), ("val", "valid", "validation")


def paired_splits(lists: Mapping[str, Sequence[str]], of: str) -> list[SplitNames]:
    """One split of each pair of lists.

    What is left of a list's name without `train`, `val` or `test` names the split: `xsub_train` and
    `xsub_val` make `xsub`, `train1` and `test1` make `split1`, `train` and `test` make `published`.
    Where a list for training has two others, that for testing counts, and the split with the one
    for validation is called `..._val`. A list without a side is one of training clips alone.

    Args:
        lists: names of clips by the name of the list.
        of: what they are from, for the description.
    """
    sides: dict[str, dict[str, str]] = {}
    for name in lists:
        key, side = _cut(name)
        sides.setdefault(key, {}).setdefault(side, name)
    splits: dict[str, SplitNames] = {}
    for key, found in sides.items():
        held = [(key, found[side]) for side in ("test", "val") if side in found]
        if len(held) == 2:
            held[1] = (f"{key}_val", held[1][1])
        for name, test in held or [(key, "")]:
            train = found.get("train", "")
            text = f"Lists {' and '.join(filter(None, (train, test)))} of {of}."
            unique = _unique(name, splits)
            splits[unique] = SplitNames(
                unique, tuple(lists.get(train, ())), tuple(lists.get(test, ())), text
            )
    return list(splits.values())


def _cut(name: str) -> tuple[str, str]:
    """The name of a split, fit for a file, and the side a list of it is for."""
    # Numbers may follow at once: train1.
    match = _SIDE.search(re.sub(r"(?<=[a-z])(?=\d)", "_", name.lower()))
    if match is None:
        return _file_name(name), "train"
    side = match[1]
    rest = name.lower().replace(side, "", 1)
    kind = "train" if side in _TRAIN else "val" if side in _VALIDATION else "test"
    return _file_name(rest), kind


def _file_name(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_-")[:80]
    return f"split{plain}" if plain.isdecimal() else plain or PUBLISHED


def _unique(name: str, taken: Mapping[str, object]) -> str:
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    return unique
