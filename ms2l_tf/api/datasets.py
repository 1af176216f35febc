"""Datasets from whatever a caller has: files in any format, arrays, a table in memory."""

from __future__ import annotations

import atexit
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.api.arrays import AXES
from ms2l_tf.api.clips import FRAME_RATE, clip_list
from ms2l_tf.api.columns import class_labels, split_sides, text_column
from ms2l_tf.data.checks import real_array, shown
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.guess import AUTO
from ms2l_tf.data.label_table import TRAIN_ONLY
from ms2l_tf.data.prepare import prepare
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

PathLike = str | os.PathLike[str]
Indices = Sequence[int] | np.ndarray


def read(
    path: PathLike,
    *,
    out: PathLike | None = None,
    format: str = AUTO,
    layouts: Sequence[str] | None = None,
    strict: bool = False,
    keep_zeros: bool = False,
    workers: int | None = None,
    exclude: PathLike | None = None,
    progress: bool = False,
    **options: Any,
) -> ClipDataset:
    """The dataset at a path: opened, or made of files in any format that is read.

    As ``ms2l-prepare``, whose report lies in the dataset's folder.

    Args:
        path: a prepared dataset, or a folder, archive or file of another format.
        out: where the dataset goes; None: a temporary folder, which is removed when the program
            ends.
        format: the value of ``--format``; ``auto`` goes by what the source holds.
        layouts: names of those to emit, as far as they can be derived; None is the choice of the
            format.
        strict: refuse the source at the first bad clip; else up to 5 % are tolerated.
        keep_zeros: see `DatasetWriter`.
        workers: processes that read; None is this one alone.
        exclude: a list of clips to leave out.
        progress: show a progress bar.
        **options: what the files leave open, see `ReaderOptions`: layout, labels, frame_rate, unit,
            axes (a text or `Axes`) and layout_map.

    Raises:
        InputError: there is nothing that can be read, or an option that has no effect.
    """
    folder = pathlib.Path(path)
    given = _options(options)
    if (folder / "dataset.json").is_file():
        asked = (out, layouts, strict, keep_zeros, exclude, format != AUTO, options)
        if any(asked):
            raise InputError(f"{folder}: is a prepared dataset; it takes no option")
        return ClipDataset.open(folder)
    dataset, _ = prepare(
        format,
        folder,
        _folder(out),
        layouts=_layouts(layouts),
        strict=strict,
        keep_zeros=keep_zeros,
        progress=progress,
        options=given,
        exclude=None if exclude is None else pathlib.Path(exclude),
        workers=workers,
    )
    return dataset


def from_arrays(
    clips: Any,
    labels: Any = None,
    *,
    layout: str | SkeletonLayout,
    out: PathLike | None = None,
    names: Sequence[str] | None = None,
    subjects: Sequence[Any] | None = None,
    cameras: Sequence[Any] | None = None,
    splits: Mapping[str, tuple[Indices, Indices]] | None = None,
    frame_rate: float = FRAME_RATE,
    unit: str = "unknown",
    axes: Axes | str | None = None,
    name: str = "arrays",
) -> ClipDataset:
    """A dataset of arrays in memory.

    Args:
        clips: a list of arrays [F, J, C] or [F, M, J, C] or of `ClipPoses`, or one array of all.
        labels: [N] names or whole numbers of classes; None or NaN is unlabelled.
        layout: of the joints, by its id, its file or itself.
        out: where the dataset goes; None: a temporary folder, as of `read`.
        names: [N] of the clips; None: ``clip_0`` and so on.
        subjects: [N] texts or numbers, or None.
        cameras: the same of the cameras.
        splits: indices of training and test clips by the name of a split; None: one of all clips
            for training, ``train_only``.
        frame_rate: frames a second.
        unit: of coordinates, one of `UNITS`.
        axes: of 3-D poses; None: y up, right-handed, seen along -z.
        name: of the dataset.

    Raises:
        InputError: the clips cannot be written as a dataset.
    """
    skeleton = layout if isinstance(layout, SkeletonLayout) else load_layout(layout)
    poses = [_poses(clip, f"clip {n}") for n, clip in enumerate(clip_list(clips))]
    if not poses:
        raise InputError("clips: there are none")
    classes, numbers = class_labels(labels, "labels", len(poses))
    own = names if names is not None else [f"clip_{number}" for number in range(len(poses))]
    columns = {
        what: text_column(values, what, len(poses))
        for what, values in (("names", own), ("subjects", subjects), ("cameras", cameras))
    }
    everything = {TRAIN_ONLY: (range(len(poses)), ())}
    sides = split_sides(everything if splits is None else splits, columns["names"])
    coords = poses[0].coords.shape[-1]
    with DatasetWriter(_folder(out), name=name, label_names=classes) as writer:
        writer.add_layout(
            skeleton,
            frame_rate=frame_rate,
            unit=unit,
            axes=(_axes(axes) or AXES) if coords == 3 else _axes(axes),
            num_persons=max(clip.coords.shape[1] for clip in poses),
            num_coords=coords,
            confidence=poses[0].confidence is not None,
        )
        for label, clip, title, subject, camera in zip(
            numbers, poses, *columns.values(), strict=True
        ):
            row = Clip(title, label, subject=subject, camera=camera)
            writer.add_clip(row, {skeleton.name: clip})
        for split, (train, test) in sides.items():
            writer.add_split(split, train=train, test=test)
    return ClipDataset.open(writer.out)


