from __future__ import annotations

import numpy as np
import pytest

from ms2l_tf.data.videos.names import JOINTS, joint_order, skeleton_name
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout

# As the published models list them.
KINECT = [
    "spinebase",
    "spinemid",
    "neck",
    "head",
    "lsho",
    "lelb",
    "lwri",
    "lhan",
    "rsho",
    "relb",
    "rwri",
    "rhan",
    "lhip",
    "lkne",
    "lank",
    "lfoo",
    "rhip",
    "rkne",
    "rank",
    "rfoo",
    "spineshoulder",
    "lhandtip",
    "lthu",
    "rhandtip",
    "rthu",
]


def test_published_kinect_names_are_in_our_order() -> None:
    layout = load_layout("kinect_v2_25")
    np.testing.assert_array_equal(joint_order(layout, "kinectv2_25", KINECT), np.arange(25))
    assert set(JOINTS["kinect_v2_25"]) <= set(layout.joints)


@pytest.mark.parametrize("name", ["smpl_24", "kinect_v2_25", "berkeley_mhad_43", "smplx_42"])
def test_the_order_of_the_model_does_not_matter(name: str) -> None:
    layout = load_layout(name)
    shuffled = np.random.default_rng(0).permutation(layout.num_joints)
    joints = [layout.joints[j] for j in shuffled]
    order = joint_order(layout, name, joints)
    assert tuple(joints[j] for j in order) == layout.joints


def test_other_joints_are_named() -> None:
    layout = load_layout("h36m_17")
    joints = [*layout.joints[1:], "tail"]
    with pytest.raises(InputError, match="'h36m_17': it lacks pelv and it has tail besides; leave"):
        joint_order(layout, "h36m_17", joints)
    with pytest.raises(InputError, match="'h36m_17': a joint occurs twice"):
        joint_order(layout, "h36m_17", [*layout.joints, "pelv"])


def test_skeletons_by_our_name_or_theirs() -> None:
    assert skeleton_name("kinect_v2_25", ["", "smpl_24", "kinectv2_25"]) == "kinectv2_25"
    assert skeleton_name("kinect_v2_25", ["kinect_v2_25", "kinectv2_25"]) == "kinect_v2_25"
    assert skeleton_name("smpl_24", ["smpl_24"]) == "smpl_24"
    with pytest.raises(InputError, match=r"'kinect_v1_20'.*mean 'kinectv2_25'.* offers kinectv2"):
        skeleton_name("kinect_v1_20", ["", "smpl_24", "kinectv2_25"])
