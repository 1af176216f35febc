"""How a person performs an action: tempo, amplitude, onset, phase, habits and idle motion.

A performance is a continuous motion that can be sampled at any times, so that layouts with other
frame rates see the very same movement.
Notation: T frames, D channels, n keys, M persons, P points.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ms2l_tf.data.synthetic import posture
from ms2l_tf.data.synthetic.actions import Action, interpolate, key_pose, key_poses
from ms2l_tf.data.synthetic.body import Body, random_body
from ms2l_tf.data.synthetic.posture import NUM_CHANNELS, SLICES

# Standard deviations by channel: habit is a person's own posture, jitter changes from key to key,
# sway is the slow idle motion that never stops. Planted feet have none, or they would slide.
_SPREAD: dict[str, tuple[float, float, float]] = {
    "pelvis": (0.008, 0.01, 0.008),
    "hips": (3.0, 2.5, 1.5),
    "spine": (4.0, 3.5, 2.5),
    "head": (5.0, 6.0, 6.0),
    "hand": (0.04, 0.055, 0.03),
    "elbow": (7.0, 8.0, 4.0),
    "wrist": (8.0, 9.0, 5.0),
    "foot": (0.0, 0.0, 0.0),
    "toe": (0.0, 0.0, 0.0),
    "place": (0.0, 0.0, 0.0),
    "turn": (0.0, 0.0, 5.0),
}
_SWAY_WAVES = 3
# What a hand that the action does not need may do meanwhile; "stand" is the most common.
_FREE_HAND = ("stand", "stand", "stand", "hand_on_hip", "hand_in_front", "hand_behind")


def _spread(which: int) -> np.ndarray:
    spread = np.zeros(NUM_CHANNELS)
    for name, place in SLICES.items():
        spread[place] = _SPREAD[name.rsplit("_", maxsplit=1)[-1]][which]
    return spread


_HABIT, _JITTER, _SWAY = (_spread(which) for which in range(3))


@dataclass(frozen=True)
class Variation:
    """How much performances of one action differ; part of a preset.

    Args:
        tempo: Standard deviation of the log speed, for a subject and again for a performance.
        amplitude: Standard deviation of a subject's amplitude factor.
        jitter: Factor on the key pose jitter and on subjects' habits.
        sway: Factor on idle motion.
        facing: Half-width in degrees of the range of facing directions.
        turn: Standard deviation in degrees of the slow change of heading during a clip.
        cut: Longest part of an action's start or end, as a fraction, that a clip may miss.
        mirrored: Share of performances with left and right exchanged.
    """

    tempo: float = 0.15
    amplitude: float = 0.1
    jitter: float = 1.0
    sway: float = 1.0
    facing: float = 35.0
    turn: float = 8.0
    cut: float = 0.1
    mirrored: float = 0.0


@dataclass(frozen=True)
class Subject:
    """One person: a body and a way of moving."""

    body: Body
    tempo: float
    amplitude: float
    habit: np.ndarray
    liveliness: float


def random_subject(rng: np.random.Generator, variation: Variation) -> Subject:
    """Draws a person."""
    return Subject(
        body=random_body(rng),
        tempo=float(np.exp(rng.normal(0.0, variation.tempo))),
        amplitude=float(np.clip(rng.normal(1.0, variation.amplitude), 0.7, 1.3)),
        habit=rng.normal(size=NUM_CHANNELS) * _HABIT * variation.jitter,
        liveliness=float(np.exp(rng.normal(0.0, 0.3))),
    )


@dataclass(frozen=True)
class Motion:
    """One person's movement over a clip, defined at any time.

    Args:
        body: The measures.
        key_times: [n] seconds.
        keys: [n, D] channels.
        flow: Whether keys are passed through without stopping.
        lag: [D] seconds a channel comes late.
        waves: [3, W, D] amplitude, angular frequency and phase of the idle motion.
        warp: Amplitude (seconds), angular frequency and phase of the uneven tempo.
        origin: [3] where the person stands at the start.
        heading: Degrees to the left of +z.
    """

    body: Body
    key_times: np.ndarray
    keys: np.ndarray
    flow: bool
    lag: np.ndarray
    waves: np.ndarray
    warp: tuple[float, float, float]
    origin: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))
    heading: float = 0.0

    def channels(self, times: np.ndarray) -> np.ndarray:
        """Posture channels [T, D] at times [T] in seconds."""
        depth, rate, start = self.warp
        warped = times + depth * (np.sin(rate * times + start) - np.sin(start))
        keyed = interpolate(warped[:, None] - self.lag, self.key_times, self.keys, self.flow)
        amplitude, frequency, phase = self.waves
        sway = amplitude * np.sin(frequency * times[:, None, None] + phase)
        return np.asarray(keyed + sway.sum(axis=1))

    def positions(self, times: np.ndarray) -> np.ndarray:
        """World positions [T, P, 3] of the rich skeleton in metres."""
        points = posture.pose_body(self.body, self.channels(times), self.heading)
        return points + self.origin


@dataclass(frozen=True)
class Performance:
    """The movement of everyone in a clip, the main person first."""

    motions: tuple[Motion, ...]
    duration: float

    def positions(self, frame_rate: float) -> np.ndarray:
        """World positions [T, M, P, 3] at a frame rate."""
        frames = max(1, round(self.duration * frame_rate))
        times = np.arange(frames) / frame_rate
        return np.stack([motion.positions(times) for motion in self.motions], axis=1)


def perform(
    action: Action,
    subjects: tuple[Subject, ...],
    seconds: tuple[float, float],
    variation: Variation,
    rng: np.random.Generator,
) -> Performance:
    """One performance of an action.

    Args:
        action: What is done.
        subjects: The main person and, for an action with a partner, the other one.
        seconds: Shortest and longest duration of a clip.
        variation: How much performances differ.
        rng: Source of all randomness of this performance.
    """
    tempo = subjects[0].tempo * float(np.exp(rng.normal(0.0, variation.tempo)))
    timeline, duration = _timeline(action, tempo, seconds, variation, rng)
    mirrored = not action.sided and rng.random() < variation.mirrored
    facing = rng.uniform(-variation.facing, variation.facing)
    casts = [action.poses, action.partner] if action.partner else [action.poses]
    if len(casts) > len(subjects):
        raise ValueError(f"action {action.name!r} needs {len(casts)} subjects")
    motions = []
    for number, poses in enumerate(casts):
        # A partner stands opposite and answers with a small delay.
        delay = abs(rng.normal(0.0, 0.08)) if number else 0.0
        keys = _keys(action, poses, timeline, subjects[number], variation, rng)
        if mirrored:
            keys = posture.mirror(keys)
        motion = _motion(action, subjects[number], timeline.times + delay, keys, variation, rng)
        offset = (number - 0.5) * action.distance if action.partner else 0.0
        motions.append(_place(motion, facing, 180.0 * number, offset, duration))
    return Performance(tuple(motions), duration)


@dataclass(frozen=True)
class _Timeline:
    """Which key pose when: times [n], index of the pose [n], cycles done before it [n]."""

    times: np.ndarray
    index: np.ndarray
    cycles: np.ndarray


def _timeline(
    action: Action,
    tempo: float,
    seconds: tuple[float, float],
    variation: Variation,
    rng: np.random.Generator,
) -> tuple[_Timeline, float]:
    """Times of the keys, and the duration of the clip that starts at 0."""
    wanted = float(rng.uniform(*seconds))
    if action.cyclic:
        return _cycles(action, tempo, wanted, rng), wanted
    count = len(action.poses)
    repeats = int(rng.integers(action.repeats[0], action.repeats[1] + 1))
    order = np.concatenate([[0], np.tile(np.arange(1, count), repeats)])
    steps = np.tile(np.array(action.seconds), repeats) / tempo
    steps = steps * np.exp(rng.normal(0.0, 0.15, size=len(steps)))
    steps *= min(1.0, seconds[1] / steps.sum())
    times = np.concatenate([[0.0], np.cumsum(steps)])
    idle = max(0.0, wanted - times[-1])
    lead = rng.random() * idle
    # Only where there was no time to wait may an end of the action be missing.
    cuts = variation.cut * rng.random(2) * times[-1] * (np.array([lead, idle - lead]) < 0.1)
    duration = times[-1] + idle - cuts.sum()
    timeline = _Timeline(times + lead - cuts[0], order, np.zeros(len(order)))
    return timeline, float(max(seconds[0], duration))


def _cycles(action: Action, tempo: float, wanted: float, rng: np.random.Generator) -> _Timeline:
    """Cycles from a random phase on."""
    count = len(action.poses)
    steps = np.array(action.seconds) / tempo
    # One cycle before and two after, so that warp and lag never run out of keys.
    cycles = int(np.ceil(wanted / steps.sum())) + 4
    order = np.arange(cycles * count)
    times = np.cumsum(np.tile(steps, cycles)) - steps[-1]
    return _Timeline(times - steps.sum() * (1.0 + rng.random()), order % count, order / count)


def _keys(
    action: Action,
    poses: tuple[str, ...],
    timeline: _Timeline,
    subject: Subject,
    variation: Variation,
    rng: np.random.Generator,
) -> np.ndarray:
    """Key postures [n, D] in this person's style."""
    stand = key_pose("stand")
    library = key_poses(poses)
    keys = stand + subject.amplitude * (library[timeline.index] - stand)
    for side in ("left", "right"):
        hand = SLICES[f"{side}_hand"]
        if np.allclose(library[:, hand], stand[hand]) and not action.partner:
            free = key_pose(f"stand+{rng.choice(_FREE_HAND)}")
            for channel in ("hand", "elbow", "wrist"):
                place = SLICES[f"{side}_{channel}"]
                keys[:, place] = free[place]
    keys += subject.habit
    keys += rng.normal(size=keys.shape) * _JITTER * variation.jitter
    # The stance differs from clip to clip and stays put within one.
    stance = rng.normal(0.0, 0.025 * variation.jitter, size=4)
    keys[:, SLICES["left_foot"]] += [abs(stance[0]), 0.0, stance[1]]
    keys[:, SLICES["right_foot"]] += [abs(stance[2]), 0.0, stance[3]]
    keys[:, SLICES["place"]] += timeline.cycles[:, None] * np.array(action.travel)
    return keys


