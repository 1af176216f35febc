from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data.formats.asf import parse_asf
from ms2l_tf.data.formats.asf_amc import joint_points, parse_amc
from ms2l_tf.errors import InputError

# Length unit 0.0254, so that one unit of the file is a metre.
HEAD = """# made by hand
:version 1.10
:units
  length 0.0254
  angle deg
:documentation
  anything at all
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
"""
HIERARCHY = ":hierarchy\n  begin\n    root a\n    a b\n  end\n"


def bone(
    name: str, dof: str, direction: str = "0 1 0", length: float = 1, axis: str = "0 0 0"
) -> str:
    lines = ["begin", "id 1", f"name {name}", f"direction {direction}", f"length {length}"]
    lines += [f"axis {axis} XYZ", f"dof {dof}" if dof else "", "limits (-1.0 2.0)", "(0 1)", "end"]
    return "\n".join(lines) + "\n"


CHAIN = HEAD + bone("a", "rx ry rz", length=2) + bone("b", "rx rz") + HIERARCHY


def pose(skeleton: str, **values: str) -> np.ndarray:
    """Ends of the bones of one frame, [J, 3]."""
    values = {"root": "0 0 0 0 0 0"} | values
    frame = "\n".join(f"{name} {numbers}" for name, numbers in values.items())
    parsed = parse_asf(skeleton, "s.asf")
    motion = parse_amc(f":FULLY-SPECIFIED\n:DEGREES\n1\n{frame}\n", parsed, "m.amc")
    return joint_points(parsed, motion)[0]


@pytest.mark.parametrize(
    ("a", "b", "end_a", "end_b"),
    [
        ("0 0 0", "0 0", (0, 2, 0), (0, 3, 0)),
        ("90 0 0", "0 0", (0, 0, 2), (0, 0, 3)),
        ("0 90 0", "0 0", (0, 2, 0), (0, 3, 0)),
        ("0 0 90", "0 0", (-2, 0, 0), (-3, 0, 0)),
        ("90 0 0", "90 0", (0, 0, 2), (0, -1, 2)),
        ("0 0 90", "0 -90", (-2, 0, 0), (-2, 1, 0)),
        ("90 90 0", "0 0", (2, 0, 0), (3, 0, 0)),  # y -> z about x, then z -> x about y
        ("0 90 0", "90 0", (0, 2, 0), (1, 2, 0)),  # b's z is turned to x
    ],
)
def test_chain_of_two_bones(
    a: str, b: str, end_a: tuple[float, ...], end_b: tuple[float, ...]
) -> None:
    np.testing.assert_allclose(pose(CHAIN, a=a, b=b), [(0, 0, 0), end_a, end_b], atol=1e-12)


@pytest.mark.parametrize(
    ("dof", "values", "end"),
    [("rx rz", "90 90", (0, 0, 2)), ("rz rx", "90 90", (-2, 0, 0)), ("rz rx", "90 0", (-2, 0, 0))],
)
def test_first_degree_of_freedom_is_applied_first(
    dof: str, values: str, end: tuple[float, ...]
) -> None:
    skeleton = HEAD + bone("a", dof, length=2) + bone("b", "") + HIERARCHY
    np.testing.assert_allclose(pose(skeleton, a=values)[1], end, atol=1e-12)


@pytest.mark.parametrize(
    ("axis", "end"),
    [
        ("0 0 0", (3, 0, 0)),  # about x: nothing moves
        ("0 0 90", (0, 0, -3)),  # x of the bone's frame is y: x -> -z
        ("0 -90 0", (0, 3, 0)),  # it is z: x -> y
        ("90 0 90", (0, 0, -3)),  # about x first, which keeps x, then as above
        ("0 -90 90", (0, 3, 0)),  # x -> z about y first, z stays z about z
    ],
)
def test_angles_turn_about_the_axes_of_the_bone(axis: str, end: tuple[float, ...]) -> None:
    hierarchy = ":hierarchy\nbegin\nroot a\nend\n"
    skeleton = HEAD + bone("a", "rx", direction="1 0 0", length=3, axis=axis) + hierarchy
    np.testing.assert_allclose(pose(skeleton, a="90")[1], end, atol=1e-12)


