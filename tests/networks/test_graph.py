"""Partitions of the adjacency."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.networks.graph import PARTITIONS, partitions
from ms2l_tf.skeletons.layout import SkeletonLayout, layout_names, load_layout
from tests.helpers import assert_close, tiny_layout

DISCONNECTED = ("smplx_42", "berkeley_mhad_43")


def chain() -> SkeletonLayout:
    """0 - 1 - 2 - 3 - 4 around joint 2."""
    edges = tuple((joint, joint + 1) for joint in range(4))
    joints = tuple(range(5))
    return tiny_layout(
        edges=edges, bones=edges, mirror=joints, anchors={"root": (2,)}, parts={"trunk": joints}
    )


def neighbours(layout: SkeletonLayout) -> np.ndarray:
    """A + I, [J, J]."""
    matrix = np.eye(layout.num_joints)
    for one, other in layout.edges:
        matrix[one, other] = matrix[other, one] = 1
    return matrix


def hops_from(layout: SkeletonLayout, start: int) -> dict[int, int]:
    """Breadth-first search, joint by joint."""
    found, queue = {start: 0}, deque([start])
    while queue:
        joint = queue.popleft()
        for other in np.nonzero(neighbours(layout)[joint])[0]:
            if other not in found:
                found[int(other)] = found[joint] + 1
                queue.append(int(other))
    return found


@pytest.mark.parametrize("name", layout_names())
@pytest.mark.parametrize("kind", [kind for kind in PARTITIONS if kind != "in_out"])
def test_partitions_of_every_layout_sum_to_the_normalised_graph(name: str, kind: str) -> None:
    layout = load_layout(name)
    parts = partitions(layout, kind)
    matrix = neighbours(layout)
    assert parts.dtype == np.float32
    assert_close(parts.sum(axis=0), matrix / matrix.sum(axis=0))
    assert ((parts > 0).sum(axis=0) == (matrix > 0)).all(), "no entry is in two partitions"
    if kind != "uniform":
        assert ((parts[0] > 0) == np.eye(layout.num_joints, dtype=bool)).all()


@pytest.mark.parametrize("name", layout_names())
def test_in_and_out_mirror_each_other(name: str) -> None:
    layout = load_layout(name)
    parts = partitions(layout, "in_out")
    selves, inward, outward = parts > 0
    np.testing.assert_array_equal(selves, np.eye(layout.num_joints, dtype=bool))
    np.testing.assert_array_equal(inward, outward.T)
    np.testing.assert_array_equal(selves | inward | outward, neighbours(layout) > 0)
    sums = parts.sum(axis=1)
    assert_close(sums, (sums > 0).astype(float))


def test_a_chain_by_hand() -> None:
    third, half = 1 / 3, 1 / 2
    selves, nearer, further = partitions(chain(), "spatial")
    assert_close(np.diag(selves), [half, third, third, third, half])
    # Column by column: joint 0 reads joint 1, which is nearer; joint 2 reads none nearer.
    expected = np.zeros((5, 5))
    expected[1, 0] = expected[3, 4] = half
    expected[2, 1] = expected[2, 3] = third
    assert_close(nearer, expected)
    expected = np.zeros((5, 5))
    expected[0, 1] = expected[4, 3] = third
    expected[1, 2] = expected[3, 2] = third
    assert_close(further, expected)
    # Joints two edges away are infinitely far, hence further than those one edge away. The
    # published code has those further away in its second partition.
    np.testing.assert_array_equal(partitions(chain(), "spatial_original")[1:], [further, nearer])


def test_original_distances_put_almost_all_edges_into_one_partition() -> None:
    layout = load_layout("kinect_v2_25")
    true, original = (partitions(layout, kind) for kind in ("spatial", "spatial_original"))
    assert (original[2] > 0).sum() < (true[2] > 0).sum() == len(layout.edges)
    centre = layout.graph_centre
    around = np.nonzero(neighbours(layout)[centre])[0]
    for source, joint in zip(*np.nonzero(original[1]), strict=True):
        far = {source, joint} & {centre, *around} == set()
        assert far or true[2][source, joint] > 0


def test_the_original_groups_as_the_published_code() -> None:
    layout = load_layout("kinect_v2_25")
    hops = np.where(neighbours(layout), 1.0, np.inf)
    np.fill_diagonal(hops, 0.0)
    to_centre = hops[:, layout.graph_centre]
    twin = np.zeros((3, 25, 25))
    for source in range(25):
        for joint in range(25):
            if hops[source, joint] == 0:
                twin[0, source, joint] = 1
            elif hops[source, joint] == 1:
                nearer = to_centre[source] < to_centre[joint]
                twin[2 if nearer else 1, source, joint] = 1
    twin /= twin.sum(axis=(0, 1))
    assert_close(partitions(layout, "spatial_original"), twin)


@pytest.mark.parametrize("name", [*DISCONNECTED, "kinect_v2_25"])
def test_spatial_partition_by_search_from_the_centre(name: str) -> None:
    layout = load_layout(name)
    distance = hops_from(layout, layout.graph_centre)
    _, nearer, further = partitions(layout, "spatial")
    for one, other in layout.edges:
        for joint, reads in ((one, other), (other, one)):
            if joint in distance:
                is_further = distance[reads] > distance[joint]
                assert (further[reads, joint] > 0) == is_further
                assert (nearer[reads, joint] > 0) != is_further


def test_components_without_the_centre_have_their_own() -> None:
    layout = load_layout("berkeley_mhad_43")
    _, nearer, further = partitions(layout, "spatial")

    def reads(part: np.ndarray, joint: str, other: str) -> bool:
        return bool(part[layout.index(other), layout.index(joint)] > 0)

    assert reads(nearer, "lhead", "head")
    assert reads(further, "head", "rhead")
    # Both shoulders are centres: arms point away from them on either side.
    for side in "lr":
        assert reads(further, f"{side}sho1", f"{side}sho2")
        assert reads(further, f"{side}elb", f"{side}wri")
    assert reads(nearer, "lsho1", "rsho1")
    assert reads(nearer, "rsho1", "lsho1")


@pytest.mark.parametrize("name", [name for name in layout_names() if name not in DISCONNECTED])
def test_mirroring_the_joints_changes_nothing_where_the_graph_is_symmetric(name: str) -> None:
    layout = load_layout(name)
    mirror = list(layout.mirror)
    matrix = neighbours(layout)
    if (matrix[mirror][:, mirror] != matrix).any() or mirror[layout.graph_centre] != (
        layout.graph_centre
    ):
        pytest.skip("the layout's graph is not symmetric")
    for kind in PARTITIONS:
        parts = partitions(layout, kind)
        np.testing.assert_array_equal(parts[:, mirror][:, :, mirror], parts)


def test_a_lone_joint_reads_itself() -> None:
    layout = load_layout("smplx_42")
    lone = layout.index("leyehf")
    for kind in PARTITIONS:
        parts = partitions(layout, kind)
        assert np.isfinite(parts).all()
        column, row = parts[:, :, lone].sum(axis=0), parts[:, lone].sum(axis=0)
        expected = np.eye(layout.num_joints)[lone]
        np.testing.assert_array_equal(column, expected)
        np.testing.assert_array_equal(row, expected)


def test_unknown_kind() -> None:
    with pytest.raises(InputError, match=r"--partition=radial: is not one of uniform"):
        partitions(chain(), "radial")
