"""SkeletonLayout from users' files, and every fault such a file can have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import SkeletonLayout, load_layout

Mutation = Callable[[dict[str, Any]], Any]


def tiny() -> dict[str, Any]:
    """A sound layout file of six joints: hips, chest, hands and a tail-like head."""
    return {
        "name": "tiny",
        "joints": ["pelvis", "hip_l", "hip_r", "chest", "hand_l", "hand_r"],
        "bones": [
            ["hip_l", "pelvis"],
            ["hip_r", "pelvis"],
            ["chest", "pelvis"],
            ["hand_l", "chest"],
            ["hand_r", "chest"],
        ],
        "graph_centre": "chest",
        "mirror": [["hip_l", "hip_r"], ["hand_l", "hand_r"]],
        "anchors": {"root": ["hip_l", "hip_r"], "hip_left": ["hip_l"], "hip_right": ["hip_r"]},
        "parts": {
            "trunk": ["pelvis", "chest"],
            "arm_left": ["hand_l"],
            "arm_right": ["hand_r"],
            "leg_left": ["hip_l"],
            "leg_right": ["hip_r"],
        },
    }


def write(path: Path, obj: Any) -> Path:
    path.write_text(json.dumps(obj), encoding="utf-8")
    return path


def test_a_user_file_is_loaded_by_path(tmp_path: Path) -> None:
    path = write(tmp_path / "tiny.json", tiny())
    layout = load_layout(path)
    assert layout == load_layout(str(path))
    assert layout.mirror == (0, 2, 1, 3, 5, 4)
    assert layout.edges == layout.bones
    assert layout.anchors["shoulder_left"] == ()
    assert layout.parts["trunk"] == (0, 3)
    assert layout.note == ""


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    path.write_text(json.dumps(tiny()), encoding="utf-8-sig")
    assert load_layout(path).name == "tiny"


def test_one_arm_alone_is_a_sound_layout() -> None:
    obj = {
        "name": "right_arm",
        "joints": ["shoulder", "elbow", "wrist"],
        "bones": [["elbow", "shoulder"], ["wrist", "elbow"]],
        "graph_centre": "elbow",
        "mirror": [],
        "anchors": {"root": ["shoulder"]},
        "parts": {"arm_right": ["shoulder", "elbow", "wrist"]},
    }
    layout = SkeletonLayout.from_json(obj, "arm.json")
    assert layout.mirror == (0, 1, 2)
    assert layout.parts["trunk"] == ()


def delete(key: str) -> Mutation:
    return lambda obj: obj.pop(key)


def put(key: str, value: Any) -> Mutation:
    return lambda obj: obj.__setitem__(key, value)


def append(key: str, value: Any) -> Mutation:
    return lambda obj: obj[key].append(value)


FAULTS: dict[str, tuple[Mutation, str]] = {
    "missing field": (delete("bones"), r"the field 'bones' is missing; add it"),
    "misspelt field": (put("note_", ""), r"unknown field 'note_' \(did you mean 'note'\?\)"),
    "name is a number": (put("name", 3), r"name: expected a non-empty string, got 3"),
    "note is a list": (put("note", []), r"note: expected a string, got \[\]"),
    "joints is text": (put("joints", "a,b"), r"joints: expected a list of joint names"),
    "joint is a number": (append("joints", 1), r"joints\[6\]: expected a non-empty string"),
    "no joints": (put("joints", []), r"unknown joint 'hip_l'"),
    "joint twice": (append("joints", "hip_l"), r"joints: 'hip_l' is listed twice"),
    "unknown joint in bones": (
        append("bones", ["hip_left", "pelvis"]),
        r"bones\[5\]: unknown joint 'hip_left' \(did you mean 'hip_l'\?\)",
    ),
    "unknown centre": (put("graph_centre", "nose"), r"graph_centre: unknown joint 'nose'"),
    "centre is an index": (put("graph_centre", 0), r"graph_centre: expected a non-empty string"),
    "edges is an object": (put("edges", {}), r"edges: expected a list of joint pairs"),
    "edge of three": (
        put("edges", [["pelvis", "chest", "hip_l"]]),
        r"edges\[0\]: expected two joint names, got 3",
    ),
    "edge to itself": (
        put("edges", [["pelvis", "pelvis"]]),
        r"edges: 'pelvis' is linked to itself",
    ),
    "edge twice": (
        put("edges", [["pelvis", "chest"], ["chest", "pelvis"]]),
        r"edges: 'chest' - 'pelvis' is listed twice",
    ),
    "bone to itself": (append("bones", ["pelvis", "pelvis"]), r"bones: 'pelvis' is linked to"),
    "two parents": (
        append("bones", ["hand_l", "pelvis"]),
        r"bones: 'hand_l' has two parents, 'chest' and 'pelvis'",
    ),
    "cycle": (append("bones", ["pelvis", "hand_l"]), r"bones: following the parents of .* cycle"),
    "mirrored twice": (
        append("mirror", ["hip_l", "hand_r"]),
        r"mirror: 'hip_l' is named twice; each joint belongs to one \[left, right\] pair",
    ),
    "mirrored to itself": (append("mirror", ["chest", "chest"]), r"mirror: 'chest' is named twice"),
    "parts overlap": (
        lambda obj: obj["parts"]["trunk"].append("hip_l"),
        r"parts: 'hip_l' is in trunk and in leg_left",
    ),
    "joint in no part": (
        lambda obj: obj["parts"].pop("trunk"),
        r"parts: 'pelvis' is in no part",
    ),
    "unknown part": (
        lambda obj: obj["parts"].update(arm_lefft=[]),
        r"parts: unknown field 'arm_lefft' \(did you mean 'arm_left'\?\)",
    ),
    "parts is a list": (put("parts", []), r"parts: expected an object"),
    "sides disagree": (
        put("mirror", [["hip_l", "hand_r"], ["hip_r", "hand_l"]]),
        r"parts: 'hip_l' in leg_left mirrors to 'hand_r' in arm_right, not in leg_right",
    ),
    "anchors disagree": (
        lambda obj: obj["anchors"].update(hip_right=["chest"]),
        r"anchors.hip_left: its joints do not mirror to those of hip_right",
    ),
    "no root": (lambda obj: obj["anchors"].pop("root"), r"anchors.root: the list is empty"),
    "anchor joint twice": (
        lambda obj: obj["anchors"]["root"].append("hip_l"),
        r"anchors.root: 'hip_l' is listed twice",
    ),
    "unknown anchor": (
        lambda obj: obj["anchors"].update(rooot=[]),
        r"anchors: unknown field 'rooot' \(did you mean 'root'\?\)",
    ),
    "unknown joint in an anchor": (
        lambda obj: obj["anchors"].update(root=["hips"]),
        r"anchors.root: unknown joint 'hips'",
    ),
    "unknown point": (
        put("semantic", {"hed": []}),
        r"semantic: unknown field 'hed' \(did you mean 'head'\?\)",
    ),
    "unknown joint of a point": (
        put("semantic", {"head": ["nose"]}),
        r"semantic.head: unknown joint 'nose'",
    ),
    "point's joint twice": (
        put("semantic", {"head": ["chest", "chest"]}),
        r"semantic.head: 'chest' is listed twice; keep one",
    ),
    "pelvis is not the root": (
        put("semantic", {"pelvis": ["pelvis"]}),
        r"semantic.pelvis: is not the anchor root; leave it out",
    ),
    "head on one side": (
        put("semantic", {"head": ["hand_l"]}),
        r"semantic.head: its joints do not mirror to those of head",
    ),
    "points disagree": (
        put("semantic", {"hand_left": ["hand_l"], "hand_right": ["hip_r"]}),
        r"semantic.hand_left: its joints do not mirror to those of hand_right",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_line_that_names_file_and_field(tmp_path: Path, fault: str) -> None:
    mutate, message = FAULTS[fault]
    obj = tiny()
    mutate(obj)
    path = write(tmp_path / "mine.json", obj)
    with pytest.raises(InputError, match=message) as caught:
        load_layout(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"invalid JSON at line 1, column 2"),
        (b"[1]", r"expected an object \{...\}, got \[1\]"),
        (b'{"name": "a", "name": "b"}', r"the key 'name' appears twice"),
        (b"\xff\xfe\x00", r"is UTF-16 text; save it as UTF-8"),
        (b"[" * 100_000, r"too large or too deep"),
        (b"[" + b"1" * 10_000 + b"]", r"too large or too deep"),
    ],
)
def test_files_that_are_no_json_object(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_layout(path)


def test_missing_file_and_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.json: no such file"):
        load_layout(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        load_layout(tmp_path)


def test_unknown_id_lists_the_known_ones_and_the_closest() -> None:
    with pytest.raises(
        InputError,
        match=r"unknown layout 'kinect_v2' \(did you mean 'kinect_v2_25'\?\); known: .*coco_17",
    ):
        load_layout("kinect_v2")


def test_unknown_joint_name() -> None:
    with pytest.raises(InputError, match=r"'coco_17': unknown joint 'left_hipp' .*'left_hip'"):
        load_layout("coco_17").index("left_hipp")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edges": ((0, 6),)}, r"edges: joint index 6 is outside 0..5"),
        ({"bones": ((-1, 0),)}, r"bones: joint index -1 is outside 0..5"),
        ({"graph_centre": 6}, r"graph_centre: joint index 6"),
        ({"mirror": (0, 1)}, r"mirror: 2 entries for 6 joints"),
        (
            {"mirror": (1, 2, 0, 3, 4, 5)},
            r"mirror: 'pelvis' maps to 'hip_l', which maps to 'hip_r'",
        ),
        ({"joints": ()}, r"joints: the list is empty"),
        ({"semantic": {"head": (6,)}}, r"semantic.head: joint index 6 is outside 0..5"),
    ],
)
def test_layouts_built_from_indices_are_checked_too(changes: dict[str, Any], message: str) -> None:
    layout = SkeletonLayout.from_json(tiny(), "tiny.json")
    fields = {key: getattr(layout, key) for key in layout.__dataclass_fields__}
    with pytest.raises(InputError, match=message):
        SkeletonLayout(**(fields | changes))
