from __future__ import annotations

import collections
import itertools
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset, pipeline
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.build import open_data
from ms2l_tf.settings.config import RunConfig
from msclr.pairs import PairSampler, draw_pairs, pair_batches, possible_pairs

LAYOUTS = ("kinect_v2_25", "h36m_17", "smpl_24")


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "three"
    return generate(out, clips=36, seed=1, layouts=list(LAYOUTS), progress=False)


def config(dataset: ClipDataset, **changes: Any) -> RunConfig:
    given = {"data": str(dataset.path), "layouts": LAYOUTS, "frames": 16, "batch": 4}
    return run_config({"method": "msclr", **given, **changes})


@pytest.mark.parametrize("kind", ["full_random", "anchored", "same"])
def test_drawn_pairs_are_the_possible_ones(kind: str) -> None:
    drawn = draw_pairs(kind, 3, 2000, np.random.default_rng(0))
    found = {tuple(pair) for pair in drawn.tolist()}
    assert found == possible_pairs(kind, 3)


def test_full_random_draws_every_pair_equally_often() -> None:
    drawn = draw_pairs("full_random", 3, 9000, np.random.default_rng(1))
    counts = collections.Counter(tuple(pair) for pair in drawn.tolist())
    assert min(counts.values()) > 850
    assert max(counts.values()) < 1150


def test_an_epoch_meets_every_clip_once_a_layout() -> None:
    clips = np.arange(12)
    sampler = PairSampler(np.ones((3, 12), bool), clips, "full_random", 4, seed=0)
    assert sampler.steps == 9
    met = collections.Counter(np.concatenate([rows for _, _, rows in sampler.epoch(0)]).tolist())
    assert met == dict.fromkeys(range(12), 3)


def test_epochs_differ_and_repeat_by_seed() -> None:
    def epoch(number: int, seed: int) -> list[Any]:
        sampler = PairSampler(np.ones((2, 9), bool), np.arange(9), "full_random", 2, seed)
        return [(query, key, rows.tolist()) for query, key, rows in sampler.epoch(number)]

    assert epoch(0, 5) == epoch(0, 5)
    assert epoch(0, 5) != epoch(1, 5)
    assert epoch(0, 5) != epoch(0, 6)


def test_clips_are_used_where_they_have_poses() -> None:
    has = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 1]], bool)
    sampler = PairSampler(has, np.arange(5), "full_random", 2, seed=0)
    for epoch in range(20):
        for query, key, rows in sampler.epoch(epoch):
            assert has[query][rows].all()
            assert has[key][rows].all()
    assert (sampler.unpaired(), len(sampler.clips)) == (3, 5)


def test_clips_that_no_pair_can_use_are_counted_and_make_no_steps() -> None:
    has = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 1]], bool)
    anchored = PairSampler(has, np.arange(6), "anchored", 2, seed=0)
    assert (len(anchored.clips), anchored.unpaired(), anchored.steps) == (4, 2, 4)
    used = np.concatenate([rows for epoch in range(9) for *_, rows in anchored.epoch(epoch)])
    assert set(used.tolist()) == {0, 1, 2, 3}
    same = PairSampler(has, np.arange(6), "same", 2, seed=0)
    assert (len(same.clips), same.unpaired(), same.steps) == (6, 0, 6)


def test_layouts_that_share_no_clip_cannot_be_paired() -> None:
    has = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], bool)
    PairSampler(has, np.arange(4), "same", 2, seed=0)
    with pytest.raises(
        InputError, match="no training clip has poses in both layout 1 and layout 2"
    ):
        PairSampler(has, np.arange(4), "full_random", 2, seed=0)


