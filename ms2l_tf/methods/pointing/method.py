"""Pointing at closed-form features as a method of `ms2l-train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ms2l_tf.errors import InputError
from ms2l_tf.methods.augmentation import AugmentSettings, labelled_view
from ms2l_tf.methods.kernels.method import INPUTS
from ms2l_tf.methods.pointing.settings import PointingSettings
from ms2l_tf.methods.registry import Method, run_config
from ms2l_tf.networks.registry import build_network
from ms2l_tf.settings.config import RunConfig

if TYPE_CHECKING:
    from ms2l_tf.data.run_data import RunData
    from ms2l_tf.methods.base import Learner, RunShape
    from ms2l_tf.methods.pointing.model import Pointing


def build(config: RunConfig, shape: RunShape) -> Pointing:
    """The student and the teacher, not built yet."""
    from ms2l_tf.methods.pointing.model import Pointing

    targets = target_config(config)
    teacher = build_network(targets, shape.layouts, coords=shape.coords, name="teacher")
    settings = config.of(PointingSettings)
    return Pointing(
        build_network(config, shape.layouts, coords=shape.coords),
        teacher,
        joined=settings.joined,
        sharpness=settings.sharpness,
        augmentation=labelled_view(config, shape),
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )


def target_config(config: RunConfig) -> RunConfig:
    """Settings of the closed-form encoder whose features a run points at.

    It reads the run's clips as the run does; all else but its size is what `kernels` takes by
    itself, its channels and the views of its fit too.
    """
    settings = config.of(PointingSettings)
    taken_over = {**config.data.to_json(), **config.normaliser.to_json()}
    return run_config(
        {
            **taken_over,
            "method": "kernels",
            "joints": config.model.joints,
            "mixes": settings.target_mixes,
            "dims": settings.target_dims,
            "seed": config.training.seed,
        }
    )


def begin(config: RunConfig, data: RunData, learner: Learner) -> None:
    """Fits the teacher on the training clips."""
    from ms2l_tf.methods.kernels.fit import fit_kernels
    from ms2l_tf.methods.kernels.model import KernelLearner
    from ms2l_tf.methods.pointing.model import Pointing

    assert isinstance(learner, Pointing), "built by this method"
    fit_kernels(target_config(config), data, KernelLearner(learner.taught.teacher))


def contrasts(config: RunConfig) -> bool:
    """The vectors of the other clips of a batch are wrong answers."""
    return True


def check(config: RunConfig) -> None:
    """Refuses poses from which the closed-form encoder cannot be computed."""
    if not config.reads_labels and config.normaliser.centre == "frame":
        raise InputError(
            "--centre=frame: takes away the root's path, which the features that "
            "--method=pointing points at describe; use --centre=clip or none"
        )


METHOD = Method(
    name="pointing",
    summary="a network points at the closed-form features of the clip it sees a part of",
    build=build,
    begin=begin,
    settings=(PointingSettings, AugmentSettings),
    defaults={
        "network": "tcn",
        "inputs": INPUTS,
        "frames": 32,
        "centre": "clip",
        "pooling": "mean_max",
        "epochs": 40,
        "batch": 64,
        "learning_rate": 0.001,
        "decay": "cosine",
        "warmup_epochs": 2.0,
        "weight_decay": 0.05,
        "rotate": 20.0,
        "shear": 0.2,
        "crop": 0.5,
        "joint_dropout": 0.3,
    },
    labelled_view=labelled_view,
    contrasts=contrasts,
    check=check,
    one_vector=True,
)
