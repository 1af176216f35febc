from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

from ms2l_tf.skeletons import layout_names, load_layout, load_mapping, mapping_names
from ms2l_tf.skeletons.suggestion import suggest_mapping

# Targets that no name tells; whoever made the packaged mappings looked at the bodies.
LEAST_EQUAL = {
    "kinect_v1_20_to_kinect_v1_15": 11,
    "hdm05_31_to_h36m_17": 12,
    "hdm05_31_to_kinect_v1_20": 15,
    "hdm05_31_to_kinect_v2_25": 19,
    "hdm05_31_to_smpl_24": 19,
}


@pytest.mark.parametrize("name", mapping_names())
def test_names_suggest_what_people_have_mapped(name: str) -> None:
    packaged = load_mapping(name)
    suggestion = suggest_mapping(packaged.source_layout, packaged.target_layout)
    equal = sum(map(np.allclose, packaged.weights, suggestion.mapping.weights))
    allowed = 1 if "h36m" in name else 0  # the pelvis: a joint, or the middle of the hips
    assert equal >= LEAST_EQUAL.get(name, len(packaged.weights) - allowed)


@pytest.mark.parametrize("name", layout_names())
def test_a_layout_maps_to_itself(name: str) -> None:
    layout = load_layout(name)
    suggestion = suggest_mapping(layout, layout)
    np.testing.assert_array_equal(suggestion.mapping.weights, np.eye(layout.num_joints))
    assert not suggestion.nearest


def test_sides_never_mix() -> None:
    """Whatever is mapped to whatever: left comes from left or the middle."""
    for name in ("hdm05_31", "bandai_22", "kinect_v2_25", "blazepose_33", "smplx_42"):
        source = load_layout(name)
        for other in layout_names():
            target = load_layout(other)
            weights = suggest_mapping(source, target).mapping.weights
            mirrored = weights[np.ix_(target.mirror, source.mirror)]
            used = (weights > 0).any(axis=1) & (mirrored > 0).any(axis=1)
            np.testing.assert_allclose(weights[used], mirrored[used], err_msg=f"{name} {other}")


def test_the_file_is_a_mapping(tmp_path: pathlib.Path) -> None:
    suggestion = suggest_mapping(load_layout("bandai_22"), load_layout("smpl_24"))
    file = tmp_path / "map.json"
    file.write_text(json.dumps(suggestion.content))
    read = load_mapping(file)
    np.testing.assert_array_equal(read.weights, suggestion.mapping.weights)
    assert suggestion.nearest == {"lhan": "Hand_L", "rhan": "Hand_R"}
    assert suggestion.lines == (
        "mapping bandai_22 to smpl_24: suggested by the names of joints; none stands for lhan "
        "(nearest: Hand_L), rhan (nearest: Hand_R)",
    )
