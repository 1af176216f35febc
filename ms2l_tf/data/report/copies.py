"""Clips that share frames: across the sides of every split, and under different labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ms2l_tf.data.flaws import LISTED
from ms2l_tf.data.report.sample import Sample
from ms2l_tf.pages.elements import Html, element, joined, note, table
from ms2l_tf.pages.viewer import show_button


def copies_section(summary: Mapping[str, Any], sample: Sample) -> list[Html]:
    """The rule, a table of the splits, examples, label conflicts."""
    copies = summary["copies"]
    return [
        note(_rule(copies)),
        *_across(copies["splits"], summary["splits"], sample),
        *_conflicts(copies["label_conflicts"], sample),
    ]


def named_clip(name: str, sample: Sample) -> Html:
    """The name, and a button where the page holds the clip."""
    number = sample.numbers.get(name)
    return joined((name, "" if number is None else show_button(number, name)))


def _rule(copies: Mapping[str, Any]) -> str:
    rule = (
        f"Clips of {copies['layout']} were compared frame by frame, by the first person seen, each "
        "frame moved to the middle of its joints and divided by its size, so that copies are found "
        "which were cut, moved, resized, rounded or sampled anew. Frames are the same if their "
        f"joints differ by at most {copies['same_frame_within']:.1%} of the body's size (root mean "
        f"square). Clips are near copies if at least {copies['least_share']:.0%} of the frames of "
        "the shorter are in the other; in identical ones every number is the same. Frames that "
        "were turned are not recognised."
    )
    if copies["pairs_left_out"]:
        rule += f" {copies['pairs_left_out']:,} pairs of similar clips were too many to compare."
    return rule


def _across(leaks: Mapping[str, Any], sizes: Mapping[str, Any], sample: Sample) -> list[Html]:
    if not leaks:
        return []
    rows, worst = [], 0
    for name, leak in leaks.items():
        identical, near = leak["test_clips_with_identical_copy"], leak["test_clips_with_near_copy"]
        part = (identical + near) / max(sizes[name]["test"], 1)
        worst = max(worst, identical + near)
        concerned = f"{len(leak['training_clips']):,}"
        rows.append((name, f"{identical:,}", f"{near:,}", f"{part:.1%}", concerned))
    head = ("split", "identical", "near", "of the test clips", "training clips concerned")
    listed = table("Test clips with a copy among the training clips", head, rows,
                   numbers=(1, 2, 3, 4))  # fmt: skip
    if not worst:
        return [note("No test clip of any split shares frames with a training clip."), listed]
    alarm = (
        "Test clips with a copy in training are known by heart: accuracies of such splits are too "
        "high. Leave those training clips out."
    )
    examples = [
        _pairs(f"Copies in {name} (the first {len(leak['first'])})", ("train", "test"),
               leak["first"], sample)
        for name, leak in leaks.items()
        if leak["first"]
    ]  # fmt: skip
    return [note(alarm, alarm=True), listed, _folded("Which clips", examples)]


def _conflicts(conflicts: Mapping[str, Any], sample: Sample) -> list[Html]:
    if not conflicts["count"]:
        return [note("No clips that share frames differ in their labels.")]
    count, first = conflicts["count"], conflicts["first"]
    words = "One pair of clips shares" if count == 1 else f"{count:,} pairs of clips share"
    title = "Different labels" + (f" (the first {LISTED})" if count > LISTED else "")
    return [
        note(f"{words} frames and differ in their labels: one label is wrong, or both actions are "
             "in the frames.", alarm=True),
        _pairs(title, ("first", "second"), first, sample),
    ]  # fmt: skip


def _pairs(
    caption: str, keys: tuple[str, str], pairs: Sequence[Mapping[str, Any]], sample: Sample
) -> Html:
    titles = {"train": "training clip", "test": "test clip", "first": "clip", "second": "and clip"}
    rows = [
        [
            *(_labelled(pair, key, sample) for key in keys),
            "identical" if pair["identical"] else f"{pair['shared']:.0%} of the frames",
        ]
        for pair in pairs
    ]
    return table(caption, [*(titles[key] for key in keys), "shared"], rows)


def _labelled(pair: Mapping[str, Any], key: str, sample: Sample) -> Html:
    label = pair[f"{key}_label"]
    words = element("span", "unlabelled" if label is None else label, class_="note")
    return joined((named_clip(pair[key], sample), " ", words))


def _folded(title: str, content: Sequence[Html]) -> Html:
    return element("details", element("summary", title), *content)
