"""Settings of MS2L: its tasks, their heads and weights; and how clips are augmented."""

from __future__ import annotations

import dataclasses

from ms2l_tf.settings.config import RunConfig
from ms2l_tf.settings.options import Group, option

TASKS = ("prediction", "jigsaw", "contrastive")


_MASKED = ("tasks=prediction,contrastive",)
_SHUFFLED = ("tasks=jigsaw,contrastive",)


@dataclasses.dataclass(frozen=True)
class TaskSettings(Group):
    """The self-supervised tasks, their heads and their weights."""

    only = ("protocol=unsupervised or schedule=moving,joint or watch_tasks=True",)

    tasks: tuple[str, ...] = option(
        TASKS, "Self-supervised tasks, any non-empty subset.", choices=TASKS
    )
    prediction_view: str = option(
        "temporal",
        "What prediction hides: the frames after --observed, or whole body parts in all frames.",
        choices=("temporal", "spatial"),
        only=_MASKED,
    )
    masked_parts: int = option(
        2,
        "Body parts hidden by --prediction_view=spatial, drawn anew each time.",
        least=1,
        most=4,
        only=(*_MASKED, "prediction_view=spatial"),
    )
    jigsaw_view: str = option(
        "temporal",
        "What the jigsaw shuffles: segments of time, or the five body parts.",
        choices=("temporal", "spatial"),
        only=_SHUFFLED,
    )
    spatial_orders: str = option(
        "slots",
        "Answer to --jigsaw_view=spatial: which part sits in each slot (5 x 5-way), or which of "
        "the 120 orders it is.",
        choices=("slots", "orders"),
        only=("tasks=jigsaw", "jigsaw_view=spatial"),
    )
    prediction_weight: float = option(
        1.0, "Weight of motion prediction.", least=0, may_change=True, only=("tasks=prediction",)
    )
    jigsaw_weight: float = option(
        1.0, "Weight of the jigsaw.", least=0, may_change=True, only=("tasks=jigsaw",)
    )
    contrastive_weight: float = option(
        1.0,
        "Weight of the contrastive task.",
        least=0,
        may_change=True,
        only=("tasks=contrastive",),
    )
    observed: float = option(
        50.0,
        "T', what motion prediction sees: frames, or a fraction of T when below 1.",
        least=0,
        only=(*_MASKED, "prediction_view=temporal"),
    )
    observed_noise: float = option(
        0.05,
        "Standard deviation of the noise on the observed frames (torso lengths).",
        least=0,
        may_change=True,
        only=_MASKED,
    )
    prediction_reduction: str = option(
        "mean",
        "Squared errors over frames and coordinates: mean, or sum as Eq. 1 is written.",
        choices=("mean", "sum"),
        may_change=True,
        only=("tasks=prediction",),
    )
    decoder: str = option(
        "frame",
        "Motion prediction head: one layer on every frame's features, or a recurrent decoder.",
        choices=("frame", "gru"),
        only=("tasks=prediction",),
    )
    segments: int = option(
        3,
        "Jigsaw segments S; S! orders are told apart.",
        least=2,
        most=6,
        only=(*_SHUFFLED, "jigsaw_view=temporal"),
    )
    temperature: float = option(
        1.0,
        "Temperature of the contrastive softmax.",
        least=1e-3,
        may_change=True,
        only=("tasks=contrastive",),
    )
    head: str = option(
        "fc",
        "Jigsaw and contrastive heads: one fully connected layer, or an MLP with batch norm.",
        choices=("fc", "mlp"),
        only=_SHUFFLED,
    )
    head_hidden: tuple[int, ...] = option(
        (512,), "Hidden sizes of the MLP heads.", least=1, only=(*_SHUFFLED, "head=mlp")
    )
    projection: int = option(
        60, "Size of the contrastive projection.", least=2, only=("tasks=contrastive",)
    )
    task_pooling: str = option(
        "mean",
        "How the jigsaw and contrastive heads pool frames.",
        choices=("mean", "max"),
        only=_SHUFFLED,
    )


def observed_frames(config: RunConfig) -> int:
    """T' in frames."""
    value = config.of(TaskSettings).observed
    return round(value * config.normaliser.frames) if value < 1 else round(value)
