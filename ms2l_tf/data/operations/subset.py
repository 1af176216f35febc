"""`subset`: some of the clips, by a split, a class, who and what is seen, or a list."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

from ms2l_tf.data.clip_dataset import Clip
from ms2l_tf.data.operations.stream import ClipStream, selected
from ms2l_tf.data.operations.user_tables import known
from ms2l_tf.errors import InputError
from ms2l_tf.files import read_text

FIELDS = ("subject", "camera", "setup", "group")
USAGE = "split:NAME:train, label:A,B, subject:A,B (camera, setup, group) or file:FILE"


def subset(stream: ClipStream, wanted: str) -> ClipStream:
    """Clips of a kind, in their order.

    Splits lose the other clips. `label:` leaves the named classes alone, numbered in their old
    order; otherwise classes stay as they are.

    Args:
        stream: the clips.
        wanted: see `USAGE`; `split:NAME` alone is both sides, a file lists a clip a line.

    Raises:
        InputError: `wanted` cannot be read, names what there is not, or leaves no clip.
    """
    kind, _, rest = wanted.partition(":")
    where = f"--subset={wanted}"
    if not rest or kind not in ("split", "label", "file", *FIELDS):
        raise InputError(f"{where}: use {USAGE}")
    if kind == "label":
        return _of_classes(stream, rest.split(","), where)
    choose = {"split": _of_split, "file": _of_file}.get(kind)
    keep = choose(stream, rest, where) if choose else _of_field(stream, kind, rest, where)
    return _kept(stream, keep, where)


def _kept(stream: ClipStream, keep: Callable[[Clip], bool], where: str) -> ClipStream:
    indices = [index for index, clip in enumerate(stream.clips) if keep(clip)]
    return selected(stream, indices, f"{where}: {len(indices)} of {len(stream.clips)} clips")


def _of_classes(stream: ClipStream, names: list[str], where: str) -> ClipStream:
    old = stream.header.label_names
    chosen = {known(name, old, "class", where) for name in names}
    kept = [name for name in old if name in chosen]
    number = {old.index(name): label for label, name in enumerate(kept)}
    few = _kept(stream, lambda clip: clip.label in number, where)
    clips = tuple(dataclasses.replace(clip, label=number[clip.label]) for clip in few.clips)
    header = dataclasses.replace(stream.header, label_names=tuple(kept))
    return dataclasses.replace(few, clips=clips, header=header)


def _of_split(stream: ClipStream, rest: str, where: str) -> Callable[[Clip], bool]:
    name, _, side = rest.partition(":")
    splits = {split.name: split for split in stream.splits}
    split = splits[known(name, splits, "split", where)]
    if side not in ("", "train", "test"):
        raise InputError(f"{where}: {side!r} is no side of a split; write train or test")
    members = {*(split.train if side != "test" else ()), *(split.test if side != "train" else ())}
    return lambda clip: clip.name in members


def _of_file(stream: ClipStream, path: str, where: str) -> Callable[[Clip], bool]:
    lines = read_text(pathlib.Path(path)).split("\n")
    names = {clip.name for clip in stream.clips}
    listed = {
        known(line.strip(), names, "clip", f"{where}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    }
    return lambda clip: clip.name in listed


def _of_field(stream: ClipStream, field: str, rest: str, where: str) -> Callable[[Clip], bool]:
    there = {getattr(clip, field) for clip in stream.clips} - {""}
    values = {known(value, there, field, where) for value in rest.split(",")}
    return lambda clip: getattr(clip, field) in values
