"""Settings of the pointing task."""

from __future__ import annotations

import dataclasses

from ms2l_tf.settings.options import Group, option


@dataclasses.dataclass(frozen=True)
class PointingSettings(Group):
    """What is pointed at, and what becomes features."""

    target_mixes: int = option(2000, "`--mixes` of the closed-form encoder pointed at.", least=1)
    target_dims: int = option(512, "Its `--dims`: size of the vector pointed at.", least=2)
    sharpness: float = option(
        10.0, "Factor of the cosines in the softmax over the batch, 1 / temperature.", least=1e-3
    )
    joined: bool = option(
        True,
        "Features: the network's answer and the closed-form features; false: its answer alone.",
    )
