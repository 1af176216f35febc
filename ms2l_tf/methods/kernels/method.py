"""The closed-form encoder as a method of `ms2l-train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ms2l_tf.errors import InputError
from ms2l_tf.methods.augmentation import AugmentSettings, labelled_view
from ms2l_tf.methods.kernels.settings import InstanceSettings
from ms2l_tf.methods.registry import Method
from ms2l_tf.networks.registry import build_network
from ms2l_tf.settings.config import RunConfig

if TYPE_CHECKING:
    from ms2l_tf.data.run_data import RunData
    from ms2l_tf.methods.base import Learner, RunShape
    from ms2l_tf.methods.kernels.model import KernelLearner

INPUTS = ("relative", "path", "motion", "motion4", "bone_unit", "angle", "distance")


def build(config: RunConfig, shape: RunShape) -> KernelLearner:
    """The learner around the run's network, not built yet."""
    from ms2l_tf.methods.kernels.model import KernelLearner

    network = build_network(config, shape.layouts, coords=shape.coords)
    return KernelLearner(network, seed=config.training.seed)


def fit(config: RunConfig, data: RunData, learner: Learner) -> dict[str, float]:
    """Measures its weights."""
    from ms2l_tf.methods.kernels.fit import fit_kernels

    return fit_kernels(config, data, learner)


def several_layouts(config: RunConfig) -> bool:
    """One encoder reads several layouts by their common points alone."""
    return config.model.joints == "semantic"


def check(config: RunConfig) -> None:
    """Refuses another network, and epochs where there is one round."""
    if config.reads_labels:
        return
    if config.model.network != "kernels":
        raise InputError(
            f"--network={config.model.network}: --method=kernels fits --network=kernels alone"
        )
    if config.training.epochs != 1:
        raise InputError(
            f"--epochs={config.training.epochs}: --method=kernels is solved in one round; leave "
            "the flag out"
        )


METHOD = Method(
    name="kernels",
    summary="random temporal kernels, instance discrimination in closed form; a minute",
    build=build,
    fit=fit,
    settings=(InstanceSettings, AugmentSettings),
    defaults={
        "network": "kernels",
        "inputs": INPUTS,
        "frames": 32,
        "centre": "clip",
        "epochs": 1,
        "rotate": 15.0,
        "shear": 0.15,
        "crop": 0.6,
    },
    labelled_view=labelled_view,
    several_layouts=several_layouts,
    check=check,
)
