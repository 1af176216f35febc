"""Several data sets in one run: what ``--data``, ``--split`` and ``--layouts`` say of each."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.settings.config import DataConfig
from ms2l_tf.skeletons.layout import SkeletonLayout


def settings_of_sets(settings: DataConfig) -> list[DataConfig]:
    """The settings of each data set by itself, in the order of ``--data``.

    A comma separates two folders, unless the whole is the path of one.

    Raises:
        InputError: there is no folder, or not one split for each.
    """
    if not settings.data:
        raise InputError("--data: name the folder of a prepared dataset (see ms2l-prepare)")
    folders = settings.data.split(",")
    if len(folders) == 1 or pathlib.Path(settings.data).is_dir():
        return [settings]
    if not all(folders):
        raise InputError(f"--data={settings.data}: names no folder beside a comma; leave it out")
    splits = settings.split.split(",")
    splits = splits * len(folders) if len(splits) == 1 else splits
    if len(splits) != len(folders):
        raise InputError(
            f"--split={settings.split}: names {len(splits)} splits of {len(folders)} data sets; "
            "name one for each, one that all have, or none"
        )
    return [
        dataclasses.replace(settings, data=folder, split=split)
        for folder, split in zip(folders, splits, strict=True)
    ]


def own_layouts(dataset: ClipDataset, named: Sequence[str]) -> tuple[str, ...]:
    """Which of the layouts of ``--layouts`` one of several data sets reads.

    Those that it has; where it has none of them all, mapped from those it has; where none is named,
    its own.
    """
    stored = tuple(name for name in named if name in dataset.layouts)
    return stored or tuple(named) or tuple(dataset.layouts)


def check_read(named: Sequence[str], read: Sequence[Sequence[str]]) -> None:
    """Refuses a layout of ``--layouts`` that none of several data sets reads.

    Args:
        named: the layouts.
        read: those that each data set reads.

    Raises:
        InputError: there is one.
    """
    if unread := [name for name in named if not any(name in names for names in read)]:
        raise InputError(
            f"--layouts: none of the data sets has '{unread[0]}', and each has another of those "
            "named; leave it out"
        )


def check_different(datasets: Sequence[ClipDataset]) -> None:
    """Refuses a data set that is named twice.

    Raises:
        InputError: two of them have the same contents.
    """
    known: dict[str, ClipDataset] = {}
    for dataset in datasets:
        if same := known.get(dataset.fingerprint):
            raise InputError(
                f"--data: {same.path} and {dataset.path} hold the same clips; name each data set "
                "once"
            )
        known[dataset.fingerprint] = dataset


def check_skeletons(layouts: Sequence[tuple[ClipDataset, SkeletonLayout]]) -> None:
    """Refuses two different skeletons of one name; notes may differ.

    Args:
        layouts: of all data sets, each with its own.

    Raises:
        InputError: there are two.
    """
    known: dict[str, tuple[ClipDataset, SkeletonLayout]] = {}
    for dataset, layout in layouts:
        first, same = known.setdefault(layout.name, (dataset, layout))
        if dataclasses.replace(layout, note=same.note) != same:
            raise InputError(
                f"--data: layout '{layout.name}' of {dataset.path} is another skeleton than that "
                f"of {first.path}; rename one of them"
            )
