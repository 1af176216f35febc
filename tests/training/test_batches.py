"""Batches and sets too small for a task: refused, or fitted, and said."""

from __future__ import annotations

import csv
import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.training import train as module
from ms2l_tf.training.batches import fitted_batch
from ms2l_tf.training.train import train
from tests.helpers import tiny_config

CONTRAST = [
    {"tasks": ("contrastive",)},
    {},
    {"protocol": "semi", "schedule": "joint"},
    {"protocol": "supervised", "watch_tasks": True},
]
OTHERS = [
    {"tasks": ("jigsaw", "prediction")},
    {"protocol": "supervised"},
    {"method": "longt_gan"},
    {"method": "lstm", "protocol": "supervised"},
]


@pytest.mark.parametrize("changes", CONTRAST)
@pytest.mark.parametrize(
    ("batch", "clips", "replicas", "expected"),
    [(8, 8, 1, 8), (8, 9, 2, 8), (2, 2, 1, 2), (32, 12, 1, 12), (32, 13, 4, 12), (4, 2, 2, 2)],
)
def test_each_clip_once_in_a_batch_of_the_contrastive_task(
    changes: dict[str, Any],
    batch: int,
    clips: int,
    replicas: int,
    expected: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fitted_batch(tiny_config(batch=batch, **changes), clips, replicas=replicas) == expected
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (expected < batch)
    for line in lines:
        assert line.startswith(f"warning: --batch={batch}: is larger than the {clips} training")
        assert f"a batch is {expected} clips" in line


@pytest.mark.parametrize("changes", CONTRAST)
@pytest.mark.parametrize(
    ("batch", "clips", "replicas", "said"),
    [
        (1, 9, 1, "--batch=1: the contrastive task .* use --batch=2 or more"),
        (4, 1, 1, r"--tasks: .* 1 training clip\(s\) on 1 replica\(s\) are too few"),
        (4, 3, 4, r"--tasks: .* 3 training clip\(s\) on 4 replica\(s\) are too few"),
    ],
)
def test_a_lone_clip_has_no_contrast(
    changes: dict[str, Any], batch: int, clips: int, replicas: int, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        fitted_batch(tiny_config(batch=batch, **changes), clips, replicas=replicas)


@pytest.mark.parametrize("changes", OTHERS)
@pytest.mark.parametrize(("batch", "clips"), [(1, 9), (1, 1), (8, 8), (9, 8), (40, 1)])
def test_other_tasks_keep_their_batch(
    changes: dict[str, Any], batch: int, clips: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fitted_batch(tiny_config(batch=batch, **changes), clips) == batch
    assert len(capsys.readouterr().err.splitlines()) == (batch > clips)


def test_a_run_on_fewer_clips_than_a_batch(
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read: list[np.ndarray] = []
    original = module._batches

    def spy(*args: Any) -> Any:
        batches = original(*args)
        read.extend(one["clip"].numpy() for one in batches.take(3))
        return batches

    monkeypatch.setattr(module, "_batches", spy)
    config = tiny_config(
        data=str(tiny_dataset.path), batch=64, epochs=1, monitor_epochs=0, tasks=("contrastive",)
    )
    folder = train(config, str(tmp_path / "run"), strategy="none")
    assert "a batch is 12 clips" in capsys.readouterr().err
    assert [len(np.unique(clips)) for clips in read] == [12] * 3
    with open(folder.history, newline="") as file:
        (row,) = csv.DictReader(file)
    assert 0 < float(row["contrastive"]) < 2 * np.log(12)


def test_a_batch_of_one_is_refused_before_anything_is_written(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = tiny_config(data=str(tiny_dataset.path), batch=1)
    with pytest.raises(InputError, match="--batch=1: the contrastive task"):
        train(config, str(tmp_path / "run"), strategy="none")
    assert not (tmp_path / "run").exists()
