"""A dataset with everything a report has to show, and names that must not become markup."""

from __future__ import annotations

import pathlib

import numpy as np

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from tests.helpers import motion, tiny_layout

EVIL = "</script><script>window.hacked = 1</script>"
CLASSES = ("wave", "nod & <b>bow</b>", "Wave")
FLAT = tiny_layout(name="flat_5")


def write_set(out: pathlib.Path) -> ClipDataset:
    """Twelve clips of three persons, in 3-D, and some of them in 2-D as well.

    Clip 8, of the test side, is clip 0 cut and moved; clip 11 is clip 1 with another label; clip
    6 is blank, clip 7 frozen, clip 9 of one frame. The last clip is unlabelled.
    """
    poses = [motion(20 + number, seed=number, persons=2, label=number % 2) for number in range(12)]
    poses[8] = poses[0][5:] * np.float32(2) + np.float32(3)
    poses[11] = poses[1]
    poses[6] = np.full_like(poses[6], np.nan)
    poses[7] = np.repeat(poses[7][:1], 9, axis=0)
    poses[9] = poses[9][:1]
    poses[2][3:5, 0, 4] = np.nan
    poses[3][6, 0, 3] += 20
    rows = [Clip(f"clip_{n}", n % 2, subject=f"<i>{n % 3}</i>", setup="s1") for n in range(12)]
    rows[4] = Clip(EVIL, 0, subject="<i>1</i>")
    rows[11] = Clip("clip_11", 0, subject="<i>2</i>")
    rows[10] = Clip("clip_10", -1)
    with DatasetWriter(
        out, name="a & <u>b</u>", label_names=CLASSES, source=EVIL, licence="none"
    ) as writer:
        writer.add_layout(
            tiny_layout(), frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "left"), num_persons=2
        )
        writer.add_layout(FLAT, frame_rate=15.0, unit="px", num_coords=2)
        for number, (row, coords) in enumerate(zip(rows, poses, strict=True)):
            given = {"tiny_5": ClipPoses(coords)}
            if number < 4:  # image coordinates: y down
                pixels = np.array([100, -100], np.float32)
                given["flat_5"] = ClipPoses(coords[:, :1, :, :2] * pixels)
            writer.add_clip(row, given)
        names = [row.name for row in rows]
        writer.add_split("halves", train=names[:6], test=names[6:])
    return ClipDataset.open(out)
