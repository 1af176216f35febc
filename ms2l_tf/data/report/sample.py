"""The clips that a page shows moving: some of each class, and those that look wrong."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.pages import MovingClips

OF_A_CLASS = 3
BUDGET = 3_000_000  # letters of all layouts together
_FEW = 24  # clips in all, where classes are few
_SUSPECTS = 12


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """The clips of a page.

    Attributes:
        moving: what the page holds.
        numbers: of the clips in the page by their names, in the first layout that has them.
        classes_left_out: classes of which no clip found room.
    """

    moving: MovingClips
    numbers: Mapping[str, int]
    classes_left_out: int


def choose_sample(dataset: ClipDataset, summary: Mapping[str, Any]) -> Sample:
    """Fills the page: suspicious clips, one clip of each class, a second, a third, for each layout.

    Args:
        dataset: to show.
        summary: of it, which names suspicious clips.
    """
    moving, numbers, shown = MovingClips(), dict[str, int](), set[int]()
    suspects = set(_suspects(summary))
    present: set[int] = set()
    for place, layout in enumerate(dataset.layouts, start=1):
        store = dataset.poses(layout)
        present |= set(dataset.labels[store.seen].tolist())
        for clip in _in_order(dataset, store, suspects):
            if moving.size > BUDGET * place / len(dataset.layouts):
                break
            number = _add(moving, dataset, store, clip)
            numbers.setdefault(str(dataset.names[clip]), number)
            shown.add(int(dataset.labels[clip]))
    return Sample(moving, numbers, len(present - shown))


def _add(moving: MovingClips, dataset: ClipDataset, store: PoseStore, clip: int) -> int:
    poses, entry = store.poses(clip), dataset.clips[clip]
    named = dataset.label_names[entry.label] if entry.label >= 0 else "unlabelled"
    return moving.add(
        poses.coords,
        store.layout,
        store.frame_rate,
        store.view_directions,
        present=poses.present,
        name=entry.name,
        class_name=named,
        subject=entry.subject,
    )


def _in_order(dataset: ClipDataset, store: PoseStore, suspects: set[str]) -> Iterator[int]:
    """Clips that show somebody: the suspects, then class by class, round by round."""
    clips = np.flatnonzero(store.seen)
    names = dataset.names[clips].tolist()
    first = [clip for clip, name in zip(clips.tolist(), names, strict=True) if name in suspects]
    yield from first
    classes = [_varied(dataset, clips[dataset.labels[clips] == label].tolist())
               for label in np.unique(dataset.labels[clips])]  # fmt: skip
    rounds = max(OF_A_CLASS, _FEW // max(len(classes), 1))
    for place in range(rounds):
        for members in classes:
            if place < len(members) and members[place] not in first:
                yield members[place]


def _varied(dataset: ClipDataset, clips: list[int]) -> list[int]:
    """One clip of each person, then a second of each; which one is drawn blindly."""
    turns: collections.Counter[str] = collections.Counter()
    drawn = []
    for clip in np.random.default_rng(0).permutation(clips).tolist():
        subject = dataset.clips[clip].subject
        drawn.append((turns[subject], clip))
        turns[subject] += 1
    return [clip for _, clip in sorted(drawn, key=lambda entry: entry[0])]


def _suspects(summary: Mapping[str, Any]) -> list[str]:
    """Clips to look at first: contradicting labels, copies, joints that lie off, frozen bodies."""
    copies = summary["copies"]
    named = [
        entry[key]
        for entry in copies["label_conflicts"]["first"][:2]
        for key in ("first", "second")
    ]
    for split in copies["splits"].values():
        named += [entry[key] for entry in split["first"][:1] for key in ("train", "test")]
    for poses in summary["layouts"].values():
        flaws = poses["flaws"]
        named += [entry["clip"] for entry in flaws["outlier_joints"]["furthest"][:2]]
        named += flaws["frozen_clips"]["first"][:2]
    return list(dict.fromkeys(named))[:_SUSPECTS]
