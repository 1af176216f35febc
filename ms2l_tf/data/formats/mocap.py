"""What the readers of motion-capture text files share."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterator, Sequence

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout

_SHOWN = 40  # characters of a file's content that an error message repeats


def entries_with_suffix(files: SourceFiles, suffix: str) -> list[str]:
    """The files `*.suffix` by name, wherever they lie; hidden twins `._x` of a Mac are left out."""
    entries = [name for name in files.names if name.endswith(suffix)]
    entries = [name for name in entries if not posixpath.basename(name).startswith(".")]
    if not entries:
        raise InputError(f"{files.path}: holds no {suffix} file; name the folder as published")
    return sorted(entries, key=posixpath.basename)


def read_text(files: SourceFiles, entry: str) -> str:
    """A text file; what is no text shows up as a word that nothing expects."""
    return files.read(entry).decode("utf-8", errors="replace")


def content_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number (from 1) and words of the lines that hold more than blanks and a # comment."""
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if words and not words[0].startswith("#"):
            yield number, words


def parse_numbers(words: Sequence[str], place: str) -> list[float]:
    """Finite numbers.

    Args:
        words: as they stand in the file.
        place: file and line, for the error.

    Raises:
        InputError: a word that is no number, or is NaN or infinite.
    """
    try:
        numbers = list(map(float, words))
    except ValueError:
        bad = next(word for word in words if not _is_number(word))
        raise InputError(f"{place}: {shorten(bad)} is not a number") from None
    if not all(map(math.isfinite, numbers)):
        bad = next(word for word in words if not math.isfinite(float(word)))
        raise InputError(f"{place}: {shorten(bad)} is not a finite number")
    return numbers


def shorten(word: str) -> str:
    """A word of a file in quotes, safe to print."""
    return repr(word if len(word) <= _SHOWN else word[:_SHOWN] + "...")


def check_joints(joints: Sequence[str], layout: str, where: str) -> None:
    """Refuses a file whose joints aren't those of a packaged layout, in its order."""
    expected = load_layout(layout).joints
    if tuple(joints) == expected:
        return
    for kind, names in (
        ("lacks the joint", [name for name in expected if name not in joints]),
        ("has the joint", [name for name in joints if name not in expected]),
    ):
        if names:
            raise InputError(f"{where}: {kind} {shorten(names[0])}, unlike the layout {layout}")
    raise InputError(f"{where}: has the joints of the layout {layout} in another order")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
