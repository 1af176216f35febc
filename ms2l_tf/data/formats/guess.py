"""What a source holds and what reads it, for ``--format=auto`` and where another one fails."""

from __future__ import annotations

import collections
import os
import posixpath
import shlex
from collections.abc import Mapping, Sequence

from ms2l_tf.data.archives import SourceFiles, open_source
from ms2l_tf.data.formats import FORMATS, ReaderOptions
from ms2l_tf.data.formats.base import DEFAULTS
from ms2l_tf.data.formats.file_kinds import HEAD_BYTES, FileKind, Sample, kind_of
from ms2l_tf.errors import InputError

AUTO = "auto"  # the value of ``--format`` that goes by what a source holds
_BESIDE = 0.05  # of a format's files; so many of other formats may lie beside them
_SAMPLES = 5  # files of one suffix that are looked into
_DATASET = ("dataset.json", "clips.csv")


def describe_source(path: str | os.PathLike[str], format_name: str = "") -> str:
    """What the folder, archive or single file holds and what reads it, to follow "it ".

    Args:
        path: of the source.
        format_name: the value of ``--format`` that does not read it.

    Returns:
        Such as "holds 12 C3D motion-capture files, which ..."; empty: nothing there can be told.
    """
    try:
        with open_source(path) as files:
            return describe_files(files, format_name)
    except InputError:
        return ""


def describe_files(files: SourceFiles, format_name: str = "") -> str:
    """As `describe_source`, of an open source."""
    folder = _dataset_folder(files)
    if folder is not None:
        place = shlex.quote(str(files.path / folder))
        return f"holds a prepared dataset: train on it with --data={place}"
    kinds = _kinds(files)
    if not kinds:
        return ""
    what, formats = f"holds {_listed(kinds)}", _formats(files, kinds, DEFAULTS)
    if not formats:
        return f"{what}, which this package cannot read yet: {next(iter(kinds)).advice}"
    best = max(formats, key=formats.__getitem__)
    if best == format_name:
        return ""
    return f"{what}; --format={best} reads them"


def recognised(files: SourceFiles, options: ReaderOptions = DEFAULTS) -> tuple[str, str]:
    """The format that reads a source, and a line on what was seen.

    Files of other formats may lie beside: not more than one in twenty, such as a list of labels.

    Raises:
        InputError: nothing reads what the source holds, or several formats share it.
    """
    kinds = {} if _dataset_folder(files) is not None else _kinds(files)
    formats = _formats(files, kinds, options)
    if not formats:
        held = describe_files(files) or "holds nothing that looks like skeletons"
        raise InputError(f"{files.path}: {held}; --format reads {', '.join(FORMATS)}")
    (best, count), *others = sorted(formats.items(), key=lambda entry: -entry[1])
    if sum(number for _, number in others) > _BESIDE * count:
        flags = ", ".join(f"--format={name} ({number})" for name, number in formats.items())
        raise InputError(
            f"{files.path}: holds {_listed(kinds)}, read by {flags}; name one of them, or a folder "
            "of one format"
        )
    return best, f"holds {_listed(kinds)}: --format={best}"


def _kinds(files: SourceFiles) -> dict[FileKind, list[str]]:
    """Kinds of files with the names of these, the most frequent first."""
    kinds: dict[FileKind, list[str]] = {}
    for suffix, names in _by_suffix(files.names).items():
        kind = _kind_of_files(files, suffix, names)
        if kind is not None:
            kinds.setdefault(kind, []).extend(names)
    return dict(sorted(kinds.items(), key=lambda entry: -len(entry[1])))


def _formats(
    files: SourceFiles, kinds: Mapping[FileKind, Sequence[str]], options: ReaderOptions
) -> dict[str, int]:
    """The formats that read some of the files, and how many; none: most of the source has none."""
    counts: collections.Counter[str] = collections.Counter()
    for kind, names in kinds.items():
        for format_name in kind.reader.split():
            if _reads(files, format_name, names, options):
                counts[format_name] += len(names)
                break
    most = max(map(len, kinds.values()), default=0)
    return dict(counts) if max(counts.values(), default=0) >= most else {}


def _reads(
    files: SourceFiles, format_name: str, names: Sequence[str], options: ReaderOptions
) -> bool:
    """Whether a reader knows one of the files by its name, or finds several clips in one."""
    if format_name not in FORMATS:  # videos: nobody publishes their names
        return True
    try:
        reader = FORMATS[format_name](files, options)
    except InputError:  # it lacks an option, say, and is the one to tell
        return True
    if any(map(reader.knows, names)):
        return True
    try:
        of_files = {entry.partition("#")[0] for entry in reader.entries() if "#" in entry}
    except InputError:
        return False
    return not of_files.isdisjoint(names)


def _listed(kinds: Mapping[FileKind, Sequence[str]]) -> str:
    first, *others = (
        f"{len(names)} {kind.name} file{'s' if len(names) > 1 else ''}"
        for kind, names in kinds.items()
    )
    return first + (f" (and {', '.join(others)})" if others else "")


def _dataset_folder(files: SourceFiles) -> str | None:
    """Where a prepared dataset lies in the source, if one does."""
    names = files.names
    return next((posixpath.dirname(name) for name in names if _is_dataset(name, names)), None)


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


def _by_suffix(names: Sequence[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_suffix(name), []).append(name)
    return groups


def _suffix(name: str) -> str:
    return posixpath.splitext(name)[1].lower().removeprefix(".")


def _is_dataset(name: str, names: Sequence[str]) -> bool:
    folder, base = posixpath.split(name)
    return base == _DATASET[0] and posixpath.join(folder, _DATASET[1]) in names
