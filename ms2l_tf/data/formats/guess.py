"""What a source holds, in words, and what to do about it: for those whose ``--format`` fails."""

from __future__ import annotations

import collections
import os
import pathlib
import posixpath
import shlex
from collections.abc import Sequence

from ms2l_tf.data.archives import SourceFiles, open_source
from ms2l_tf.data.formats import FORMATS, ReaderOptions
from ms2l_tf.data.formats.file_kinds import HEAD_BYTES, FileKind, Sample, kind_of
from ms2l_tf.errors import InputError

_SAMPLES = 5  # files of one suffix that are looked into
_DATASET = ("dataset.json", "clips.csv")


def describe_source(path: str | os.PathLike[str], format_name: str = "") -> str:
    """What the folder, archive or single file holds and what reads it, to follow "it ".

    Args:
        path: of the source.
        format_name: the value of ``--format`` that does not read it.

    Returns:
        Such as "holds 12 NTU RGB+D .skeleton files, which ..."; empty: nothing there can be told.
    """
    source = pathlib.Path(path)
    try:
        with open_source(source) as files:
            return describe_files(files, format_name)
    except InputError:
        return _describe_file(source) if source.is_file() else ""


def describe_files(files: SourceFiles, format_name: str = "") -> str:
    """As `describe_source`, of an open source."""
    names = [name for name in files.names if not _is_hidden(name)]
    folder = next((posixpath.dirname(name) for name in names if _is_dataset(name, names)), None)
    if folder is not None:
        place = shlex.quote(str(files.path / folder))
        return f"holds a prepared dataset: train on it with --data={place}"
    counts: collections.Counter[FileKind] = collections.Counter()
    examples: dict[FileKind, list[str]] = {}
    for suffix, of_suffix in _by_suffix(names).items():
        kind = _kind_of_files(files, suffix, of_suffix)
        if kind is not None:
            counts[kind] += len(of_suffix)
            examples.setdefault(kind, []).extend(of_suffix)
    if not counts:
        return ""
    (kind, count), *others = counts.most_common()
    what = f"holds {_counted(kind, count)}"
    if others:
        what += f" (and {', '.join(_counted(other, number) for other, number in others)})"
    for reader in filter(None, (kind.reader, kind.general)):
        if _is_published(files, reader, examples[kind]):
            return "" if reader == format_name else f"{what}; --format={reader} reads them"
    return f"{what}, which this package cannot read yet: {kind.advice}"


def _counted(kind: FileKind, count: int) -> str:
    return f"{count} {kind.name} file{'s' if count > 1 else ''}"


def _describe_file(path: pathlib.Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return ""
    kind = kind_of(Sample(_suffix(path.name), head))
    if kind is None:
        return ""
    if kind.reader:
        return f"is one {kind.name} file; name the folder that holds all of them"
    return f"is one {kind.name} file, which this package cannot read yet: {kind.advice}"


def _kind_of_files(files: SourceFiles, suffix: str, names: Sequence[str]) -> FileKind | None:
    """What most of a few files of one suffix are."""
    step = -(-len(names) // _SAMPLES)
    kinds: collections.Counter[FileKind | None] = collections.Counter()
    for name in names[::step]:
        try:
            kinds[kind_of(Sample(suffix, files.head(name, HEAD_BYTES)))] += 1
        except InputError:  # damage is told by whoever reads the file for good
            continue
    return kinds.most_common(1)[0][0] if kinds else None


def _is_published(files: SourceFiles, format_name: str, names: Sequence[str]) -> bool:
    """Whether a reader knows one of the files by its name."""
    reader = FORMATS[format_name](files, ReaderOptions())
    return any(reader.knows(name) for name in names)


def _by_suffix(names: Sequence[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_suffix(name), []).append(name)
    return groups


def _suffix(name: str) -> str:
    return posixpath.splitext(name)[1].lower().removeprefix(".")


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _is_dataset(name: str, names: Sequence[str]) -> bool:
    folder, base = posixpath.split(name)
    return base == _DATASET[0] and posixpath.join(folder, _DATASET[1]) in names
