"""Settings that a run does not read: which, and whether the conditions tell the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from ms2l_tf.methods.registry import all_settings, methods, run_config
from ms2l_tf.networks.registry import NETWORKS, NetworkKind, build_network, register_network
from ms2l_tf.settings.config import FRAME_NETWORKS, gives_frames
from ms2l_tf.settings.options import Group, conditions_of, declared_type, is_met
from ms2l_tf.settings.unused import as_flags, unused
from tests.helpers import tiny_layout

LABELS = {"protocol": "supervised"}
RANDOM = {"protocol": "unsupervised"}
TASKS = "--protocol=unsupervised or --schedule=moving, joint or --watch_tasks=True"
READS_LABELS = "--protocol=semi, supervised, transfer"


def told(values: dict[str, Any], *names: str) -> list[str]:
    """The lines about some settings of a run."""
    config = run_config(values)
    return unused([type(group) for group in config.groups], config.to_json(), names)


@pytest.mark.parametrize(
    ("name", "idle", "belongs_to", "read"),
    [
        ("omega", {**LABELS, "schedule": "plain"}, "--schedule=joint", {"schedule": "joint"}),
        ("moving_epochs", LABELS, "--schedule=moving", {"schedule": "moving", "init": "r"}),
        ("segments", LABELS, TASKS, {"watch_tasks": True}),
        ("augment_each", LABELS, TASKS, {"watch_tasks": True}),
        ("augment_each", {"method": "longt_gan"}, "--method=ms2l", {"method": "ms2l"}),
        ("classifier_units", {}, READS_LABELS, LABELS),
        (
            "classifier_units",
            {**LABELS, "method": "longt_gan"},
            "--network=gru, lstm",
            {"method": "ms2l"},
        ),
        ("classifier_hidden", {}, READS_LABELS, LABELS),
        ("classifier_dropout", {"method": "msclr"}, READS_LABELS, LABELS),
        ("temperature", {"tasks": ("jigsaw",)}, "contrastive", {"tasks": ("contrastive",)}),
        ("decoder", {"tasks": ("contrastive",)}, "prediction", {"tasks": ("prediction",)}),
        ("observed_noise", {"tasks": ("jigsaw",)}, "contrastive", {"tasks": ("contrastive",)}),
        ("segments", {"tasks": ("prediction",)}, "jigsaw", {"tasks": ("contrastive",)}),
        ("segments", {"jigsaw_view": "spatial"}, "temporal", {"jigsaw_view": "temporal"}),
        ("observed", {"prediction_view": "spatial"}, "temporal", {"prediction_view": "temporal"}),
        ("label_sampling", {"protocol": "semi"}, "--label_fraction<1", {"label_fraction": 0.5}),
        ("label_sampling", {}, READS_LABELS, {"protocol": "semi", "label_fraction": 0.5}),
        ("jigsaw_weight", {"tasks": ("prediction",)}, "--tasks=jigsaw", {"tasks": ("jigsaw",)}),
        ("masked_parts", {}, "--prediction_view=spatial", {"prediction_view": "spatial"}),
        ("spatial_orders", {}, "--jigsaw_view=spatial", {"jigsaw_view": "spatial"}),
        ("head_hidden", {}, "--head=mlp", {"head": "mlp"}),
        ("decay_epochs", {"decay": "cosine"}, "--decay=step", {"decay": "step"}),
        ("flip", {"method": "msclr", "contrast": "skeletonclr"}, "=aimclr", {"contrast": "aimclr"}),
        ("flip", {"method": "msclr", **LABELS}, "--protocol=unsupervised", RANDOM),
        ("queue", {"method": "msclr", **LABELS}, "--protocol=unsupervised", RANDOM),
        ("pooling", {"method": "msclr"}, "--network=gru, lstm", {"network": "gru"}),
        ("pooling", {"method": "pointing"}, READS_LABELS, LABELS),
        ("sharpness", {"method": "pointing", **LABELS}, "--protocol=unsupervised", RANDOM),
        ("shrinkage", {"method": "kernels", **LABELS}, "--protocol=unsupervised", RANDOM),
        *(
            (name, {"method": "kernels"}, f"{READS_LABELS} or --method=longt_gan, ms2l,", LABELS)
            for name in ("learning_rate", "decay", "clip_norm", "batch", "monitor_epochs")
        ),
        ("precision", {"method": "kernels"}, READS_LABELS, {"method": "ms2l", "network": "gru"}),
    ],
)
def test_settings_of_other_runs_are_told(
    name: str, idle: dict[str, Any], belongs_to: str, read: dict[str, Any]
) -> None:
    (line,) = told(idle, name)
    assert line.startswith(f"--{name} has no effect here: it belongs to --")
    assert belongs_to in line
    assert told({**idle, **read}, name) == []
    assert told(idle, "epochs") == []


@pytest.mark.parametrize("method", methods())
def test_settings_that_every_run_of_a_method_reads(method: str) -> None:
    assert told({"method": method, **LABELS}, "optimiser", "shear", "classifier_hidden") == []


def test_as_flags() -> None:
    assert as_flags("a=x,y") == "--a=x, y"
    assert as_flags("a=x or b=y,z or c<1") == "--a=x or --b=y, z or --c<1"


def conditions() -> Iterator[tuple[str, str]]:
    """(setting, alternative of one of its conditions) of every setting there is."""
    for group in all_settings().values():
        for field in dataclasses.fields(group):
            for condition in conditions_of(group, field):
                for alternative in condition.split(" or "):
                    yield field.name, alternative


def known_values(name: str) -> set[str] | None:
    """What a setting can be, as typed; None: too many values to list.

    Raises:
        KeyError: there is no such setting.
    """
    if name in ("method", "network"):
        return set(methods() if name == "method" else NETWORKS)
    for group in all_settings().values():
        for field in dataclasses.fields(group):
            if field.name == name:
                boolean = declared_type(group, name)[0] is bool
                choices = ("True", "False") if boolean else field.metadata["choices"]
                return None if choices is None else set(choices)
    raise KeyError(name)


@pytest.mark.parametrize(("name", "alternative"), sorted(set(conditions())))
def test_conditions_speak_of_settings_and_values_that_there_are(
    name: str, alternative: str
) -> None:
    if "<" in alternative:
        other, _, limit = alternative.partition("<")
        assert known_values(other) is None
        assert isinstance(run_config().to_json()[other], (int, float))
        assert float(limit) > 0
    else:
        other, _, wanted = alternative.partition("=")
        values = known_values(other)
        assert values is not None, "any text would do, so none is known to be right"
        assert set(wanted.split(",")) < values, "a condition that every value meets says nothing"
    assert other != name, "a setting that decides about itself"


@pytest.mark.parametrize(
    ("owner", "group"),
    [(owner, group) for owner, group in all_settings().items() if owner.startswith("method=")],
)
def test_conditions_of_a_method_name_settings_of_its_runs(owner: str, group: Any) -> None:
    """Else they could never be met."""
    method = methods()[owner.split()[0].removeprefix("method=")]
    values = run_config({"method": method.name, **LABELS}).to_json()
    for field in dataclasses.fields(group):
        for condition in conditions_of(group, field):
            names = {text.partition("=")[0] for text in condition.split(" or ")}
            assert names & set(values), (field.name, condition)


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_that_give_frames_are_those_that_a_classifier_reads_frames_of(
    network: str,
) -> None:
    config = run_config({"network": network, **LABELS})
    encoder = build_network(config, [tiny_layout()], coords=3)
    assert encoder.gives_frames == is_met(gives_frames(), {"network": network})
    assert NETWORKS[network].has_frames == encoder.has_frames


@pytest.mark.parametrize("frames", [True, False])
def test_a_registered_network_says_itself_whether_it_gives_frames(
    frames: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, with_frames = dict(NETWORKS), set(FRAME_NETWORKS)
    monkeypatch.setattr("ms2l_tf.networks.registry.NETWORKS", known)
    for module in ("networks.registry", "settings.config"):
        monkeypatch.setattr(f"ms2l_tf.{module}.FRAME_NETWORKS", with_frames)
    kind = NetworkKind("own", "of a user", Group, build_network, gives_frames=frames)
    register_network(kind)
    assert bool(told({"network": "own", **LABELS}, "classifier_units")) != frames
