"""Settings that a run does not read: which, and whether the rules tell the truth."""

from __future__ import annotations

from typing import Any

import pytest

from ms2l_tf.config import AnyRunConfig, RunConfig
from ms2l_tf.unused import RULES, Rule, unused
from msclr.config import ClrConfig
from msclr.unused import RULES as CLR_RULES

LABELS = {"protocol": "supervised"}


@pytest.mark.parametrize(
    ("name", "idle", "told", "read"),
    [
        ("omega", {**LABELS, "schedule": "plain"}, "--schedule=joint", {"schedule": "joint"}),
        ("moving_epochs", LABELS, "--schedule=moving", {"schedule": "moving", "init": "r"}),
        ("segments", LABELS, "where the tasks are computed", {"watch_tasks": True}),
        ("augment_each", LABELS, "where the tasks are computed", {"watch_tasks": True}),
        ("classifier_units", {}, "--protocol=semi", LABELS),
        ("classifier_units", {**LABELS, "method": "longt_gan"}, "ms2l", {"method": "ms2l"}),
        ("classifier_hidden", {**LABELS, "method": "lstm"}, "longt_gan", {"method": "longt_gan"}),
        ("temperature", {"method": "longt_gan"}, "--method=ms2l where", {"method": "ms2l"}),
        ("temperature", {"tasks": ("jigsaw",)}, "contrastive", {"tasks": ("contrastive",)}),
        ("decoder", {"tasks": ("contrastive",)}, "prediction", {"tasks": ("prediction",)}),
        ("noise", {"tasks": ("jigsaw",)}, "contrastive", {"tasks": ("contrastive",)}),
        ("segments", {"tasks": ("prediction",)}, "jigsaw", {"tasks": ("contrastive",)}),
        ("segments", {"jigsaw_view": "spatial"}, "temporal", {"jigsaw_view": "temporal"}),
        ("observed", {"prediction_view": "spatial"}, "temporal", {"prediction_view": "temporal"}),
        ("cell", {**LABELS, "method": "blstm"}, "--method=ms2l", {"method": "longt_gan"}),
        (
            "label_sampling",
            {"protocol": "semi"},
            "--label_fraction below 1",
            {"label_fraction": 0.5},
        ),
        ("jigsaw_weight", {"tasks": ("prediction",)}, "--tasks=jigsaw", {"tasks": ("jigsaw",)}),
        ("masked_parts", {}, "--prediction_view=spatial", {"prediction_view": "spatial"}),
        ("spatial_orders", {}, "--jigsaw_view=spatial", {"jigsaw_view": "spatial"}),
        ("head_hidden", {}, "--head=mlp", {"head": "mlp"}),
        ("decay_epochs", {"decay": "cosine"}, "--decay=step", {"decay": "step"}),
    ],
)
def test_settings_of_other_runs_are_told(
    name: str, idle: dict[str, Any], told: str, read: dict[str, Any]
) -> None:
    assert_told(RunConfig, RULES, name, idle, told, read)


@pytest.mark.parametrize(
    ("name", "idle", "told", "read"),
    [
        ("flip", {"method": "skeletonclr"}, "--method=aimclr", {"method": "aimclr"}),
        ("flip", LABELS, "--protocol=unsupervised", {"protocol": "unsupervised"}),
        ("queue", LABELS, "--protocol=unsupervised", {"protocol": "unsupervised"}),
        ("classifier_hidden", {}, "--protocol=semi", LABELS),
    ],
)
def test_settings_of_other_msclr_runs_are_told(
    name: str, idle: dict[str, Any], told: str, read: dict[str, Any]
) -> None:
    assert_told(ClrConfig, CLR_RULES, name, idle, told, read)
    for foreign in ("omega", "classifier_units"):
        assert "belongs to ms2l-train" in unused(ClrConfig(), {foreign}, CLR_RULES)[0]
    assert unused(ClrConfig.from_flat(LABELS), {"optimiser", "shear"}, CLR_RULES) == []


def assert_told(
    kind: type[AnyRunConfig],
    rules: tuple[Rule[Any], ...],
    name: str,
    idle: dict[str, Any],
    told: str,
    read: dict[str, Any],
) -> None:
    (line,) = unused(kind.from_flat(idle), {name}, rules)
    assert line.startswith(f"--{name} has no effect here: it belongs to ")
    assert told in line
    assert unused(kind.from_flat({**idle, **read}), {name}, rules) == []
    assert unused(kind.from_flat(idle), {"epochs"}, rules) == []


@pytest.mark.parametrize(("kind", "rules"), [(RunConfig, RULES), (ClrConfig, CLR_RULES)])
def test_rules_speak_of_settings_that_there_are(
    kind: type[AnyRunConfig], rules: tuple[Rule[Any], ...]
) -> None:
    assert {name for rule in rules for name in rule.names} <= set(kind().to_json())