@pytest.mark.slow
def test_batches_hold_the_clips_normalised_in_their_layouts(synthetic: ClipDataset) -> None:
    data = open_data(config(synthetic))
    clips = data.trained("all")
    sampler = PairSampler(data.has_poses(), clips, "full_random", 4, seed=3)
    joints = [layout.num_joints for layout in data.layouts]
    steps = list(itertools.islice(sampler.epoch(0), 6))
    batches = pair_batches(data, sampler, batch=4).take(6)
    for (query, key, rows), batch in zip(steps, batches.as_numpy_iterator(), strict=True):
        assert batch["clip"].tolist() == rows.tolist()
        assert batch["query_layout"].tolist() == [query] * 4
        assert batch["key_layout"].tolist() == [key] * 4
        for side, layout in (("query", query), ("key", key)):
            assert batch[side].shape == (4, 16, data.persons, joints[layout], 3)
            raw = data.parts[layout].store
            one, length = rows[0], int(raw.lengths[rows[0]])
            start = int(raw.offsets[one])
            poses, _ = data.normalisers[layout](
                raw.coords[start : start + length][None],
                np.array([length]),
                raw.present[start : start + length][None],
            )
            np.testing.assert_allclose(batch[side][0], poses[0], atol=1e-5)


@pytest.mark.slow
def test_long_clips_are_sampled_to_the_same_bit(
    synthetic: ClipDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = open_data(config(synthetic, frames=8))
    sampler = PairSampler(data.has_poses(), data.trained("all"), "full_random", 4, seed=0)

    def batches() -> list[dict[str, Any]]:
        return [
            {name: value.numpy() for name, value in one.items()}
            for one in pair_batches(data, sampler, batch=4).take(6)
        ]

    monkeypatch.setattr(pipeline, "PADDED_ROUNDS", 1_000_000)
    padded = batches()
    monkeypatch.setattr(pipeline, "PADDED_ROUNDS", 0)
    for one, other in zip(padded, batches(), strict=True):
        for name, value in one.items():
            np.testing.assert_array_equal(other[name].view(np.int32), value.view(np.int32))


@pytest.mark.slow
def test_a_resumed_pipeline_goes_on_where_it_stopped(synthetic: ClipDataset) -> None:
    data = open_data(config(synthetic))
    sampler = PairSampler(data.has_poses(), data.trained("all"), "full_random", 4, seed=3)
    steps = sampler.steps + 3
    whole = list(pair_batches(data, sampler, batch=4).take(steps + 1).as_numpy_iterator())
    rest = pair_batches(data, sampler, batch=4, first_step=steps)
    first = next(rest.as_numpy_iterator())
    for name, value in whole[steps].items():
        np.testing.assert_array_equal(first[name], value)


def test_layouts_may_be_mapped_from_the_datasets(synthetic: ClipDataset) -> None:
    data = open_data(config(synthetic, layouts=("kinect_v2_25", "kinect_v1_20")))
    assert data.names == ("kinect_v2_25", "kinect_v1_20")
    assert data.parts[1].store.coords.shape[2] == 20
    assert [data.index(name) for name in data.names] == [0, 1]


@pytest.mark.parametrize(
    ("layouts", "said"),
    [
        (("kinect_v2_25", "coco_17"), "'coco_17' is neither in"),
        (("nowhere.json",), "nowhere.json"),
    ],
)
def test_unknown_layouts_are_named(
    synthetic: ClipDataset, layouts: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        open_data(config(synthetic, layouts=layouts))
    assert str(caught.value).startswith("--layouts: ")


def test_no_data_folder_is_named() -> None:
    with pytest.raises(InputError, match="--data: name the folder"):
        open_data(run_config({"method": "msclr"}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layouts": ("a", "a")}, "--layouts: names a twice"),
        ({"temporal_kernel": 4}, "--temporal_kernel=4: must be odd"),
        (
            {"schedule": "joint", "protocol": "semi"},
            "--method=msclr: has no task losses; use --schedule=plain",
        ),
        ({"init": "runs/a"}, "--init: belongs to --protocol=semi"),
        (
            {"method": "supervised", "protocol": "unsupervised"},
            "--method=supervised: learns from labels only: --protocol=supervised",
        ),
        ({"protocol": "supervised", "label_fraction": 0.5}, "use --protocol=semi"),
        ({"pairs": "some"}, "--pairs: 'some' is not one of"),
    ],
)
def test_settings_that_contradict_each_other(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run_config({"method": "msclr", **changes})
