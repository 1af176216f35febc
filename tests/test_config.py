"""Settings: defaults, bounds, contradictions, and the way to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ms2l_tf.config import EncoderConfig, RunConfig
from ms2l_tf.errors import InputError
from ms2l_tf.options import declared_type, groups_of
from tests.helpers import TINY, tiny_config

SEMI = {"protocol": "semi"}


def test_defaults_are_the_paper() -> None:
    flat = RunConfig().to_json()
    paper: dict[str, Any] = {
        "frames": 200,
        "observed": 50.0,
        "segments": 3,
        "units": 30,
        "layers": 1,
    }
    paper |= {"cell": "gru", "temperature": 1.0, "batch": 32, "learning_rate": 0.01, "head": "fc"}
    assert {name: flat[name] for name in paper} == paper


def test_round_trip_through_json() -> None:
    config = tiny_config(tasks=("jigsaw",), inputs=("joint", "bone"), linear_c=(0.1, 1.0), seed=7)
    flat = json.loads(json.dumps(config.to_json()))
    assert RunConfig.from_flat(flat) == config
    assert flat["inputs"] == ["joint", "bone"]


def test_every_setting_has_one_name_a_type_and_a_help_text() -> None:
    names = []
    for group in groups_of(RunConfig).values():
        for field in dataclasses.fields(group):
            names.append(field.name)
            element, is_list = declared_type(group, field.name)
            assert element in (str, int, float, bool), field.name
            assert is_list == isinstance(field.default, tuple), field.name
            text = field.metadata["help"]
            assert text.endswith("."), field.name
            assert text[0] in "'S!" or text[0].isupper() or text.startswith("T'"), field.name
    assert len(set(names)) == len(names)
    assert set(RunConfig().to_json()) == set(names)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 1}, "--frames: 1 is below the smallest allowed value, 2"),
        ({"segments": 7}, "--segments: 7 is above the largest allowed value, 6"),
        ({"units": 0}, "--units: 0 is below"),
        ({"temperature": 0.0}, "--temperature: 0.0 is below"),
        ({"crop": 1.5}, "--crop: 1.5 is above"),
        ({"cell": "rnn"}, "--cell: 'rnn' is not one of gru, lstm"),
        ({"decay": "linear"}, "--decay: 'linear' is not one of step, cosine, constant"),
        ({"tasks": ["jigsaw", "jigsay"]}, "--tasks: 'jigsay' is not one of prediction"),
        ({"k": [5, 0]}, "--k: 0 is below"),
        ({"tasks": []}, "--tasks: name at least one"),
        ({"inputs": ()}, "--inputs: name at least one"),
        ({"learning_rate": float("nan")}, "--learning_rate: nan is not a finite number"),
        ({"noise": float("inf")}, "--noise: inf is not a finite number"),
    ],
)
def test_each_value_is_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny_config(**changes)


@pytest.mark.parametrize(
    ("observed", "frames", "expected"),
    [(50, 200, 50), (0.25, 200, 50), (0.7, 60, 42), (1, 12, 1), (11, 12, 11), (0.5, 3, 2)],
)
def test_observed_is_frames_or_a_fraction(observed: float, frames: int, expected: int) -> None:
    assert tiny_config(observed=observed, frames=frames).observed_frames == expected


# Contrastive learning reads the views of the other two tasks, alone too.
@pytest.mark.parametrize("task", ["prediction", "contrastive"])
@pytest.mark.parametrize(("observed", "frames"), [(12, 12), (50, 12), (0, 12), (0.01, 12)])
def test_prediction_needs_frames_on_both_sides(task: str, observed: float, frames: int) -> None:
    with pytest.raises(InputError, match=f"--observed: {observed:g} leaves .* less than --frames"):
        tiny_config(tasks=[task], observed=observed, frames=frames)


@pytest.mark.parametrize("task", ["jigsaw", "contrastive"])
def test_segments_must_fit(task: str) -> None:
    with pytest.raises(InputError, match="--segments: 6 segments do not fit into --frames=5"):
        tiny_config(tasks=[task], segments=6, frames=5, observed=2)


def test_what_no_task_reads_is_not_checked() -> None:
    assert tiny_config(tasks=["jigsaw"], observed=100).tasks.observed == 100
    assert tiny_config(tasks=["prediction"], segments=6, frames=5, observed=2)


@pytest.mark.parametrize(
    "changes", [{"protocol": "supervised"}, {"method": "longt_gan"}, {"method": "lstm", **SEMI}]
)
def test_without_tasks_their_views_are_not_checked(changes: dict[str, Any]) -> None:
    assert tiny_config(observed=100, **changes).tasks.observed == 100


def test_transfer_from_random_weights_is_its_own_baseline() -> None:
    assert tiny_config(protocol="transfer").protocol.init == "random"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "lstm"}, "--method=lstm learns from labels only: --protocol=supervised"),
        ({"init": "runs/a"}, "--init: belongs to --protocol=semi, supervised and transfer"),
        ({**SEMI, "schedule": "moving"}, "--schedule=moving: starts from a pre-trained encoder"),
        (
            {**SEMI, "train": "classifier", "schedule": "joint"},
            "--train=classifier: leaves the encoder as it is, so --schedule=joint has nothing",
        ),
        ({**SEMI, "method": "blstm", "schedule": "joint"}, "--method=blstm: has no task losses"),
        ({**SEMI, "method": "longt_gan", "watch_tasks": True}, "--method=longt_gan: has no task"),
        ({"schedule": "joint"}, "--protocol=unsupervised: reads no labels"),
        ({"protocol": "supervised", "label_fraction": 0.5}, "--label_fraction=0.5: --protocol=sup"),
        (
            {**SEMI, "init": "a", "schedule": "moving", "moving_epochs": 5.0},
            "--moving_epochs=5: more than --epochs=4",
        ),
        ({"seed": 2**31}, "--seed: 2147483648 is above"),
        ({**SEMI, "label_fraction": 0.0}, "--label_fraction: 0.0 is below"),
        ({**SEMI, "frames": 4, "pooling": "segments"}, "needs at least 5 frames; --frames=4"),
    ],
)
def test_protocols_contradict_some_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny_config(**changes)


def test_a_classifier_may_be_one_linear_layer() -> None:
    assert tiny_config(**SEMI, classifier_hidden=()).protocol.classifier_hidden == ()


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        EncoderConfig().units = 3  # type: ignore[misc]


def test_names_left_out_keep_their_defaults() -> None:
    config = RunConfig.from_flat(TINY)
    assert config.encoder == EncoderConfig(units=4)
    assert config.data == RunConfig().data
