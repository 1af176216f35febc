"""The clips of an MS-CLR run in all its layouts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.splits import validation_split
from ms2l_tf.errors import InputError
from ms2l_tf.runs.build import build_normaliser
from ms2l_tf.runs.data import RunData, open_run_data
from ms2l_tf.skeletons import json_files
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.mapping import JointMapping, load_mapping, mapping_names
from msclr.config import ClrConfig


@dataclasses.dataclass(frozen=True)
class ClrData:
    """The clips of a run.

    Attributes:
        parts: by layout, the reference first: its poses, and those of the split's clips that
            have poses in it.
        normalisers: of each layout.
        mappings: of the user's own, from files that ``--layouts`` names.
    """

    parts: tuple[RunData, ...]
    normalisers: tuple[Normaliser, ...]
    mappings: tuple[JointMapping, ...] = ()

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
        """One checksum of what the run reads in all its layouts."""
        each = [part.fingerprint for part in self.parts]
        if len(set(each)) == 1:
            return each[0]
        return hashlib.sha256(json.dumps(each).encode()).hexdigest()

    def of(self, numbers: Sequence[int]) -> ClrData:
        """The same clips in some of the layouts."""
        return ClrData(
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
        """Training clips with poses in at least one layout."""
        parts = [part.fit if train_on == "fit" else part.train for part in self.parts]
        return np.unique(np.concatenate(parts))

    def has_poses(self) -> np.ndarray:
        """Which clips have poses in which layout: [layouts, N] bool."""
        return np.stack([part.store.lengths > 0 for part in self.parts])


def open_clr_data(config: ClrConfig) -> ClrData:
    """Opens the dataset in all layouts of the run.

    Raises:
        InputError: a layout is neither in the dataset nor the target of a mapping from there, or
            two of them differ in their coordinates.
    """
    if not config.data.data:
        raise InputError("--data: name the folder of a prepared dataset (see ms2l-prepare)")
    dataset = ClipDataset.open(config.data.data)
    wanted = config.data.layouts or dataset.layouts
    parts = _cut_alike(
        [_opened(config, *_source(dataset, layout)) for layout in wanted], config.data.validation
    )
    for part in parts[1:]:
        if part.store.num_coords != parts[0].store.num_coords:
            raise InputError(
                f"--layouts: {parts[0].layout} has {parts[0].store.num_coords} coordinates, "
                f"{part.layout} has {part.store.num_coords}; one run takes one kind"
            )
    names = [part.layout for part in parts]
    if len(set(names)) < len(names):
        raise InputError(f"--layouts: {', '.join(wanted)} name the same layout twice")
    persons = config.normaliser.persons or max(part.store.num_persons for part in parts)
    settings = dataclasses.replace(config.normaliser, persons=persons)
    own = [load_mapping(name) for name in wanted if json_files.is_path(name)]
    normalisers = tuple(build_normaliser(settings, part.store) for part in parts)
    return ClrData(parts, normalisers, tuple(own))


def in_one_layout(config: ClrConfig) -> ClrConfig:
    """Settings of a run with labels, which reads one layout: the first of ``layouts``.

    Raises:
        InputError: the dataset cannot be opened.
    """
    layouts = config.data.layouts[:1]
    if not layouts and config.data.data:
        layouts = ClipDataset.open(config.data.data).layouts[:1]
    return dataclasses.replace(config, data=dataclasses.replace(config.data, layouts=layouts))


def _opened(config: ClrConfig, layout: str, mapping: str) -> RunData:
    """One layout's poses and clips; validation clips are cut for all layouts together."""
    return open_run_data(dataclasses.replace(config.data.one(layout, mapping), validation="none"))


def _cut_alike(parts: Sequence[RunData], by: str) -> tuple[RunData, ...]:
    """One cut of the training clips for all layouts: a clip is on one side or the other."""
    if by == "none":
        return tuple(parts)
    clips = np.unique(np.concatenate([part.train for part in parts]))
    fit, validation = validation_split(parts[0].dataset, clips, by)
    return tuple(
        dataclasses.replace(
            part,
            fit=np.intersect1d(fit, part.train),
            validation=np.intersect1d(validation, part.train),
        )
        for part in parts
    )


def _source(dataset: ClipDataset, layout: str) -> tuple[str, str]:
    """(layout of the dataset, mapping or "") that a name of --layouts stands for."""
    if layout in dataset.layouts:
        return layout, ""
    if json_files.is_path(layout):
        return _source_of_file(dataset, layout), layout
    for source in dataset.layouts:
        name = f"{source}_to_{layout}"
        if name in mapping_names():
            _check_whole(load_mapping(name))
            return source, name
    known = [load_mapping(name) for name in mapping_names()]
    derived = {one.target for one in known if one.source in dataset.layouts and not one.absent}
    raise InputError(
        f"--layouts: '{layout}' is neither in {dataset.path} ({', '.join(dataset.layouts)}) nor "
        f"mapped from there ({', '.join(sorted(derived)) or 'nothing'}); a mapping file of your "
        "own may be given by its path"
    )


def _source_of_file(dataset: ClipDataset, path: str) -> str:
    try:
        mapping = load_mapping(path)
    except InputError as error:
        raise InputError(f"--layouts: {error}") from None
    if mapping.source not in dataset.layouts:
        raise InputError(
            f"--layouts: {path} maps from {mapping.source}, which {dataset.path} does not have "
            f"({', '.join(dataset.layouts)})"
        )
    _check_whole(mapping)
    return mapping.source


def _check_whole(mapping: JointMapping) -> None:
    """Refuses a mapping that leaves joints without counterpart, in the words of this flag."""
    if mapping.absent:
        raise InputError(
            f"--layouts: '{mapping.target}' cannot be mapped from {mapping.source}, which has no "
            f"counterpart of {', '.join(mapping.absent)}; leave it out, or name source joints in "
            "a mapping file of your own"
        )
