"""Names and labels of clips that are files of their own, each."""

from __future__ import annotations

import collections
import posixpath
from collections.abc import Mapping, Sequence


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
