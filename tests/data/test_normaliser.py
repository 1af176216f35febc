"""The normaliser against its slow twin, and each of its rules by hand."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.records import DIRECTIONS, Axes
from ms2l_tf.errors import InputError
from tests.data import normaliser_twin
from tests.helpers import REST_POSE, assert_close, motion, random_poses, tiny_layout

T = 12  # with clips of at most 11 frames no new frame lies half way between two old ones
ANCHORS = tiny_layout().anchors
UNTOUCHED: dict[str, Any] = {"centre": "none", "rotation": "none", "scale": "none"}


def batch(clips: list[np.ndarray], padding: float = 0.0, extra: int = 0) -> tuple[Any, Any]:
    """Clips of several lengths as coords [B, F, M, J, C] and lengths [B]."""
    lengths = np.array([len(clip) for clip in clips], np.int32)
    coords = np.full(
        (len(clips), lengths.max() + extra, *clips[0].shape[1:]), padding, dtype=np.float32
    )
    for row, clip in zip(coords, clips, strict=True):
        row[: len(clip)] = clip
    return coords, lengths


def alone(layer: Normaliser, clip: np.ndarray, present: np.ndarray | None = None) -> Any:
    """Poses [T, M, J, C] and presence [T, M] of a batch of one clip."""
    poses, shown = layer(
        clip[None], np.array([len(clip)]), None if present is None else present[None]
    )
    return poses.numpy()[0], shown.numpy()[0]


def one(clip: np.ndarray, present: np.ndarray | None = None, **settings: Any) -> Any:
    """Normalised poses of a single clip: [T, M, J, C]."""
    settings = {"anchors": ANCHORS, "frames": T, **settings}
    return alone(Normaliser(**settings), clip, present)[0]


def flawed_clips(coords: int = 3) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two persons; joints missing for a while, at the ends and throughout; persons absent."""
    clips = [random_poses(length, 2, 5, coords, seed=length) for length in (1, 2, 5, 8, 11, 7)]
    shown = [np.ones(clip.shape[:2], bool) for clip in clips]
    clips[2][1:3, 0, 4] = np.nan
    clips[2][3:, 0, 0, 1] = np.inf
    clips[3][:, 0, 3] = np.nan
    clips[3][:4, 1, 1] = np.nan
    shown[3][5:, 1] = False
    shown[4][:, 1] = False
    shown[4][2:6, 0] = False
    clips[5][:, 0] = np.nan
    for clip, present in zip(clips, shown, strict=True):
        clip[~present] = np.nan
    return clips, shown


@pytest.mark.parametrize("centre", ["frame", "clip", "none"])
@pytest.mark.parametrize("rotation", ["first", "clip", "vertical", "none"])
@pytest.mark.parametrize("scale", ["torso", "none"])
def test_equals_the_twin(centre: str, rotation: str, scale: str) -> None:
    clips, shown = flawed_clips()
    settings: dict[str, Any] = {
        "frames": T,
        "centre": centre,
        "rotation": rotation,
        "scale": scale,
        "persons": 2,
    }
    coords, lengths = batch(clips)
    present = np.zeros(coords.shape[:3], bool)
    for row, clip in zip(present, shown, strict=True):
        row[: len(clip)] = clip
    poses, _ = Normaliser(ANCHORS, **settings)(coords, lengths, present)
    for actual, clip, seen in zip(poses, clips, shown, strict=True):
        expected = normaliser_twin.normalise(clip, seen, ANCHORS, **settings)
        assert_close(actual, expected, 2e-5)


@pytest.mark.parametrize("rotation", ["in_plane", "none"])
def test_equals_the_twin_in_two_dimensions(rotation: str) -> None:
    clips, _ = flawed_clips(coords=2)
    settings: dict[str, Any] = {"frames": T, "rotation": rotation, "persons": 2}
    poses, _ = Normaliser(ANCHORS, **settings)(*batch(clips))
    for actual, clip in zip(poses, clips, strict=True):
        expected = normaliser_twin.normalise(clip, None, ANCHORS, **settings)
        assert_close(actual, expected, 2e-5)


