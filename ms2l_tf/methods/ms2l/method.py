"""MS2L as a method of `ms2l-train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ms2l_tf.errors import InputError
from ms2l_tf.methods.augmentation import AugmentSettings, labelled_view
from ms2l_tf.methods.ms2l.settings import TaskSettings, observed_frames
from ms2l_tf.methods.registry import Method
from ms2l_tf.settings.config import UNSUPERVISED, RunConfig

if TYPE_CHECKING:
    from ms2l_tf.methods.base import RunShape
    from ms2l_tf.methods.ms2l.model import MS2L


def build(config: RunConfig, shape: RunShape) -> MS2L:
    """The learner of the three tasks around the run's network, not built yet."""
    from ms2l_tf.methods.ms2l.build import build_ms2l

    return build_ms2l(config, shape)


def check(config: RunConfig) -> None:
    """Refuses views that do not fit into the frames."""
    if config.protocol.protocol != UNSUPERVISED and not config.protocol.has_tasks:
        return
    frames, observed = config.normaliser.frames, observed_frames(config)
    settings = config.of(TaskSettings)
    tasks = set(settings.tasks)  # the contrastive task reads the views of the other two
    masks = tasks & {"prediction", "contrastive"} and settings.prediction_view == "temporal"
    if masks and not 1 <= observed < frames:
        raise InputError(
            f"--observed: {settings.observed:g} leaves {observed} of --frames={frames} "
            "observed; it must be at least 1 and less than --frames"
        )
    shuffles = tasks & {"jigsaw", "contrastive"} and settings.jigsaw_view == "temporal"
    if shuffles and settings.segments > frames:
        raise InputError(
            f"--segments: {settings.segments} segments do not fit into --frames={frames}"
        )


def contrasts(config: RunConfig) -> bool:
    """Whether the contrastive task is among those chosen."""
    return "contrastive" in config.of(TaskSettings).tasks


METHOD = Method(
    name="ms2l",
    summary="motion prediction, jigsaw and contrastive learning at once (Lin et al. 2020)",
    build=build,
    settings=(TaskSettings, AugmentSettings),
    labelled_view=labelled_view,
    contrasts=contrasts,
    check=check,
    carried=(TaskSettings,),
    has_tasks=True,
    needs_frames=True,
)
