"""The clips of a run, in each of the skeleton layouts it reads; of one data set or several."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset, PoseStore, Split
from ms2l_tf.data.data_sets import (
    check_different,
    check_read,
    check_skeletons,
    own_layouts,
    settings_of_sets,
)
from ms2l_tf.data.layout_poses import layout_poses
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pipeline import with_poses
from ms2l_tf.data.splits import held_out_by, validation_split
from ms2l_tf.errors import InputError, warn
from ms2l_tf.settings.config import DataConfig, NormaliserConfig
from ms2l_tf.skeletons import json_files
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.mapping import JointMapping, load_mapping


@dataclasses.dataclass(frozen=True)
class LayoutClips:
    """The clips of a run in one layout.

    Attributes:
        dataset: the dataset folder.
        store: poses of the layout, mapped if it is derived as the clips are read.
        layout: id of the layout of `store`.
        split: name of the split.
        train: training clips with poses (labelled or not).
        fit, validation: the two parts of `train`.
        test: test clips.
        fingerprint: one checksum of the contents that are read. It is the dataset's own, unless
            the split was added to the folder later or the poses are mapped; then it depends on
            the split's clips and the mapping too.
    """

    dataset: ClipDataset
    store: PoseStore
    layout: str
    split: str
    train: np.ndarray
    fit: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    fingerprint: str

    def trained(self, train_on: str) -> np.ndarray:
        """The clips that are trained on: ``all`` training clips, or the ``fit`` clips."""
        return self.fit if train_on == "fit" else self.train

    @property
    def test_clips_without_poses(self) -> int:
        """How many test clips cannot be encoded for lack of this layout."""
        return int((self.store.lengths[self.test] == 0).sum())


@dataclasses.dataclass(frozen=True)
class RunData:
    """The clips of a run; where it has several data sets, those of the first, and the others.

    Attributes:
        parts: by layout, the reference first: its poses, and those of the split's clips that
            have poses in it.
        normalisers: of each layout.
        mappings: of the user's own, from files that ``--layouts`` names.
        others: the clips of the other data sets.
    """

    parts: tuple[LayoutClips, ...]
    normalisers: tuple[Normaliser, ...]
    mappings: tuple[JointMapping, ...] = ()
    others: tuple[RunData, ...] = ()

    @property
    def sets(self) -> tuple[RunData, ...]:
        """The clips of each data set by itself, the first one's first."""
        return (dataclasses.replace(self, others=()), *self.others)

    @property
    def known_layouts(self) -> dict[str, tuple[SkeletonLayout, Normaliser]]:
        """The layouts of all data sets by id, each with the normaliser of the first that has it."""
        known: dict[str, tuple[SkeletonLayout, Normaliser]] = {}
        for data in self.sets:
            for layout, normaliser in zip(data.layouts, data.normalisers, strict=True):
                known.setdefault(layout.name, (layout, normaliser))
        return known

    @property
    def reference(self) -> LayoutClips:
        """The clips in the reference layout."""
        return self.parts[0]

    @property
    def dataset(self) -> ClipDataset:
        """The dataset folder."""
        return self.parts[0].dataset

    @property
    def layouts(self) -> tuple[SkeletonLayout, ...]:
        """The skeleton layouts, the reference first."""
        return tuple(part.store.layout for part in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(layout.name for layout in self.layouts)

    @property
    def persons(self) -> int:
        """M."""
        return self.normalisers[0].persons

    @property
    def coords(self) -> int:
        """C."""
        return self.parts[0].store.num_coords

    @property
    def fingerprint(self) -> str:
        """One checksum of what the run reads in all its layouts, of all its data sets."""
        fingerprints = [part.fingerprint for part in self.parts]
        if self.others:
            fingerprints = [data.fingerprint for data in self.sets]
        if len(set(fingerprints)) == 1:
            return fingerprints[0]
        return hashlib.sha256(json.dumps(fingerprints).encode()).hexdigest()

    def of(self, numbers: Sequence[int]) -> RunData:
        """The same clips in some of the layouts."""
        return RunData(
            tuple(self.parts[number] for number in numbers),
            tuple(self.normalisers[number] for number in numbers),
            self.mappings,
        )

    def index(self, layout: str) -> int:
        """Number of a layout in this run.

        Raises:
            InputError: it is not one of the run's.
        """
        if layout not in self.names:
            raise InputError(
                f"--layouts: '{layout}' is not a layout of this run; it has {', '.join(self.names)}"
            )
        return self.names.index(layout)

    def trained(self, train_on: str) -> np.ndarray:
        """Clips that are trained on, with poses in at least one layout."""
        return np.unique(np.concatenate([part.trained(train_on) for part in self.parts]))

    def has_poses(self) -> np.ndarray:
        """Which clips have poses in which layout: [layouts, N] bool."""
        return np.stack([part.store.lengths > 0 for part in self.parts])


def open_run_data(
    settings: DataConfig, normaliser: NormaliserConfig, *, several_layouts: bool = True
) -> RunData:
    """Opens and verifies the data sets of a run in all its layouts, and cuts their clips.

    Args:
        settings: which data sets, layouts and clips.
        normaliser: what is done to the poses.
        several_layouts: False: the first layout alone is read, of each data set.

    Raises:
        InputError: a dataset or split does not exist or is damaged; a layout is neither in a
            dataset nor the target of a mapping from there; two differ in their coordinates; two
            data sets are the same, or have different skeletons of one name.
    """
    told = settings_of_sets(settings)
    datasets = [ClipDataset.open(one.data) for one in told]
    for dataset in datasets:
        dataset.verify()
    wanted = [settings.layouts or datasets[0].layouts]
    if len(told) > 1:
        check_different(datasets)
        wanted = [own_layouts(dataset, settings.layouts) for dataset in datasets]
        check_read(settings.layouts, wanted)
    wanted = wanted if several_layouts else [names[:1] for names in wanted]
    opened = [
        _opened_parts(dataset, one.split, names)
        for dataset, one, names in zip(datasets, told, wanted, strict=True)
    ]
    every = [part for parts in opened for part in parts]
    _check_coordinates(every)
    check_skeletons([(part.dataset, part.store.layout) for part in every])
    persons = normaliser.persons or max(part.store.num_persons for part in every)
    sets = [
        RunData(
            _cut_alike(parts, settings.validation),
            tuple(build_normaliser(normaliser, part.store, persons=persons) for part in parts),
            tuple(load_mapping(name) for name in names if json_files.is_path(name)),
        )
        for parts, names in zip(opened, wanted, strict=True)
    ]
    return dataclasses.replace(sets[0], others=tuple(sets[1:]))


def build_normaliser(
    settings: NormaliserConfig, store: PoseStore, *, persons: int = 0, frames: int = 0
) -> Normaliser:
    """The normaliser of a run for one layout of a dataset.

    Args:
        settings: of the run.
        store: poses of the layout.
        persons: M, if not that of the settings.
        frames: T, if not that of the settings.
    """
    return Normaliser.for_store(
        store,
        frames=frames or settings.frames,
        centre=settings.centre,
        rotation=settings.rotation,
        scale=settings.scale,
        persons=persons or settings.persons,
    )


def _opened_parts(dataset: ClipDataset, split: str, wanted: Sequence[str]) -> list[LayoutClips]:
    """The clips of a data set in some layouts."""
    parts = [_opened(dataset, split, layout) for layout in wanted]
    if len({part.layout for part in parts}) < len(parts):
        raise InputError(f"--layouts: {', '.join(wanted)} name the same layout twice")
    return parts


def _check_coordinates(parts: Sequence[LayoutClips]) -> None:
    """Refuses to mix poses of 2 and 3 coordinates."""
    first = parts[0]
    for part in parts[1:]:
        if part.store.num_coords != first.store.num_coords:
            flag, there, here = "--layouts: ", "", ""
            if part.dataset is not first.dataset:
                flag, there, here = "--data: ", *(f" of {p.dataset.path}" for p in (first, part))
            raise InputError(
                f"{flag}{first.layout}{there} has {first.store.num_coords} coordinates, "
                f"{part.layout}{here} has {part.store.num_coords}; one run takes one kind"
            )


def _opened(dataset: ClipDataset, split_name: str, layout: str) -> LayoutClips:
    """One layout's poses and clips; validation clips are cut for all layouts together."""
    store, mapping = layout_poses(dataset, layout)
    if not split_name and not dataset.split_names:
        raise InputError(f"{dataset.path}: has no split; add one as splits/<name>.json")
    split = dataset.split(split_name or dataset.split_names[0])
    where = dataset.split_file(split.name)
    if not len(split.train):
        raise InputError(
            f"{where}: names no training clip ('train' is empty); name another --split, or add some"
        )
    train = with_poses(store, split.train, f"training clips of {where}")
    _check_seen(store, split)
    return LayoutClips(
        dataset,
        store,
        store.layout.name,
        split.name,
        train,
        train,
        train[:0],
        split.test,
        _fingerprint(dataset, split, mapping),
    )


def _check_seen(store: PoseStore, split: Split) -> None:
    """Nothing is learned from blank clips, nor measured on them."""
    for side, clips in (("training", split.train), ("test", split.test)):
        if len(clips) and not store.seen[clips].any():
            text = (
                f"split {split.name}: all {len(clips)} {side} clips are blank in layout "
                f"{store.layout.name} (no joint of anyone is seen)"
            )
            if side == "training":
                raise InputError(f"{text}; use another split or layout")
            warn(f"{text}; what is measured on them says nothing")


def _cut_alike(parts: Sequence[LayoutClips], by: str) -> tuple[LayoutClips, ...]:
    """One cut of the training clips for all layouts: a clip is on one side or the other."""
    clips = np.unique(np.concatenate([part.train for part in parts]))
    by = held_out_by(parts[0].dataset.clips, clips, by)
    if by == "none":
        return tuple(parts)
    fit, validation = validation_split(parts[0].dataset.clips, clips, by)
    return tuple(
        dataclasses.replace(
            part,
            fit=np.intersect1d(fit, part.train),
            validation=np.intersect1d(validation, part.train),
        )
        for part in parts
    )


def _fingerprint(dataset: ClipDataset, split: Split, mapping: JointMapping | None) -> str:
    more: dict[str, object] = {}
    if f"splits/{split.name}.json" not in dataset.files:  # a user's own, in no checksum
        more["train"], more["test"] = (
            dataset.names[clips].tolist() for clips in (split.train, split.test)
        )
    if mapping is not None:
        more["mapping"] = mapping.checksum
    if not more:
        return dataset.fingerprint
    content = json.dumps({"dataset": dataset.fingerprint, **more}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
