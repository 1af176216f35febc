"""What `ms2l-search` does: the nearest clips of a dataset to each recording of an input."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.export.manifest import fingerprint
from ms2l_tf.prediction.inputs import InputChoices, Recording, opened_input, usable_counted
from ms2l_tf.prediction.model import EMBED, Model, store_outputs
from ms2l_tf.prediction.rows import rounded
from ms2l_tf.prediction.writing import text_output, write_json_lines
from ms2l_tf.retrieval.features import Archive, opened_archive, unit_length
from ms2l_tf.retrieval.figure import draw_found
from ms2l_tf.retrieval.index import ExactIndex, FaissIndex, Index

TABLE, JSONL = "table", "jsonl"


@dataclasses.dataclass(frozen=True)
class Search:
    """What is looked for, and what is written of it.

    Attributes:
        top_k: clips that are told.
        clip: name of the one recording of the input that is looked for; empty: each.
        index: ``exact`` or ``faiss``.
        cache: folder in which features are kept, see `opened_archive`.
        output: ``table`` or ``jsonl``.
        out: file; empty: standard output.
        figure: picture of the query and what was found; empty: none.
        batch: clips computed at a time.
    """

    top_k: int = 10
    clip: str = ""
    index: str = "exact"
    cache: str = ""
    output: str = TABLE
    out: str = ""
    figure: str = ""
    batch: int = 64


class Found(NamedTuple):
    """A clip of the archive.

    Attributes:
        row: in the dataset.
        cosine: of its features and those of the query.
    """

    row: int
    cosine: float


def search(
    model: Model,
    data: str | os.PathLike[str],
    source: str | os.PathLike[str],
    choices: InputChoices,
    wanted: Search,
) -> None:
    """Writes the nearest clips of a dataset to each recording of an input.

    Raises:
        InputError: dataset or input do not fit the model, or there is no such recording.
    """
    mapping = InputChoices(mapped=choices.mapped)
    with (
        opened_input(source, model.manifest, choices) as (count, recordings),
        opened_archive(model, data, wanted.cache, mapping, wanted.batch) as archive,
    ):
        if wanted.figure and not wanted.clip and count > 1:
            raise InputError(f"--figure: is of one query, {source} has {count}; name it by --clip")
        index = _index(archive, wanted)
        queries = _chosen(usable_counted(recordings, source), wanted.clip, source)
        own, k = archive.is_of(source), wanted.top_k
        found = (
            (query, [] if query.error else nearest(model, archive, index, query, k, own=own))
            for query in queries
        )
        _write(model, archive, found, wanted)


def nearest(
    model: Model, archive: Archive, index: Index, query: Recording, k: int, *, own: bool
) -> list[Found]:
    """The k nearest clips of an archive to a recording, the nearest first.

    Args:
        model: that made the features of the archive.
        archive: searched.
        index: of its directions.
        query: of use.
        k: how many, at most.
        own: whether the recording is a clip of the archive, which is not to find itself.
    """
    assert query.store is not None, "of use"
    made = store_outputs(model, query.store, np.array([query.row]), EMBED, 1)
    direction = unit_length(next(made)[1]["features"])
    count = min(k + own, len(archive.rows))
    cosines, numbers = (each[0] for each in index.search(direction, count))
    found = [
        Found(int(archive.rows[number]), float(cosine))
        for cosine, number in zip(cosines, numbers, strict=True)
        if number >= 0  # a graph may find fewer
    ]
    return [each for each in found if not (own and each.row == query.row)][:k]


def _index(archive: Archive, wanted: Search) -> Index:
    if wanted.index == "faiss":
        return FaissIndex(archive.directions, archive.folder)
    return ExactIndex(archive.directions)


def _chosen(
    recordings: Iterator[Recording], clip: str, source: str | os.PathLike[str]
) -> Iterator[Recording]:
    """The recording of a name; all, if it is empty."""
    if not clip:
        yield from recordings
        return
    for each in recordings:
        if each.name == clip:
            if each.error:
                raise InputError(f"{source}: clip '{clip}' cannot be used: {each.error}")
            yield each
            return
    raise InputError(f"--clip={clip}: {source} holds no such clip")


def _write(
    model: Model,
    archive: Archive,
    found: Iterator[tuple[Recording, list[Found]]],
    wanted: Search,
) -> None:
    dataset = archive.dataset
    if wanted.figure:
        found = _drawn(archive, found, wanted.figure)
    with text_output(wanted.out) as file:
        if wanted.output == JSONL:
            header = {"model": fingerprint(model.path), "dataset": dataset.fingerprint}
            rows = (_row(dataset, query, clips) for query, clips in found)
            write_json_lines(file, {**header, "index": wanted.index}, rows)
            return
        for query, clips in found:
            for line in _table(dataset, query, clips):
                file.write(line + "\n")


def _drawn(
    archive: Archive, found: Iterator[tuple[Recording, list[Found]]], path: str
) -> Iterator[tuple[Recording, list[Found]]]:
    for query, clips in found:
        if query.store is not None:
            rows = [(f"query\n{query.name}", query.store, query.row)]
            for rank, each in enumerate(clips, start=1):
                name, label = archive.dataset.names[each.row], _label(archive.dataset, each.row)
                words = f"{rank}  {each.cosine:.3f}  {label or ''}\n{name}"
                rows.append((words, archive.store, each.row))
            draw_found(path, rows)
        yield query, clips


def _label(dataset: ClipDataset, row: int) -> str | None:
    number = int(dataset.labels[row])
    return dataset.label_names[number] if number >= 0 else None


def _row(dataset: ClipDataset, query: Recording, clips: list[Found]) -> dict[str, Any]:
    if query.error:
        return {"clip": query.name, "error": query.error}
    found = [
        {
            "clip": str(dataset.names[each.row]),
            "label": _label(dataset, each.row),
            "cosine": rounded(each.cosine),
        }
        for each in clips
    ]
    return {"clip": query.name, "found": found}


def _table(dataset: ClipDataset, query: Recording, clips: list[Found]) -> Iterator[str]:
    if query.error:
        yield f"{query.name}: {query.error}"
        return
    yield f"{query.name}:"
    width = max((len(str(dataset.names[each.row])) for each in clips), default=0)
    for rank, each in enumerate(clips, start=1):
        name, label = str(dataset.names[each.row]), _label(dataset, each.row) or "-"
        yield f"  {rank:3}  {each.cosine:6.3f}  {name:<{width}}  {label}"
