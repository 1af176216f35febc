"""How far joints lie from their body, measured so that the joints that lie off don't matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

# Torso lengths. An arm reaches three, a runner moves ten in the half second that a body's place is
# taken from, and a joint that stays at the origin of the recording is left some twelve behind:
# what is beyond a hundred (50 metres of an adult) is no joint of this body.
MAX_DISTANCE = 100.0
_SAMPLED = 64  # frames that the size of a body is taken from
_CHUNK = 1024  # frames whose places are found at a time
_TORSO_RATIO = 4.0  # by how much a torso may differ from the reach of the joints
_TINY = 1e-6


def far_joints(
    person: np.ndarray, anchors: Mapping[str, Sequence[int]], frame_rate: float, beyond: float
) -> np.ndarray | None:
    """Distances of the joints from the body's place, in torso lengths.

    The place of a body in a frame is the median over the joints, and over the frames half a second
    around, so neither a joint nor a frame that lies off moves it, and walking away is no outlier.

    Args:
        person: float32 [T, J, C], missing joints NaN.
        anchors: of the layout.
        frame_rate: frames per second.
        beyond: torso lengths of interest.

    Returns:
        float [T, J], NaN where a joint is missing; None if no joint is further than `beyond`.
    """
    length = body_length(person, anchors)
    if not length > 0:
        return None
    low, high = (of.reduce(person, axis=(0, 1)).astype(float) for of in (np.fmin, np.fmax))
    if not np.linalg.norm(high - low) > beyond * length:
        return None  # cheap, and true of nearly every clip
    places = _places(person, max(2, round(frame_rate / 2)))
    distances = np.linalg.norm(person - places[:, None], axis=-1) / length
    return distances if (distances > beyond).any() else None


def body_length(person: np.ndarray, anchors: Mapping[str, Sequence[int]]) -> float:
    """The median torso length of a person, or the reach of the joints; NaN if nothing is seen.

    The reach is the distance from the body's middle within which three quarters of the joints lie
    (median over frames). It serves where the layout has no torso, and where that is four times
    longer or shorter: seen end-on, of length zero, or with an anchor that lies off itself.
    """
    frames = person[:: max(1, len(person) // _SAMPLED)].astype(float)
    middle = _median(frames, axis=1)
    spread = np.linalg.norm(frames - middle[:, None], axis=-1)
    reach = float(_median(_median(spread, axis=1, share=0.75), axis=0))
    torso = float(_median(torso_lengths(frames, anchors), axis=0))
    return torso if reach / _TORSO_RATIO <= torso <= reach * _TORSO_RATIO else reach


def torso_lengths(person: np.ndarray, anchors: Mapping[str, Sequence[int]]) -> np.ndarray:
    """Distance from the root to the spine top, [T, J, C] -> [T]; NaN where one is not seen."""
    if not anchors.get("spine_top"):
        return np.full(len(person), np.nan)
    top, root = (person[:, list(anchors[name])].mean(axis=1) for name in ("spine_top", "root"))
    lengths: np.ndarray = np.linalg.norm(top - root, axis=-1)
    return lengths


def lacks_torso(coords: np.ndarray, anchors: Mapping[str, Sequence[int]]) -> bool:
    """Whether the torso of the first person seen, [T, M, J, C], has length zero in all frames."""
    seen = ~np.isnan(coords[..., 0]).all(axis=(0, 2))
    if not seen.any():
        return False
    longest = np.fmax.reduce(torso_lengths(coords[:, int(np.argmax(seen))], anchors))
    return bool(longest <= _TINY)


def _places(person: np.ndarray, half: int) -> np.ndarray:
    """Where the body is, frame by frame: [T, J, C] -> [T, C].

    Frames without the person are left out of the windows, which else would lean to one side at a
    gap and take a person who goes on elsewhere for one who lies off.
    """
    places = _median(person.astype(float), axis=1)
    seen = ~np.isnan(places[:, 0])
    padded = np.pad(places[seen], ((half, half), (0, 0)), constant_values=np.nan)
    medians = []
    for start in range(0, int(seen.sum()), _CHUNK):
        part = padded[start : start + _CHUNK + 2 * half]
        windows = np.lib.stride_tricks.sliding_window_view(part, 2 * half + 1, axis=0)
        medians.append(_median(windows, axis=-1))
    places[seen] = np.concatenate(medians)
    return places


def _median(values: np.ndarray, axis: int, share: float = 0.5) -> np.ndarray:
    """The value below which `share` of those that are not NaN lie; NaN if all are."""
    ordered = np.sort(values, axis=axis)  # NaN comes last
    counts = np.sum(~np.isnan(values), axis=axis, keepdims=True)
    index = np.maximum(np.ceil(share * counts).astype(int) - 1, 0)
    picked: np.ndarray = np.take_along_axis(ordered, index, axis=axis)
    return picked.squeeze(axis)
