"""How a pose model names skeletons and joints, and which of its joints our layouts want."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.json_files import did_you_mean
from ms2l_tf.skeletons.layout import SkeletonLayout

# Layout id -> name of the same skeleton in MeTRAbs, where they differ.
SKELETONS = {"kinect_v2_25": "kinectv2_25"}

# Layout id -> its joints -> MeTRAbs's names of them, where they differ.
JOINTS = {
    "kinect_v2_25": {
        "base of spine": "spinebase",
        "middle of spine": "spinemid",
        "left shoulder": "lsho",
        "left elbow": "lelb",
        "left wrist": "lwri",
        "left hand": "lhan",
        "right shoulder": "rsho",
        "right elbow": "relb",
        "right wrist": "rwri",
        "right hand": "rhan",
        "left hip": "lhip",
        "left knee": "lkne",
        "left ankle": "lank",
        "left foot": "lfoo",
        "right hip": "rhip",
        "right knee": "rkne",
        "right ankle": "rank",
        "right foot": "rfoo",
        "spine (shoulder)": "spineshoulder",
        "tip of left hand": "lhandtip",
        "left thumb": "lthu",
        "tip of right hand": "rhandtip",
        "right thumb": "rthu",
    }
}


def skeleton_name(layout: str, offered: Collection[str]) -> str:
    """What the model calls a layout: the id itself, or MeTRAbs's name of it.

    Raises:
        InputError: the model offers neither.
    """
    for name in (layout, SKELETONS.get(layout, layout)):
        if name in offered:
            return name
    named = sorted(name for name in offered if name)
    raise InputError(
        f"--layouts: the model has no skeleton for layout {layout!r}{did_you_mean(layout, named)}; "
        f"it offers {', '.join(named) or 'none'}"
    )


def joint_order(layout: SkeletonLayout, skeleton: str, joints: Sequence[str]) -> np.ndarray:
    """Where the model has the joints of a layout.

    Args:
        layout: ours, J joints.
        skeleton: the model's name of it, for messages.
        joints: the model's joint names in its order; ours or MeTRAbs's ones.

    Returns:
        int64 [J]; the model's joints taken in this order are those of the layout.

    Raises:
        InputError: the two don't have the same joints.
    """
    model_names = JOINTS.get(layout.name, {})
    wanted = [name if name in joints else model_names.get(name, name) for name in layout.joints]
    lacking = [name for name in wanted if name not in joints]
    surplus = [name for name in joints if name not in wanted]
    if lacking or surplus or len(joints) != len(wanted):
        parts = [f"it lacks {', '.join(lacking)}"] if lacking else []
        parts += [f"it has {', '.join(surplus)} besides"] if surplus else []
        raise InputError(
            f"--model: its skeleton {skeleton!r} is not our layout {layout.name!r}: "
            f"{' and '.join(parts) or 'a joint occurs twice'}; leave this layout out"
        )
    return np.array([list(joints).index(name) for name in wanted], np.int64)
