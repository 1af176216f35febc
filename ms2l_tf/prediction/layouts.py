"""How the poses of an input become those of the layout that a model reads."""

from __future__ import annotations

from collections.abc import Sequence

from ms2l_tf.errors import InputError, inform
from ms2l_tf.export.manifest import Manifest
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.mapping import JointMapping, load_mapping, mapping_names
from ms2l_tf.skeletons.suggestion import suggest_mapping

BY_NAMES = "auto"


def chosen_layout(
    where: str,
    given: Sequence[tuple[SkeletonLayout, int]],
    wanted: Manifest,
    *,
    layout_map: str = "",
    mapped: bool = False,
) -> tuple[str, JointMapping | None]:
    """Which layout of an input is read, and the mapping from it; None: it is the model's own.

    Args:
        where: names the input in errors.
        given: its layouts, each with its number of coordinates.
        wanted: of the model.
        layout_map: the file of a mapping, or ``auto`` for one by the names of joints.
        mapped: whether packaged mappings may be used unasked.

    Raises:
        InputError: none of them is the model's; the line names the mapping that fits.
    """
    target = wanted.layout
    fitting = [layout for layout, coords in given if coords == wanted.coords]
    if not fitting:
        held = ", ".join(f"{layout.name} in {coords}-D" for layout, coords in given)
        raise InputError(
            f"{where}: holds poses of {held}; the model reads {target.name} in {wanted.coords}-D"
        )
    own = next((layout for layout in fitting if layout.joints == target.joints), None)
    if own is not None and own.name == target.name:
        return own.name, None
    if layout_map:
        mapping = _own_mapping(layout_map, fitting, target)
    else:
        mapping = _packaged(where, fitting, target, mapped)
    if mapping.absent:
        raise InputError(
            f"{where}: {mapping.source} has no counterpart of {', '.join(mapping.absent)}, which "
            f"the model reads in {target.name}; name joints for it in a file for --layout_map"
        )
    return mapping.source, mapping


def _packaged(
    where: str, given: Sequence[SkeletonLayout], target: SkeletonLayout, mapped: bool
) -> JointMapping:
    names = ", ".join(layout.name for layout in given)
    held = f"{where}: holds poses of {names}, the model reads {target.name}"
    fitting = [f"{layout.name}_to_{target.name}" for layout in given]
    known = [name for name in fitting if name in mapping_names()]
    if not known:
        raise InputError(
            f"{held}; no packaged mapping leads there: use --layout_map=FILE, or --layout_map=auto "
            "to map joints by their names"
        )
    if not mapped:
        raise InputError(f"{held}; --map maps them by {known[0]}")
    mapping = load_mapping(known[0])
    source = next(layout for layout in given if layout.name == mapping.source)
    same = mapping.source_layout.joints == source.joints
    if not same or mapping.target_layout.joints != target.joints:
        raise InputError(
            f"{held}, but not with the joints of the packaged mapping {known[0]}; use --layout_map"
        )
    return mapping


def _own_mapping(
    layout_map: str, given: Sequence[SkeletonLayout], target: SkeletonLayout
) -> JointMapping:
    if layout_map == BY_NAMES:
        suggestion = suggest_mapping(given[0], target)
        for line in suggestion.lines:
            inform(line)
        return suggestion.mapping
    mapping = load_mapping(layout_map, known=[*given, target])
    names = [layout.name for layout in given]
    if mapping.source not in names or mapping.target_layout.joints != target.joints:
        raise InputError(
            f"--layout_map={layout_map}: maps from {mapping.source} to {mapping.target}; wanted "
            f"is one from {', '.join(names)} to {target.name}"
        )
    return mapping
