"""Drawing: what ends up on the axes, and that the layouts look like people."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import layout_names, load_layout
from ms2l_tf.skeletons.drawing import PART_COLOURS, draw_pose, project

LAYOUT = load_layout("coco_17")


@pytest.fixture
def axes() -> Iterator[Axes]:
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tools" / "draw_layouts.py"
    spec = importlib.util.spec_from_file_location("draw_layouts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def segments(axes: Axes, colour: str) -> set[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Straight pieces drawn in a colour, as pairs of points."""
    found = set()
    for line in axes.lines:
        if line.get_color() == colour and line.get_linestyle() == "-":
            for a, b in itertools.pairwise(np.asarray(line.get_xydata())):
                if np.isfinite([a, b]).all():
                    found.add((tuple(a), tuple(b)))
    return found


def test_each_bone_has_the_colour_of_its_childs_part(axes: Axes) -> None:
    pose = np.random.default_rng(0).normal(size=(17, 2))
    draw_pose(axes, pose, LAYOUT)
    for part, members in LAYOUT.parts.items():
        expected = {
            (tuple(pose[child]), tuple(pose[parent]))
            for child, parent in LAYOUT.bones
            if child in members
        }
        assert segments(axes, PART_COLOURS[part]) == expected


def test_missing_joints_take_their_bones_with_them(axes: Axes) -> None:
    pose = np.random.default_rng(0).normal(size=(17, 3))
    elbow = LAYOUT.index("left_elbow")
    pose[elbow] = np.nan
    draw_pose(axes, pose, LAYOUT)
    # Of nose - shoulder - elbow - wrist the two bones at the elbow are gone.
    assert len(segments(axes, PART_COLOURS["arm_left"])) == 1
    assert len(segments(axes, PART_COLOURS["arm_right"])) == 3


def test_edges_that_are_no_bones_are_grey(axes: Axes) -> None:
    layout = load_layout("ikea_asm_17")
    pose = np.random.default_rng(0).normal(size=(17, 2))
    draw_pose(axes, pose, layout)
    hips = {tuple(pose[layout.index("lhip")]), tuple(pose[layout.index("rhip")])}
    assert [set(pair) for pair in segments(axes, "#B0B0B0")] == [hips]


def test_a_pose_without_any_joint_draws_nothing(axes: Axes) -> None:
    draw_pose(axes, np.full((17, 3), np.nan), LAYOUT)
    assert not any(segments(axes, colour) for colour in PART_COLOURS.values())


def test_planes() -> None:
    pose = np.arange(51.0).reshape(17, 3)
    np.testing.assert_array_equal(project(pose, LAYOUT, ("+x", "+z")), pose[:, [0, 2]])
    np.testing.assert_array_equal(project(pose, LAYOUT, ("-z", "-y")), -pose[:, [2, 1]])


def test_unsuitable_poses_and_planes_are_refused() -> None:
    with pytest.raises(InputError, match=r"'coco_17': expected a pose \[17, 2 or 3\]"):
        project(np.zeros((20, 3)), LAYOUT, ("+x", "+y"))
    with pytest.raises(InputError, match=r"plane: unknown axis '\+z'; use one of \+x, -x, \+y, -y"):
        project(np.zeros((17, 2)), LAYOUT, ("+x", "+z"))


@pytest.mark.parametrize("name", layout_names())
def test_rest_poses_are_symmetric_and_parts_are_where_they_belong(
    tool: ModuleType, name: str
) -> None:
    layout = load_layout(name)
    pose = tool.rest_pose(layout)
    np.testing.assert_array_equal(pose[list(layout.mirror)] * [-1, 1], pose)
    height = {anchor: pose[list(layout.anchors[anchor]), 1].mean() for anchor in layout.anchors}
    assert height["root"] < height["spine_top"]
    assert (pose[list(layout.parts["arm_left"]), 0] > 0).all()
    assert (pose[list(layout.parts["leg_right"]), 0] < 0).all()
    assert (pose[list(layout.parts["leg_left"]), 1] < 1).all()
    lengths = [np.linalg.norm(pose[child] - pose[parent]) for child, parent in layout.bones]
    assert min(lengths) > 0
    assert max(lengths) < 0.6


def test_the_tool_says_what_it_cannot_draw(
    tool: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = load_layout("coco_17").to_json()
    content = json.loads(json.dumps(content).replace('"nose"', '"pelvis"'))
    own = tmp_path / "own.json"
    own.write_text(json.dumps(content))
    monkeypatch.setattr("sys.argv", ["draw_layouts.py", f"--out={tmp_path / 'x.png'}", str(own)])
    with pytest.raises(SystemExit, match="2"):
        tool.main()
    said = capsys.readouterr().err
    assert "no place is known for the joint 'pelvis'" in said
    assert "contact sheet of ms2l-prepare --inspect" in said
    assert not (tmp_path / "x.png").exists()


def test_the_tool_draws_chosen_layouts(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "new" / "sheet.png"
    monkeypatch.setattr("sys.argv", ["draw_layouts.py", f"--out={out}", "coco_17", "smplx_42"])
    tool.main()
    assert out.read_bytes().startswith(b"\x89PNG")
