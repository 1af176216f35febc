from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data.videos.tracking import Tracker, match, rank_persons, root_points
from ms2l_tf.skeletons.layout import load_layout

RATE = 10.0


def points(*rows: list[float]) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 3)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(0, 4))
@settings(max_examples=50, deadline=None)
def test_match_is_the_best_of_all_assignments(seed: int, few: int, many: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(few, 3)), rng.normal(size=(many, 3))
    reach = rng.uniform(0, 3, few)
    distance = np.linalg.norm(first[:, None] - second[None], axis=-1)

    def score(pairs: list[tuple[int, int]]) -> tuple[int, float]:
        return -len(pairs), sum(distance[pair] for pair in pairs)

    candidates = [
        [(a, b) for a, b in enumerate(choice) if b < many and distance[a, b] <= reach[a]]
        for choice in itertools.permutations(range(many + few), few)
    ]
    best = min(map(score, candidates))
    found = [(int(a), int(b)) for a, b in match(first, second, reach)]
    assert all(distance[pair] <= reach[pair[0]] for pair in found)
    np.testing.assert_allclose(score(found), best)


def walk(*starts_and_steps: tuple[float, float], frames: int) -> list[np.ndarray]:
    """Persons on one line; [P, 3] for each frame."""
    return [
        points(*[[start + t * step, 0.0, 3.0] for start, step in starts_and_steps])
        for t in range(frames)
    ]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_two_who_walk_through_each_other_keep_their_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracker = Tracker(RATE)
    for t, frame in enumerate(walk((-1.05, 0.1), (1.0, -0.1), frames=21)):
        order = rng.permutation(2) if t else np.arange(2)
        noise = rng.normal(scale=0.005, size=(2, 3))
        numbers = tracker.update((frame + noise)[order])
        assert numbers.tolist() == order.tolist()


def test_births_deaths_and_gaps() -> None:
    tracker = Tracker(RATE)
    here, there = [0.0, 0.0, 3.0], [2.0, 0.0, 3.0]
    assert tracker.update(points()).tolist() == []
    assert tracker.update(points(here)).tolist() == [0]
    assert tracker.update(points(there, here)).tolist() == [1, 0]
    for _ in range(10):  # one second without the first
        assert tracker.update(points(there)).tolist() == [1]
    assert tracker.update(points(here, there)).tolist() == [0, 1]
    for _ in range(11):
        assert tracker.update(points(there)).tolist() == [1]
    assert tracker.update(points(here, there)).tolist() == [2, 1]


def test_who_is_too_far_to_have_walked_there_is_new() -> None:
    tracker = Tracker(RATE)
    assert tracker.update(points([0, 0, 3])).tolist() == [0]
    assert tracker.update(points([0, 0, 3.7])).tolist() == [0]  # 0.5 m and 3 m/s
    tracker = Tracker(RATE)
    assert tracker.update(points([0, 0, 3])).tolist() == [0]
    assert tracker.update(points([0, 0, 3.9])).tolist() == [1]


def test_root_is_between_the_hips_or_wherever_there_are_joints() -> None:
    layout = load_layout("smpl_24")
    poses = np.full((3, 24, 3), np.nan)
    poses[0] = 7.0
    poses[0, layout.index("lhip")], poses[0, layout.index("rhip")] = [1, 0, 2], [3, 2, 2]
    poses[1, layout.index("lhip")] = [5, 0, 0]  # one hip alone is beside the pelvis
    poses[1, layout.index("head")] = [1, 0, 0]
    poses[2, layout.index("head")] = [0, 4, 0]
    np.testing.assert_array_equal(root_points(poses, layout), [[2, 1, 2], [3, 0, 0], [0, 4, 0]])
    assert root_points(poses[:0], layout).shape == (0, 3)


def tracks(*spans: tuple[int, int, float]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Persons of two joints that are there from one frame to another and move by a step a frame."""
    numbers, poses = [], []
    for t in range(max(end for _, end, _ in spans)):
        seen = [i for i, (start, end, _) in enumerate(spans) if start <= t < end]
        numbers.append(np.array(seen, np.int64))
        poses.append(np.array([np.full((2, 3), t * spans[i][2]) for i in seen]).reshape(-1, 2, 3))
    return numbers, poses


def test_main_person_moves_most_of_those_who_stay() -> None:
    # A bystander, the actor, one who walks through quickly, a false detection.
    numbers, poses = tracks((0, 40, 0.01), (0, 38, 0.1), (5, 20, 1.0), (7, 10, 5.0))
    assert rank_persons(numbers, poses) == [1, 0, 2]


def test_motion_counts_the_joints_that_are_found() -> None:
    numbers, poses = tracks((0, 10, 0.1), (0, 10, 0.2))
    for frame in poses:
        frame[1, 1] = np.nan
    assert rank_persons(numbers, poses) == [1, 0]


def test_nobody() -> None:
    assert rank_persons([np.zeros(0, np.int64)], [np.zeros((0, 2, 3))]) == []
