"""What one of several workers reads: its rows of every batch, and no clip more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset, pipeline
from ms2l_tf.data.pipeline import Share
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.synthetic import generate
from ms2l_tf.methods.batches import Batches, LabelledBatches
from ms2l_tf.methods.mixed_batches import MixedBatches
from ms2l_tf.methods.registry import method_of, run_config
from ms2l_tf.runs.build import open_data, reads_points

LAYOUTS = ("kinect_v2_25", "h36m_17")
KINDS = ("clips", "labels", "pairs", "mixed")


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[ClipDataset]:
    place = tmp_path_factory.mktemp("data")
    return [
        generate(place / str(seed), clips=24, seed=seed, layouts=LAYOUTS, progress=False)
        for seed in (2, 3)
    ]


def batches_of(kind: str, sets: list[ClipDataset]) -> Batches:
    values: dict[str, Any] = {
        "method": "msclr" if kind == "pairs" else "ms2l",
        "data": ",".join(str(one.path) for one in (sets if kind == "mixed" else sets[:1])),
        "layouts": LAYOUTS if kind == "pairs" else LAYOUTS[:1],
        "frames": 8, "batch": 6, "observed": 3.0, "tasks": ("contrastive",),
    }  # fmt: skip
    if kind == "pairs":
        values = {name: values[name] for name in values if name not in ("observed", "tasks")}
    if kind == "labels":
        values |= {"protocol": "semi", "label_fraction": 0.5, "schedule": "joint"}
    config = run_config(values)
    data = open_data(config)
    if kind == "labels":
        clips = data.reference.train
        return LabelledBatches(config, data, clips, clips[::2], replicas=3)
    make = method_of(config).batches
    if kind == "mixed":
        points = reads_points(config, data)
        return MixedBatches(config, data, lambda own, one: make(own, one, 3), points=points)
    return make(config, data, 3)


@pytest.mark.parametrize(
    "kind",
    [kind if kind == "clips" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS],
)
def test_shares_make_up_the_batch(
    kind: str, sets: list[ClipDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches, read = batches_of(kind, sets), list[int]()

    def spied(original: Callable[..., Any]) -> Callable[..., Any]:
        def spy(store: PoseStore, indices: np.ndarray, *more: Any) -> Any:
            read.append(len(indices))
            return original(store, indices, *more)

        return spy

    for name in ("padded_batch", "sampled_batch"):
        monkeypatch.setattr(pipeline, name, spied(getattr(pipeline, name)))
    whole = [*batches.begin(5).take(4).as_numpy_iterator()]
    read.clear()
    shares = [[*batches.begin(5, Share(i, 3)).take(4).as_numpy_iterator()] for i in range(3)]
    assert set(read) == {2}, "a worker reads its two clips of six, and no more"
    for number, batch in enumerate(whole):
        parts = [share[number] for share in shares]
        for name, values in batch.items():
            joined = np.concatenate([part[name] for part in parts])
            np.testing.assert_allclose(joined, values, atol=1e-6, err_msg=name)
