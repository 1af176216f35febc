"""The clips of an MS-CLR run in all its layouts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.errors import InputError
from ms2l_tf.runs.build import build_normaliser
from ms2l_tf.runs.data import RunData, open_run_data
from ms2l_tf.skeletons import json_files
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.mapping import load_mapping, mapping_names
from msclr.config import ClrConfig


@dataclasses.dataclass(frozen=True)
class ClrData:
    """The clips of a run.

    Attributes:
        parts: by layout, the reference first: its poses, and those of the split's clips that
            have poses in it.
        normalisers: of each layout.
    """

    parts: tuple[RunData, ...]
    normalisers: tuple[Normaliser, ...]

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

    def of(self, numbers: Sequence[int]) -> ClrData:
        """The same clips in some of the layouts."""
        return ClrData(
            tuple(self.parts[number] for number in numbers),
            tuple(self.normalisers[number] for number in numbers),
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
    parts = tuple(open_run_data(config.data.one(*_source(dataset, layout))) for layout in wanted)
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
    return ClrData(parts, tuple(build_normaliser(settings, part.store) for part in parts))


def _source(dataset: ClipDataset, layout: str) -> tuple[str, str]:
    """(layout of the dataset, mapping or "") that a name of --layouts stands for."""
    if layout in dataset.layouts:
        return layout, ""
    if json_files.is_path(layout):
        return _source_of_file(dataset, layout), layout
    for source in dataset.layouts:
        if f"{source}_to_{layout}" in mapping_names():
            return source, f"{source}_to_{layout}"
    prefixes = tuple(f"{source}_to_" for source in dataset.layouts)
    derived = {load_mapping(name).target for name in mapping_names() if name.startswith(prefixes)}
    raise InputError(
        f"--layouts: '{layout}' is neither in {dataset.path} ({', '.join(dataset.layouts)}) nor "
        f"mapped from there ({', '.join(sorted(derived)) or 'nothing'}); a mapping file of your "
        "own may be given by its path"
    )


def _source_of_file(dataset: ClipDataset, path: str) -> str:
    try:
        source = load_mapping(path).source
    except InputError as error:
        raise InputError(f"--layouts: {error}") from None
    if source not in dataset.layouts:
        raise InputError(
            f"--layouts: {path} maps from {source}, which {dataset.path} does not have "
            f"({', '.join(dataset.layouts)})"
        )
    return source