def test_a_person_who_faces_ahead_by_hand() -> None:
    """Right-handed, y up, facing +z: only the origin and the unit of length change."""
    pose = np.array(
        [[0.1, 1.0, 0.0], [-0.1, 1.0, 0.0], [0.0, 1.5, 0.0], [0.5, 1.3, 0.1], [-0.5, 1.2, -0.2]]
    )
    expected: list[list[float]] = [
        [0.2, 0, 0],
        [-0.2, 0, 0],
        [0, 1, 0],
        [1.0, 0.6, 0.2],
        [-1.0, 0.4, -0.4],
    ]
    for rotation in ("first", "clip", "vertical", "none"):
        assert_close(one(pose[None, None], rotation=rotation), np.tile(expected, (T, 1, 1, 1)))


def test_missing_joints_by_hand() -> None:
    """Interior gap, both ends, a joint never seen, a person never seen."""
    clip = np.zeros((5, 2, 4, 3), np.float32)
    clip[:, 0, 0] = [[0.0], [1.0], [2.0], [3.0], [4.0]]
    clip[:, 0, 1] = [[8.0], [np.nan], [np.nan], [2.0], [7.0]]
    clip[:, 0, 2] = [[np.nan], [np.nan], [6.0], [4.0], [np.nan]]
    clip[:, 0, 3] = np.nan
    clip[:, 1] = np.nan
    anchors = {"root": (0,)}
    poses = one(clip, frames=5, persons=2, anchors=anchors, **UNTOUCHED)
    assert_close(poses[:, 0, 0, 0], [0, 1, 2, 3, 4])
    assert_close(poses[:, 0, 1, 0], [8, 6, 4, 2, 7])
    assert_close(poses[:, 0, 2, 0], [6, 6, 6, 4, 4])
    assert_close(poses[:, 0, 3, 0], [14 / 3, 13 / 3, 4, 3, 5])  # the mean of the three
    assert not poses[:, 1].any()


def test_a_second_person_is_zero_while_absent() -> None:
    clip = motion(5, persons=2)
    present = np.array([[True, True], [True, True], [True, False], [False, True], [True, True]])
    poses, shown = alone(Normaliser(ANCHORS, frames=5, persons=2), clip, present)
    assert poses[:, 1].any(axis=(1, 2)).tolist() == [True, True, False, True, True]
    assert poses[:, 0].any(axis=(1, 2)).all(), "the main person is interpolated"
    np.testing.assert_array_equal(shown, present)


def test_a_person_said_to_be_present_but_never_measured_is_zero() -> None:
    clip = motion(6, persons=2)
    clip[:, 1] = np.nan
    poses = one(clip, present=np.ones((6, 2), bool), persons=2)
    assert poses[:, 0].any()
    assert not poses[:, 1].any()


def test_the_first_person_who_is_seen_is_the_main_one() -> None:
    clip = motion(6, persons=2)
    present = np.tile([False, True], (6, 1))
    present[3] = False
    poses, shown = alone(Normaliser(ANCHORS, frames=6, persons=2), clip, present)
    alone_there, _ = alone(Normaliser(ANCHORS, frames=6, persons=1), clip[:, 1:], present[:, 1:])
    assert not poses[:, 1].any()
    assert_close(poses[:, :1], alone_there)
    np.testing.assert_array_equal(shown, present[:, ::-1])
    cut, _ = alone(Normaliser(ANCHORS, frames=6, persons=1), clip, present)
    assert_close(cut, alone_there)


@pytest.mark.parametrize("rotation", ["first", "clip", "vertical", "none"])
@pytest.mark.parametrize("centre", ["frame", "clip", "none"])
def test_nothing_degenerate_gives_nan(centre: str, rotation: str) -> None:
    hips_meet = motion(4)
    hips_meet[:, 0, 1] = hips_meet[:, 0, 0]
    lying = motion(4)
    lying[:, 0, 2] = 2 * lying[:, 0, 0] - lying[:, 0, 1]  # the spine along the hip axis
    clips = [
        np.zeros((3, 1, 5, 3), np.float32),
        np.ones((3, 1, 5, 3), np.float32),
        np.full((3, 1, 5, 3), np.nan, np.float32),
        motion(1),
        hips_meet,
        lying,
    ]
    poses, _ = Normaliser(ANCHORS, frames=T, centre=centre, rotation=rotation)(*batch(clips))
    assert np.isfinite(poses).all()
    assert not poses.numpy()[2].any(), "a clip without a single joint is all zeros"


