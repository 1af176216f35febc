"""What is in a dataset folder: counts, lengths and gaps, as numbers and as text."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.clip_lengths import summarise_lengths
from ms2l_tf.data.flaws import FlawFinder, by_joint
from ms2l_tf.data.leaks import describe_leaks, find_leaks
from ms2l_tf.data.pose_store import PoseStore, release

_CHUNK = 1 << 14  # frames read at a time, so that memory doesn't grow with the dataset
_CLIPS = 256  # and clips


def summarise(dataset: ClipDataset, progress: Callable[[], object] | None = None) -> dict[str, Any]:
    """Counts and defects of a dataset as plain data (what `inspect.json` holds).

    Args:
        dataset: to look at.
        progress: called `looks_at` times, as clips have been looked at.
    """
    return {
        "name": dataset.name,
        "source": dataset.source,
        "licence": dataset.licence,
        "fingerprint": dataset.fingerprint,
        "clips": len(dataset),
        "unlabelled": int((dataset.labels < 0).sum()),
        "by_class": {
            name: int((dataset.labels == label).sum())
            for label, name in enumerate(dataset.label_names)
        },
        "by_subject": _count(dataset.subjects),
        "by_camera": _count(dataset.cameras),
        "by_setup": _count(np.array([clip.setup for clip in dataset.clips])),
        "layouts": {
            layout: {
                **summarise_poses(dataset.poses(layout)),
                **summarise_lengths(dataset.poses(layout).lengths, dataset.names),
                "flaws": _find_flaws(dataset, layout, progress),
            }
            for layout in dataset.layouts
        },
        "splits": {name: _summarise_split(dataset, name) for name in dataset.split_names},
        "copies": find_leaks(dataset, progress),
    }


def looks_at(dataset: ClipDataset) -> int:
    """How many clips `summarise` looks at: all in each layout, and all again for copies."""
    return len(dataset) * (len(dataset.layouts) + 1)


def _find_flaws(
    dataset: ClipDataset, layout: str, progress: Callable[[], object] | None
) -> dict[str, Any]:
    """Extents, outliers, clips that are blank, frozen or copies, see `FlawFinder`."""
    store = dataset.poses(layout)
    finder = FlawFinder(store)
    for index, clip in enumerate(dataset.clips):
        finder.look_at(index, clip.name)
        if index % _CLIPS == 0:
            release(store.coords)
        if progress is not None:
            progress()
    return finder.to_json()


def summarise_poses(store: PoseStore) -> dict[str, Any]:
    """Shape, lengths and gaps of one layout.

    A blank frame has no joint of anyone. A frame with missing joints lacks some joint of someone
    who is present. A joint exactly at the origin is mostly a gap that somebody wrote as zeros.
    Repeated frames equal the one before in the same clip.
    """
    lengths = store.lengths[store.lengths > 0]
    starts = store.offsets[:-1][store.lengths > 0]
    counts = dict.fromkeys(("blank", "with_missing_joints", "with_joints_at_zero", "repeated"), 0)
    missing_by_joint = np.zeros(store.layout.num_joints, np.int64)
    frames = int(store.offsets[-1])
    for start in range(0, frames, _CHUNK):
        stop = min(start + _CHUNK, frames)
        coords = np.array(store.coords[start:stop])
        present = np.array(store.present[start:stop])
        gap = np.isnan(coords).any(axis=-1)
        missing = gap & present[..., np.newaxis]
        counts["blank"] += int(gap.all(axis=(1, 2)).sum())
        counts["with_missing_joints"] += int(missing.any(axis=(1, 2)).sum())
        counts["with_joints_at_zero"] += int((coords == 0).all(axis=-1).any(axis=(1, 2)).sum())
        counts["repeated"] += _count_repeated(store, start, stop, starts)
        missing_by_joint += missing.sum(axis=(0, 1))
        release(store.coords)
    return {
        "joints": store.layout.num_joints,
        "persons": store.num_persons,
        "coords": store.num_coords,
        "confidence": store.confidence is not None,
        "frame_rate": store.frame_rate,
        "unit": store.unit,
        "axes": None if store.axes is None else store.axes.to_json(),
        "clips": len(lengths),
        "one_frame_clips": int((lengths == 1).sum()),
        "lengths": {
            "min": int(lengths.min()),
            "median": float(np.median(lengths)),
            "max": int(lengths.max()),
        },
        "frames": frames,
        "frames_of_persons": int(store.present.sum()),
        "frames_by_defect": counts,
        "missing_by_joint": by_joint(store.layout, missing_by_joint),
    }


def _count_repeated(store: PoseStore, start: int, stop: int, starts: np.ndarray) -> int:
    """Frames in [start, stop) that equal their predecessor and don't begin a clip."""
    first = max(start, 1)
    now, before = store.coords[first:stop], store.coords[first - 1 : stop - 1]
    same = ((now == before) | (np.isnan(now) & np.isnan(before))).all(axis=(1, 2, 3))
    same[starts[(starts >= first) & (starts < stop)] - first] = False
    return int(same.sum())


