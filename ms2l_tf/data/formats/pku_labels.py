"""What PKU-MMD publishes beside the videos: their labels, and the lists for its protocols.

A line of labels is `8,1022,1153,2`: class, first frame, frame after the last, confidence. A list,
`cross-subject.txt` or `cross_view_v2.txt`, holds a line of text, a line with the names of the
training videos between commas, a line of text, and a line with those of the validation videos.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.checks import is_count
from ms2l_tf.data.formats.mocap import content_lines, read_text, shorten, stem
from ms2l_tf.errors import InputError

VIDEO = re.compile(r"(?:(\d{4})|(A\d{2})N(\d{2}))-([LMR])")
_FILE = re.compile(r"cross[-_](subject|view)(?:[-_]v2)?", re.IGNORECASE)
Sides = tuple[frozenset[str], frozenset[str]]


def parse_action(line: str, place: str) -> tuple[int, int, int]:
    """Class, first frame and frame after the last.

    Raises:
        InputError: these are not four whole numbers, or there is no frame between.
    """
    words = [word.strip() for word in line.split(",")]
    if len(words) != 4 or not all(map(is_count, words)):
        raise InputError(
            f"{place}: {shorten(line.strip())} is not class, first frame, frame after the last and "
            "confidence, whole numbers between commas"
        )
    action, start, end, _ = map(int, words)
    if end <= start:
        raise InputError(f"{place}: the action from frame {start} to frame {end} is empty")
    return action, start, end


def read_lists(files: SourceFiles, videos: Sequence[str]) -> Mapping[str, Sides]:
    """The training and the validation videos by the name of the split, such as `cross_view`.

    Args:
        files: of the source.
        videos: those it holds; lists that name none of them, of the other part, are left out.

    Raises:
        InputError: a file without two lists, a word that is no video, two files for one split.
    """
    known = frozenset(videos)
    lists: dict[str, Sides] = {}
    owners: dict[str, str] = {}
    for path in files.names:
        match = _FILE.fullmatch(stem(path))
        if match is None or not path.lower().endswith(".txt"):
            continue
        sides = _parse_list(read_text(files, path), path)
        if not known & (sides[0] | sides[1]):
            continue
        name = f"cross_{match[1].lower()}"
        if name in lists and lists[name] != sides:
            raise InputError(f"{path}: says otherwise than {owners[name]}; remove one")
        lists[name], owners[name] = sides, path
    return lists


def _parse_list(text: str, where: str) -> Sides:
    blocks: list[list[str]] = []
    for number, words in content_lines(text.replace(",", " ")):
        known = [VIDEO.fullmatch(word) is not None for word in words]
        if not any(known):
            blocks.append([])
        elif not all(known):
            wrong = shorten(words[known.index(False)])
            raise InputError(f"{where}, line {number}: {wrong} is not a video such as 0002-L")
        elif not blocks:
            blocks.append(words)
        else:
            blocks[-1] += words
    lists = [frozenset(block) for block in blocks if block]
    if len(lists) != 2:
        raise InputError(
            f"{where}: has {len(lists)} lists of videos, expected those for training and those for "
            "validation, each after a line of text"
        )
    return lists[0], lists[1]
