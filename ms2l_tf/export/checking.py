"""Whether what was written gives what the live model gives, on clips with gaps."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ms2l_tf.api.clips import checked_clips, store_of
from ms2l_tf.api.loaded import LoadedRun
from ms2l_tf.data.pipeline import padded_batch
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.features import class_logits, encoder_features
from ms2l_tf.export.head_fit import Head

# (poses [B, F, M, J, C], lengths [B]) -> outputs by name; of a file that was written.
Runner = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]

TYPICAL = 1e-4  # largest median difference of features, as a share of the largest
MOST = 12  # clips of the dataset
_LONGEST = 4096  # frames of a clip of the dataset
_LENGTHS = (1, 2, 7, 40, 300)  # frames of clips made where there is no dataset
_NOISE = 1e-3  # of the spread of a clip's coordinates
_STEPS = {"bfloat16": 2.0**-7, "float16": 2.0**-10}  # from 1 to the next number
_TIE = 1e-3  # probabilities as close are not told apart


@dataclasses.dataclass(frozen=True)
class Sample:
    """Clips as they are given to a model, and what the live one makes of them.

    Attributes:
        poses: [B, F, M, J, C], padded with NaN.
        lengths: [B].
        features: [B, D].
        label: [B], or None without a head.
    """

    poses: np.ndarray
    lengths: np.ndarray
    features: np.ndarray
    label: np.ndarray | None

    def fitting(self, frames: int, persons: int) -> Sample:
        """Those clips that a format of limited size takes; `frames` 0: any."""
        if not frames:
            return self
        crowded = np.isfinite(self.poses[:, :, persons:]).any(axis=(1, 2, 3, 4))
        rows = np.flatnonzero((self.lengths <= frames) & ~crowded)
        label = None if self.label is None else self.label[rows]
        poses = self.poses[rows, :frames, :persons]
        return Sample(poses, self.lengths[rows], self.features[rows], label)


def live_sample(run: LoadedRun, store: PoseStore | None, head: Head | None) -> Sample:
    """Some clips, of several lengths and with gaps, and the live model's outputs.

    Args:
        run: the live model.
        store: of its dataset, in its layout; None: clips are made at random.
        head: what makes classes of features; None: nothing does.
    """
    clips = _with_gaps(_made(run) if store is None else _taken(store))
    with warnings.catch_warnings():  # repairs are what is wanted here
        warnings.simplefilter("ignore")
        poses = checked_clips([clip.copy() for clip in clips], run.layout, run.coords)
    checked = store_of(poses, run.layout, run.coords)
    rows = np.arange(len(clips))
    features = encoder_features(
        run.network, checked, rows, run.normaliser, pooling=run.pooling, layout=run.number
    )
    label = None
    if head is not None and head.predict is None:
        label = class_logits(run.learner, checked, rows, run.normaliser).argmax(axis=1)
    elif head is not None and head.predict is not None:
        label = head.predict(features)
    lengths = np.array([len(clip) for clip in clips], np.int32)
    return Sample(_padded(clips), lengths, features, label)


def padded_poses(store: PoseStore, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clips as an exported model takes them: poses [B, F, M, J, C] and lengths [B]."""
    batch = padded_batch(store, rows)
    batch["coords"][~batch["present"]] = np.nan
    return batch["coords"], batch["lengths"]