def test_root_moves_and_turns_everything_whatever_its_order() -> None:
    expected = [(1, 2, 3), (1, 2, 5), (2, 2, 5)]
    moved = pose(CHAIN, root="1 2 3 90 0 0", a="0 0 0", b="0 -90")
    np.testing.assert_allclose(moved, expected, atol=1e-12)
    other = CHAIN.replace("order TX TY TZ RX RY RZ", "order RZ RX TZ TY TX RY")
    moved = pose(other, root="0 90 3 2 1 0", a="0 0 0", b="0 -90")
    np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_units_and_radians() -> None:
    skeleton = parse_asf(CHAIN.replace("length 0.0254", "length 0.45"), "s.asf")
    assert skeleton.metres == pytest.approx(1 / 0.45 * 0.0254)
    motion = parse_amc(
        f":RADIANS\n7\nroot 0 0 0 0 0 0\na 0 0 {np.pi / 2}\nb 0 0\n", skeleton, "m.amc"
    )
    end = joint_points(skeleton, motion)[0, 1]
    np.testing.assert_allclose(end, (-2 * skeleton.metres, 0, 0), atol=1e-9)


def test_bones_in_any_order_and_windows_line_ends() -> None:
    swapped = HEAD + bone("b", "rx rz") + bone("a", "rx ry rz", length=2) + HIERARCHY
    turned = pose(swapped.replace("\n", "\r\n"), b="90 0", a="90 0 0")
    np.testing.assert_allclose(turned, [(0, 0, 0), (0, -1, 2), (0, 0, 2)], atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-400, 400), min_size=11 * 3, max_size=11 * 3))
def test_bone_lengths_are_constant(numbers: list[float]) -> None:
    skeleton = parse_asf(CHAIN.replace("axis 0 0 0 ", "axis 30 -20 75 "), "s.asf")
    frames = ""
    for frame, row in enumerate(np.reshape(numbers, (3, 11)), start=1):
        words = [repr(float(number)) for number in row]
        frames += f"{frame}\nroot {' '.join(words[:6])}\n"
        frames += f"a {' '.join(words[6:9])}\nb {' '.join(words[9:])}\n"
    points = joint_points(skeleton, parse_amc(frames, skeleton, "m.amc"))
    lengths = np.linalg.norm(np.diff(points, axis=1), axis=-1)
    np.testing.assert_allclose(lengths, [[2, 1]] * 3, rtol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (HIERARCHY, "", r"s.asf: has no section :hierarchy"),
        (":root", ":rot", r"s.asf: has no section :root"),
        ("  order TX TY TZ RX RY RZ\n", "", r"s.asf: the section :root has no order"),
        ("TX TY TZ RX", "TX TX TZ RX", r"s.asf, line 9: degree of freedom 'TX' is unknown or"),
        ("orientation 0 0 0", "orientation 0 9 0", r"s.asf, line 12: the root is turned at rest"),
        ("length 0.0254", "length 0", r"s.asf, line 4: the unit of length is 0.0"),
        ("length 2", "length two", r"s.asf, line 18: 'two' is not a number"),
        ("length 2", "length nan", r"s.asf, line 18: 'nan' is not a finite number"),
        ("length 2", "width 2", r"s.asf, line 14: the bone that begins here has no length"),
        ("name a", "name", r"s.asf, line 14: the bone that begins here has no name"),
        ("name b", "name a", r"s.asf, line 24: the bone a is there already"),
        ("direction 0 1 0", "direction 0 1", r"s.asf, line 17: direction has 2 numbers, expected"),
        ("direction 0 1 0", "direction 0 0 0", r"s.asf, line 17: the direction is zero"),
        ("axis 0 0 0 XYZ", "axis 0 0 0 ZYX", r"s.asf, line 19: axis order 'ZYX' is unknown"),
        ("dof rx rz", "dof rx l", r"s.asf, line 30: degree of freedom 'L' is unknown"),
        ("(0 1)\nend", "(0 1)", r"s.asf, line 23: 'begin' before line 14 has its 'end'"),
        ("(0 1)\nend\n:h", "(0 1)\n:h", r"s.asf, line 24: this 'begin' has no 'end'"),
        ("begin\nid 1\nname b", "name b", r"s.asf, line 24: 'name' outside 'begin' and 'end'"),
        ("a b", "a c", r"s.asf, line 37: unknown bone 'c'"),
        ("a b", "a a", r"s.asf, line 37: a cannot hang there again"),
        ("    a b\n", "", r"s.asf: the bone b does not hang on the root"),
        ("root a\n    a b", "b a\n    a b", r"s.asf: the bone a does not hang on the root"),
        (HEAD, "\ufffd\ufffdPNG\n", r"s.asf, line 1: is no .asf file"),
    ],
)
def test_bad_skeleton(old: str, new: str, message: str) -> None:
    assert old in CHAIN
    with pytest.raises(InputError, match=f"^{message}") as caught:
        parse_asf(CHAIN.replace(old, new), "s.asf")
    assert "\n" not in str(caught.value)


