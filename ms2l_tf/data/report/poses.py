"""Poses in one layout: lengths, gaps and outliers by joint, clips that look wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ms2l_tf.data.report.copies import named_clip
from ms2l_tf.data.report.sample import Sample
from ms2l_tf.pages.charts import counted, histogram
from ms2l_tf.pages.elements import Html, beside, facts, joined, note, table

_SHOWN = 10  # clips that a list names


def poses_section(poses: Mapping[str, Any], sample: Sample) -> list[Html]:
    """Everything on one layout."""
    return [
        beside(facts(_described(poses)), _lengths(poses)),
        beside(*_extremes(poses, sample)),
        beside(*_by_joint(poses)),
        *_furthest(poses["flaws"], sample),
        _flawed(poses, sample),
    ]


def _described(poses: Mapping[str, Any]) -> dict[str, str]:
    axes, defects = poses["axes"], poses["frames_by_defect"]
    extents = poses["flaws"]["extents"]
    lengths = poses["lengths"]
    return {
        "Clips": f"{poses['clips']:,}",
        "Frames": f"{poses['frames']:,} at {poses['frame_rate']:g} a second",
        "Frames a clip": f"{lengths['min']:,} to {lengths['max']:,}, median {lengths['median']:g}",
        "Joints": f"{poses['joints']}, {poses['coords']} coordinates"
        + (" and a confidence" if poses["confidence"] else ""),
        "Persons": f"up to {poses['persons']}",
        "Axes": "x right, y down"
        if axes is None
        else f"up {axes['up']}, camera looks along {axes['forward']}, {axes['handedness']}-handed",
        f"Extents ({poses['unit']})": ", ".join(
            f"{e['axis']} {e['min']:.4g} to {e['max']:.4g}" for e in extents
        )
        or "nothing is seen",
        "Blank frames": f"{defects['blank']:,}",
        "With missing joints": f"{defects['with_missing_joints']:,} frames",
        "With joints at zero": f"{defects['with_joints_at_zero']:,} frames",
        "Like the one before": f"{defects['repeated']:,} frames",
    }


def _lengths(poses: Mapping[str, Any]) -> Html:
    columns = poses["length_histogram"]
    return histogram("Clips by length in frames", columns["edges"], columns["counts"], "frames")


def _extremes(poses: Mapping[str, Any], sample: Sample) -> list[Html]:
    return [
        table(
            f"The {kind} clips",
            ("clip", "frames"),
            [(named_clip(one["clip"], sample), f"{one['frames']:,}") for one in poses[kind]],
            numbers=(1,),
        )
        for kind in ("shortest", "longest")
    ]


def _by_joint(poses: Mapping[str, Any]) -> list[Html]:
    outliers = poses["flaws"]["outlier_joints"]
    beyond = f"{outliers['beyond_torso_lengths']:g} torso lengths"
    parts = []
    for counts, caption, none in (
        (
            poses["missing_by_joint"],
            f"Missing joints (of {poses['frames_of_persons']:,} frames of persons)",
            "No joint of a person who is present is missing.",
        ),
        (
            outliers["by_joint"],
            f"Joints more than {beyond} from their body",
            f"No joint lies more than {beyond} from its body.",
        ),
    ):
        ordered = dict(sorted(counts.items(), key=lambda pair: -pair[1]))
        parts.append(counted(caption, "joint", ordered, "frames") if ordered else note(none))
    return parts


def _furthest(flaws: Mapping[str, Any], sample: Sample) -> list[Html]:
    rows = [
        (named_clip(e["clip"], sample), e["joint"], e["frame"], f"{e['torso_lengths']:,.1f}")
        for e in flaws["outlier_joints"]["furthest"][:_SHOWN]
    ]
    head = ("clip", "joint", "frame", "torso lengths")
    return [table("The furthest joints", head, rows, numbers=(2, 3))] if rows else []


def _flawed(poses: Mapping[str, Any], sample: Sample) -> Html:
    flaws = poses["flaws"]
    kinds = {
        "blank: no joint of anyone": flaws["blank_clips"],
        "frozen: several frames, nobody moves": flaws["frozen_clips"],
        "of one frame": poses["clips_of_one_frame"],
        "a person whose joints are all zero": flaws["clips_with_zero_persons"],
        "a torso of length zero": flaws["clips_without_torso_length"],
        "groups with identical poses": flaws["duplicate_clips"],
    }
    rows = [
        (kind, f"{found['count']:,}", _listed(found["first"], found["count"], sample))
        for kind, found in kinds.items()
    ]
    return table("Clips that look wrong", ("what", "clips", "which"), rows, numbers=(1,))


def _listed(first: Sequence[Any], count: int, sample: Sample) -> Html:
    """The first of them; a group of copies is joined by equal signs."""
    named = [
        " = ".join(entry["clips"][:_SHOWN]) if isinstance(entry, Mapping)
        else named_clip(entry, sample)
        for entry in first[:_SHOWN]
    ]  # fmt: skip
    apart = [part for words in named for part in (", ", words)][1:]
    return joined((*apart, ", ..." if count > len(named) else ""))
