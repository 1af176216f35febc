"""Settings that a run does not read, so that whoever types one is told, and not left to believe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

from ms2l_tf.config import TASKS, UNSUPERVISED, AnyRunConfig, RunConfig, TaskConfig

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


def _has(task: str) -> Callable[[RunConfig], bool]:
    return lambda config: task in config.tasks.tasks


LABELLED: tuple[Rule[AnyRunConfig], ...] = (
    Rule(
        ("classifier_units", "classifier_hidden", "classifier_dropout", "label_sampling"),
        "--protocol=semi, supervised and transfer",
        lambda config: config.protocol.protocol != UNSUPERVISED,
    ),
    Rule(
        ("label_sampling",),
        "--label_fraction below 1",
        lambda config: config.protocol.label_fraction < 1,
    ),
)

RULES: tuple[Rule[RunConfig], ...] = (
    *LABELLED,
    Rule(
        ("classifier_units", "classifier_hidden", "cell"),
        "--method=ms2l and longt_gan",
        lambda config: config.encoder.method not in ("lstm", "blstm"),
    ),
    Rule(("omega",), "--schedule=joint", lambda config: config.protocol.schedule == "joint"),
    Rule(
        ("moving_epochs",), "--schedule=moving", lambda config: config.protocol.schedule == "moving"
    ),
    Rule(
        (*(field.name for field in dataclasses.fields(TaskConfig)), "augment_each"),
        "runs that compute the tasks: --protocol=unsupervised, --schedule=moving and joint, "
        "--watch_tasks",
        lambda config: config.has_tasks,
    ),
    *(Rule((f"{task}_weight",), f"--tasks={task}", _has(task)) for task in TASKS),
    Rule(
        ("masked_parts",),
        "--prediction_view=spatial",
        lambda config: config.tasks.prediction_view == "spatial",
    ),
    Rule(
        ("spatial_orders",),
        "--jigsaw_view=spatial",
        lambda config: config.tasks.jigsaw_view == "spatial",
    ),
    Rule(("head_hidden",), "--head=mlp", lambda config: config.tasks.head == "mlp"),
    Rule(("decay_epochs",), "--decay=step", lambda config: config.optimiser.decay == "step"),
)
