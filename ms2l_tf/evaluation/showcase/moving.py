"""A clip as an SVG drawing that moves."""

from __future__ import annotations

import numpy as np

from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.skeletons.drawing import PART_COLOURS, project
from ms2l_tf.skeletons.layout import SkeletonLayout

_MOST_FRAMES = 40
_FILL = 0.9  # how much of its field a clip may take
_SLOWEST, _FASTEST = 6.0, 0.8  # seconds a round


def moving_clip(store: PoseStore, clip: int, width: float, height: float) -> str:
    """SVG elements of one clip as the camera sees it, in its own time, over and over.

    The body stays in the middle sideways, so that walking takes no room; bones have the colours of
    `draw_pose`. Without animation the middle of the clip is seen.

    Args:
        store: poses of a layout.
        clip: row of the dataset.
        width: of the field, whose corner is (0, 0).
        height: of the field.
    """
    points = _page_points(store, clip, width, height)
    seconds = float(np.clip(store.lengths[clip] / store.frame_rate, _FASTEST, _SLOWEST))
    layout, drawn = store.layout, []
    for part, colour in PART_COLOURS.items():
        members = layout.parts.get(part, ())
        bones = [bone for bone in layout.bones if bone[0] in members]
        paths = [_path(frame, bones) for frame in points]
        if any(paths):
            drawn.append(
                f'<path d="{paths[len(paths) // 2]}" stroke="{colour}"><animate '
                f'attributeName="d" dur="{seconds:.2f}s" calcMode="discrete" '
                f'repeatCount="indefinite" values="{";".join(path or "M0 0" for path in paths)}"/>'
                "</path>"
            )
    return "".join(drawn)


def _page_points(store: PoseStore, clip: int, width: float, height: float) -> np.ndarray:
    """Joints [F, M, J, 2] on the page, y down; NaN where a joint is missing."""
    poses = store.poses(clip)
    frames = np.linspace(0, len(poses.coords) - 1, min(_MOST_FRAMES, len(poses.coords)))
    rows = frames.round().astype(int)
    coords = np.array(poses.coords[rows], np.float64)
    if poses.present is not None:
        coords[~np.asarray(poses.present)[rows]] = np.nan
    points = _projected(coords, store.layout, store.picture_plane)
    seen = np.isfinite(points).all(axis=-1)
    points[~seen] = np.nan
    if not seen.any():
        return points
    _centre_sideways(points, seen)
    across, along = (np.percentile(points[..., axis][seen], (0.5, 99.5)) for axis in (0, 1))
    size = max(np.ptp(across) / width, np.ptp(along) / height, 1e-9)
    points = (points - [across.mean(), along.mean()]) * [1, -1] * _FILL / size
    return points + np.array([width / 2, height / 2])


def _projected(coords: np.ndarray, layout: SkeletonLayout, plane: tuple[str, str]) -> np.ndarray:
    frames, persons = coords.shape[:2]
    poses = coords.reshape(-1, *coords.shape[2:])
    flat = np.stack([project(pose, layout, plane) for pose in poses])
    return flat.reshape(frames, persons, layout.num_joints, 2)


def _centre_sideways(points: np.ndarray, seen: np.ndarray) -> None:
    """Subtracts the mean of the seen joints of each frame; a frame without any has none to move."""
    for frame, joints in zip(points, seen, strict=True):
        if joints.any():
            frame[..., 0] -= frame[..., 0][joints].mean()


def _path(frame: np.ndarray, bones: list[tuple[int, int]]) -> str:
    """A line for each bone whose ends are seen, of all persons [M, J, 2]."""
    ends = ((person[a], person[b]) for person in frame for a, b in bones)
    return "".join(
        f"M{start[0]:.0f} {start[1]:.0f}L{end[0]:.0f} {end[1]:.0f}"
        for start, end in ends
        if np.isfinite([*start, *end]).all()
    )
