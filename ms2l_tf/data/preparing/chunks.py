"""Entries in chunks, read in order by an executor, no more of them at a time than memory bears."""

from __future__ import annotations

import collections
import concurrent.futures
import itertools
from collections.abc import Callable, Generator, Sequence

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.preparing.reading import Reading, unpack
from ms2l_tf.data.preparing.unfinished import Unfinished
from ms2l_tf.errors import InputError

MAX_ENTRIES = 32
MAX_BYTES = 16 << 20  # of files; text is some three times as long as the poses in it
_ENDED = (
    "a process that read clips was ended from outside, for want of memory perhaps; the same "
    "command goes on where it was, and needs least memory with --workers=1"
)
Chunk = tuple[str, ...]


def in_chunks(entries: Sequence[str], files: SourceFiles) -> list[Chunk]:
    """The entries in their order, few enough at a time, those of one file together if possible."""
    known = frozenset(files.names)
    chunks: list[Chunk] = []
    entries_now: list[str] = []
    bytes_now = 0
    for file, of_file in itertools.groupby(entries, lambda entry: _file_of(entry, known)):
        size = files.size(file) if file in known else 0
        group = list(of_file)
        if entries_now and (
            len(entries_now) + len(group) > MAX_ENTRIES or bytes_now + size > MAX_BYTES
        ):
            chunks.append(tuple(entries_now))
            entries_now, bytes_now = [], 0
        entries_now, bytes_now = entries_now + group, bytes_now + size
        while len(entries_now) > MAX_ENTRIES:
            chunks.append(tuple(entries_now[:MAX_ENTRIES]))
            entries_now = entries_now[MAX_ENTRIES:]
    return [*chunks, tuple(entries_now)] if entries_now else chunks


def _file_of(entry: str, known: frozenset[str]) -> str:
    return entry if entry in known else entry.partition("#")[0]


def read_in_order(
    chunks: Sequence[Chunk],
    submit: Callable[[Chunk], concurrent.futures.Future[bytes]],
    parts: Unfinished,
    ahead: int,
) -> Generator[Reading, None, None]:
    """The readings of all entries; what is kept in `parts` is not read again, all else is kept.

    Args:
        chunks: of the entries.
        submit: starts reading a chunk.
        parts: what is there already.
        ahead: how many chunks are on their way while one is used up.
    """
    on_their_way: collections.deque[tuple[int, concurrent.futures.Future[bytes] | None]]
    on_their_way = collections.deque()

    def first() -> list[Reading]:
        number, future = on_their_way.popleft()
        held = parts.load(number) if future is None else None
        if held is not None:
            return held
        packed = (future or submit(chunks[number])).result()
        parts.save(number, packed)
        return unpack(packed)

    try:
        for number, chunk in enumerate(chunks):
            on_their_way.append((number, None if parts.holds(number) else submit(chunk)))
            if len(on_their_way) > ahead:
                yield from first()
        while on_their_way:
            yield from first()
    except (concurrent.futures.BrokenExecutor, concurrent.futures.CancelledError) as error:
        raise InputError(_ENDED) from error
    finally:
        for _, future in on_their_way:
            if future is not None:
                future.cancel()
