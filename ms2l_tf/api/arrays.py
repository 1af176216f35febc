"""A dataset from the arrays that an estimator is fitted on."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

from ms2l_tf.api.clips import FRAME_RATE, checked_clips
from ms2l_tf.api.columns import class_labels
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout

SPLIT = "fit"  # of a dataset made of arrays: all of its clips are training clips
AXES = Axes(up="+y", forward="-z", handedness="right")


def dataset_of(
    clips: Any,
    labels: Any,
    out: pathlib.Path,
    layout: SkeletonLayout,
    *,
    unit: str | None = None,
    axes: Axes | None = None,
) -> ClipDataset:
    """Writes clips as a dataset; if it is there already, it has to be the same.

    Args:
        clips: see `checked_clips`.
        labels: [N] whole numbers or texts, or None.
        out: folder of the dataset.
        layout: of the joints.
        unit: of the coordinates; None: unknown.
        axes: of 3-D poses; None: y up, right-handed, seen along -z.

    Raises:
        InputError: the clips cannot be written, or the folder holds others.
    """
    poses = checked_clips(clips, layout)
    if not poses:
        raise InputError("clips: there are none to train on")
    classes, numbers = class_labels(labels, "y", len(poses))
    if not out.exists():
        return _written(out, poses, classes, numbers, layout, unit, axes)
    before = ClipDataset.open(out)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as beside:
        again = pathlib.Path(beside) / out.name
        made = _written(again, poses, classes, numbers, layout, unit, axes)
    if made.fingerprint != before.fingerprint:
        raise InputError(f"{out}: holds other clips than those given now; name a new workdir")
    return before


def _written(
    out: pathlib.Path,
    poses: Sequence[ClipPoses],
    classes: Sequence[str],
    labels: Sequence[int],
    layout: SkeletonLayout,
    unit: str | None,
    axes: Axes | None,
) -> ClipDataset:
    coords = poses[0].coords.shape[-1]
    names = [f"clip_{number}" for number in range(len(poses))]
    with DatasetWriter(out, name="arrays", label_names=classes) as writer:
        writer.add_layout(
            layout,
            frame_rate=FRAME_RATE,
            unit=unit or "unknown",
            axes=(axes or AXES) if coords == 3 else None,
            num_persons=max(clip.coords.shape[1] for clip in poses),
            num_coords=coords,
        )
        for name, label, clip in zip(names, labels, poses, strict=True):
            writer.add_clip(Clip(name, label), {layout.name: clip})
        writer.add_split(SPLIT, train=names, test=[])
    return ClipDataset.open(out)