def from_dataframe(frame: Any, *, out: PathLike | None = None, **options: Any) -> ClipDataset:
    """A dataset of a table with pandas' interface (`to_csv`) or Polars' (`write_csv`).

    Columns are those of a CSV file, long or wide, see `ms2l_tf.data.formats.csv_poses`; columns of
    several levels, such as (head, x), are joined, and levels of an index that have names are
    columns too.

    Args:
        frame: the table.
        out: where the dataset goes; None: a temporary folder, as of `read`.
        **options: as of `read`.

    Raises:
        InputError: it is no such table, or holds no poses.
    """
    with tempfile.TemporaryDirectory(prefix="ms2l_") as folder:
        path = pathlib.Path(folder) / "dataframe.csv"
        if hasattr(frame, "to_csv"):
            names = [
                "_".join(map(str, each)) if isinstance(each, tuple) else str(each)
                for each in frame.columns
            ]
            named = any(level is not None for level in getattr(frame.index, "names", ()))
            frame.to_csv(path, index=named, header=names)
        elif hasattr(frame, "write_csv"):
            frame.write_csv(path)
        else:
            raise InputError(f"frame: {shown(type(frame))} has neither to_csv nor write_csv")
        return read(path, out=out, format="csv", **options)


def _folder(out: PathLike | None) -> pathlib.Path:
    """Where a dataset goes; a temporary folder is removed when the program ends."""
    if out is not None:
        return pathlib.Path(out)
    folder = tempfile.mkdtemp(prefix="ms2l_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return pathlib.Path(folder) / "dataset"


def _layouts(layouts: Any) -> list[str] | None:
    if layouts is None:
        return None
    names = [layouts] if isinstance(layouts, str) else layouts
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InputError(f"layouts: {shown(layouts)}; expected names of layouts")
    return list(names)


def _options(options: Mapping[str, Any]) -> ReaderOptions:
    known = ReaderOptions.__dataclass_fields__
    for name in options:
        if name not in known:
            raise InputError(f"{name}: is no option; there are {', '.join(known)}")
    values = {name: value for name, value in options.items() if value is not None}
    for name, value in values.items():
        if isinstance(value, Axes):
            values[name] = ",".join(vars(value).values())
        elif isinstance(value, os.PathLike):
            values[name] = os.fspath(value)
        elif not isinstance(value, (int, float) if name == "frame_rate" else str):
            raise InputError(f"{name}: {shown(value)} is no {known[name].type}")
    return ReaderOptions(**values)


def _axes(axes: Axes | str | None) -> Axes | None:
    if isinstance(axes, str):
        from ms2l_tf.data.formats.listed import parse_axes

        return parse_axes(axes)
    return axes


def _poses(clip: Any, where: str) -> ClipPoses:
    """A clip with an axis for persons."""
    poses = clip if isinstance(clip, ClipPoses) else ClipPoses(clip)
    coords = real_array(poses.coords, f"{where}: values")
    coords = coords[:, None] if coords.ndim == 3 else coords
    if coords.ndim != 4 or 0 in coords.shape or coords.shape[3] not in (2, 3):
        raise InputError(
            f"{where}: has shape {coords.shape}; expected [F, J, C] or [F, M, J, C], C = 2 or 3"
        )
    return ClipPoses(coords, poses.present, poses.confidence)
