"""The model: what a step reads, learns and remembers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.networks.stgcn import STGCN
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import ClipRandom
from msclr.augment import Augmentation
from msclr.model import MSCLR
from tests.helpers import FRAMES, assert_all_close, assert_close, motion, tiny_layout

LAYOUTS = (
    tiny_layout(),
    tiny_layout(
        name="tiny_4",
        joints=("hip_left", "hip_right", "neck", "head"),
        edges=((0, 2), (1, 2), (3, 2)),
        bones=((0, 2), (1, 2), (3, 2)),
        mirror=(1, 0, 2, 3),
        parts={"trunk": (2, 3), "leg_left": (0,), "leg_right": (1,)},
    ),
)
Batch = dict[str, np.ndarray]


def poses_in(layout: SkeletonLayout, clips: np.ndarray, seed: int = 0) -> np.ndarray:
    """[B, T, M, J, C], the second person of every third clip absent."""
    found = np.stack(
        [motion(FRAMES, seed=seed + int(clip), persons=2, label=int(clip) % 2) for clip in clips]
    )
    found -= found[..., :2, :].mean(axis=(1, 2, 3), keepdims=True)
    found = found[..., : layout.num_joints, :]
    found[clips % 3 == 0, :, 1] = 0.0
    return found


def batch_of(clips: range | list[int], query: int = 0, key: int = 0) -> Batch:
    """The same clips in two layouts."""
    ids = np.array(clips, np.int32)
    return {
        "query": poses_in(LAYOUTS[query], ids),
        "key": poses_in(LAYOUTS[key], ids),
        "query_layout": np.full(len(ids), query, np.int32),
        "key_layout": np.full(len(ids), key, np.int32),
        "clip": ids,
    }


def network(layouts: tuple[SkeletonLayout, ...] = LAYOUTS, **changes: Any) -> STGCN:
    settings = {"width": 4, "blocks": 2, "temporal_kernel": 3, "dropout": 0.3, **changes}
    return STGCN(layouts, **settings)


def model_of(
    optimizer: keras.optimizers.Optimizer | None = None,
    *,
    encoder: dict[str, Any] | None = None,
    precision: str = "float32",
    **changes: Any,
) -> MSCLR:
    """A tiny model, compiled to run step by step without tracing."""
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    settings: dict[str, Any] = {
        "augmentation": Augmentation(),
        "projection": 6,
        "queue": 10,
        "momentum": 0.9,
        "temperature": 0.2,
        **changes,
    }
    model = MSCLR(network(**(encoder or {})), network(**(encoder or {})), **settings)
    model.build((None, FRAMES, 2, 5, 3))
    model.compile(optimizer=optimizer or sgd(), run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    return model


def sgd(rate: float = 0.05) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(rate, momentum=0.9)


def step(model: MSCLR, batch: Batch) -> dict[str, float]:
    """One training step; its logs."""
    model.reset_metrics()
    logs = model.train_step({name: tf.constant(value) for name, value in batch.items()})
    return {name: float(value) for name, value in logs.items()}


def arrays(weights: list[keras.Variable]) -> list[np.ndarray]:
    return [weight.numpy() for weight in weights]


def embeddings(model: MSCLR, number: int = 0) -> tuple[list[tf.Tensor], tf.Tensor]:
    """The queries and the key of a batch, in the step `number`."""
    batch, random = batch_of(range(4)), ClipRandom(tf.constant([0, number]), 4)
    return model.queries(batch["query"], 0, random), model.keys(batch["key"], 0, random)


def stream(batches: list[Batch]) -> tf.data.Dataset:
    """Batches of which the number of joints is known at run time only."""

    def each() -> Iterator[Batch]:
        yield from batches

    size = len(batches[0]["clip"])
    poses = tf.TensorSpec([size, FRAMES, 2, None, 3], tf.float32)
    ids = tf.TensorSpec([size], tf.int32)
    signature = {"query": poses, "key": poses}
    signature |= dict.fromkeys(("query_layout", "key_layout", "clip"), ids)
    return tf.data.Dataset.from_generator(each, output_signature=signature)


def fit(model: MSCLR, batches: list[Batch]) -> list[dict[str, float]]:
    """One step a batch through Keras' `fit`; the logs of each."""
    model.run_eagerly = False
    history = model.fit(
        stream(batches), epochs=len(batches), steps_per_epoch=1, shuffle=False, verbose=0
    ).history
    return [{name: values[n] for name, values in history.items()} for n in range(len(batches))]


