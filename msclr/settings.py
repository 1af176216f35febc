"""Settings of MS-CLR: what is contrasted, and the views of a clip."""

from __future__ import annotations

import dataclasses

from ms2l_tf.settings.options import Group, option

AUTO_QUEUE = 0
_AIMCLR = ("contrast=aimclr",)
_STRONG = ("protocol=unsupervised", *_AIMCLR)


@dataclasses.dataclass(frozen=True)
class ContrastSettings(Group):
    """Contrastive learning with a momentum encoder and a queue."""

    only = ("protocol=unsupervised",)

    contrast: str = option(
        "aimclr",
        "How query and key are aligned: skeletonclr (InfoNCE), aimclr (also strong views, "
        "attention drop and nearest neighbours).",
        choices=("skeletonclr", "aimclr"),
    )
    pairs: str = option(
        "full_random",
        "Layouts of query and key: drawn independently, one side always the reference layout, or "
        "both the same.",
        choices=("full_random", "anchored", "same"),
    )
    queue: int = option(
        AUTO_QUEUE, "Keys in the queue; 0: half of the training clips, at most 32768.", least=0
    )
    momentum: float = option(
        0.99, "Momentum of the key encoder; published for long runs: 0.999.", least=0, most=1
    )
    temperature: float = option(0.07, "Temperature of the contrastive softmax.", least=1e-3)
    projection: int = option(128, "Size of the contrastive projection.", least=2)
    mining_from: float = option(
        0.5,
        "Part of the run after which neighbours count as positives; 1: never.",
        least=0,
        most=1,
        only=_AIMCLR,
    )
    attention_threshold: float = option(
        0.7,
        "Attention from which a joint or an entry is dropped; it is 0.62 at least and 1 at most.",
        least=0.625,
        most=1,
        only=_AIMCLR,
    )


@dataclasses.dataclass(frozen=True)
class ViewSettings(Group):
    """Views of a clip. Weak: temporal crop and shear; strong: all of them."""

    shear: float = option(0.5, "Shear: off-diagonal entries are drawn from U(-s, s).", least=0)
    turn: float = option(
        30.0, "Rotation about a main axis from U(0, a), degrees.", least=0, only=_STRONG
    )
    noise: float = option(
        0.02,
        "Standard deviation of the noise, torso lengths (0.02 is the published 1 cm for a torso of "
        "half a metre); with --scale=none in the unit of the poses, metres where it is known.",
        least=0,
        only=_STRONG,
    )
    flip: float = option(
        0.5,
        "Probability of a mirrored clip; leave it 0 where classes differ in left and right.",
        least=0,
        most=1,
        only=_STRONG,
    )
