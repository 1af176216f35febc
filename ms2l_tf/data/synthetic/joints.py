"""Layouts from the rich skeleton: every joint is a point of the body or the mean of several."""

from __future__ import annotations

import functools

import numpy as np

from ms2l_tf.data.synthetic.body import POINT_INDEX, SIDES
from ms2l_tf.data.synthetic.resources import read_resource
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import SkeletonLayout


def joint_weights(layout: SkeletonLayout) -> np.ndarray:
    """Weights [J, P] that turn the P points of the rich skeleton into a layout's J joints.

    Raises:
        InputError: The layout has a joint whose name `joints.json` doesn't know.
    """
    points = _known_names() | read_resource("joints.json")["layouts"].get(layout.name, {})
    weights = np.zeros((layout.num_joints, len(POINT_INDEX)))
    for row, joint in enumerate(layout.joints):
        if joint not in points:
            raise InputError(
                f"layout {layout.name!r}: the synthetic body has no joint {joint!r}; "
                "choose another layout, e.g. kinect_v2_25"
            )
        for point in points[joint]:
            weights[row, POINT_INDEX[point]] = 1.0 / len(points[joint])
    return weights


@functools.cache
def _known_names() -> dict[str, list[str]]:
    """Points by joint name, in all the ways layouts spell the sides."""
    content = read_resource("joints.json")
    names: dict[str, list[str]] = dict(content["central"])
    for kind, point in content["sided"].items():
        for side in SIDES:
            for name in (f"{side}_{kind}", f"{side} {kind}", f"{kind}_{side}", f"{side[0]}{kind}"):
                names[name] = [f"{side}_{point}"]
    return names
