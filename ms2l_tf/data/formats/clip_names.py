"""Names and labels of clips that are files of their own, each."""

from __future__ import annotations

import collections
import posixpath
import re
from collections.abc import Mapping, Sequence

_FRAME = re.compile(r"(.*?)[_.-]?(\d{1,15})")


def clip_names(files: Sequence[str]) -> dict[str, str]:
    """The name of a clip by its file: the file's without its ending.

    Where two files share it, it is the path of each below the source, without the ending; and with
    it, where even these are the same.
    """
    stems = {file: posixpath.splitext(file)[0] for file in files}
    bases = collections.Counter(posixpath.basename(stem) for stem in stems.values())
    paths = collections.Counter(stems.values())
    return {
        file: file
        if paths[stem] > 1
        else (stem if bases[posixpath.basename(stem)] > 1 else posixpath.basename(stem))
        for file, stem in stems.items()
    }


def folder_labels(files: Sequence[str]) -> Mapping[str, str]:
    """The label of a file, the name of its folder; empty if all lie in one, or in the source."""
    folders = {file: posixpath.basename(posixpath.dirname(file)) for file in files}
    several = len({posixpath.dirname(file) for file in files}) > 1
    return {file: folder if several else "" for file, folder in folders.items()}


def numbered_frame(name: str) -> tuple[str, int] | None:
    """What the name of a frame's file is in front of its number, and the number; None without one.

    Such as ("walk", 12) of "walk_000000000012.jpg", "walk.12" or "walk0012", and ("", 12) of "12".
    """
    match = _FRAME.fullmatch(posixpath.splitext(posixpath.basename(name))[0])
    if match is None:
        return None
    return posixpath.join(posixpath.dirname(name), match[1]), int(match[2])