def _motion(
    action: Action,
    subject: Subject,
    times: np.ndarray,
    keys: np.ndarray,
    variation: Variation,
    rng: np.random.Generator,
) -> Motion:
    """Adds idle motion, uneven tempo and the limbs' small delays."""
    shape = (_SWAY_WAVES, NUM_CHANNELS)
    amplitude = np.abs(rng.normal(size=shape)) * _SWAY
    amplitude *= variation.sway * subject.liveliness
    amplitude[:, SLICES["turn"]] *= variation.turn / 5.0
    frequency = 2.0 * np.pi * rng.uniform(0.12, 0.8, size=shape)
    frequency[:, SLICES["turn"]] *= 0.4
    waves = np.stack([amplitude, frequency, rng.uniform(0.0, 2.0 * np.pi, size=shape)])
    rate = 2.0 * np.pi * rng.uniform(0.2, 0.6)
    # The tempo varies by up to 15 %, so time never runs backwards.
    warp = (float(rng.uniform(0.0, 0.15) / rate), float(rate), float(rng.uniform(0.0, 2 * np.pi)))
    lag = np.zeros(NUM_CHANNELS)
    for name, place in SLICES.items():
        if name not in ("place", "turn", "pelvis") and "foot" not in name and "toe" not in name:
            lag[place] = rng.normal(0.0, 0.025)
    return Motion(subject.body, times, keys, action.flow, lag, waves, warp)


def _place(motion: Motion, facing: float, turned: float, offset: float, duration: float) -> Motion:
    """Puts a person so that the middle of the path is `offset` metres along the facing axis."""
    heading = facing + turned
    middle = motion.channels(np.array([duration / 2.0]))[0, SLICES["place"]]
    travelled = np.array([middle[0], 0.0, middle[1]]) * motion.body.leg
    origin = posture.rotation("y", np.array(facing)) @ np.array([0.0, 0.0, offset])
    origin = origin - posture.rotation("y", np.array(heading)) @ travelled
    return dataclasses.replace(motion, origin=origin, heading=heading)
