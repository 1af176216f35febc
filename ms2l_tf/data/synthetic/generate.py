"""`generate`: a synthetic `ClipDataset` of any size.

Clip i of a preset depends only on the seed and on its own action, subject, replication and
camera: every random draw comes from a generator seeded with exactly those.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tqdm

from ms2l_tf.data.clip_dataset import Clip, ClipDataset, ClipPoses
from ms2l_tf.data.synthetic.actions import action_library
from ms2l_tf.data.synthetic.joints import joint_weights
from ms2l_tf.data.synthetic.performance import Performance, Subject, perform, random_subject
from ms2l_tf.data.synthetic.presets import METRES, LayoutOutput, Preset, load_preset
from ms2l_tf.data.synthetic.sensor import Camera, add_noise, axes_matrix, lose_joints
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import SkeletonLayout, load_layout

# First number of every seed, so that the streams of persons, cameras, ... never meet.
_SUBJECT, _SETUP, _PERFORMANCE, _RECORDING = range(4)


def generate(
    out: str | os.PathLike[str],
    *,
    preset: str | os.PathLike[str] | Preset = "demo",
    clips: int | None = None,
    seed: int = 0,
    layouts: Sequence[str] | None = None,
    progress: bool = True,
) -> ClipDataset:
    """Writes a synthetic dataset.

    Args:
        out: The folder to make; it must not exist or be empty.
        preset: A packaged preset ("demo", "ntu60", "pku_mmd"), the path of a preset file, or a
            `Preset`.
        clips: How many; by default as many as the preset says.
        seed: Of all randomness.
        layouts: Ids of the layouts to write; by default those of the preset. Others are written
            at 30 frames per second in metres.
        progress: Whether to show a progress bar.

    Raises:
        InputError: An unknown preset or layout, fewer clips than classes, a folder in use.
    """
    chosen = preset if isinstance(preset, Preset) else load_preset(preset)
    count = chosen.clips if clips is None else clips
    if count < len(chosen.actions):
        raise InputError(
            f"--clips: {count} is too few, preset {chosen.name!r} has {len(chosen.actions)} classes"
        )
    if seed < 0:
        raise InputError(f"--seed: {seed} is negative; use 0 or more")
    outputs = [_output(chosen, name) for name in layouts or chosen.layouts]
    ids = [output.layout.name for output in outputs]
    if len(set(ids)) < len(ids):
        raise InputError(f"--layouts: {', '.join(ids)} name the same layout twice")
    takes = plan(chosen, count)
    studio = _Studio(chosen, seed)
    source = f"synthetic (preset {chosen.name}, seed {seed})"
    with DatasetWriter(
        out, name=chosen.name, label_names=chosen.actions, source=source, licence="Apache-2.0"
    ) as writer:
        for output in outputs:
            writer.add_layout(
                output.layout, frame_rate=output.settings.frame_rate, unit=output.settings.unit,
                axes=output.settings.axes, num_persons=chosen.persons,
            )  # fmt: skip
        bar = tqdm.tqdm(takes, desc=f"synthetic {chosen.name}", unit="clip", disable=not progress)
        for take, poses in zip(bar, studio.record(takes, outputs), strict=True):
            writer.add_clip(_clip(chosen, take), poses)
        for name, (train, test) in _splits(chosen, takes).items():
            rule = chosen.splits[name]
            writer.add_split(name, train=train, test=test, description=rule.description)
    return ClipDataset.open(out)


@dataclass(frozen=True, order=True)
class Take:
    """One clip to make: positions in the preset's lists, the replication counted from 0."""

    subject: int
    replication: int
    action: int
    camera: int

    @property
    def performance(self) -> tuple[int, int, int]:
        """What all cameras see alike."""
        return self.subject, self.replication, self.action


