"""Which joints two skeleton layouts share, and how poses cross from one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.mapping import JointMapping, load_mapping, mapping_names

LEAST_SHARED = 3  # fewer joints do not fix a body in space


def shared_joints(
    first: SkeletonLayout,
    second: SkeletonLayout,
    via: Iterable[str] = (),
    own: Sequence[JointMapping] = (),
) -> list[tuple[int, int]]:
    """Pairs (joint of `first`, joint of `second`) that are the same point of the body.

    Two joints are the same when a known mapping between the two layouts says so, or mappings make
    both of the same joints of a layout in `via`. Only if none does, layouts that both can be mapped
    to are asked, and last other layouts that both can be mapped from, which may well put a neck
    elsewhere. Of several, the one that finds most pairs counts. Without any, joints of equal
    names are the same.

    Args:
        first: a layout.
        second: another.
        via: layouts that the poses may come from, such as that of the recording.
        own: mappings known beside the packaged ones.
    """
    mappings = [*own, *(load_mapping(name) for name in mapping_names())]
    near = dict.fromkeys((first.name, second.name, *via))
    for pairs_by, layouts in (
        (_made_of_the_same, near),
        (_making_the_same, sorted({mapping.target for mapping in mappings})),
        (_made_of_the_same, sorted({mapping.source for mapping in mappings})),
    ):
        candidates = (pairs_by(layout, first, second, mappings) for layout in layouts)
        best = max(candidates, key=len, default=[])
        if len(best) >= LEAST_SHARED:
            return best
    return [
        (first.joints.index(name), second.joints.index(name))
        for name in first.joints
        if name in second.joints
    ]


def _made_of_the_same(
    source: str, first: SkeletonLayout, second: SkeletonLayout, mappings: list[JointMapping]
) -> list[tuple[int, int]]:
    """Pairs of joints that are made of the same joints of `source`."""
    tables = [_table(source, layout, mappings) for layout in (first, second)]
    return [] if tables[0] is None or tables[1] is None else _equal_rows(tables[0], tables[1])


def _making_the_same(
    target: str, first: SkeletonLayout, second: SkeletonLayout, mappings: list[JointMapping]
) -> list[tuple[int, int]]:
    """Pairs of joints each of which alone makes the same joint of `target`."""
    tables = [_table_to(target, layout, mappings) for layout in (first, second)]
    if tables[0] is None or tables[1] is None:
        return []
    pairs: dict[int, int] = {}
    for row, other_row in zip(*tables, strict=True):
        if np.count_nonzero(row) != 1 or np.count_nonzero(other_row) != 1:
            continue
        i, j = int(row.argmax()), int(other_row.argmax())
        # A joint that stands for several of the target's counts once.
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return list(pairs.items())


def _table(source: str, layout: SkeletonLayout, mappings: list[JointMapping]) -> np.ndarray | None:
    """How each joint of a layout [J] is made of those of the source layout, or None."""
    if source == layout.name:
        return np.eye(layout.num_joints)
    for mapping in mappings:
        same = mapping.target_layout.joints == layout.joints
        if mapping.source == source and mapping.target == layout.name and same:
            return mapping.weights
    return None


def _table_to(
    target: str, layout: SkeletonLayout, mappings: list[JointMapping]
) -> np.ndarray | None:
    """How each joint of the target layout is made of those of a layout [J], or None."""
    for mapping in mappings:
        same = mapping.source_layout.joints == layout.joints
        if mapping.source == layout.name and mapping.target == target and same:
            return mapping.weights
    return None


def _equal_rows(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Each row of either table is used once: a point that stands for two joints counts once."""
    pairs, used = [], set()
    for i, row in enumerate(first):
        if not row.any():
            continue
        for j in np.flatnonzero((np.abs(second - row) < 1e-6).all(axis=1)):
            if int(j) not in used:
                pairs.append((i, int(j)))
                used.add(int(j))
                break
    return pairs


def bridge(
    source: SkeletonLayout,
    target: SkeletonLayout,
    via: Iterable[str] = (),
    own: Sequence[JointMapping] = (),
) -> JointMapping:
    """Poses of a layout as poses of another: shared joints are taken, the others interpolated.

    A joint without counterpart is put where every missing joint is the mean of its neighbours in
    the target's graph (the harmonic extension), so an elbow falls half way between shoulder and
    hand and a finger tip on its hand.

    Args:
        source: the layout there are poses of.
        target: the layout wanted.
        via: see `shared_joints`.
        own: see `shared_joints`.

    Raises:
        InputError: the two share fewer than three joints.
    """
    pairs = _enough(shared_joints(target, source, via, own), source, target)
    return _completed(f"{source.name}_as_{target.name}", source, target, pairs)


def as_seen_from(
    layout: SkeletonLayout,
    other: SkeletonLayout,
    via: Iterable[str] = (),
    own: Sequence[JointMapping] = (),
) -> JointMapping:
    """Poses of a layout as `bridge` would make them of another: what the two do not share is lost.

    What is fitted on poses that went through this, and tested on bridged ones, sees the same
    points of the body on both sides, interpolated ones and the normaliser's anchors included.

    Args:
        layout: of the poses, before and after.
        other: the layout to be bridged to it.
        via: see `shared_joints`.
        own: see `shared_joints`.

    Raises:
        InputError: the two share fewer than three joints.
    """
    pairs = _enough(shared_joints(layout, other, via, own), other, layout)
    shared = [(joint, joint) for joint, _ in pairs]
    return _completed(f"{layout.name}_seen_from_{other.name}", layout, layout, shared)


def _enough(
    pairs: list[tuple[int, int]], source: SkeletonLayout, target: SkeletonLayout
) -> list[tuple[int, int]]:
    if len(pairs) < LEAST_SHARED:
        raise InputError(
            f"layouts '{source.name}' and '{target.name}' share {len(pairs)} joints; write a "
            "mapping file that says which joints are the same"
        )
    return pairs


def _completed(
    name: str, source: SkeletonLayout, target: SkeletonLayout, pairs: list[tuple[int, int]]
) -> JointMapping:
    """Takes the pairs (joint of the target, joint of the source), interpolates the rest."""
    weights = np.zeros((target.num_joints, source.num_joints))
    for joint, source_joint in pairs:
        weights[joint, source_joint] = 1.0
    known = np.asarray(weights.any(axis=1))
    if not known.all():
        weights[~known] = _harmonic(target, known) @ weights[known]
    return JointMapping(name, source, target, weights)


def _harmonic(layout: SkeletonLayout, known: np.ndarray) -> np.ndarray:
    """Weights [missing, known] of the harmonic extension on the layout's graph."""
    joints = layout.num_joints
    adjacent = np.zeros((joints, joints))
    for a, b in (*layout.edges, *layout.bones):
        adjacent[a, b] = adjacent[b, a] = 1.0
    # A component without any known joint hangs, faintly, on all of them: it falls on their mean.
    adjacent[np.ix_(~known, known)] += 1e-6
    laplacian = np.diag(adjacent[~known].sum(axis=1)) - adjacent[np.ix_(~known, ~known)]
    solved: np.ndarray = np.linalg.solve(laplacian, adjacent[np.ix_(~known, known)])
    return solved / solved.sum(axis=1, keepdims=True)