def compare(
    sample: Sample, run: Runner, what: str, tolerance: float, dtype: str = "float32"
) -> dict[str, Any]:
    """The largest differences from the live model, for the manifest.

    Args:
        sample: clips and what is expected of them.
        run: the file that was written.
        what: it is, for errors.
        tolerance: largest difference of features, as a share of the largest feature.
        dtype: that the network computes in; half precision rounds otherwise wherever it is
            traced anew, and is allowed some of its steps.

    Raises:
        InputError: features differ by more, or a class does that is no tie.
    """
    outputs = run(sample.poses, sample.lengths)
    size = max(float(np.abs(sample.features).max()), 1e-6)
    apart = np.abs(outputs["features"] - sample.features) / size
    largest, median = float(apart.max()), float(np.median(apart))
    step = _STEPS.get(dtype, 0.0)
    tolerance, typical = max(tolerance, 8 * step), max(TYPICAL, step)
    if not (largest <= tolerance and median <= typical):
        raise InputError(
            f"export: {what} gives other features than the live model (difference {largest:.2g} of "
            f"the largest feature at most, {median:.2g} in the median; {tolerance:g} and "
            f"{typical:g} are allowed); nothing is written"
        )
    record: dict[str, Any] = {
        "clips": len(sample.lengths),
        "largest_difference": largest,
        "median_difference": median,
        "tolerance": tolerance,
    }
    if sample.label is not None:
        differing = _differing(outputs, sample.label)
        if differing.any():
            raise InputError(
                f"export: {what} names another class than the live model for {differing.sum()} of "
                f"{len(differing)} clips; nothing is written"
            )
        record["labels_equal"] = True
    return record


def _differing(outputs: dict[str, np.ndarray], label: np.ndarray) -> np.ndarray:
    """Of which clips the class is another, though not as likely: bool [B]."""
    probabilities, rows = outputs["probabilities"], np.arange(len(label))
    lead = probabilities[rows, outputs["label"]] - probabilities[rows, label]
    differing: np.ndarray = (outputs["label"] != label) & (np.abs(lead) > _TIE)
    return differing


def _taken(store: PoseStore) -> list[np.ndarray]:
    """Clips [F, M, J, C] of the dataset, spread over it, with a little noise; long ones begun.

    The closed-form encoder's bounds are numbers of its training clips: on those very clips nothing
    but rounding would decide whether they are passed.
    """
    random = np.random.default_rng(0)
    rows = np.flatnonzero((store.lengths > 0) & store.seen)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int))]
    clips = []
    for row in rows:
        first, last = store.offsets[row : row + 2]
        frames = slice(first, min(first + _LONGEST, last))
        clip = np.array(store.coords[frames])
        clip[~store.present[frames]] = np.nan
        noise = random.normal(scale=_NOISE * float(np.nanstd(clip)), size=clip.shape)
        clips.append(clip + noise.astype(np.float32))
    return clips


def _made(run: LoadedRun) -> list[np.ndarray]:
    """Clips of joints that wander."""
    random = np.random.default_rng(0)
    shape = (max(run.persons, 1), run.layout.num_joints, run.coords)
    return [
        (
            random.normal(size=shape) + random.normal(scale=0.1, size=(length, *shape)).cumsum(0)
        ).astype(np.float32)
        for length in _LENGTHS
    ]


def _with_gaps(clips: list[np.ndarray]) -> list[np.ndarray]:
    """The clips, and some of them with what clips of users have."""
    first, last = clips[0], clips[-1]
    blinking, lacking, crowded = (clips[len(clips) // 2].copy() for _ in range(3))
    blinking[: len(blinking) // 2, 0, -1] = np.nan  # a joint comes late
    lacking[:, 0, -1] = np.nan  # a joint is never seen
    crowded = np.concatenate([np.zeros_like(crowded), crowded], axis=1)  # nobody, then all others
    long = np.concatenate([last, last[::-1]] * max(1, 200 // len(last)))
    return [*clips, first[:1], blinking, lacking, crowded, long]


def _padded(clips: list[np.ndarray]) -> np.ndarray:
    """[B, F, M, J, C], NaN beyond a clip's frames and persons."""
    frames, persons = (max(clip.shape[axis] for clip in clips) for axis in (0, 1))
    poses = np.full((len(clips), frames, persons, *clips[0].shape[2:]), np.nan, np.float32)
    for row, clip in zip(poses, clips, strict=True):
        row[: len(clip), : clip.shape[1]] = clip
    return poses