def test_the_key_side_starts_as_a_copy_and_is_not_trained() -> None:
    model = model_of()
    assert_all_close(arrays(model.key_encoder.weights), arrays(model.encoder.weights), 0.0)
    assert_all_close(arrays(model.key_head.weights), arrays(model.head.weights), 0.0)
    trained = [*model.encoder.trainable_weights, *model.head.trainable_weights]
    assert len(trained) > 10
    assert [id(weight) for weight in model.trainable_weights] == [id(one) for one in trained]
    batch, random = batch_of(range(4)), ClipRandom(tf.constant([0, 0]), 4)
    with tf.GradientTape() as tape:
        keys = model.keys(batch["key"], 0, random)
    assert all(one is None for one in tape.gradient(keys, model.weights[:4]))
    assert_close(np.linalg.norm(keys, axis=1), np.ones(4))


def test_the_key_side_follows_with_momentum_and_its_own_statistics() -> None:
    model = model_of(sgd(0.5))
    query, key = model.encoder, model.key_encoder
    for clips in (range(4), range(4, 8)):
        before = arrays(key.weights)
        step(model, batch_of(clips))
        for old, new, other in zip(before, key.weights, query.weights, strict=True):
            if other.trainable:
                assert_close(new, 0.9 * old + 0.1 * other.numpy(), 1e-6)
    statistics = [
        (new.numpy(), old, other.numpy())
        for old, new, other in zip(before, key.weights, query.weights, strict=True)
        if not other.trainable and other.numpy().dtype.kind == "f"
    ]
    assert any(np.any(new != old) for new, old, _ in statistics)
    assert any(np.any(new != other) for new, _, other in statistics)


def test_a_step_puts_its_keys_into_the_queue() -> None:
    model = model_of(queue=6)
    for number, clips in enumerate((range(4), range(4, 8))):
        batch = batch_of(clips)
        random = ClipRandom(tf.constant([0, number]), 4)
        expected = model.keys(tf.constant(batch["key"]), 0, random)
        step(model, batch)
        places = (np.arange(4) + 4 * number) % 6
        assert_close(model.queue.features.numpy()[places], expected)
    assert model.queue.clips.numpy().tolist() == [6, 7, 2, 3, 4, 5]
    assert int(model.queue.pointer.numpy()) == 2


@pytest.mark.parametrize("method", ["skeletonclr", "aimclr"])
def test_a_method_is_the_sum_of_its_terms(method: str) -> None:
    model = model_of(method=method)
    logs = step(model, batch_of(range(4)))
    terms = {"info_nce", "d3m"} if method == "aimclr" else {"info_nce"}
    assert set(logs) == {"loss", "contrast_accuracy", "positives", *terms}
    assert_close(logs["loss"], sum(logs[name] for name in terms))
    assert logs["positives"] == 1.0
    assert len(embeddings(model)[0]) == (3 if method == "aimclr" else 1)


