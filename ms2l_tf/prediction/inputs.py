"""Recordings of a prepared dataset or of files in any format that is read, one after the other."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ms2l_tf.data.archives import SourceFiles, open_source
from ms2l_tf.data.checks import checked_clip
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.formats import FORMATS, ClipReader, PoseHeader, ReaderOptions
from ms2l_tf.data.formats.base import DEFAULTS
from ms2l_tf.data.formats.guess import AUTO, describe_source, recognised
from ms2l_tf.data.formats.unsupported import unknown_format
from ms2l_tf.data.mapped_store import mapped
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.pose_writer import PoseChecks
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.errors import InputError, inform, warn
from ms2l_tf.export.manifest import Manifest
from ms2l_tf.prediction.layouts import chosen_layout
from ms2l_tf.prediction.model import Model
from ms2l_tf.skeletons.mapping import JointMapping

NOBODY = "nobody is seen in it"


@dataclasses.dataclass(frozen=True)
class InputChoices:
    """How an input is read.

    Attributes:
        format_name: a key of `FORMATS`, or ``auto``.
        options: what files leave open; `layout_map` leads to the model's layout.
        mapped: whether packaged mappings to the model's layout are used.
    """

    format_name: str = AUTO
    options: ReaderOptions = DEFAULTS
    mapped: bool = False


AS_IT_IS = InputChoices()


@dataclasses.dataclass(frozen=True)
class Recording:
    """One recording in the layout of the model.

    Attributes:
        name: of the clip.
        store: its poses and, of a dataset, those of all others; None: it cannot be used.
        row: of the clip in the store.
        error: why it cannot be used.
    """

    name: str
    store: PoseStore | None = None
    row: int = 0
    error: str = ""

    @property
    def frames(self) -> int:
        """F."""
        return 0 if self.store is None else int(self.store.lengths[self.row])

    def turn(self, model: Model) -> Callable[[np.ndarray], np.ndarray]:
        """What turns its poses into the unit and axes of a model."""
        store = self.store
        assert store is not None, "of use"
        return lambda poses: model.turned(poses, store.unit, store.axes)


@contextlib.contextmanager
def opened_input(
    path: str | os.PathLike[str], model: Manifest, choices: InputChoices = AS_IT_IS
) -> Iterator[tuple[int, Iterator[Recording]]]:
    """The number of recordings of an input, and these, read as they are asked for.

    Args:
        path: a prepared dataset, or a folder, archive or file of another format.
        model: that they are for.
        choices: how they are read.

    Raises:
        InputError: it cannot be read, or holds another layout.
    """
    source = pathlib.Path(path)
    if (source / "dataset.json").is_file():
        _check_of_dataset(source, choices)
        yield _of_dataset(ClipDataset.open(source), model, choices)
        return
    with open_source(source) as files:
        reader = _reader(files, choices)
        header, mapping = _header(reader, str(source), model, choices)
        entries = reader.entries()
        yield len(entries), _of_entries(reader, list(entries), header, mapping)


def _check_of_dataset(source: pathlib.Path, choices: InputChoices) -> None:
    given = [name for name, value in vars(choices.options).items() if value]
    given = [name for name in given if name != "layout_map"]
    if choices.format_name != AUTO:
        given.insert(0, "format")
    if given:
        raise InputError(f"--{given[0]}: {source} is a prepared dataset, which says it; leave out")


def _of_dataset(
    dataset: ClipDataset, model: Manifest, choices: InputChoices
) -> tuple[int, Iterator[Recording]]:
    store, _ = dataset_store(dataset, model, choices)
    return len(dataset), (
        Recording(str(clip), store, row) if store.seen[row] else Recording(str(clip), error=NOBODY)
        for row, clip in enumerate(dataset.names)
    )


def dataset_store(
    dataset: ClipDataset, model: Manifest, choices: InputChoices
) -> tuple[PoseStore, JointMapping | None]:
    """The poses of a dataset in the layout of a model, and the mapping that makes them.

    Raises:
        InputError: it has none that fit.
    """
    stores = [dataset.poses(name) for name in dataset.layouts]
    name, mapping = chosen_layout(
        str(dataset.path),
        [(store.layout, store.num_coords) for store in stores],
        model,
        layout_map=choices.options.layout_map,
        mapped=choices.mapped,
    )
    store = dataset.poses(name)
    return (store if mapping is None else mapped(store, mapping)), mapping


def _reader(files: SourceFiles, choices: InputChoices) -> ClipReader:
    """The reader of the source, which was told nothing that it does not take."""
    options = dataclasses.replace(choices.options, layout_map="")  # that is to the model's layout
    name = choices.format_name
    if name == AUTO:
        name, seen = recognised(files, options)
        inform(f"{files.path}: {seen}")
    elif name not in FORMATS:
        raise InputError(unknown_format(name, tuple(FORMATS), describe_source(files.path)))
    reader = FORMATS[name](files, options)
    for option, value in vars(options).items():
        if value and option not in reader.takes:
            raise InputError(f"--{option} has no effect with --format={name}; leave it out")
    return reader


def _header(
    reader: ClipReader, where: str, model: Manifest, choices: InputChoices
) -> tuple[PoseHeader, JointMapping | None]:
    headers = {poses.layout: poses for poses in reader.header.poses}
    name, mapping = chosen_layout(
        where,
        [(poses.skeleton, poses.num_coords) for poses in headers.values()],
        model,
        layout_map=choices.options.layout_map,
        mapped=choices.mapped,
    )
    return headers[name], mapping


def _of_entries(
    reader: ClipReader, entries: list[str], header: PoseHeader, mapping: JointMapping | None
) -> Iterator[Recording]:
    checks = PoseChecks(
        header.skeleton,
        header.frame_rate,
        header.num_persons,
        header.num_coords,
        confidence=header.confidence,
        keep_zeros=False,
    )
    for entry in entries:
        try:
            read = reader.read(entry)
            clip = checked_clip(read.clip, len(reader.header.label_names))
            if header.layout not in read.poses:
                raise InputError(f"{clip.name}: has no poses in {header.layout}")
            poses = checks.check(read.poses[header.layout], clip.name).poses
        except InputError as error:
            yield Recording(entry, error=str(error))
            continue
        store = _store(header, poses)
        if mapping is not None:
            store = mapped(store, mapping)
        seen = bool(store.seen[0])
        yield Recording(clip.name, store) if seen else Recording(clip.name, error=NOBODY)


def _store(header: PoseHeader, poses: ClipPoses) -> PoseStore:
    """The poses of one clip."""
    present = poses.present
    assert present is not None, "checked"
    return PoseStore(
        header.skeleton,
        header.frame_rate,
        header.unit,
        header.axes,
        poses.coords,
        np.array([0, len(poses.coords)]),
        present,
    )


def usable_counted(
    recordings: Iterable[Recording], source: str | os.PathLike[str]
) -> Iterator[Recording]:
    """The same recordings; at their end a word about those that cannot be used.

    Raises:
        InputError: none of them can.
    """
    reasons: list[str] = []
    count = 0
    for each in recordings:
        count += 1
        if each.error:
            reasons.append(f"{each.name}: {each.error}")
        yield each
    if not count:
        raise InputError(f"{source}: holds no recording")
    if len(reasons) == count:
        raise InputError(f"{source}: none of its {count} recordings is of use; {reasons[0]}")
    if reasons:
        warn(f"{source}: {len(reasons)} of {count} recordings are of no use; {reasons[0]}")


def joined(recordings: list[Recording]) -> PoseStore:
    """The poses of some recordings of one input, in their order."""
    stores = [each.store for each in recordings if each.store is not None]
    parts = [store.poses(each.row) for store, each in zip(stores, recordings, strict=True)]
    offsets = np.concatenate([[0], np.cumsum([len(part.coords) for part in parts])])
    return dataclasses.replace(
        stores[0],
        coords=np.concatenate([part.coords for part in parts]),
        present=np.concatenate([part.present for part in parts if part.present is not None]),
        offsets=offsets.astype(np.int64),
        confidence=None,
    )
