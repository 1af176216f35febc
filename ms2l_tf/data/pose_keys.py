"""Frames in a form in which those of one recording are alike wherever, and however large, they are.

A key is a number that nearly equal frames mostly share (locality-sensitive hashing by random
projections: Datar et al., Locality-Sensitive Hashing Scheme Based on p-Stable Distributions, 2004).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ms2l_tf.data.pose_store import PoseStore

_PROJECTIONS = 10
_CELL = 0.02  # sizes of a body that a cell is wide, four times what equal frames may differ
_PIECE = 4096  # frames in memory in double precision
_MIX = np.uint64(0x9E3779B97F4A7C15)


def main_person(store: PoseStore, clip: int) -> np.ndarray:
    """The first person who is seen in a clip, [T, J, C] in memory of its own; T may be 0."""
    poses = store.poses(clip)
    persons = np.flatnonzero(np.asarray(poses.present).any(axis=0))
    return np.array(poses.coords[:, persons[0] if len(persons) else 0])


def shapes_of(person: np.ndarray) -> npt.NDArray[np.float32]:
    """Frames around the mean of their joints, divided by the joints' distance from it.

    The size of a frame is the root mean square of those distances. A missing joint is put at the
    centre. Frames with fewer than two joints, and those whose joints are one point, are left out.

    Args:
        person: [T, J, C], missing joints NaN.

    Returns:
        float32 [F, J * C], F <= T.
    """
    firsts = range(0, len(person), _PIECE)  # in double precision a long clip is large
    pieces = [person[first : first + _PIECE] for first in firsts]
    reach = max((_reach(piece) for piece in pieces), default=0.0)
    nothing = np.empty((0, person.shape[1] * person.shape[2]), np.float32)
    return np.concatenate([nothing, *(_shapes(piece, reach) for piece in pieces)])


def _reach(person: np.ndarray) -> float:
    """The largest coordinate of a joint that is seen."""
    seen = np.isfinite(person).all(axis=-1, keepdims=True)
    return float(np.abs(np.where(seen, person, 0)).max(initial=1e-30))


def _shapes(person: np.ndarray, reach: float) -> npt.NDArray[np.float32]:
    seen = np.isfinite(person).all(axis=-1, keepdims=True)
    count = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    centred = np.where(seen, person, 0).astype(np.float64)
    centred = np.where(seen, centred - centred.sum(axis=1, keepdims=True) / count, 0)
    size = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True) / count)
    good = (size > 1e-6 * reach)[:, 0, 0]
    shapes = centred[good] / size[good]
    return shapes.reshape(len(shapes), person.shape[1] * person.shape[2]).astype(np.float32)


class FrameKeys:
    """Keys of frames.

    Args:
        width: J * C of `shapes_of`.
        seed: of the projections.
    """

    def __init__(self, width: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        directions = random.normal(size=(width, _PROJECTIONS))
        directions /= np.linalg.norm(directions, axis=0)
        self._directions = (directions / _CELL).astype(np.float32)
        self._shift = random.uniform(size=_PROJECTIONS).astype(np.float32)
        self._odd = random.integers(1 << 62, size=_PROJECTIONS, dtype=np.uint64) * 2 + 1

    def of(self, shapes: np.ndarray) -> npt.NDArray[np.uint64]:
        """[F, J * C] -> [F]."""
        cells = np.floor(shapes @ self._directions + self._shift).astype(np.int64)
        keys = (cells.view(np.uint64) * self._odd).sum(axis=1, dtype=np.uint64)
        keys = (keys ^ (keys >> np.uint64(32))) * _MIX
        return np.asarray(keys ^ (keys >> np.uint64(29)))