@pytest.mark.parametrize("unit_scale", [1.0, 1e-3])
@pytest.mark.parametrize("centre", ["frame", "clip", "none"])
@pytest.mark.parametrize("rotation", ["first", "clip", "vertical", "none"])
def test_without_a_torso_the_reach_of_the_joints_is_the_unit(
    rotation: str, centre: str, unit_scale: float
) -> None:
    clip = 0.3 / unit_scale * random_poses(6, 1, 5, 3)
    clip[:, 0, 2] = clip[:, 0, :2].mean(axis=1)  # the spine top lies on the root
    settings: dict[str, Any] = {"rotation": rotation, "centre": centre, "unit_scale": unit_scale}
    poses = one(clip, **settings)
    wanted = normaliser_twin.normalise(clip, None, ANCHORS, frames=T, **settings)
    assert_close(poses, wanted, 1e-4)
    if centre == "frame":
        assert one(clip[:1], **settings).std() == pytest.approx(one(clip[:1] * 7, **settings).std())
        still = np.repeat(clip[:1], 3, axis=0)
        assert np.linalg.norm(one(still, **settings), axis=-1).mean() == pytest.approx(1, rel=1e-5)


def test_a_batch_mate_without_a_torso_changes_no_bit() -> None:
    clips = [motion(5, seed=1), motion(8, seed=2)]
    collapsed = random_poses(5, 1, 5, 3)
    collapsed[:, 0, 2] = collapsed[:, 0, :2].mean(axis=1)
    layer = Normaliser(ANCHORS, frames=T)
    (beside, _), (normal, _) = (
        layer(*batch([*clips, mate])) for mate in (collapsed, motion(5, seed=3))
    )
    np.testing.assert_array_equal(beside[:2], normal[:2])


def test_shoulders_serve_where_hips_meet_or_are_unknown() -> None:
    clip = motion(6)
    with_shoulders = {**ANCHORS, "shoulder_left": (3,), "shoulder_right": (4,)}
    upper_body = {**with_shoulders, "hip_left": (), "hip_right": ()}
    met = clip.copy()
    met[:, 0, :2] = clip[:, 0, :2].mean(axis=1, keepdims=True)
    expected = one(met, anchors={**ANCHORS, "hip_left": (3,), "hip_right": (4,)})
    assert_close(one(met, anchors=with_shoulders), expected)
    assert_close(one(met, anchors=upper_body), expected)
    assert np.abs(one(met) - expected).max() > 0.1, "without shoulders the clip is not turned"


def test_persons_keep_their_relative_position() -> None:
    """The second stands 2 m to the first one's left, who is 0.5 m from root to neck."""
    pose = np.array([[0.1, 1, 0], [-0.1, 1, 0], [0, 1.5, 0], [0.5, 1.3, 0.1], [-0.5, 1.2, 0.2]])
    clip = np.stack([pose, 1.2 * pose + [2.0, 0.0, 0.0]])[None].astype(np.float32)
    angle = 1.1
    turn = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    poses = one((clip @ np.transpose(turn)).astype(np.float32), persons=2)
    assert_close(poses[0, 0], (pose - [0, 1, 0]) / 0.5)
    assert_close(poses[0, 1], (1.2 * pose + [2, 0, 0] - [0, 1, 0]) / 0.5)


@pytest.mark.parametrize("persons", [1, 2, 4])
def test_persons_are_padded_and_cut_after_normalisation(persons: int) -> None:
    clip = motion(5, persons=2)
    both = one(clip, persons=2)
    poses, present = alone(Normaliser(ANCHORS, frames=T, persons=persons), clip)
    kept = min(persons, 2)
    assert_close(poses[:, :kept], both[:, :kept])
    assert not poses[:, kept:].any()
    assert present.all(axis=0).tolist() == [True] * kept + [False] * (persons - kept)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 11, 12, 30])
def test_resampling_hits_the_first_and_the_last_frame(length: int) -> None:
    clip = random_poses(length, 1, 5, 3)
    poses = one(clip, **UNTOUCHED)
    np.testing.assert_array_equal(poses[[0, -1]], clip[[0, -1]])
    ramp = np.tile(np.linspace(0, 1, length)[:, None, None, None], (1, 1, 5, 3))
    if length > 1:
        assert_close(one(ramp.astype(np.float32), **UNTOUCHED)[:, 0, 0, 0], np.linspace(0, 1, T))


AHEAD = Axes("+y", "+z", "right")  # x to the left of who looks ahead: the normaliser's own frame


