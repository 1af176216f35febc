"""Which training clips a probe is fitted on when there are more than it can take."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ms2l_tf.evaluation.arrays import IntArray
from ms2l_tf.evaluation.rows import Features, take

# Beyond these a probe is fitted on a seeded sample. Features and floors of one evaluation get the
# same sample, so a gain never stems from the number of clips.
LINEAR_CLIPS = 262_144  # standardised, at most 1,024 dimensions: 1 GiB
KNN_CLIPS = 65_536  # all of NTU RGB+D 120; every test clip is compared with each
SVM_CLIPS = 65_536  # of 1,024 Nystroem features: 256 MiB


class Sample(NamedTuple):
    """The training clips of one fit.

    Attributes:
        features: [n, D].
        labels: [n].
        groups: [n] or None.
        note: what was left out, or empty.
    """

    features: Features
    labels: IntArray
    groups: npt.NDArray[Any] | None
    note: str


def sample(
    features: Features,
    labels: IntArray,
    groups: npt.NDArray[Any] | None,
    *,
    limit: int,
    seed: int,
) -> Sample:
    """All training clips, or `limit` of them drawn at random, at least one of every class.

    Args:
        features: [N, D].
        labels: [N].
        groups: [N] or None.
        limit: the most clips; not fewer than there are classes.
        seed: of the draw.
    """
    total = len(features)
    if total <= limit:
        return Sample(features, labels, groups, "")
    rows = sampled_rows(labels, limit, seed)
    note = f"fitted on {len(rows):,} of {total:,} training clips, drawn with seed {seed}"
    kept = None if groups is None else np.asarray(groups)[rows]
    return Sample(take(features, rows), np.asarray(labels)[rows], kept, note)


def sampled_rows(labels: IntArray, limit: int, seed: int) -> IntArray:
    """Positions of `limit` clips of labels [N], ascending: random, one of each class certain."""
    order = np.random.default_rng(seed).permutation(len(labels))
    firsts = np.unique(np.asarray(labels)[order], return_index=True)[1]
    rest = np.delete(order, firsts)[: limit - len(firsts)]
    return np.sort(np.concatenate([order[firsts], rest]))


def noted(*notes: str) -> dict[str, str]:
    """The entry of `details` for what differs from the exact fit on all clips; none, no entry."""
    said = [note for note in notes if note]
    return {"note": "; ".join(said)} if said else {}
