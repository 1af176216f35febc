"""`ms2l-search` finds what brute force finds, keeps features, and tells what it cannot search."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf import ExportedModel
from ms2l_tf.data import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.retrieval import index as indexes
from ms2l_tf.retrieval.features import HEADER, opened_archive, unit_length
from ms2l_tf.retrieval.index import ExactIndex, FaissIndex
from tests.cli.conftest import Command
from tests.helpers import motion, random_poses
from tests.prediction.conftest import Recorded


@pytest.mark.parametrize("block", [1, 7, 50, 1000])
def test_blocks_equal_brute_force(block: int) -> None:
    directions = unit_length(random_poses(83, 6))
    directions[40] = directions[3]
    queries = unit_length(random_poses(5, 6, seed=1))
    cosines, numbers = ExactIndex(directions, block).search(queries, 9)
    every = queries @ directions.T
    expected = np.argsort(-every, axis=1, kind="stable")[:, :9]
    np.testing.assert_array_equal(numbers, expected)
    np.testing.assert_allclose(cosines, np.take_along_axis(every, expected, axis=1), atol=1e-6)
    assert ExactIndex(directions, block).search(queries, 83)[1].shape == (5, 83)


def expected_names(
    model: ExportedModel, dataset: ClipDataset, query: np.ndarray, k: int
) -> list[str]:
    rows = np.flatnonzero(dataset.poses("tiny_5").seen)
    features = unit_length(model.embed(dataset, rows))
    nearest = np.argsort(-(features @ unit_length(query[None])[0]), kind="stable")[:k]
    return [str(name) for name in dataset.names[rows[nearest]]]


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header, *rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return header, rows


def test_the_nearest_of_a_dataset(
    command: Command,
    exported: pathlib.Path,
    model: ExportedModel,
    tiny_dataset: ClipDataset,
    recorded: Recorded,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clips = [motion(20, seed=9), motion(15, seed=8, label=1)]
    flags = (f"--model={exported}", f"--data={tiny_dataset.path}", "--output=jsonl", "--top_k=4")
    assert command("search", *flags, f"--input={recorded(clips).path}") == 0
    header, rows = lines(capsys)
    assert header["dataset"] == tiny_dataset.fingerprint
    for row, query in zip(rows, model.embed(clips), strict=True):
        names = [each["clip"] for each in row["found"]]
        assert names == expected_names(model, tiny_dataset, query, 4)
        cosines = [each["cosine"] for each in row["found"]]
        assert cosines == sorted(cosines, reverse=True)
        labels = tiny_dataset.labels[[list(tiny_dataset.names).index(name) for name in names]]
        wanted = [tiny_dataset.label_names[label] if label >= 0 else None for label in labels]
        assert [each["label"] for each in row["found"]] == wanted


def test_a_clip_does_not_find_itself_and_features_are_kept(
    command: Command,
    exported: pathlib.Path,
    model: ExportedModel,
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = int(np.flatnonzero(tiny_dataset.poses("tiny_5").seen)[2])
    name = str(tiny_dataset.names[row])
    cache, figure, table = tmp_path / "cache", tmp_path / "found.png", tmp_path / "found.txt"
    same = f"--input={tiny_dataset.path}"
    flags = (f"--model={exported}", f"--data={tiny_dataset.path}", same, f"--clip={name}")
    more = (f"--cache={cache}", "--top_k=3", f"--figure={figure}", f"--out={table}")
    assert command("search", *flags, *more) == 0
    first, *rows = table.read_text().splitlines()
    assert first == f"{name}:"
    query = model.embed(tiny_dataset, [row])[0]
    assert expected_names(model, tiny_dataset, query, 4)[0] == name, "it would find itself"
    assert [line.split()[2] for line in rows] == expected_names(model, tiny_dataset, query, 4)[1:]
    assert figure.read_bytes().startswith(b"\x89PNG")
    (folder,) = cache.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == [
        "directions.npy",
        "features.json",
        "rows.npy",
    ]
    written = (folder / "directions.npy").stat().st_mtime_ns
    capsys.readouterr()
    assert command("search", *flags, *more[:2]) == 0
    assert "features as they were kept" in capsys.readouterr().err
    assert (folder / "directions.npy").stat().st_mtime_ns == written


def test_damaged_features_are_told(
    model: ExportedModel, tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    with opened_archive(model, tiny_dataset.path, str(tmp_path)) as archive:
        folder = archive.folder
    assert folder is not None
    for name in ("directions.npy", "rows.npy", HEADER):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        with (
            pytest.raises(InputError) as error,
            opened_archive(model, tiny_dataset.path, str(tmp_path)),
        ):
            pass
        assert str(error.value).startswith(str(folder))
        (folder / name).write_bytes(content)
    header = json.loads((folder / HEADER).read_text())
    (folder / HEADER).write_text(json.dumps({**header, "model": "another"}))
    with (
        pytest.raises(InputError, match="is damaged; remove it"),
        opened_archive(model, tiny_dataset.path, str(tmp_path)),
    ):
        pass


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--model=M --input=D", "--data is missing"),
        ("--model=M --data=D", "--input is missing"),
        ("--model=M --data=D --input=D --clip=nobody", "--clip=nobody: "),
        ("--model=M --data=D --input=D --figure=f.png", "--figure: is of one query"),
        ("--model=M --data=nowhere --input=D", "nowhere: no such dataset folder"),
    ],
)
def test_bad_command_lines(
    flags: str,
    said: str,
    command: Command,
    exported: pathlib.Path,
    tiny_dataset: ClipDataset,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = flags.replace("=M", f"={exported}").replace("=D", f"={tiny_dataset.path}")
    assert command("search", *given.split()) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert said in line


def test_without_faiss_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(indexes.importlib, "import_module", lacking)
    with pytest.raises(InputError, match=r"pip install 'ms2l-tf\[search\]'"):
        FaissIndex(unit_length(random_poses(5, 4)))


class _Flat:
    """Stands for faiss, which is optional: compares with all, and is kept as an array."""

    METRIC_INNER_PRODUCT = 0
    made = 0

    def __init__(self, dims: int, links: int, metric: int) -> None:
        self.d, self.hnsw = dims, type("Graph", (), {"efSearch": 0})()
        self.added = np.empty((0, dims), np.float32)
        type(self).made += 1

    @property
    def ntotal(self) -> int:
        return len(self.added)

    def add(self, block: np.ndarray) -> None:
        self.added = np.concatenate([self.added, block])

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        return ExactIndex(self.added).search(queries, k)

    @classmethod
    def write_index(cls, graph: _Flat, path: str) -> None:
        with open(path, "wb") as file:
            np.save(file, graph.added)

    @classmethod
    def read_index(cls, path: str) -> _Flat:
        made = cls.__new__(cls)
        made.hnsw = type("Graph", (), {"efSearch": 0})()
        made.added = np.load(path)
        made.d = made.added.shape[1]
        return made


def test_links_are_made_once_and_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    faiss = type("Faiss", (_Flat,), {"IndexHNSWFlat": _Flat})
    monkeypatch.setattr(indexes, "_faiss", lambda: faiss)
    directions, queries = unit_length(random_poses(30, 4)), unit_length(random_poses(2, 4, seed=1))
    _, expected = ExactIndex(directions).search(queries, 5)
    for _ in range(2):
        _, numbers = FaissIndex(directions, tmp_path).search(queries, 5)
        np.testing.assert_array_equal(numbers, expected)
    assert _Flat.made == 1
    path = tmp_path / "neighbours.faiss"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"neighbours.faiss: is damaged; remove it"):
        FaissIndex(directions, tmp_path)