@pytest.mark.parametrize(
    ("axes", "columns", "unit"),
    [
        (Axes("+y", "+z", "left"), [[-1, 0, 0], [0, 1, 0], [0, 0, 1]], "mm"),
        (Axes("+z", "+y", "right"), [[-1, 0, 0], [0, 0, 1], [0, 1, 0]], "m"),
        (Axes("-y", "+z", "right"), [[-1, 0, 0], [0, -1, 0], [0, 0, 1]], "cm"),
    ],
)
@pytest.mark.parametrize("rotation", ["first", "vertical", "none"])
@pytest.mark.parametrize("scale", ["torso", "none"])
def test_one_motion_in_other_axes_and_units(
    axes: Axes, columns: Any, unit: str, rotation: str, scale: str
) -> None:
    """`columns` say where left, up and ahead lie in the other axes."""
    clip = motion(6)
    size = {"m": 1, "cm": 100, "mm": 1000}[unit]
    other = (clip @ np.array(columns, np.float32) * size).astype(np.float32)
    settings: dict[str, Any] = {"frames": T, "rotation": rotation, "scale": scale}
    poses = [
        alone(Normaliser.for_store(store(coords, unit=name, axes=a), **settings), coords)[0]
        for coords, name, a in ((clip, "m", AHEAD), (other, unit, axes))
    ]
    assert_close(poses[0], poses[1])


ALL_AXES = [
    Axes(up, forward, hand)
    for up, forward in itertools.product(DIRECTIONS, DIRECTIONS)
    for hand in ("right", "left")
    if up[1] != forward[1]
]


@pytest.mark.parametrize("axes", ALL_AXES, ids=lambda a: f"{a.up}{a.forward}{a.handedness}")
def test_axes_matrix(axes: Axes) -> None:
    matrix = axes.matrix
    assert np.linalg.det(matrix) == pytest.approx(1.0 if axes.handedness == "right" else -1.0)
    assert (matrix @ axes.up_vector).tolist() == [0, 1, 0]
    assert (matrix @ axes.forward_vector).tolist() == [0, 0, 1]
    assert (matrix @ axes.right_vector).tolist() == [-1, 0, 0]


def store(coords: np.ndarray, *, unit: str = "m", axes: Axes | None = AHEAD) -> PoseStore:
    """A store of one clip."""
    offsets = np.array([0, len(coords)])
    return PoseStore(
        tiny_layout(), 30.0, unit, axes, coords, offsets, np.ones(coords.shape[:2], bool)
    )


def test_flat_poses_turn_in_their_plane_only() -> None:
    flat = store(motion(6)[..., :2], unit="px", axes=None)
    for rotation in ("clip", "vertical"):
        with pytest.raises(InputError, match=f"--rotation={rotation}: .* 2-D; use none or in_pl"):
            Normaliser.for_store(flat, frames=T, rotation=rotation)
    with pytest.raises(InputError, match="--rotation=in_plane is for 2-D"):
        Normaliser.for_store(store(motion(6)), frames=T, rotation="in_plane")
    assert Normaliser.for_store(flat, frames=T).rotation == "in_plane"
    poses = one(flat.coords[:], frames=6, rotation="in_plane")
    spine = poses[:, 0, 2].mean(axis=0)
    assert spine[1] > 0
    assert_close(spine[0], 0.0)


def test_a_layout_without_a_spine_cannot_be_turned_or_scaled() -> None:
    anchors = {**ANCHORS, "spine_top": ()}
    with pytest.raises(InputError, match=r"--rotation=first: .*spine_top"):
        Normaliser(anchors, frames=T)
    with pytest.raises(InputError, match=r"--scale=torso: .*spine_top"):
        Normaliser(anchors, frames=T, rotation="none")
    plain = Normaliser(anchors, frames=T, rotation="none", scale="none")
    poses, _ = alone(plain, REST_POSE[None, None])
    assert_close(poses[0, 0], REST_POSE - [0, 1, 0])


def test_the_configuration_survives_json() -> None:
    settings: dict[str, Any] = {
        "frames": 7,
        "centre": "clip",
        "rotation": "vertical",
        "scale": "none",
        "persons": 2,
        "unit_scale": 0.01,
        "axes": Axes("-z", "+x", "left").matrix.tolist(),
    }
    layer = Normaliser(ANCHORS, **settings)
    copy = Normaliser.from_config(json.loads(json.dumps(layer.get_config())))
    assert copy.get_config() == layer.get_config()
    clip = motion(5, persons=2)
    np.testing.assert_array_equal(alone(copy, clip)[0], alone(layer, clip)[0])
    assert alone(copy, clip)[0].dtype == np.float32
