"""The poses of a dataset in a layout that it has, or that is mapped from one it has."""

from __future__ import annotations

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.mapped_store import mapped
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import json_files
from ms2l_tf.skeletons.mapping import JointMapping, load_mapping, mapping_names


def layout_poses(dataset: ClipDataset, layout: str) -> tuple[PoseStore, JointMapping | None]:
    """The poses of all clips in a layout, and the mapping that makes them, if there is one.

    Args:
        dataset: opened.
        layout: a name as ``--layouts`` takes it.

    Raises:
        InputError: the dataset has no such layout, and no mapping leads to it.
    """
    if layout in dataset.layouts:
        return dataset.poses(layout), None
    mapping = _mapping(dataset, layout)
    return mapped(dataset.poses(mapping.source), mapping), mapping


def _mapping(dataset: ClipDataset, layout: str) -> JointMapping:
    """The mapping that a name of --layouts stands for."""
    known = mapping_names()
    if json_files.is_path(layout) or layout in known:
        return _named_mapping(dataset, layout)
    for source in dataset.layouts:
        if f"{source}_to_{layout}" in known:
            return _whole(load_mapping(f"{source}_to_{layout}"))
    mappings = map(load_mapping, known)
    derived = {m.target for m in mappings if m.source in dataset.layouts and not m.absent}
    raise InputError(
        f"--layouts: '{layout}' is neither in {dataset.path} ({', '.join(dataset.layouts)}) nor "
        f"mapped from there ({', '.join(sorted(derived)) or 'nothing'}); a mapping file of your "
        "own may be given by its path"
    )


def _named_mapping(dataset: ClipDataset, name: str) -> JointMapping:
    try:
        mapping = load_mapping(name)
    except InputError as error:
        raise InputError(f"--layouts: {error}") from None
    if mapping.source not in dataset.layouts:
        raise InputError(
            f"--layouts: {name} maps from {mapping.source}, which {dataset.path} does not have "
            f"({', '.join(dataset.layouts)})"
        )
    return _whole(mapping)


def _whole(mapping: JointMapping) -> JointMapping:
    """Refuses a mapping that leaves joints without counterpart, in the words of this flag."""
    if mapping.absent:
        raise InputError(
            f"--layouts: '{mapping.target}' cannot be mapped from {mapping.source}, which has no "
            f"counterpart of {', '.join(mapping.absent)}; leave it out, or name source joints in "
            "a mapping file of your own"
        )
    return mapping
