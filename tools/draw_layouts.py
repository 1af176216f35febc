"""Draws every packaged skeleton layout in a rest pose, to check parts and anchors by eye.

    python tools/draw_layouts.py --out=docs/figures/layouts.png

The persons face the reader: their left (blue) is on the right of the page.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import SkeletonLayout, layout_names, load_layout
from ms2l_tf.skeletons.drawing import PART_COLOURS, draw_pose

COLUMNS = 7
CENTRE_COLOUR = "#009E73"

# Where a joint is on a person of 1.8 units who faces the reader with the arms held out:
# (distance from the middle, height). The head is drawn larger than life to be legible.
# The names are those of the layouts without their side.
LIMBS: dict[tuple[str, ...], tuple[float, float]] = {
    ("cla", "Shoulder"): (0.07, 1.40),
    ("shoulder", "sho", "sho2", "clavicle", "UpperArm"): (0.19, 1.42),
    ("sho1",): (0.12, 1.47),
    ("arm",): (0.28, 1.28),
    ("elbow", "elb", "humerus", "LowerArm"): (0.38, 1.14),
    ("radius",): (0.48, 1.00),
    ("wrist", "wri", "Hand"): (0.54, 0.92),
    ("hand", "han", "han1", "middle1"): (0.60, 0.83),
    ("tip of hand", "middle", "middle3", "fin", "fingers"): (0.66, 0.74),
    ("thumb", "thu"): (0.55, 0.80),
    ("thu2", "han2"): (0.56, 0.72),
    ("index",): (0.63, 0.76),
    ("pinky", "pinkie", "han3"): (0.67, 0.82),
    ("hip", "hipjoint", "UpperLeg"): (0.11, 0.92),
    ("hipf",): (0.08, 0.98),
    ("hipb",): (0.05, 0.93),
    ("hipl",): (0.16, 0.94),
    ("leg",): (0.16, 0.70),
    ("knee", "kne", "femur", "LowerLeg"): (0.13, 0.50),
    ("ankle", "ank", "tibia", "Foot"): (0.15, 0.10),
    ("heel", "hee"): (0.12, 0.02),
    ("foot", "foo", "to2"): (0.19, 0.04),
    ("big_toe", "toe", "foot_index", "toes", "Toes"): (0.22, 0.00),
    ("small_toe", "to3", "toe2"): (0.26, -0.03),
    ("side",): (0.14, 1.10),
    ("back",): (0.07, 1.05),
    ("head",): (0.08, 1.82),
    ("eye",): (0.06, 1.76),
    ("eye_inner",): (0.035, 1.76),
    ("eye_outer",): (0.09, 1.76),
    ("eyehf",): (0.06, 1.81),
    ("ear",): (0.13, 1.70),
    ("mouth",): (0.04, 1.60),
    ("brow1",): (0.06, 1.84),
}
CENTRAL: dict[tuple[str, ...], float] = {
    ("joint_Root",): 0.0,
    ("hip_center", "base of spine", "pelv", "mid_hip", "root", "Hips"): 0.97,
    ("spine", "middle of spine", "spin"): 1.20,
    ("shoulder_center", "spine (shoulder)"): 1.43,
    ("neck", "lowerneck", "Neck"): 1.47,
    ("upperneck", "Head"): 1.58,
    ("jaw",): 1.60,
    ("head",): 1.66,
    ("nose",): 1.70,
    ("head2", "htop"): 1.90,
    ("bell",): 1.08,
    ("chest",): 1.32,
    ("backl",): 1.14,
    ("backt",): 1.40,
}
# Spines of several joints, from the pelvis up; they are spread evenly up to the neck.
SPINES = {
    "smpl_24": "spi1 spi2 spi3",
    "smplx_42": "bell spin thor",
    "mpi_inf_3dhp_28": "spin spi2 thor spi4",
    "gpa_34": "spin spi1 spi2 spi3",
    "total_capture_21": "spin spin1 spin2 spin3",
    "jta_22": "spin3 spin2 spin1 spin0",
    "human4d_32": "spin0 spin1 spin2 spin3 neck3",
    "ghum_35": "spin1 spin2 spin3",
    "3dpeople_29": "spin spi1 spi2",
    "hdm05_31": "lowerback upperback thorax",
    "bandai_22": "Spine Chest",
}
SPECIAL = {
    ("kinect_v2_25", "neck"): 1.52,
    ("human4d_32", "neck2"): 1.57,
    ("ghum_35", "head"): 1.62,
    ("berkeley_mhad_43", "head"): 1.92,
}


def rest_pose(layout: SkeletonLayout) -> np.ndarray:
    """Hand-made front view of a layout: float array [J, 2], the person's left at positive x."""
    return np.array([_place(layout.name, joint) for joint in layout.joints])


