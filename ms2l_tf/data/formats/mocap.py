"""What the readers of text files, of motion capture above all, share."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterator, Sequence

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.errors import InputError
from ms2l_tf.files import decode_text
from ms2l_tf.skeletons.layout import load_layout

BYTE_ORDER_MARK = "\ufeff"
MOST_UNMOVED = 20  # joints that one channel may move: as many rotations for each number there is
SLOWEST, FASTEST = 1, 100_000  # frames a second of any recording
_SHOWN = 40  # characters of a file's content that an error message repeats


def entries_with_suffix(files: SourceFiles, suffix: str) -> list[str]:
    """The files of a suffix, such as `.bvh` or `.BVH`, by name, wherever they lie.

    Raises:
        InputError: there is none.
    """
    entries = [name for name in files.names if name.lower().endswith(suffix)]
    if not entries:
        raise InputError(f"{files.path}: holds no {suffix} file")
    return sorted(entries, key=posixpath.basename)


def read_text(files: SourceFiles, entry: str) -> str:
    """A text file; what is no text shows up as a word that nothing expects.

    Raises:
        InputError: it is UTF-16 or UTF-32.
    """
    return decode_text(files.read(entry), entry, errors="replace")


def text_lines(text: str) -> list[str]:
    """Lines that end as on any system, without the byte order mark of a file read as plain UTF-8.

    Only these ends count: a form feed or the like is a blank within its line.
    """
    return text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def stem(entry: str) -> str:
    """The name of a file without its folder and suffix."""
    return posixpath.splitext(posixpath.basename(entry))[0]


def split_entry(entry: str) -> tuple[str, int]:
    """File and number of an entry such as `0002-L.txt#7`; 0 for a file as a whole."""
    file, _, number = entry.rpartition("#")
    return (file, int(number)) if file and re.fullmatch(r"[0-9]{1,9}", number) else (entry, 0)


def content_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number (from 1) and words of the lines that hold more than blanks and a # comment."""
    for number, line in enumerate(text_lines(text), start=1):
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
        # Python reads 1_0 as ten and digits of any alphabet; no program of motion capture does.
        if "_" in (text := "".join(words)) or not text.isascii():
            raise ValueError
        numbers = list(map(float, words))
    except ValueError:
        bad = next(word for word in words if not is_number(word))
        raise InputError(f"{place}: {shorten(bad)} is not a number") from None
    if not all(map(math.isfinite, numbers)):
        bad = next(word for word in words if not math.isfinite(float(word)))
        raise InputError(f"{place}: {shorten(bad)} is not a finite number")
    return numbers


def check_moved(joints: int, channels: int, where: str) -> None:
    """Refuses skeletons next to none of whose joints moves: poses would be far larger than files.

    Args:
        joints: J.
        channels: numbers a frame.
        where: names the skeleton.
    """
    if joints > MOST_UNMOVED * max(1, channels):
        raise InputError(
            f"{where}: has {joints} joints and {channels} channels; a body has {MOST_UNMOVED} "
            "joints a channel at most"
        )


def check_recorded_rate(rate: float, what: str) -> None:
    """Refuses frames so rare that those in between, made up, would fill the memory.

    Args:
        rate: frames a second of a recording.
        what: names where it is said, and how.
    """
    if not SLOWEST <= rate <= FASTEST:
        raise InputError(
            f"{what} cannot be: a recording has {SLOWEST} to {FASTEST:,} frames a second"
        )


def is_number(word: str) -> bool:
    """Whether a word is a number as programs write it; NaN and infinity are."""
    try:
        float(word)
    except ValueError:
        return False
    return word.isascii() and "_" not in word


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
