"""Batches and sets too small for a task: refused, or fitted, and said."""

from __future__ import annotations

import csv
import itertools
import pathlib
from typing import Any, cast

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.pipeline import Share, steps_an_epoch
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.methods.batches import ClipBatches, LabelledBatches, fitted_batch
from ms2l_tf.methods.registry import contrasts_clips, method_of
from ms2l_tf.runs.build import open_data
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.helpers import FRAMES, tiny_config

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
    {"method": "supervised"},
    {"method": "supervised", "network": "gru"},
    {"method": "msclr", "protocol": "supervised"},
]


def batches_of(config: RunConfig, clips: int, *, replicas: int = 1) -> ClipBatches:
    """The batches of a run on so many clips; their poses are not read."""
    return ClipBatches(
        config,
        cast(RunData, None),
        np.arange(clips),
        replicas=replicas,
        contrasted=contrasts_clips(config),
    )


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
) -> None:
    assert fitted_batch(batch, clips, replicas=replicas, contrasted=True) == expected
    batches = batches_of(tiny_config(batch=batch, **changes), clips, replicas=replicas)
    assert batches.batch == expected
    assert batches.steps == steps_an_epoch(clips, expected)
    lines = batches.warnings()
    assert len(lines) == (expected < batch)
    for line in lines:
        assert line.startswith(f"--batch={batch}: is larger than the {clips} training")
        assert f"a batch is {expected} clips" in line


@pytest.mark.parametrize("changes", CONTRAST)
@pytest.mark.parametrize(
    ("batch", "clips", "replicas", "said"),
    [
        (1, 9, 1, "--batch=1: a contrastive loss .* use --batch=2 or more"),
        (4, 1, 1, r"--batch=4: .* 1 training clip\(s\) on 1 replica\(s\) are too few"),
        (4, 3, 4, r"--batch=4: .* 3 training clip\(s\) on 4 replica\(s\) are too few"),
    ],
)
def test_a_lone_clip_has_no_contrast(
    changes: dict[str, Any], batch: int, clips: int, replicas: int, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        batches_of(tiny_config(batch=batch, **changes), clips, replicas=replicas)


@pytest.mark.parametrize("changes", OTHERS)
@pytest.mark.parametrize(("batch", "clips"), [(1, 9), (1, 1), (8, 8), (9, 8), (40, 1)])
def test_other_tasks_keep_their_batch(changes: dict[str, Any], batch: int, clips: int) -> None:
    assert fitted_batch(batch, clips) == batch
    batches = batches_of(tiny_config(batch=batch, **changes), clips)
    assert batches.batch == batch
    lines = batches.warnings()
    assert len(lines) == (batch > clips)
    for line in lines:
        assert f"so clips stand in a batch more than once; --batch={clips} or less" in line


@pytest.mark.slow
def test_a_run_on_fewer_clips_than_a_batch(
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read: list[np.ndarray] = []
    original = ClipBatches.begin

    def spy(self: ClipBatches, first_step: int, share: Share) -> tf.data.Dataset:
        batches = original(self, first_step, share)
        read.extend(batch["clip"].numpy() for batch in batches.take(3))
        return batches

    monkeypatch.setattr(ClipBatches, "begin", spy)
    config = tiny_config(
        data=str(tiny_dataset.path), batch=64, epochs=1, monitor_epochs=0, tasks=("contrastive",)
    )
    folder = train(config, str(tmp_path / "run"), strategy="one")
    assert "warning: --batch=64: is larger" in (said := capsys.readouterr().err)
    assert "a batch is 12 clips" in said
    assert [len(np.unique(clips)) for clips in read] == [12] * 3
    with open(folder.history, newline="") as file:
        (row,) = csv.DictReader(file)
    assert 0 < float(row["contrastive"]) < 2 * np.log(12)


def test_a_batch_of_one_is_refused_before_anything_is_written(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = tiny_config(data=str(tiny_dataset.path), batch=1)
    with pytest.raises(InputError, match="--batch=1: a contrastive loss"):
        train(config, str(tmp_path / "run"), strategy="one")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "shapes"),
    [
        ({}, {"poses": (4, FRAMES, 2, 5, 3), "label": (4,)}),
        (
            {"watch_tasks": True},
            {
                "poses": (4, FRAMES, 2, 5, 3),
                "label": (4,),
                "unlabelled": (4, FRAMES, 2, 5, 3),
            },
        ),
    ],
)
def test_labelled_batches_have_unlabelled_clips_where_the_tasks_are(
    tiny_dataset: ClipDataset, changes: dict[str, Any], shapes: dict[str, tuple[int, ...]]
) -> None:
    """However few are labelled, an epoch is one pass over all training clips."""
    config = tiny_config(data=str(tiny_dataset.path), protocol="semi", **changes)
    data = open_data(config)
    clips = data.reference.train
    batches = LabelledBatches(config, data, clips, clips[:5])
    assert batches.steps == 3
    (batch,) = batches.begin(0).take(1)
    assert {name: tuple(value.shape) for name, value in batch.items() if name != "clip"} == shapes


def test_batches_are_entered_at_any_step(tiny_dataset: ClipDataset) -> None:
    config = tiny_config(data=str(tiny_dataset.path), seed=5)
    data = open_data(config)
    batches = method_of(config).batches(config, data, 1)
    assert batches.steps == 3
    whole = [batch["clip"].numpy().tolist() for batch in batches.begin(0).take(7)]
    rest = [batch["clip"].numpy().tolist() for batch in batches.begin(4).take(3)]
    assert rest == whole[4:]
    for epoch in (whole[:3], whole[3:6]):
        assert sorted(itertools.chain(*epoch)) == batches.clips.tolist()
