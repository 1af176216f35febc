"""Which labels a run reads, and what it keeps of them."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.run_data import LayoutClips
from ms2l_tf.errors import InputError
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.labels import draw_labelled, read_labelled, write_labelled
from ms2l_tf.settings.config import RunConfig
from tests.helpers import tiny_config


def semi(dataset: ClipDataset, **changes: object) -> tuple[RunConfig, LayoutClips]:
    config = tiny_config(data=str(dataset.path), protocol="semi", **changes)
    return config, open_data(config).reference


def test_all_labels_by_default(tiny_dataset: ClipDataset) -> None:
    config, data = semi(tiny_dataset)
    assert draw_labelled(config, data, data.train).tolist() == data.train.tolist()


def test_a_balanced_fraction_has_every_class_and_depends_on_the_seed(
    tiny_dataset: ClipDataset,
) -> None:
    drawn = set()
    for seed in range(6):
        config, data = semi(tiny_dataset, label_fraction=0.2, seed=seed)
        clips = draw_labelled(config, data, data.train)
        assert set(clips) <= set(data.train)
        assert set(data.dataset.labels[clips]) == {0, 1}
        assert clips.tolist() == draw_labelled(config, data, data.train).tolist()
        drawn.add(tuple(clips))
    assert len(drawn) > 1


def test_a_random_fraction_may_miss_a_class(tiny_dataset: ClipDataset) -> None:
    classes = []
    for seed in range(12):
        config, data = semi(tiny_dataset, label_fraction=0.1, label_sampling="random", seed=seed)
        clips = draw_labelled(config, data, data.train)
        classes.append(len(set(data.dataset.labels[clips])))
    assert set(classes) == {1}, "one clip of twelve"


def test_what_is_drawn_is_kept_by_name(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    config, data = semi(tiny_dataset, label_fraction=0.5)
    folder, clips = RunFolder(tmp_path), draw_labelled(config, data, data.train)
    write_labelled(folder, config, data.dataset, clips)
    record = json.loads(folder.labelled.read_text())
    assert record["clips"] == data.dataset.names[clips].tolist()
    assert sum(record["by_class"].values()) == len(clips)
    assert list(record["by_class"]) == list(data.dataset.label_names)
    np.testing.assert_array_equal(read_labelled(folder, data.dataset), clips)


def test_damage_is_named(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    _, data = semi(tiny_dataset)
    folder = RunFolder(tmp_path)
    folder.labelled.write_text('{"clips": ["clip_00", "nobody"]}')
    with pytest.raises(InputError, match=r"labelled.json: the dataset has no clip 'nobody'"):
        read_labelled(folder, data.dataset)
    folder.labelled.write_text("{}")
    with pytest.raises(InputError, match="entry 'clips' is missing"):
        read_labelled(folder, data.dataset)


def test_a_class_without_training_clips_is_named(tiny_dataset: ClipDataset) -> None:
    config, data = semi(tiny_dataset)
    only_left = data.train[data.dataset.labels[data.train] == 0]
    with pytest.raises(InputError, match="trains on no labelled clip of right, which the"):
        draw_labelled(config, data, only_left)
