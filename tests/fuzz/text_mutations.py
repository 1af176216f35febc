"""Damage to text: lines, words, numbers, line ends, encodings."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
# Written in the place of a number.
NUMBERS = (
    *("nan", "NaN", "inf", "-inf", "Infinity", "1e400", "-1e400", "1e39", "1e-320", "1e308", "-0"),
    *("", " ", "-", ".", "1.", "1,5", "0,5", "1_0", "0x10", "1e", "١", "²", "1.5.2", "None", "-1"),
    *("0", "1", "2", "3", "1.5", "2147483648", "99999999999", "18446744073709551616", "-5"),
    *("9" * 30, "9" * 400, "9" * 5000, "0.000001", "1e-9", "1e9", "1e300", "true", '"1"', "[]"),
)
_WORDS = (
    "",
    "\0",
    "é",
    "\x1b[31m",
    "\u2028",
    "\x85",
    "#",
    '"',
    "'",
    ",",
    ";",
    "\t",
    "{",
    "}",
    "%s",
)
_ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp037")
_ENDS = ("\r\n", "\r", "\n\n", "\n\r", "\x0b", "", " ", "\r\r\n")


def is_text(content: bytes) -> bool:
    """Whether it is UTF-8 without control characters, as far as its beginning tells."""
    try:
        head = content[:4096].decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        head = content[: error.start].decode() if error.start > 4000 else "\0"
    return bool(head) and "\0" not in head


def _on_lines(change: Callable[[list[str], random.Random], None]) -> Callable[..., bytes]:
    def mutation(content: bytes, random_: random.Random) -> bytes:
        lines = content.decode("utf-8", errors="replace").splitlines(keepends=True)
        if lines:
            change(lines, random_)
        return "".join(lines).encode()

    return mutation


def _line(lines: Sequence[str], random_: random.Random) -> int:
    """A line, rather one of the first: there the structure is."""
    first = random_.random() < 0.3
    return random_.randrange(min(len(lines), 4) if first else len(lines))


@_on_lines
def remove_lines(lines: list[str], random_: random.Random) -> None:
    start = _line(lines, random_)
    del lines[start : start + random_.choice((1, 1, 2, 25, len(lines)))]


@_on_lines
def repeat_line(lines: list[str], random_: random.Random) -> None:
    place = _line(lines, random_)
    lines[place:place] = [lines[place]] * random_.choice(
        (1, 1, 2, 300 if len(lines[place]) < 1000 else 3)
    )


@_on_lines
def swap_lines(lines: list[str], random_: random.Random) -> None:
    one, other = _line(lines, random_), _line(lines, random_)
    lines[one], lines[other] = lines[other], lines[one]


@_on_lines
def change_words(lines: list[str], random_: random.Random) -> None:
    """A word of a line goes, comes twice, or becomes another one."""
    place = _line(lines, random_)
    words = re.split(r"([ ,;:\t]+)", lines[place])
    word = random_.randrange(len(words))
    words[word : word + 1] = random_.choice(
        ([], [words[word]] * 2, [random_.choice(_WORDS)], [words[word] + random_.choice(_WORDS)])
    )
    lines[place] = "".join(words)


@_on_lines
def change_number(lines: list[str], random_: random.Random) -> None:
    place = _line(lines, random_)
    found = list(_NUMBER.finditer(lines[place]))
    if found:
        chosen = random_.choice(found)
        start, end = chosen.span()
        lines[place] = lines[place][:start] + random_.choice(NUMBERS) + lines[place][end:]


def change_all_numbers(content: bytes, random_: random.Random) -> bytes:
    """Decimal commas, another sign, or one number everywhere."""
    text = content.decode("utf-8", errors="replace")
    kind = random_.randrange(4)
    if kind == 0:
        return re.sub(r"(?<=\d)\.(?=\d)", ",", text).encode()
    if kind == 1:
        return _NUMBER.sub(lambda match: "0" if "." in match[0] else match[0], text).encode()
    if kind == 2:
        return _NUMBER.sub(
            lambda match: f"{match[0]}e{random_.choice((30, 38, 300))}", text
        ).encode()
    number = random_.choice(NUMBERS[:20])
    return _NUMBER.sub(lambda match: number if "." in match[0] else match[0], text).encode()


def change_ends(content: bytes, random_: random.Random) -> bytes:
    """Other ends of all lines."""
    text = content.decode("utf-8", errors="replace").replace("\r\n", "\n")
    return text.replace("\n", random_.choice(_ENDS)).encode()


def change_encoding(content: bytes, random_: random.Random) -> bytes:
    """The same text in another encoding."""
    text = content.decode("utf-8", errors="replace")
    if random_.random() < 0.2:
        return text.replace("a", "ä").encode("latin-1", errors="replace")
    return text.encode(random_.choice(_ENCODINGS), errors="replace")


TEXT: Sequence[Callable[[bytes, random.Random], bytes]] = (
    remove_lines,
    repeat_line,
    swap_lines,
    change_words,
    change_number,
    change_number,
    change_number,
    change_all_numbers,
    change_ends,
    change_encoding,
)
