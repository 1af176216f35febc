"""What copies do to a dataset: test clips that were trained on, and labels that contradict."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.flaws import Listing
from ms2l_tf.data.near_copies import SAME, SHARED, CopyGroups, find_copies
from ms2l_tf.data.splits import Split


def find_leaks(
    dataset: ClipDataset, progress: Callable[[], object] | None = None
) -> dict[str, Any]:
    """Copies across the sides of every split, and copies with different labels, as plain data.

    They are looked for in the layout that most clips have poses in (of several the one with most
    joints): poses that were mapped to another layout are copies there as well. `progress` is called
    for each clip.
    """
    stores = {name: dataset.poses(name) for name in dataset.layouts}
    layout = max(stores, key=lambda name: (stores[name].seen.sum(), stores[name].layout.num_joints))
    copies = _Copies(dataset, find_copies(stores[layout], progress))
    return {
        "layout": layout,
        "same_frame_within": SAME,
        "least_share": SHARED,
        "pairs_left_out": copies.found.left_out,
        "near_pairs": len(copies.found.pairs),
        "splits": {name: copies.across(dataset.split(name)) for name in dataset.split_names},
        "label_conflicts": dataclasses.asdict(copies.conflicts()),
    }


def describe_leaks(leaks: Mapping[str, Any]) -> list[str]:
    """Lines for the terminal; none where nothing was found."""
    lines = []
    for name, split in leaks["splits"].items():
        identical, near = (
            split["test_clips_with_identical_copy"],
            split["test_clips_with_near_copy"],
        )
        if identical or near:
            lines.append(
                f"  {name}: {identical + near} test clips share frames with training clips "
                f"({identical} of them are identical), which inflates accuracy"
            )
    conflicts = leaks["label_conflicts"]
    if conflicts["count"]:
        first = conflicts["first"][0]
        lines.append(
            f"  {conflicts['count']} pairs of clips share frames and differ in their labels: "
            f"{first['first']} ({first['first_label']}) and {first['second']} "
            f"({first['second_label']})" + (", ..." if conflicts["count"] > 1 else "")
        )
    if leaks["pairs_left_out"]:
        lines.append(f"  {leaks['pairs_left_out']} pairs of similar clips were not compared")
    return ["", "copies", *lines] if lines else []


class _Copies:
    """The copies of a dataset, by clip."""

    def __init__(self, dataset: ClipDataset, found: CopyGroups) -> None:
        self.found, self._dataset = found, dataset
        self._members = self._grouped(np.arange(len(dataset)))
        self._near: dict[int, list[tuple[float, int]]] = collections.defaultdict(list)
        for first, second, shared in found.pairs:
            self._near[first].append((shared, second))
            self._near[second].append((shared, first))

    def _grouped(self, clips: npt.NDArray[np.integer]) -> dict[int, list[int]]:
        """The clips that show somebody, by their group of identical poses."""
        members: dict[int, list[int]] = collections.defaultdict(list)
        for clip in clips[self.found.groups[clips] >= 0].tolist():
            members[int(self.found.groups[clip])].append(clip)
        return members

    def across(self, split: Split) -> dict[str, Any]:
        """Test clips that have a copy in training, all training clips they share with, examples."""
        trained = self._grouped(split.train)
        counts: collections.Counter[bool] = collections.Counter()
        touched, examples = set[int](), Listing()
        for clip in split.test.tolist():
            group = int(self.found.groups[clip])
            partners = [(1.0, group)] if group in trained else []
            partners += sorted(near for near in self._near[group] if near[1] in trained)[::-1]
            if not partners:
                continue
            shared, partner = partners[0]
            same, original = partner == group, trained[partner][0]
            counts[same] += 1
            touched.update(other for _, other in partners)
            examples.add(self._pair(original, clip, shared, ("train", "test"), same))
        clips = [clip for group in sorted(touched) for clip in trained[group]]
        return {
            "test_clips_with_identical_copy": counts[True],
            "test_clips_with_near_copy": counts[False],
            "training_clips": self._dataset.names[clips].tolist() if clips else [],
            "first": examples.first,
        }

    def conflicts(self) -> Listing:
        """Pairs of clips with copied frames and different labels."""
        listing = Listing()
        for first, second, shared, identical in self._differing():
            listing.add(self._pair(first, second, shared, ("first", "second"), identical))
        return listing

    def _differing(self) -> Iterator[tuple[int, int, float, bool]]:
        for members in self._members.values():
            labelled = self._by_label(members)
            yield from ((labelled[0], other, 1.0, True) for other in labelled[1:])
        for first, second, shared in sorted(self.found.pairs, key=lambda pair: -pair.shared):
            for one in self._by_label(self._members[first]):
                for other in self._by_label(self._members[second]):
                    if self._dataset.labels[one] != self._dataset.labels[other]:
                        yield one, other, shared, False

    def _by_label(self, members: list[int]) -> list[int]:
        """The first clip of each label; the unlabelled contradict nobody."""
        firsts: dict[int, int] = {}
        for clip in members:
            firsts.setdefault(int(self._dataset.labels[clip]), clip)
        return [clip for label, clip in firsts.items() if label >= 0]

    def _pair(
        self, one: int, other: int, shared: float, keys: tuple[str, str], identical: bool
    ) -> dict[str, Any]:
        described: dict[str, Any] = {"shared": round(shared, 3), "identical": identical}
        for key, clip in zip(keys, (one, other), strict=True):
            label = int(self._dataset.labels[clip])
            named = self._dataset.label_names[label] if label >= 0 else None
            described |= {key: str(self._dataset.names[clip]), f"{key}_label": named}
        return described
