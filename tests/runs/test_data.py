"""Which clips a run reads, and what is wrong with its data."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.runs.data import RunData, open_run_data
from tests.helpers import tiny_config, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny")


def opened(dataset: ClipDataset, **changes: Any) -> RunData:
    return open_run_data(tiny_config(data=str(dataset.path), **changes))


def test_training_clips_are_cut_test_clips_are_not(dataset: ClipDataset) -> None:
    data = opened(dataset)
    assert data.split == "cross_subject"
    assert data.layout == "tiny_5"
    assert set(dataset.subjects[data.test]) == {"3"}
    assert len(data.train) == 12
    assert sorted([*data.fit, *data.validation]) == data.train.tolist()
    assert len(set(dataset.subjects[data.validation])) == 1
    assert not set(dataset.subjects[data.validation]) & set(dataset.subjects[data.fit])


@pytest.mark.parametrize(("by", "held_out"), [("camera", 1), ("none", 0)])
def test_validation_by(dataset: ClipDataset, by: str, held_out: int) -> None:
    data = opened(dataset, validation=by)
    assert len(set(dataset.cameras[data.validation])) == held_out
    assert len(data.fit) + len(data.validation) == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": ""}, "--data: name the folder of a prepared dataset"),
        ({"data": "no/such/folder"}, "no/such/folder: no such dataset folder"),
        ({"layout": "smpl_24"}, "no poses in layout 'smpl_24'; it has tiny_5"),
        ({"split": "cross_view"}, "no split 'cross_view'; it has cross_subject"),
    ],
)
def test_what_is_not_there(dataset: ClipDataset, changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_run_data(tiny_config(**{"data": str(dataset.path), **changes}))


def test_a_flipped_byte_is_found(tmp_path: pathlib.Path) -> None:
    dataset = write_dataset(tmp_path / "tiny")
    path = dataset.path / "poses" / "tiny_5" / "coords.npy"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"coords\.npy: the content does not match its checksum"):
        opened(dataset)


def test_a_missing_split_file(tmp_path: pathlib.Path) -> None:
    dataset = write_dataset(tmp_path / "tiny")
    (dataset.path / "splits" / "cross_subject.json").unlink()
    with pytest.raises(InputError, match=r"cross_subject\.json: is missing"):
        opened(dataset)
