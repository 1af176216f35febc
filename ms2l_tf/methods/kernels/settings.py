"""Settings of the closed-form encoder's map."""

from __future__ import annotations

import dataclasses

from ms2l_tf.settings.config import UNSUPERVISED
from ms2l_tf.settings.options import Group, option
from ms2l_tf.skeletons.canonical import OPTIONAL


@dataclasses.dataclass(frozen=True)
class InstanceSettings(Group):
    """Instance discrimination: which views of a clip the map keeps together."""

    only = (f"protocol={UNSUPERVISED}",)

    instance_views: int = option(6, "Augmented views of each training clip.", least=2)
    fit_clips: int = option(
        20_000,
        "Clips that are fitted on, drawn evenly where there are more; 0: all. The 2,048 dimensions "
        "that are estimated need no more of them.",
        least=0,
    )
    shrinkage: float = option(
        1.0,
        "Variance added to that among the views of a clip, in units of its mean; views say little "
        "about what they hardly change.",
        least=0,
    )
    lacking: tuple[str, ...] = option(
        ("legs", "head", "neck"),
        "What views lack by turns, one part at a time, so that skeletons without it give similar "
        "features; without a neck the middle of the shoulders stands in for it.",
        choices=tuple(OPTIONAL),
        may_be_empty=True,
        only=("joints=semantic",),
    )
