"""Clips as a caller has them, arrays or a dataset, as the pose store that the pipeline reads."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.checks import real_array, shown, truth_array
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.layout_poses import layout_poses
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.pose_writer import made_consistent
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.data.repairs import RepairLog
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout

Clips = np.ndarray | Sequence[np.ndarray | ClipPoses] | ClipDataset | str | os.PathLike[str]

FRAME_RATE = 30.0  # of arrays, which come without one


def opened(clips: Any) -> ClipDataset | None:
    """The dataset that was given, opened or as its folder; None: it is arrays."""
    if isinstance(clips, (str, os.PathLike)):
        return ClipDataset.open(clips)
    return clips if isinstance(clips, ClipDataset) else None


def clip_list(clips: Any) -> list[Any]:
    """The clips one by one.

    Args:
        clips: a list of clips, or one array [N, F, J, C] or [N, F, M, J, C].

    Raises:
        InputError: it is neither.
    """
    if isinstance(clips, np.ndarray) and clips.dtype != object and clips.ndim not in (4, 5):
        hint = "; one clip alone goes into a list: [clip]" if clips.ndim == 3 else ""
        raise InputError(
            f"clips: an array of shape {clips.shape}; expected [N, F, J, C], [N, F, M, J, C] or a "
            f"list of clips{hint}"
        )
    if isinstance(clips, (ClipPoses, dict)) or not isinstance(clips, Iterable):
        raise InputError(
            f"clips: {shown(clips)}; expected a list of arrays [F, J, C] or [F, M, J, C], one "
            "array of all clips, or a ClipDataset"
        )
    return list(clips)


def checked_clips(
    clips: Any, layout: SkeletonLayout, coords: int = 0, wanted_by: str = "the layout"
) -> list[ClipPoses]:
    """Each clip as poses [F, M, J, C] with who is present, repaired as a dataset's are.

    Args:
        clips: see `clip_list`; an entry is an array, or `ClipPoses` to say who is present.
        layout: of the joints.
        coords: C; 0: 2 or 3, the same in all clips.
        wanted_by: who wants such clips, for errors.

    Raises:
        InputError: a clip has another shape, no frame, or values that are infinite or no numbers.
    """
    poses, log = [], RepairLog()
    for number, clip in enumerate(clip_list(clips)):
        array = _checked_array(clip, layout, coords, f"clip {number}", wanted_by)
        coords = array.shape[-1]
        said = clip.present if isinstance(clip, ClipPoses) else None
        if said is not None:
            said = truth_array(said, f"clip {number}: present")
            if said.shape != array.shape[:2]:
                raise InputError(
                    f"clip {number}: present has shape {said.shape}, expected {array.shape[:2]}"
                )
        present, repairs = made_consistent(array, said, layout, FRAME_RATE)
        log.add(str(number), {**repairs, "blank": int(not present.any())}, layout.name)
        poses.append(ClipPoses(array, present))
    for line in log.lines():
        warnings.warn(line, stacklevel=4)
    return poses


def _checked_array(
    clip: Any, layout: SkeletonLayout, coords: int, where: str, wanted_by: str
) -> np.ndarray:
    """A float32 copy [F, M, J, C] of a clip."""
    array = real_array(clip.coords if isinstance(clip, ClipPoses) else clip, f"{where}: values")
    shape, joints = array.shape, layout.num_joints
    if array.ndim == 3:
        array = array[:, None]
    kinds = (coords,) if coords else (2, 3)
    if array.ndim != 4 or array.shape[2] != joints or array.shape[3] not in kinds:
        size = f"{joints}, {' or '.join(map(str, kinds))}"
        raise InputError(
            f"{where}: has shape {shape}; {wanted_by} wants [F, {size}] or [F, M, {size}] of "
            f"layout '{layout.name}'"
        )
    if not array.shape[0] or not array.shape[1]:
        raise InputError(f"{where}: has shape {shape}, no frame or no person; leave it out")
    if np.isinf(array).any():
        raise InputError(f"{where}: has an infinite coordinate; a missing joint is NaN")
    return array


def store_of(poses: Sequence[ClipPoses], layout: SkeletonLayout, coords: int) -> PoseStore:
    """The poses of checked clips in memory, as the pipeline reads those on disk.

    Unit and axes are left open: a normaliser is told them.
    """
    persons = max((clip.coords.shape[1] for clip in poses), default=1)
    lengths = [len(clip.coords) for clip in poses]
    shape = (sum(lengths), persons, layout.num_joints, coords)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    together = np.full(shape, np.nan, np.float32)
    present = np.zeros(shape[:2], np.bool_)
    for start, clip in zip(offsets, poses, strict=False):
        assert clip.present is not None, "checked"
        rows = slice(int(start), int(start) + len(clip.coords))
        together[rows, : clip.coords.shape[1]] = clip.coords
        present[rows, : clip.coords.shape[1]] = clip.present
    return PoseStore(layout, FRAME_RATE, "unknown", None, together, offsets, present)


def dataset_clips(
    dataset: ClipDataset,
    told: str,
    layout: SkeletonLayout,
    coords: int,
    indices: Any,
    wanted_by: str,
) -> tuple[PoseStore, np.ndarray]:
    """The poses of a dataset in a layout, and which of its clips are wanted.

    Args:
        dataset: opened.
        told: a name as ``--layouts`` takes it, of the layout or of a mapping to it.
        layout: of the joints that are wanted.
        coords: C.
        indices: of some clips; None: all.
        wanted_by: who wants such clips, for errors.

    Raises:
        InputError: the dataset has other joints or no such clips, or a clip has no poses.
    """
    store, _ = layout_poses(dataset, told)
    if store.layout.joints != layout.joints or store.num_coords != coords:
        raise InputError(
            f"{dataset.path}: layout '{store.layout.name}' has other joints or coordinates "
            f"there than in {wanted_by}"
        )
    rows = _checked_indices(indices, dataset)
    if len(lacking := rows[store.lengths[rows] == 0]):
        raise InputError(
            f"{dataset.path}: clip {lacking[0]} ('{dataset.names[lacking[0]]}') has no poses "
            f"in layout '{layout.name}'; leave it out of the indices"
        )
    return store, rows


def _checked_indices(indices: Any, dataset: ClipDataset) -> np.ndarray:
    if indices is None:
        return np.arange(len(dataset))
    rows = np.asarray(indices)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise InputError("indices: expected whole numbers [N], such as dataset.split(name).test")
    rows = rows.astype(np.int64)
    if rows.size and not 0 <= rows.min() <= rows.max() < len(dataset):
        raise InputError(
            f"indices: {rows.min()} to {rows.max()}; {dataset.path} has clips 0 to "
            f"{len(dataset) - 1}"
        )
    return rows
