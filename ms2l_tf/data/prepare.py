"""Turns a source in a published format into a `ClipDataset`, and reports what it met."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterator, Sequence

from tqdm import tqdm

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.formats import FORMATS, ClipReader, ReaderOptions
from ms2l_tf.data.formats.base import DEFAULTS
from ms2l_tf.data.formats.guess import AUTO, describe_files, describe_source, recognised
from ms2l_tf.data.formats.layout_map import AUTO as BY_NAMES
from ms2l_tf.data.formats.unsupported import unknown_format
from ms2l_tf.data.new_folder import check_output
from ms2l_tf.data.preparing.assembly import MAX_BAD, Assembly
from ms2l_tf.data.preparing.chunks import Chunk, in_chunks, read_in_order
from ms2l_tf.data.preparing.exclusions import Exclusions
from ms2l_tf.data.preparing.executors import InThisProcess, processes, usable_cores
from ms2l_tf.data.preparing.report import REPORT, PrepareReport
from ms2l_tf.data.preparing.unfinished import Unfinished
from ms2l_tf.data.preparing.work import EntryReader, Task, read_entries
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError, found_in, inform, printable
from ms2l_tf.files import read_bytes
from ms2l_tf.version import __version__

_FEW_CHUNKS = 4  # are read before processes have started
_AHEAD = 2  # chunks for each worker that are on their way

__all__ = ["MAX_BAD", "REPORT", "PrepareReport", "prepare"]


def prepare(
    format_name: str,
    source: str | pathlib.Path,
    out: str | pathlib.Path,
    *,
    layouts: Sequence[str] | None = None,
    strict: bool = False,
    keep_zeros: bool = False,
    progress: bool = True,
    options: ReaderOptions = DEFAULTS,
    exclude: str | pathlib.Path | None = None,
    workers: int | None = None,
    executor: concurrent.futures.Executor | None = None,
) -> tuple[ClipDataset, PrepareReport]:
    """Reads `source` and writes a dataset folder, the same to the byte whoever reads.

    An unreadable clip whose label, subject and camera are known without its content is written as
    one frame of missing joints: training lists leave it out, test lists keep it, so a test set
    never loses clips. Unreadable and unknown clips are skipped. Both kinds are bad clips.

    What was read is kept in a folder beside `out` until the dataset is complete, see `Unfinished`:
    after an interrupt or a crash the same call goes on there.

    Args:
        format_name: a key of `FORMATS`, or ``auto`` to go by what the source holds.
        source: folder, archive or single file.
        out: the dataset folder to make.
        layouts: see `DerivedLayouts`; None is the choice of the format: all that can be derived
            from motion capture, the native layout alone from other sources.
        strict: refuse the source at the first bad clip.
        keep_zeros: see `DatasetWriter`.
        progress: show a progress bar.
        options: what the files leave open.
        exclude: a list of clips to leave out, see `Exclusions.read`.
        workers: processes that read; None is this one alone. A script that asks for more than 1
            needs the usual ``if __name__ == "__main__":``.
        executor: of an existing engine, to read by its workers instead, who find the source under
            the same path; `workers` is how many they are (None: as many as there are cores here).

    Raises:
        InputError: the source or `out` can't be used, or more than 5 % of the clips (with
            `strict`: any) are bad; then nothing is written.
    """
    if format_name not in (AUTO, *FORMATS):
        raise InputError(unknown_format(format_name, tuple(FORMATS), describe_source(source)))
    if options.layout_map == BY_NAMES and layouts is None:
        raise InputError(
            "--layout_map=auto: say which layouts are wanted, such as --layouts=native,h36m_17"
        )
    source, out = pathlib.Path(source), pathlib.Path(out)
    if executor is not None:
        source = source.absolute()  # its workers may run in another folder
    check_output(out)
    exclusions = Exclusions() if exclude is None else Exclusions.read(exclude)
    wanted = None if layouts is None else tuple(layouts)
    with Unfinished(out) as parts:
        scratch = parts.scratch(source)
        task = Task(str(source), format_name, options, wanted, keep_zeros, str(scratch))
        with task.open_files() as files:
            task = _settled(task, files)
            reader = task.open_reader(files)
            _check_options(reader, task)
            assembly = Assembly(reader, task.format_name, exclusions)
            chunks = in_chunks(tuple(assembly.rows), files)
            parts.begin(_key(task, chunks), scratch)
            to_read = _count_to_read(chunks, parts)
            with (
                _submitting(task, reader, to_read, workers, executor) as (submit, ahead),
                _writer(reader, out, parts, keep_zeros=keep_zeros) as writer,
                contextlib.closing(read_in_order(chunks, submit, parts, ahead)) as readings,
            ):
                total = len(assembly.rows)
                with tqdm(readings, "reading", total, unit="clip", disable=not progress) as bar:
                    assembly.write(bar, writer, strict=strict)
    return ClipDataset.open(out), assembly.report


def _settled(task: Task, files: SourceFiles) -> Task:
    """The task with the format that was recognised and the stamp of the source."""
    task = dataclasses.replace(task, stamp=files.stamp())
    if task.format_name != AUTO:
        return task
    format_name, seen = recognised(files, task.options)
    if format_name not in FORMATS:  # videos: a pose model has to be chosen
        raise InputError(f"{files.path}: {describe_files(files)}; name it")
    inform(f"{files.path}: {seen}")
    return dataclasses.replace(task, format_name=format_name)


def _check_options(reader: ClipReader, task: Task) -> None:
    """Refuses what a user said in vain."""
    for name, value in vars(task.options).items():
        if value and name not in reader.takes:
            raise InputError(
                f"--{name} has no effect with --format={task.format_name}; leave it out"
            )


def _key(task: Task, chunks: Sequence[Chunk]) -> str:
    """Differs where what is read may differ."""
    named = {name: _content(value) for name, value in vars(task.options).items()}
    read = (__version__, task.stamp, task.format_name, task.layouts, task.keep_zeros, named, chunks)
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()[:16]


def _content(option: str | float) -> str | float:
    """An option, with the content of the file that it may name."""
    try:
        return f"{option} {hashlib.sha256(read_bytes(str(option))).hexdigest()}"
    except OSError:
        return option


def _count_to_read(chunks: Sequence[Chunk], parts: Unfinished) -> int:
    """How many chunks are still to be read; those that are not are told."""
    held = [parts.holds(number) for number in range(len(chunks))]
    clips = sum(len(chunk) for chunk, there in zip(chunks, held, strict=True) if there)
    if clips:
        total = sum(map(len, chunks))
        inform(f"{parts.folder}: {clips} of {total} clips were read before, going on there")
    return held.count(False)


@contextlib.contextmanager
def _submitting(
    task: Task,
    reader: ClipReader,
    num_chunks: int,
    workers: int | None,
    executor: concurrent.futures.Executor | None,
) -> Iterator[tuple[Callable[[Chunk], concurrent.futures.Future[bytes]], int]]:
    """What has a chunk read, and how many chunks it should be given ahead."""
    if executor is not None:
        count = workers or usable_cores()
        yield lambda chunk: executor.submit(read_entries, task, chunk), _AHEAD * count
        return
    if (workers or 1) == 1 or num_chunks < _FEW_CHUNKS:
        here, entries = InThisProcess(), EntryReader(reader, keep_zeros=task.keep_zeros)
        yield lambda chunk: here.submit(entries.read, chunk), 0
        return
    count = min(workers or 1, num_chunks)
    with processes(count) as pool:
        yield lambda chunk: pool.submit(read_entries, task, chunk), _AHEAD * count


def _writer(
    reader: ClipReader, out: pathlib.Path, parts: Unfinished, *, keep_zeros: bool
) -> DatasetWriter:
    header = reader.header
    with found_in(reader.files.path):
        return DatasetWriter(
            out,
            name=printable(header.name),  # it may come of a file whose name no text can hold
            label_names=header.label_names,
            source=printable(header.source),
            licence=header.licence,
            keep_zeros=keep_zeros,
            grows_in=parts.folder,
        )
