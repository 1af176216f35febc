"""Settings that a run does not read, so that whoever types one is told, and not left to believe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

from ms2l_tf.config import UNSUPERVISED, AnyRunConfig, RunConfig, TaskConfig

Config = TypeVar("Config", bound=AnyRunConfig, contravariant=True)


@dataclasses.dataclass(frozen=True)
class Rule(Generic[Config]):
    """Settings that only some runs read.

    Attributes:
        names: of the settings.
        belongs_to: the flags that would make them count.
        read: whether a run with these settings reads them.
    """

    names: tuple[str, ...]
    belongs_to: str
    read: Callable[[Config], bool]


def unused(config: Config, names: Collection[str], rules: Sequence[Rule[Config]]) -> list[str]:
    """A line for each setting among `names` that a run with `config` does not read."""
    found = {
        name: rule.belongs_to
        for rule in reversed(rules)  # the first rule that speaks of a name has its say
        for name in rule.names
        if name in names and not rule.read(config)
    }
    return [f"--{name} has no effect here: it belongs to {where}" for name, where in found.items()]


def _is(name: str, value: str) -> Callable[[RunConfig], bool]:
    return lambda config: getattr(config.tasks, name) == value


LABELS = Rule[AnyRunConfig](
    ("classifier_hidden", "classifier_dropout", "label_sampling"),
    "--protocol=semi, supervised and transfer",
    lambda config: config.protocol.protocol != UNSUPERVISED,
)
SAMPLING = Rule[AnyRunConfig](
    ("label_sampling",),
    "--label_fraction below 1",
    lambda config: config.protocol.label_fraction < 1,
)


def _of_tasks(names: tuple[str, ...], *tasks: str) -> Rule[RunConfig]:
    """Settings that any of some tasks reads; see `ms2l_tf.runs.build_tasks`."""
    return Rule(
        names,
        f"--tasks={' or '.join(tasks)}",
        lambda config: bool(set(tasks) & set(config.tasks.tasks)),
    )


RULES: tuple[Rule[RunConfig], ...] = (
    LABELS,
    SAMPLING,
    Rule(
        ("classifier_units",),
        "--protocol=semi, supervised and transfer with --method=ms2l",
        lambda config: config.protocol.protocol != UNSUPERVISED and config.encoder.method == "ms2l",
    ),
    Rule(
        ("classifier_hidden", "cell"),
        "--method=ms2l and longt_gan",
        lambda config: config.encoder.method not in ("lstm", "blstm"),
    ),
    Rule(("omega",), "--schedule=joint", lambda config: config.protocol.schedule == "joint"),
    Rule(
        ("moving_epochs",), "--schedule=moving", lambda config: config.protocol.schedule == "moving"
    ),
    Rule(
        (*(field.name for field in dataclasses.fields(TaskConfig)), "augment_each"),
        "--method=ms2l where the tasks are computed: --protocol=unsupervised, --schedule=moving "
        "and joint, --watch_tasks",
        lambda config: config.has_tasks,
    ),
    _of_tasks(
        ("prediction_view", "masked_parts", "observed", "noise"), "prediction", "contrastive"
    ),
    _of_tasks(("prediction_weight", "prediction_reduction", "decoder"), "prediction"),
    _of_tasks(
        ("jigsaw_view", "segments", "head", "head_hidden", "task_pooling"), "jigsaw", "contrastive"
    ),
    _of_tasks(("jigsaw_weight", "spatial_orders"), "jigsaw"),
    _of_tasks(("contrastive_weight", "temperature", "projection"), "contrastive"),
    *(
        Rule((name,), f"--prediction_view={view}", _is("prediction_view", view))
        for name, view in (("observed", "temporal"), ("masked_parts", "spatial"))
    ),
    *(
        Rule((name,), f"--jigsaw_view={view}", _is("jigsaw_view", view))
        for name, view in (("segments", "temporal"), ("spatial_orders", "spatial"))
    ),
    Rule(("head_hidden",), "--head=mlp", _is("head", "mlp")),
    Rule(("decay_epochs",), "--decay=step", lambda config: config.optimiser.decay == "step"),
)
