"""Which clips are shown, and what lies nearest to them."""

from __future__ import annotations

import dataclasses

import numpy as np

from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.layout_features import LayoutFeatures
from ms2l_tf.evaluation.probes.neighbours import CosineNeighbours
from ms2l_tf.evaluation.rows import Features, held, take

EXAMPLES = 6
NEIGHBOURS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Example:
    """A test clip and the training clips nearest to it by cosine, the nearest first.

    Attributes:
        query: row of the test clips.
        learned: rows of the training clips, by the learned features.
        raw: the same by the raw normalised coordinates.
    """

    query: int
    learned: IntArray
    raw: IntArray


def choose_examples(layout: LayoutFeatures, *, seed: int = 0) -> list[Example]:
    """One test clip of each of a few classes: drawn blindly, so that failures are shown as well.

    Args:
        layout: features of one layout.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    labels = layout.test.labels
    classes = random.permutation(np.unique(labels[layout.test.labelled]))[:EXAMPLES]
    queries = np.array([random.choice(np.flatnonzero(labels == c)) for c in np.sort(classes)])
    learned = _nearest(layout.train.features, layout.test.features[queries])
    raw_train, raw_test = layout.raw.sides
    raw = _nearest(raw_train, held(take(raw_test, queries)))
    for side in layout.raw.sides:
        side.release()
    return [Example(*rows) for rows in zip(queries.tolist(), learned, raw, strict=True)]


def _nearest(references: Features, queries: FloatArray) -> IntArray:
    """Rows [Q, k] of the references nearest to each query [Q, D]."""
    count = min(NEIGHBOURS, len(references))
    return CosineNeighbours(count).fit(references).kneighbors(queries)[1]
