"""Adjacency matrices of a skeleton, split into the partitions of a graph convolution."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import shortest_path  # type: ignore[import-untyped]

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout

PARTITIONS = ("uniform", "distance", "spatial", "spatial_original", "in_out")


def partitions(layout: SkeletonLayout, kind: str) -> np.ndarray:
    """Which joints a joint reads, told apart by their place.

    Entry [r, v, w] is the weight of joint v in partition r of joint w's neighbourhood, which is w
    itself and the joints it shares an edge with (A + I). A column is divided by the size of the
    neighbourhood, so that all weights of a joint sum to one.

    The distance of a joint is the number of edges to the layout's graph centre. A component
    without the graph centre has centres of its own: the joints from which its farthest joint is
    nearest. There may be two (a pair of shoulders), and both count, so that mirrored joints keep
    equal distances.

    Args:
        layout: the skeleton.
        kind: ``uniform``: one partition of all neighbours; ``distance``: the joint itself, the
            others; ``spatial``: the joint itself, those as far from the centre or nearer, those
            further; ``spatial_original``: as the published code groups them: the joint itself,
            those as far or further, those nearer, with its distances, in which all joints but the
            centre and its neighbours are infinitely (so equally) far;
            ``in_out``: the joint itself, those not further, those not nearer, each partition
            normalised by itself (neighbours that are equally far are in both).

    Returns:
        [R, J, J] float32.

    Raises:
        InputError: `kind` is unknown.
    """
    if kind not in PARTITIONS:
        raise InputError(f"--partition={kind}: is not one of {', '.join(PARTITIONS)}")
    selves = np.eye(layout.num_joints, dtype=bool)
    others = _edges(layout)
    distance = _distances(layout)
    if kind == "spatial_original":
        distance = np.where(_hops(others)[layout.graph_centre] > 1, np.inf, distance)
    step = distance[:, None], distance[None, :]
    nearer, further, tied = np.less_equal(*step), np.greater(*step), np.equal(*step)
    if kind == "in_out":
        parts = [selves, others & nearer, others & np.greater_equal(*step)]
        return np.stack([_shares(part, part) for part in parts])
    groups = {
        "uniform": [selves | others],
        "distance": [selves, others],
        "spatial_original": [selves, others & (further | tied), others & nearer & ~tied],
    }.get(kind, [selves, others & nearer, others & further])
    return np.stack([_shares(group, selves | others) for group in groups])


def _edges(layout: SkeletonLayout) -> np.ndarray:
    """[J, J] bool, symmetric, without the diagonal."""
    edges = np.zeros([layout.num_joints] * 2, bool)
    for joint, neighbour in layout.edges:
        edges[joint, neighbour] = edges[neighbour, joint] = joint != neighbour
    return edges


def _hops(edges: np.ndarray) -> np.ndarray:
    """Number of edges between all pairs of joints, infinite across components: [J, J] float."""
    return np.asarray(shortest_path(edges, directed=False, unweighted=True))


def _distances(layout: SkeletonLayout) -> np.ndarray:
    """Edges to the nearest centre of the joint's component: [J] float, finite."""
    hops = _hops(_edges(layout))
    together = np.isfinite(hops)
    farthest = np.where(together, hops, 0.0).max(axis=1)
    smallest = np.where(together, farthest, np.inf).min(axis=1)
    is_centre = farthest == smallest
    main = together[layout.graph_centre]
    is_centre[main] = False
    is_centre[layout.graph_centre] = True
    return hops[:, is_centre].min(axis=1)


def _shares(part: np.ndarray, neighbourhood: np.ndarray) -> np.ndarray:
    """`part` divided by the column sums of `neighbourhood`: [J, J] float32."""
    sizes = np.maximum(neighbourhood.sum(axis=0), 1)
    return (part / sizes).astype(np.float32)
