"""The poses of a store in another layout, mapped as they are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ms2l_tf.data.pose_store import PoseArray, PoseStore
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.mapping import JointMapping, mapping_names


class MappedArray:
    """An array whose parts are put through a function when they are asked for.

    Args:
        source: array [frames, M, ...].
        function: maps the axes after frames and persons, whatever precedes them.
        tail: their shape after it.
    """

    def __init__(
        self, source: PoseArray, function: Callable[[np.ndarray], np.ndarray], tail: tuple[int, ...]
    ) -> None:
        self._source = source
        self._function = function
        self.shape = (*source.shape[:2], *tail)

    @property
    def base(self) -> PoseArray:
        """What is mapped."""
        return self._source

    def __getitem__(self, key: Any, /) -> np.ndarray:
        return self._function(self._source[key])


def mapped(store: PoseStore, mapping: JointMapping) -> PoseStore:
    """The same clips in the mapping's target layout.

    Nothing is read here, and never more than the frames asked for. Frame rate, unit, axes and
    presence are those of `store`; a mapped joint is missing where one that it averages is, and
    its confidence is the least of theirs.

    Raises:
        InputError: the mapping starts from another layout, or its target has joints without a
            counterpart: they would be missing in every clip.
    """
    _check(store, mapping)
    joints = mapping.target_layout.num_joints
    confidence = store.confidence
    if confidence is not None:
        confidence = MappedArray(confidence, mapping.apply_confidence, (joints,))
    return dataclasses.replace(
        store,
        layout=mapping.target_layout,
        coords=MappedArray(store.coords, mapping.apply, (joints, store.num_coords)),
        confidence=confidence,
    )


def _check(store: PoseStore, mapping: JointMapping) -> None:
    layout = store.layout
    if mapping.source != layout.name:
        known = [name for name in mapping_names() if name.startswith(f"{layout.name}_to_")]
        raise InputError(
            f"--layouts={mapping.name}: maps from {mapping.source}, the poses are in "
            f"{layout.name}; packaged mappings from there: {', '.join(known) or 'none'}; choose "
            "one of them, a layout of the dataset, or the path of a mapping file"
        )
    if mapping.source_layout.joints != layout.joints:
        raise InputError(
            f"--layouts={mapping.name}: its {mapping.source} has other joints than the "
            f"{layout.name} of the dataset; give one of the two layouts another name"
        )
    if mapping.absent:
        raise InputError(
            f"--layouts={mapping.name}: {mapping.source} has no counterpart of "
            f"{', '.join(mapping.absent)} in {mapping.target}; map to a layout without, or name "
            "source joints for it in a mapping file of your own"
        )
