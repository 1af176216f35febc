"""Settings: defaults, bounds, contradictions, and the way to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.methods.ms2l.settings import TaskSettings, observed_frames
from ms2l_tf.methods.registry import (
    Method,
    all_settings,
    changed,
    groups_for,
    method_named,
    methods,
    run_config,
)
from ms2l_tf.networks.registry import (
    NETWORKS,
    ConvolutionSettings,
    GraphSettings,
    RecurrentSettings,
)
from ms2l_tf.settings.config import CHANNELS
from ms2l_tf.settings.options import Group, declared_type
from tests.helpers import TINY, tiny_config

SEMI = {"protocol": "semi"}
# Flags that groups of several methods have, each with its own default.
OWN_DEFAULTS = {"shear", "flip", "temperature", "projection"}
RUNS = [(method, network) for method in methods() for network in NETWORKS]


def test_defaults_are_the_paper() -> None:
    flat = run_config().to_json()
    paper: dict[str, Any] = {
        "frames": 200,
        "observed": 50.0,
        "segments": 3,
        "units": 30,
        "layers": 1,
    }
    paper |= {
        "network": "gru",
        "temperature": 1.0,
        "batch": 32,
        "learning_rate": 0.01,
        "head": "fc",
    }
    assert {name: flat[name] for name in paper} == paper


@pytest.mark.parametrize("method", methods().values(), ids=lambda method: method.name)
def test_the_method_decides_defaults_and_whoever_chooses_has_the_last_word(method: Method) -> None:
    flat = run_config({"method": method.name}).to_json()
    assert method.name == "ms2l" or method.defaults
    for name, value in method.defaults.items():
        assert flat[name] == (list(value) if isinstance(value, tuple) else value), name
    others = {name: value for name, value in run_config().to_json().items() if name in flat}
    of_network = set(dataclasses.asdict(run_config({"method": method.name}).network))
    for name in set(others) - set(method.defaults) - OWN_DEFAULTS - of_network - {"method"}:
        assert flat[name] == others[name], name
    chosen: dict[str, Any] = {"network": "gru", "protocol": "semi", "frames": 61}
    flat = run_config({"method": method.name, **chosen}).to_json()
    assert {name: flat[name] for name in chosen} == chosen


@pytest.mark.parametrize(
    ("values", "network", "settings"),
    [
        ({}, "gru", RecurrentSettings),
        ({"method": "longt_gan"}, "gru_last", RecurrentSettings),
        ({"method": "supervised"}, "lstm_last", RecurrentSettings),
        ({"method": "msclr"}, "stgcn", GraphSettings),
        ({"method": "msclr", "network": "lstm"}, "lstm", RecurrentSettings),
        ({"network": "stgcn"}, "stgcn", GraphSettings),
        ({"method": "pointing"}, "tcn", ConvolutionSettings),
    ],
)
def test_the_method_decides_the_network_and_the_network_its_settings(
    values: dict[str, Any], network: str, settings: type[Group]
) -> None:
    config = run_config(values)
    assert config.model.network == network
    assert config.network == settings()
    for name in dataclasses.asdict(settings()):
        assert name in config.to_json()
    for foreign in {"units", "width"} - set(dataclasses.asdict(settings())):
        with pytest.raises(InputError, match=f"--{foreign}: is no setting of .*{network}"):
            run_config({**values, foreign: 8})


def test_round_trip_through_json() -> None:
    config = tiny_config(tasks=("jigsaw",), inputs=("joint", "bone"), linear_c=(0.1, 1.0), seed=7)
    flat = json.loads(json.dumps(config.to_json()))
    assert run_config(flat) == config
    assert flat["inputs"] == ["joint", "bone"]


def test_every_setting_has_a_type_and_a_help_text() -> None:
    for owner, group in all_settings().items():
        for field in dataclasses.fields(group):
            element, is_list = declared_type(group, field.name)
            assert element in (str, int, float, bool), (owner, field.name)
            assert is_list == isinstance(field.default, tuple), (owner, field.name)
            text = field.metadata["help"]
            assert text.endswith("."), (owner, field.name)
            assert text[0] in "'S!" or text[0].isupper() or text.startswith("T'"), field.name


@pytest.mark.parametrize(("method", "network"), RUNS)
def test_every_setting_of_a_run_has_one_name(method: str, network: str) -> None:
    values = {"method": method, "network": network}
    names = [
        field.name for group in groups_for(values).values() for field in dataclasses.fields(group)
    ]
    assert len(set(names)) == len(names)
    protocol = "unsupervised" if method_named(method).build else "supervised"
    try:
        run_config({**values, "protocol": protocol})
    except InputError:  # a network the method cannot train; with labels it is trained alone
        protocol = "supervised"
    flat = run_config({**values, "protocol": protocol}).to_json()
    assert set(flat) == set(names)
    assert run_config(flat).to_json() == flat


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 1}, "--frames: 1 is below the smallest allowed value, 2"),
        ({"segments": 7}, "--segments: 7 is above the largest allowed value, 6"),
        ({"units": 0}, "--units: 0 is below"),
        ({"temperature": 0.0}, "--temperature: 0.0 is below"),
        ({"crop": 1.5}, "--crop: 1.5 is above"),
        ({"network": "rnn"}, "--network: 'rnn' is not one of gru, lstm"),
        ({"method": "mocap"}, "--method: 'mocap' is not one of ms2l, msclr, longt_gan, kernels"),
        ({"cell": "gru"}, "--cell: is no setting of --method=ms2l with --network=gru"),
        ({"queue": 8}, "--queue: is no setting of --method=ms2l with --network=gru"),
        ({"decay": "linear"}, "--decay: 'linear' is not one of step, cosine, constant"),
        ({"tasks": ["jigsaw", "jigsay"]}, "--tasks: 'jigsay' is not one of prediction"),
        ({"k": [5, 0]}, "--k: 0 is below"),
        ({"tasks": []}, "--tasks: name at least one"),
        ({"inputs": ()}, "--inputs: name at least one"),
        ({"learning_rate": float("nan")}, "--learning_rate: nan is not a finite number"),
        ({"observed_noise": float("inf")}, "--observed_noise: inf is not a finite number"),
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
    assert observed_frames(tiny_config(observed=observed, frames=frames)) == expected


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
    assert tiny_config(tasks=["jigsaw"], observed=100).of(TaskSettings).observed == 100
    assert tiny_config(tasks=["prediction"], segments=6, frames=5, observed=2)


@pytest.mark.parametrize("protocol", ["semi", "supervised", "transfer"])
def test_without_tasks_their_views_are_not_checked(protocol: str) -> None:
    assert tiny_config(observed=100, protocol=protocol).of(TaskSettings).observed == 100


def test_transfer_from_random_weights_is_its_own_baseline() -> None:
    assert tiny_config(protocol="transfer").protocol.init == "random"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"method": "supervised", "protocol": "unsupervised"},
            "--method=supervised: learns from labels only: --protocol=supervised",
        ),
        ({"init": "runs/a"}, "--init: belongs to --protocol=semi, supervised and transfer"),
        ({**SEMI, "schedule": "moving"}, "--schedule=moving: starts from a pre-trained encoder"),
        (
            {**SEMI, "train": "classifier", "schedule": "joint"},
            "--train=classifier: leaves the encoder as it is, so --schedule=joint has nothing",
        ),
        (
            {**SEMI, "method": "supervised", "schedule": "joint"},
            "--method=supervised: has no task losses; use --schedule=plain",
        ),
        ({**SEMI, "method": "msclr", "schedule": "joint"}, "--method=msclr: has no task losses"),
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
        (
            {"method": "supervised", "network": "gru", "frames": 4, "pooling": "segments_max"},
            "--pooling=segments_max: needs at least 5 frames; --frames=4",
        ),
    ],
)
def test_protocols_contradict_some_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny_config(**changes)


def test_a_classifier_may_be_one_linear_layer() -> None:
    assert tiny_config(**SEMI, classifier_hidden=()).protocol.classifier_hidden == ()


def test_settings_cannot_be_changed_afterwards() -> None:
    config = run_config()
    frozen: tuple[Any, ...] = (config, *config.groups)
    for group in frozen:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(group, dataclasses.fields(group)[0].name, 3)


def test_names_left_out_keep_their_defaults() -> None:
    config = run_config(TINY)
    assert config.network == RecurrentSettings(units=4)
    assert config.data == run_config().data


def test_changed_settings_leave_the_others() -> None:
    config = tiny_config(seed=3)
    more = changed(config, epochs=9, tasks=["jigsaw"])
    assert (more.training.epochs, more.training.seed) == (9, 3)
    assert more.of(TaskSettings).tasks == ("jigsaw",)
    assert changed(more, epochs=4, tasks=config.of(TaskSettings).tasks) == config
    with pytest.raises(InputError, match="--frames: 1 is below"):
        changed(config, frames=1)


def test_settings_that_a_run_lacks_are_named() -> None:
    with pytest.raises(KeyError, match="TaskSettings: not among the settings of --method=longt_g"):
        run_config({"method": "longt_gan"}).of(TaskSettings)


def test_the_path_of_the_root_needs_a_centre_that_keeps_it() -> None:
    message = r"--inputs=path: needs --centre=clip or none; --centre=frame takes .* away"
    with pytest.raises(InputError, match=message):
        run_config({"inputs": ("joint", "path")})
    for centre in ("clip", "none"):
        config = run_config({"inputs": CHANNELS, "centre": centre})
        assert run_config(json.loads(json.dumps(config.to_json()))) == config
