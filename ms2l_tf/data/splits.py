"""Splits: named lists of clips, a validation split cut from training, label fractions."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.checks import free_text, is_list, shown
from ms2l_tf.data.records import Clip
from ms2l_tf.errors import InputError
from ms2l_tf.files import read_json

VALIDATION_FIELDS = ("camera", "subject", "setup", "group", "clip")


@dataclasses.dataclass(frozen=True)
class Split:
    """Indices of the training and the test clips, int64, in the order of the clip table."""

    name: str
    train: np.ndarray
    test: np.ndarray
    description: str = ""


@dataclasses.dataclass(frozen=True)
class SplitNames:
    """The same with clip names, as `splits/<name>.json` keeps it."""

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    description: str = ""


def read_split(path: pathlib.Path, names: Sequence[str] | np.ndarray) -> Split:
    """Reads `{"train": [names], "test": [names], "description": ...}` and checks it.

    Args:
        path: the split file; the split is called like it.
        names: all clip names of the dataset, [N].
    """
    content = read_json(path)
    index = {str(name): position for position, name in enumerate(names)}
    description = str(content.get("description", ""))
    sides = content.get("train"), content.get("test")
    split = checked_split(path.stem, *sides, description, index, where=str(path))
    return Split(
        split.name,
        np.sort(np.array([index[name] for name in split.train], np.int64)),
        np.sort(np.array([index[name] for name in split.test], np.int64)),
        description,
    )


def checked_split(
    name: str, train: Any, test: Any, description: Any, known: Mapping[str, object], where: str
) -> SplitNames:
    """The split with plain texts, whatever kind of list they came in.

    Raises:
        InputError: what is no list of texts, unknown clips, repeated ones, clips on both sides,
            a split without clips.
    """
    split = SplitNames(
        name,
        _members(train, "train", where),
        _members(test, "test", where),
        free_text(description, f"{where}: description"),
    )
    for side, wanted in (("train", split.train), ("test", split.test)):
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise InputError(f"{where}: {side} names a clip the dataset lacks: {unknown[0]!r}")
        if len(set(wanted)) != len(wanted):
            raise InputError(f"{where}: {side} names a clip twice")
    shared = set(split.train) & set(split.test)
    if shared:
        raise InputError(f"{where}: {min(shared)!r} is both a training and a test clip")
    if not split.train and not split.test:
        raise InputError(f"{where}: the split has no clips")
    return split


def _members(names: Any, side: str, where: str) -> tuple[str, ...]:
    single = isinstance(names, Mapping) or not is_list(names)
    members = [names] if single else list(names)
    texts = [str(name) for name in members if isinstance(name, str)]
    if single or len(texts) < len(members):
        wrong = next((name for name in members if not isinstance(name, str)), names)
        raise InputError(
            f"{where}: {side!r} must be a list of clip names, which are texts; got {shown(wrong)}"
        )
    return tuple(texts)


def validation_split(
    clips: Sequence[Clip],
    train: np.ndarray,
    by: str = "camera",
    *,
    seed: int = 0,
    fraction: float = 0.2,
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a validation split from training clips, so that nothing is tuned on test clips.

    Args:
        clips: all of the dataset.
        train: indices of the training clips.
        by: hold out whole cameras, subjects, setups or groups; `"clip"` draws single clips and is
            the weakest choice, for datasets that record none of these.
        seed: of the draw.
        fraction: how much of the values (of the clips, with `by="clip"`) to hold out, at least one.

    Returns:
        Indices of the clips left for fitting and of the validation clips, both sorted.
    """
    if by not in VALIDATION_FIELDS:
        raise InputError(f"--validation={by}: use one of {', '.join(VALIDATION_FIELDS)}")
    if not 0 < fraction < 1:
        raise InputError(f"validation fraction {fraction}: must lie between 0 and 1")
    train = np.sort(np.asarray(train, np.int64))
    field = "name" if by == "clip" else by
    values = np.array([getattr(clips[index], field) for index in train])
    known = np.unique(values)
    count = max(1, round(fraction * len(known)))
    held = np.random.default_rng(seed).permutation(known)[:count]
    inside = np.isin(values, held)
    if inside.all() or not inside.any():
        raise InputError(
            f"--validation={by}: the training clips have {len(known)} {by} value(s), nothing is "
            f"left on one side; use another of {', '.join(VALIDATION_FIELDS)}, or none"
        )
    return train[~inside], train[inside]


def held_out_by(clips: Sequence[Clip], train: np.ndarray, by: str) -> str:
    """What to hold out of the training clips: `by`, unless that is subjects and nobody noted two.

    Then it is groups, else single clips; of a single clip nothing (`"none"`).

    Args:
        clips: all of the dataset.
        train: indices of the training clips.
        by: see `validation_split`; or `"none"`.
    """
    if by != "subject":
        return by
    for field, of_clip in (("subject", "subject"), ("group", "group"), ("clip", "name")):
        if len({getattr(clips[index], of_clip) for index in train}) > 1:
            return field
    return "none"


def label_fraction(
    labels: np.ndarray, fraction: float, sampling: str = "balanced", seed: int = 0
) -> np.ndarray:
    """Draws the clips whose labels a semi-supervised run may read.

    With one seed a smaller fraction is a subset of a larger one.

    Args:
        labels: int [N]; -1 (unlabelled) is never drawn.
        fraction: in (0, 1].
        sampling: `"balanced"` takes the fraction of every class, at least one clip of each;
            `"random"` takes it of all clips, and may miss a class.
        seed: of the draw.

    Returns:
        Sorted positions in `labels`.
    """
    if not 0 < fraction <= 1:
        raise InputError(f"label fraction {fraction}: must lie in (0, 1]")
    labels = np.asarray(labels)
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[labels[order] >= 0]
    if sampling == "random":
        drawn = [order[: _share(fraction, len(order))]]
    elif sampling == "balanced":
        classes = [order[labels[order] == label] for label in np.unique(labels[order])]
        drawn = [members[: _share(fraction, len(members))] for members in classes]
    else:
        raise InputError(f"label sampling {sampling!r}: use 'balanced' or 'random'")
    return np.sort(np.concatenate([np.empty(0, np.int64), *drawn]))


def _share(fraction: float, count: int) -> int:
    return min(count, max(1, math.floor(fraction * count + 0.5)))