FRAMES = "# comment\n:DEGREES\n" + "".join(
    f"{frame}\nroot 0 0 0 0 0 0\na 1 2 3\nb 4 5\n" for frame in (1, 2, 3)
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a 1 2 3", "a 1 2", r"m.amc, line 5: a has 2 values, the skeleton gives it 3 \(RX RY RZ"),
        ("root 0 0 0 0 0 0", "root 0 0 0", r"m.amc, line 4: root has 3 values"),
        ("a 1 2 3", "c 1 2 3", r"m.amc, line 5: unknown bone 'c'"),
        ("b 4 5", "b 4 nan", r"m.amc, line 6: 'nan' is not a finite number"),
        ("b 4 5", "b 4 1e999", r"m.amc, line 6: '1e999' is not a finite number"),
        ("b 4 5", "b 4 5,0", r"m.amc, line 6: '5,0' is not a number"),
        ("b 4 5\n3", "3", r"m.amc, line 10: frame 2 lacks b; is the motion truncated\?"),
        ("\n3\n", "\n4\n", r"m.amc, line 11: frame 4 follows frame 2"),
        ("\n2\n", "\n", r"m.amc, line 7: root belongs to no frame or occurs twice"),
        (":DEGREES\n1", ":DEGREES", r"m.amc, line 3: root belongs to no frame"),
        (FRAMES, ":DEGREES\n", r"m.amc: has no frame"),
        (FRAMES, "", r"m.amc: has no frame"),
        (FRAMES, FRAMES[:-6], r"m.amc, at its end: frame 3 lacks b; is the motion truncated"),
        (FRAMES, FRAMES[:-3], r"m.amc, line 14: b has 1 values"),
        ("# comment", "\x00" * 90, r"m.amc, line 1: unknown bone '.{40,180}'; the skeleton has"),
    ],
)
def test_bad_motion(old: str, new: str, message: str) -> None:
    assert old in FRAMES
    skeleton = parse_asf(CHAIN, "s.asf")
    with pytest.raises(InputError, match=f"^{message}") as caught:
        parse_amc(FRAMES.replace(old, new), skeleton, "m.amc")
    assert "\n" not in str(caught.value)


def test_values_for_a_bone_without_freedom() -> None:
    skeleton = parse_asf(CHAIN.replace("dof rx rz\n", ""), "s.asf")
    with pytest.raises(InputError, match=r"^m.amc, line 6: b has values, the skeleton gives it no"):
        parse_amc(FRAMES, skeleton, "m.amc")
