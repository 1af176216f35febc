"""`merge`: the clips of several datasets as one."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

from ms2l_tf.data.formats.base import DatasetHeader, PoseHeader
from ms2l_tf.data.operations.alike import Conversion, conversion
from ms2l_tf.data.operations.stream import ClipStream
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError

_TAGS = ("subject", "camera", "setup", "group")


def merge(streams: Sequence[ClipStream]) -> ClipStream:
    """One stream of all clips, in the order of the streams.

    Poses come in the unit, axes and frame rate of the first stream that has their layout; at least
    one layout must be in all of them.
    Classes of one name are one class. Splits of one name are joined. Clips of the same name get
    the name of their dataset as a prefix; so do subjects, cameras, setups and groups that datasets
    of different names share, since these are not the same.

    Raises:
        InputError: there are fewer than two, no layout is in all of them, or poses of one layout
            cannot be made alike.
    """
    if len(streams) < 2:
        raise InputError("--merge: name two dataset folders at least, separated by commas")
    titles = _titles(streams)
    poses, conversions, told = _layouts(streams, titles)
    names = tuple(dict.fromkeys(name for s in streams for name in s.header.label_names))
    renamed = [_rows(streams, number, titles, names) for number in range(len(streams))]
    starts = [0]
    for stream in streams:
        starts.append(starts[-1] + len(stream.clips))

    def read(index: int) -> dict[str, ClipPoses]:
        number = next(n for n, end in enumerate(starts[1:]) if index < end)
        own = streams[number].read(index - starts[number])
        return {
            header.layout: _converted(own[header.layout], header, conversions[number])
            for header in poses
            if header.layout in own
        }

    header = DatasetHeader(
        name="+".join(dict.fromkeys(stream.header.name for stream in streams)),
        label_names=names,
        source=_joined([stream.header.source for stream in streams]),
        licence=_joined([stream.header.licence for stream in streams]),
        poses=poses,
    )
    clips = tuple(clip for rows in renamed for clip in rows)
    counts = ", ".join(
        f"{len(stream.clips)} of {title}" for stream, title in zip(streams, titles, strict=True)
    )
    lines = [line for stream in streams for line in stream.done]
    lines += [f"--merge: {counts}", *told, *_prefixed(streams, renamed)]
    return ClipStream(header, clips, read, _splits(streams, renamed), tuple(lines))


def _titles(streams: Sequence[ClipStream]) -> list[str]:
    """What tells the datasets apart in names: theirs, with a number where it repeats."""
    names = [stream.header.name for stream in streams]
    return [
        name if names.count(name) == 1 else f"{name}{names[:number].count(name) + 1}"
        for number, name in enumerate(names)
    ]


def _layouts(
    streams: Sequence[ClipStream], titles: Sequence[str]
) -> tuple[tuple[PoseHeader, ...], list[dict[str, Conversion]], list[str]]:
    """All layouts, what makes the poses of each stream alike, and lines about them."""
    own = [{poses.layout: poses for poses in stream.header.poses} for stream in streams]
    names = list(dict.fromkeys(layout for layouts in own for layout in layouts))
    partial = [name for name in names if not all(name in layouts for layouts in own)]
    if partial == names:
        told = "; ".join(
            f"{title} has {', '.join(layouts)}" for title, layouts in zip(titles, own, strict=True)
        )
        raise InputError(f"--merge: no layout is in all datasets ({told}); name one with --derive")
    headers = [_common([layouts[name] for layouts in own if name in layouts]) for name in names]
    conversions = [
        {
            poses.layout: conversion(layouts[poses.layout], poses, f"--merge: {title}")
            for poses in headers
            if poses.layout in layouts
        }
        for title, layouts in zip(titles, own, strict=True)
    ]
    lines = [f"--merge: only some datasets have {', '.join(partial)}"] if partial else []
    lines += [
        f"--merge: {poses.layout} comes without confidence, which not all have"
        for poses in headers
        if not poses.confidence
        and any(layouts[poses.layout].confidence for layouts in own if poses.layout in layouts)
    ]
    return tuple(headers), conversions, lines


def _common(headers: Sequence[PoseHeader]) -> PoseHeader:
    """The first one, with room for the persons of all and confidence if all have it."""
    return dataclasses.replace(
        headers[0],
        num_persons=max(poses.num_persons for poses in headers),
        confidence=all(poses.confidence for poses in headers),
    )


def _converted(
    poses: ClipPoses, header: PoseHeader, conversions: dict[str, Conversion]
) -> ClipPoses:
    converted = conversions[header.layout].apply(poses)
    return converted if header.confidence else dataclasses.replace(converted, confidence=None)


def _rows(
    streams: Sequence[ClipStream], number: int, titles: Sequence[str], names: Sequence[str]
) -> list[Clip]:
    """The rows of one stream, with the labels of all and no name that means something else."""
    stream = streams[number]
    others = [other for index, other in enumerate(streams) if index != number]
    taken = {clip.name for other in others for clip in other.clips}
    strangers = [other for other in others if other.header.name != stream.header.name]
    shared = {tag: _values(strangers, tag) & _values([stream], tag) for tag in _TAGS}
    rows = []
    for clip in stream.clips:
        changes: dict[str, str] = {
            tag: f"{titles[number]}_{value}"
            for tag in _TAGS
            if (value := getattr(clip, tag)) in shared[tag]
        }
        if clip.name in taken:
            changes["name"] = f"{titles[number]}_{clip.name}"
        label = names.index(stream.header.label_names[clip.label]) if clip.label >= 0 else -1
        rows.append(dataclasses.replace(clip, label=label, **changes))  # type: ignore[arg-type]
    return rows


def _values(streams: Sequence[ClipStream], tag: str) -> set[str]:
    return {getattr(clip, tag) for stream in streams for clip in stream.clips} - {""}


def _splits(
    streams: Sequence[ClipStream], renamed: Sequence[Sequence[Clip]]
) -> tuple[SplitNames, ...]:
    joined: dict[str, SplitNames] = {}
    for stream, rows in zip(streams, renamed, strict=True):
        new = {old.name: row.name for old, row in zip(stream.clips, rows, strict=True)}
        for split in stream.splits:
            before = joined.get(split.name, SplitNames(split.name, (), (), split.description))
            joined[split.name] = dataclasses.replace(
                before,
                train=(*before.train, *(new[name] for name in split.train)),
                test=(*before.test, *(new[name] for name in split.test)),
            )
    return tuple(joined.values())


def _prefixed(streams: Sequence[ClipStream], renamed: Sequence[Sequence[Clip]]) -> list[str]:
    counts: collections.Counter[str] = collections.Counter()
    for stream, rows in zip(streams, renamed, strict=True):
        for old, new in zip(stream.clips, rows, strict=True):
            counts.update(tag for tag in ("name", *_TAGS) if getattr(old, tag) != getattr(new, tag))
    return [
        f"--merge: the {tag} of {count} clips is in several datasets and got a prefix"
        for tag, count in counts.items()
    ]


def _joined(texts: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))