def _place(layout: str, joint: str) -> tuple[float, float]:
    if (layout, joint) in SPECIAL:
        return 0.0, SPECIAL[layout, joint]
    spine = SPINES.get(layout, "").split()
    if joint in spine:
        return 0.0, 0.97 + (1.45 - 0.97) * (spine.index(joint) + 1) / (len(spine) + 1)
    for names, height in CENTRAL.items():
        if joint in names:
            return 0.0, height
    stem, side = _split_side(joint)
    for names, (distance, height) in LIMBS.items():
        if side and stem in names:
            return side * distance, height
    raise InputError(
        f"{layout}: no place is known for the joint {joint!r}; this script draws packaged layouts. "
        "To look at one of your own, see the contact sheet of ms2l-prepare --inspect"
    )


def _split_side(joint: str) -> tuple[str, int]:
    """`left_hip`, `hip_left`, `left hip`, `hip_L`, `lhip`: `hip` and +1; a right one is -1."""
    stem = re.sub(r"(left|right)[ _]|_(left|right|L|R)$", "", joint)
    if stem != joint:
        return stem, 1 if "left" in joint or joint.endswith("_L") else -1
    return joint[1:], {"l": 1, "r": -1}.get(joint[0], 0)


def draw_layout(axes: Axes, layout: SkeletonLayout) -> None:
    """Draws the rest pose with the anchors and the graph centre marked."""
    pose = rest_pose(layout)
    draw_pose(axes, pose, layout, size=0.8)
    for anchor, marker in (("root", "x"), ("spine_top", "+")):
        x, y = pose[list(layout.anchors[anchor])].mean(axis=0)
        axes.plot(x, y, marker, color="black", markersize=8, markeredgewidth=1.5)
    for anchor in ("hip_left", "hip_right", "shoulder_left", "shoulder_right"):
        x, y = pose[list(layout.anchors[anchor])].mean(axis=0)
        colour = PART_COLOURS["arm_left" if anchor.endswith("left") else "arm_right"]
        axes.plot(x, y, "s", color=colour, markersize=7, markerfacecolor="none")
    x, y = pose[layout.graph_centre]
    axes.plot(x, y, "o", color=CENTRE_COLOUR, markersize=10, markerfacecolor="none")
    axes.set_title(layout.name, fontsize=9)
    axes.set_xlim(-0.75, 0.75)
    axes.set_ylim(-0.1, 2.0)


def draw_sheet(layouts: Sequence[SkeletonLayout]) -> Figure:
    """One panel a layout, and a legend."""
    rows = -(-len(layouts) // COLUMNS)
    figure, grid = plt.subplots(rows, COLUMNS, figsize=(13, 2.6 * rows + 0.5), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, layout in zip(grid.flat, layouts, strict=False):
        draw_layout(axes, layout)
    handles = [Line2D([], [], color=c, linewidth=3, label=p) for p, c in PART_COLOURS.items()]
    for label, marker, colour in (
        ("root", "x", "black"),
        ("spine top", "+", "black"),
        ("hip and shoulder anchors", "s", "grey"),
        ("graph centre", "o", CENTRE_COLOUR),
    ):
        style: dict[str, Any] = {
            "linestyle": "",
            "marker": marker,
            "color": colour,
            "markerfacecolor": "none",
        }
        handles.append(Line2D([], [], label=label, **style))
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), fontsize=9)
    figure.tight_layout(rect=(0, 0.4 / figure.get_figheight(), 1, 1))
    return figure


def main() -> None:
    """Renders the figure."""
    parser = argparse.ArgumentParser(description="Draws skeleton layouts in a rest pose.")
    parser.add_argument("--out", type=Path, default=Path("docs/figures/layouts.png"))
    parser.add_argument("layouts", nargs="*", help="ids; all packaged layouts if none")
    args = parser.parse_args()
    try:
        sheet = draw_sheet([load_layout(name) for name in args.layouts or layout_names()])
    except InputError as error:
        parser.error(str(error))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(args.out, dpi=100)
    print(args.out)


if __name__ == "__main__":
    main()