@pytest.mark.slow
def test_training_on_the_same_clips_lowers_the_loss() -> None:
    model = model_of(sgd(0.02), queue=8)
    logs = fit(model, [batch_of(range(8), number % 2, number // 2 % 2) for number in range(40)])
    first, last = (np.mean([one["loss"] for one in part]) for part in (logs[4:12], logs[-8:]))
    assert last < first


def test_attention_drop_changes_the_third_query_only() -> None:
    weak, strong, dropped = embeddings(model_of(attention_threshold=1.0))[0]
    assert_close(dropped, strong)
    assert np.abs(weak - strong).max() > 1e-3
    others = embeddings(model_of(attention_threshold=0.66))[0]
    assert_all_close(others[:2], [weak, strong])
    assert np.abs(others[2] - strong).max() > 1e-3


def test_a_step_draws_anew_from_the_seed_and_its_number() -> None:
    model, twin, other = (model_of(sgd(0.0), momentum=1.0, seed=seed) for seed in (0, 0, 1))
    batch = batch_of(range(4))
    first = step(model, batch)
    assert step(twin, batch) == first
    assert np.abs(embeddings(model, 0)[1] - embeddings(model, 1)[1]).max() > 1e-3
    assert np.any(other.queue.features.numpy() != twin.queue.features.numpy())
    other.set_weights(model.get_weights())
    other.optimizer.iterations.assign(1)
    assert step(other, batch)["loss"] != step(model, batch)["loss"]


def test_one_trace_serves_all_pairs_of_layouts_and_the_begin_of_mining(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It computes what steps with a known number of joints do."""
    batches = [batch_of(range(4 * n % 12, 4 * n % 12 + 4), n % 2, n // 2) for n in range(4)]
    model, eager = model_of(mining_step=3), model_of(mining_step=3)
    expected = [step(eager, batch) for batch in batches]
    traces = []
    original = MSCLR.contrast

    def counted(self: MSCLR, *args: Any) -> Any:
        traces.append(self)
        return original(self, *args)

    monkeypatch.setattr(MSCLR, "contrast", counted)
    found = fit(model, batches)
    assert len(traces) == 1
    for logs, wanted in zip(found, expected, strict=True):
        assert_all_close([logs[name] for name in wanted], list(wanted.values()), 1e-4)
    assert [logs["positives"] for logs in found[:3]] == [1.0] * 3
    assert 2.0 <= found[3]["positives"] <= 4.0


def test_what_is_never_mined() -> None:
    """The random vectors of a new queue; and anything by SkeletonCLR, or with a negative step."""
    changes: list[dict[str, Any]] = [{}, {"method": "skeletonclr"}, {"mining_step": -1}]
    for settings in changes:
        model = model_of(**{"mining_step": 0, **settings})
        assert step(model, batch_of(range(4)))["positives"] == 1.0
        more = step(model, batch_of(range(4, 8)))["positives"]
        assert more == 1.0 if settings else more >= 2.0


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_weight_decay_adds_the_weights_to_the_gradients(precision: str) -> None:
    """After one step, decay moves every trained weight w by - rate x decay x w, clipped or not."""
    moved = []
    for decay in (0.0, 0.1):
        model = model_of(sgd(1.0), l2_penalty=decay, clip_norm=0.01, precision=precision)
        start = arrays(model.trainable_weights)
        step(model, batch_of(range(4)))
        assert int(model.optimizer.iterations) == 1, "no overflow"
        moved.append(arrays(model.trainable_weights))
    for old, plain, decayed in zip(start, *moved, strict=True):
        assert_close(decayed - plain, -0.1 * old, 1e-5 if precision == "float32" else 2e-3)


def test_clip_norm_bounds_the_update() -> None:
    norms = []
    for limit in (0.0, 0.01):
        model = model_of(keras.optimizers.SGD(1.0), clip_norm=limit, l2_penalty=0.0)
        old = arrays(model.trainable_weights)
        step(model, batch_of(range(4)))
        changes = [a - b for a, b in zip(old, arrays(model.trainable_weights), strict=True)]
        norms.append(np.sqrt(sum(np.sum(change**2) for change in changes)))
    assert norms[0] > 0.02
    assert_close(norms[1], 0.01, 1e-3)


@pytest.mark.slow
def test_mixed_precision_trains() -> None:
    model, reference = model_of(precision="mixed_bfloat16"), model_of()
    logs, expected = (step(one, batch_of(range(4))) for one in (model, reference))
    assert logs["loss"] == pytest.approx(expected["loss"], rel=0.1)
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.queue.features.dtype == "float32"


def test_a_resumed_run_equals_the_uninterrupted_one() -> None:
    """The model's weights and the optimiser's variables are all its state."""
    batches = [batch_of(range(n, n + 4), n % 2) for n in range(4)]
    straight, resumed = model_of(mining_step=1), model_of(mining_step=1)
    for batch in batches[:2]:
        step(straight, batch)
    for old, new in (
        *zip(straight.weights, resumed.weights, strict=True),
        *zip(straight.optimizer.variables, resumed.optimizer.variables, strict=True),
    ):
        new.assign(old)
    for batch in batches[2:]:
        assert step(resumed, batch) == step(straight, batch)
    assert_all_close(arrays(resumed.weights), arrays(straight.weights), 0.0)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"method": "skeletonclr"}, id="skeletonclr", marks=pytest.mark.slow),
        pytest.param({"mining_step": 1, "clip_norm": 0.5}, id="aimclr"),
    ],
)
def test_two_replicas_equal_one_device(
    settings: dict[str, Any], two_replicas: tf.distribute.Strategy
) -> None:
    """Losses, and after three steps weights, statistics and the queue, on either replica."""
    batches = [batch_of(range(5 * n, 5 * n + 8), n % 2, n // 2) for n in range(3)]
    found = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            model = model_of(sgd(), queue=11, l2_penalty=0.01, **settings)
        start = arrays(model.trainable_weights)
        logs = fit(model, batches)
        found.append((logs, model.weights))
        ends = arrays(model.trainable_weights)
        assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(start, ends, strict=True))
    for one, two in zip(found[0][0], found[1][0], strict=True):
        assert_all_close([two[name] for name in one], list(one.values()), 2e-5)
    for one, two in zip(found[0][1], found[1][1], strict=True):
        for copy in two_replicas.experimental_local_results(two.value):
            assert_close(copy.numpy(), one.numpy(), 2e-5)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"--contrast=simclr: is not one of skeletonclr, aimclr"):
        model_of(method="simclr")
    with pytest.raises(InputError, match=r"--queue=3: is smaller than --batch=4"):
        step(model_of(queue=3), batch_of(range(4)))


def test_features_of_the_model_are_those_of_its_encoder() -> None:
    model, batch = model_of(), batch_of(range(2), query=1)
    poses = tf.constant(batch["query"])
    np.testing.assert_array_equal(model(poses, layout=1), model.encoder(poses, layout=1))
