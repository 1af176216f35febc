"""Nearest directions among many: exactly, block by block, or by a graph of neighbours."""

from __future__ import annotations

import importlib
import pathlib
from typing import Any, Protocol

import numpy as np

from ms2l_tf.data.checksums import record_file
from ms2l_tf.errors import InputError, inform
from ms2l_tf.files import read_json, replacing, write_json

_BLOCK = 1 << 16  # directions compared at a time
_LINKS, _EFFORT = 32, 128  # of a graph: neighbours of a node, nodes looked at (at least)
_GRAPH, _RECORD = "neighbours.faiss", "neighbours.json"


class Index(Protocol):
    """Finds directions."""

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest of N directions.

        Args:
            queries: of length 1, float32 [Q, D].
            k: how many, N at most.

        Returns:
            Cosines, the largest first, and numbers of the directions: [Q, k] each.
        """


class ExactIndex:
    """Compares with all directions; no more than a block of them is in memory.

    Args:
        directions: of length 1, float32 [N, D].
        block: compared at a time.
    """

    def __init__(self, directions: np.ndarray, block: int = _BLOCK) -> None:
        self.directions = directions
        self.block = block

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Index`; among as near ones the first come first."""
        cosines = np.empty((len(queries), 0), np.float32)
        numbers = np.empty((len(queries), 0), np.int64)
        for start in range(0, len(self.directions), self.block):
            block = np.asarray(self.directions[start : start + self.block])
            found, places = _best(queries @ block.T, k)
            cosines = np.concatenate([cosines, found], axis=1)
            numbers = np.concatenate([numbers, places + start], axis=1)
            cosines, places = _best(cosines, k)
            numbers = np.take_along_axis(numbers, places, axis=1)
        return cosines, numbers


def _best(cosines: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest of each row [Q, N] and their places, the largest first."""
    count = cosines.shape[1]
    places = np.broadcast_to(np.arange(count), cosines.shape)
    if count > k:
        places = np.sort(np.argpartition(-cosines, k - 1, axis=1)[:, :k], axis=1)
    values = np.take_along_axis(cosines, places, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(places, order, axis=1)


class FaissIndex:
    """A graph of near directions (HNSW) of the library faiss: quick, and rarely misses one.

    Args:
        directions: of length 1, float32 [N, D].
        folder: where the graph is kept, which takes minutes to make of a million; None: nowhere.

    Reference:
        Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
        Hierarchical Navigable Small World graphs", 2018.
    """

    def __init__(self, directions: np.ndarray, folder: pathlib.Path | None = None) -> None:
        faiss = _faiss()
        kept = None if folder is None else _kept(faiss, folder, directions.shape)
        self._graph = kept or self._made(faiss, directions)
        if folder is not None and kept is None:
            with replacing(folder / _GRAPH) as temporary:
                faiss.write_index(self._graph, str(temporary))
            record = record_file(folder / _GRAPH)
            write_json(folder / _RECORD, vars(record))

    @staticmethod
    def _made(faiss: Any, directions: np.ndarray) -> Any:
        inform(f"linking {len(directions)} clips for --index=faiss")
        graph = faiss.IndexHNSWFlat(directions.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
        for start in range(0, len(directions), _BLOCK):
            graph.add(np.ascontiguousarray(directions[start : start + _BLOCK]))
        return graph

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Index`."""
        self._graph.hnsw.efSearch = max(_EFFORT, 4 * k)
        cosines, numbers = self._graph.search(np.ascontiguousarray(queries, np.float32), k)
        return cosines, numbers


def _kept(faiss: Any, folder: pathlib.Path, shape: tuple[int, ...]) -> Any:
    """The graph of a folder, if it is there and as it was written."""
    path = folder / _GRAPH
    if not path.is_file() or not (folder / _RECORD).is_file():
        return None
    graph = None
    if read_json(folder / _RECORD) == vars(record_file(path)):
        graph = faiss.read_index(str(path))
    if graph is None or (graph.ntotal, graph.d) != shape:
        raise InputError(f"{path}: is damaged; remove it, and it is made anew")
    return graph


def _faiss() -> Any:
    try:
        return importlib.import_module("faiss")
    except ImportError:
        raise InputError(
            "--index=faiss: faiss is not installed; pip install 'ms2l-tf[search]', or use "
            "--index=exact"
        ) from None
