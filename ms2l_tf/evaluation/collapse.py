"""Label-free signs of collapse in a batch of embeddings, and a line for who evaluates it.

A contrastive encoder can fail in two ways that its loss may hide: every clip gets the same
embedding (complete collapse), or the embeddings fill only a few directions (dimensional collapse).
`embedding_std` shows the first, `effective_rank` the second.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import warn
from ms2l_tf.evaluation.arrays import ClipFeatures, nearly_constant
from ms2l_tf.evaluation.rows import Features, all_alike

_TINY = 1e-12


def embedding_std(embeddings: npt.ArrayLike) -> float:
    """Mean over dimensions of the standard deviation of the L2-normalised embeddings.

    Directions spread evenly over the sphere give 1/sqrt(D) (see `isotropic_std`); identical
    embeddings give 0. A row of zeros stays zero; NaN or infinity gives NaN.

    Args:
        embeddings: array [N, D].
    """
    rows = _rows(embeddings)
    if not np.isfinite(rows).all():
        return float("nan")
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return float((rows / np.maximum(norms, _TINY)).std(axis=0).mean())


def isotropic_std(dims: int) -> float:
    """What `embedding_std` is for directions spread evenly over the sphere: 1/sqrt(D)."""
    return float(1.0 / np.sqrt(dims))


def effective_rank(embeddings: npt.ArrayLike, centre: bool = True) -> float:
    """The number of directions that the embeddings really use.

    The exponential of the entropy of the normalised singular values p_i = s_i / sum(s): between 1
    (all on one line) and min(N, D) (spread evenly).

    Args:
        embeddings: array [N, D].
        centre: subtract the mean embedding first. Without it, a shared offset counts as one
            direction and, when it is large, hides all others.

    Returns:
        The effective rank; 0.0 when all (centred) embeddings are zero, that is, all the same, and
        NaN when training has diverged and any of them is not finite.

    Reference:
        Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
    """
    rows = _rows(embeddings)
    if not np.isfinite(rows).all():
        return float("nan")
    size = np.abs(rows).max(initial=0.0)
    if centre:
        rows = rows - rows.mean(axis=0)
    singular = np.linalg.svd(rows, compute_uv=False)
    # Rounding leaves about eps * size after centring identical rows; that is not a direction.
    singular = singular[singular > np.finfo(np.float64).eps * size * max(rows.shape)]
    if not singular.size:
        return 0.0
    shares = singular / singular.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def warn_if_constant(clips: Sequence[ClipFeatures], raw: Sequence[Features] = ()) -> None:
    """Says in a line which features are all the same, and whether the clips are at fault.

    Args:
        clips: features [N, D] of the training clips, and of the test clips.
        raw: of the same clips, what the encoder read.
    """
    constant = [number for number, side in enumerate(clips) if nearly_constant(side.features)]
    if not constant:
        return
    names = " and ".join(clips[number].what for number in constant)
    alike = raw and all(all_alike(raw[number], f"raw {clips[number].what}") for number in constant)
    if alike:
        why = "their clips are all alike (blank?); look at them: ms2l-prepare --inspect"
    elif len(constant) == len(clips):
        why = "the encoder has collapsed; train with a smaller --learning_rate or --clip_norm=1"
    else:
        why = "the others are not; are these clips blank, or all alike?"
    warn(f"features are (nearly) constant: {why} ({names})")


def _rows(embeddings: npt.ArrayLike) -> npt.NDArray[np.float64]:
    rows = np.asarray(embeddings, dtype=np.float64)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"embeddings must be a non-empty array [N, D], got shape {rows.shape}")
    return rows
