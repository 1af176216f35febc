"""MS-CLR as a method of `ms2l-train`; `msclr-train` is the same command with these defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import Method
from ms2l_tf.settings.config import RunConfig
from msclr.settings import ContrastSettings, ViewSettings

if TYPE_CHECKING:
    from ms2l_tf.data.run_data import RunData
    from ms2l_tf.methods.base import RunShape
    from msclr.augment import WeakView
    from msclr.batches import PairBatches
    from msclr.model import MSCLR

LEAST_FRAMES = 8  # of which the temporal crop moves a sixth


def build(config: RunConfig, shape: RunShape) -> MSCLR:
    """The learner around the run's network and its momentum copy, not built yet."""
    from msclr.build import build_msclr

    return build_msclr(config, shape)


def labelled_view(config: RunConfig, shape: RunShape) -> WeakView:
    """The weak view."""
    from msclr.build import weak_view

    return weak_view(config, shape)


def batches(config: RunConfig, data: RunData, replicas: int) -> PairBatches:
    """The same clips, maybe in two layouts."""
    from msclr.batches import PairBatches

    return PairBatches(config, data)


def several_layouts(config: RunConfig) -> bool:
    """Query and key are in any two of them."""
    return True


def check(config: RunConfig) -> None:
    """Refuses clips too short for the views, and layouts named twice."""
    frames = config.normaliser.frames
    if frames < LEAST_FRAMES:
        raise InputError(
            f"--frames: {frames} is below the smallest allowed value of --method=msclr, "
            f"{LEAST_FRAMES}"
        )
    names = config.data.layouts
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"--layouts: names {twice} twice")


METHOD = Method(
    name="msclr",
    summary="contrast across skeleton layouts with a momentum queue (Kiray et al. 2025)",
    build=build,
    settings=(ContrastSettings, ViewSettings),
    batches=batches,
    # Adam with a cosine learns from few clips in few steps; published runs take SGD at 0.1, x0.1
    # after 250 of 300 epochs, and batches of 128.
    defaults={
        "network": "stgcn",
        "frames": 50,
        "batch": 64,
        "learning_rate": 0.001,
        "decay": "cosine",
        "decay_epochs": 250.0,
    },
    labelled_view=labelled_view,
    check=check,
    several_layouts=several_layouts,
)