def plan(preset: Preset, count: int) -> list[Take]:
    """The first `count` takes, sorted so that the views of a performance are neighbours.

    Actions change fastest, then subjects, then cameras (shifted by subject), then replications.
    So any number of clips has all actions and as many subjects and cameras as fit.
    """
    subjects, cameras = len(preset.subjects), len(preset.cameras)
    takes = []
    for index in range(count):
        block, action = divmod(index, len(preset.actions))
        lap, subject = divmod(block, subjects)
        takes.append(Take(subject, lap // cameras, action, (lap + subject) % cameras))
    return sorted(takes)


@dataclass(frozen=True)
class _Output:
    """A layout to write: weights [J, P] of its joints, axes and unit as a matrix [3, 3]."""

    layout: SkeletonLayout
    settings: LayoutOutput
    weights: np.ndarray
    axes: np.ndarray

    @property
    def key(self) -> int:
        """A number for seeds that depends on the layout alone."""
        return zlib.crc32(self.layout.name.encode())


def _output(preset: Preset, name: str) -> _Output:
    layout = load_layout(name)
    settings = preset.layouts.get(layout.name, LayoutOutput())
    axes = axes_matrix(settings.axes) * METRES[settings.unit]
    return _Output(layout, settings, joint_weights(layout), axes)


class _Studio:
    """Persons, cameras and actions of a preset, drawn from one seed."""

    def __init__(self, preset: Preset, seed: int) -> None:
        self.preset = preset
        self.seed = seed
        self.subject = functools.cache(self._subject)
        self.camera = functools.cache(self._camera)

    def _rng(self, *keys: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *keys])

    def _subject(self, index: int) -> Subject:
        return random_subject(self._rng(_SUBJECT, index), self.preset.variation)

    def _camera(self, setup: int, index: int) -> Camera:
        return self.preset.cameras[index].moved(self._rng(_SETUP, setup, index))

    def record(
        self, takes: Sequence[Take], outputs: Sequence[_Output]
    ) -> Iterator[dict[str, ClipPoses]]:
        """The poses of every take, by layout; takes of one performance are neighbours."""
        for _, views in itertools.groupby(takes, key=lambda take: take.performance):
            group = list(views)
            performance = self.performance(group[0])
            rates = {output.settings.frame_rate for output in outputs}
            world = {rate: performance.positions(rate) for rate in rates}
            joints = [output.weights @ world[output.settings.frame_rate] for output in outputs]
            for take in group:
                yield {
                    output.layout.name: self._record(take, output, coords)
                    for output, coords in zip(outputs, joints, strict=True)
                }

    def performance(self, take: Take) -> Performance:
        """What happens in front of the cameras."""
        action = action_library()[self.preset.actions[take.action]]
        cast = [self.subject(take.subject)]
        if action.partner:
            # Two places on, so that with alternating subjects both are on one side of a split.
            count = len(self.preset.subjects)
            cast.append(self.subject((take.subject + (2 if count > 2 else 1)) % count))
        rng = self._rng(_PERFORMANCE, *take.performance)
        return perform(action, tuple(cast), self.preset.seconds, self.preset.variation, rng)

    def _record(self, take: Take, output: _Output, world: np.ndarray) -> ClipPoses:
        """One layout [T, M, J, 3] as seen by the take's camera."""
        rng = self._rng(_RECORDING, *take.performance, take.camera, output.key)
        camera = self.camera(setup_index(self.preset, take), take.camera)
        settings, noise = output.settings, self.preset.noise
        seen = camera.view(world)
        depth = seen[..., 2] - seen[..., 2].mean(axis=2, keepdims=True)
        coords = add_noise(seen, depth, settings.frame_rate, noise.scaled(settings.noise), rng)
        coords = coords @ output.axes
        present = np.ones(coords.shape[:2], bool)
        lose_joints(coords, present, noise, rng)
        return ClipPoses(coords.astype(np.float32), present)


def setup_index(preset: Preset, take: Take) -> int:
    """The setup a take is recorded in: everyone moves on with every replication."""
    return (take.subject + take.replication) % len(preset.setups)


def _clip(preset: Preset, take: Take) -> Clip:
    setup = setup_index(preset, take)
    names = {
        "subject": preset.subjects[take.subject],
        "camera": preset.cameras[take.camera].name,
        "setup": preset.setups[setup],
    }
    positions = {"subject": take.subject, "camera": take.camera, "setup": setup}
    numbers = {key: _number(name, positions[key] + 1) for key, name in names.items()}
    numbers |= {"replication": take.replication + 1, "action": take.action + 1}
    name = preset.clip_name.format(**numbers, camera_name=names["camera"])
    group = "-".join(str(part) for part in (names["subject"], *take.performance[1:]))
    return Clip(
        name,
        label=take.action,
        subject=names["subject"],
        camera=names["camera"],
        setup=names["setup"],
        group=group,
        source="synthetic",
    )


def _number(name: str, default: int) -> int:
    match = re.search(r"\d+$", name)
    return int(match.group()) if match else default


def _splits(preset: Preset, takes: Sequence[Take]) -> dict[str, tuple[list[str], list[str]]]:
    """Clip names of both sides of every split; a split with an empty side is left out."""
    clips = [_clip(preset, take) for take in takes]
    splits = {}
    for name, rule in preset.splits.items():
        sides: tuple[list[str], list[str]] = ([], [])
        for clip in clips:
            sides[getattr(clip, rule.by) not in rule.train].append(clip.name)
        if all(sides):
            splits[name] = sides
    return splits