def _count(values: np.ndarray) -> dict[str, int]:
    """How often each value occurs; numbers in numeric order, then the rest."""
    known, counts = np.unique(values, return_counts=True)
    pairs = [(str(value), int(count)) for value, count in zip(known, counts, strict=True)]
    return dict(
        sorted(pairs, key=lambda pair: (not pair[0].isdecimal(), pair[0].zfill(8), pair[0]))
    )


def _summarise_split(dataset: ClipDataset, name: str) -> dict[str, Any]:
    split = dataset.split(name)
    labels = range(len(dataset.label_names))
    seen = set(dataset.labels[split.train].tolist())
    return {
        "description": split.description,
        "train": len(split.train),
        "test": len(split.test),
        "classes_without_training_clip": [
            dataset.label_names[label] for label in labels if label not in seen
        ],
    }


def describe(summary: Mapping[str, Any]) -> str:
    """The summary as text for the terminal."""
    lines = [
        f"{summary['name']}: {summary['clips']} clips, {len(summary['by_class'])} classes, "
        f"{summary['unlabelled']} unlabelled",
        f"source: {summary['source']}",
        f"licence: {summary['licence']}",
        f"fingerprint: {summary['fingerprint'][:16]}",
    ]
    for title in ("class", "subject", "camera", "setup"):
        counts = summary[f"by_{title}"]
        if counts and set(counts) != {""}:
            lines += ["", f"clips by {title}", *_table(counts)]
    for layout, poses in summary["layouts"].items():
        lines += ["", *_describe_poses(layout, poses)]
    if summary["splits"]:
        lines += ["", "splits (training / test clips)"]
        sizes = {name: f"{s['train']} / {s['test']}" for name, s in summary["splits"].items()}
        lines += _table(sizes)
        for name, split in summary["splits"].items():
            if split["classes_without_training_clip"] and split["train"]:
                lines.append(f"  {name}: no training clip of some classes, see inspect.json")
    lines += describe_leaks(summary["copies"])
    return "\n".join(lines)


def _describe_poses(layout: str, poses: Mapping[str, Any]) -> list[str]:
    lengths, defects = poses["lengths"], poses["frames_by_defect"]
    lines = [
        f"poses in {layout}: {poses['joints']} joints, {poses['coords']} coordinates "
        f"({poses['unit']}), up to {poses['persons']} person(s), {poses['frame_rate']:g} frames/s",
        f"  {poses['clips']} clips of {lengths['min']} / {lengths['median']:g} / {lengths['max']} "
        f"frames (min / median / max), {poses['one_frame_clips']} of one frame, "
        f"{poses['frames']} frames in all",
        f"  frames: blank {defects['blank']}, missing joints {defects['with_missing_joints']}, "
        f"joints at zero {defects['with_joints_at_zero']}, repeated {defects['repeated']}",
    ]
    lines += _describe_flaws(poses["flaws"], poses["unit"])
    worst = sorted(poses["missing_by_joint"].items(), key=lambda pair: -pair[1])[:5]
    if worst:
        lines.append("  most often missing: " + ", ".join(f"{j} {n}" for j, n in worst))
    return lines


def _describe_flaws(flaws: Mapping[str, Any], unit: str) -> list[str]:
    texts = {
        "blank_clips": "blank clips (no joint of anyone)",
        "clips_with_zero_persons": "clips with a person whose joints are all zero",
        "clips_without_torso_length": "clips with a torso of length zero",
        "frozen_clips": "clips of several frames without any movement",
        "duplicate_clips": "groups of clips with identical poses",
    }
    ranges = [f"{e['axis']} {e['min']:.4g} to {e['max']:.4g}" for e in flaws["extents"]]
    lines = [f"  extents ({unit}): {', '.join(ranges) or 'nothing is seen'}"]
    for kind, text in texts.items():
        listing = flaws[kind]
        if listing["count"]:
            entries = [e if isinstance(e, str) else "=".join(e["clips"]) for e in listing["first"]]
            lines.append(f"  {listing['count']} {text}: {_few(entries, listing['count'])}")
    outliers = flaws["outlier_joints"]
    if outliers["count"]:
        places = [
            f"{e['clip']} {e['joint']} frame {e['frame']} ({e['torso_lengths']:g})"
            for e in outliers["furthest"]
        ]
        lines.append(
            f"  {outliers['count']} joints more than {outliers['beyond_torso_lengths']:g} torso "
            f"lengths from their body: {_few(places, outliers['count'])}"
        )
    return lines


def _few(entries: Sequence[str], count: int, shown: int = 3) -> str:
    return ", ".join(entries[:shown]) + (", ..." if count > shown else "")


def _table(counts: Mapping[str, Any]) -> list[str]:
    width = max(len(name) for name in counts)
    return [f"  {name or '(unknown)':<{width}}  {count}" for name, count in counts.items()]


def sheet_path(folder: pathlib.Path, layout: str) -> pathlib.Path:
    """Where the contact sheet of a layout goes."""
    return folder / f"contact_sheet_{layout}.png"
