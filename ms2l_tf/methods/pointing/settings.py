"""Settings of the pointing task."""

from __future__ import annotations

import dataclasses

from ms2l_tf.settings.config import UNSUPERVISED
from ms2l_tf.settings.options import Group, option


@dataclasses.dataclass(frozen=True)
class PointingSettings(Group):
    """What is pointed at, and what becomes features."""

    only = (f"protocol={UNSUPERVISED}",)

    target_mixes: int = option(
        2000, "Size of the closed-form encoder whose features are pointed at: its --mixes.", least=1
    )
    target_dims: int = option(512, "How many features are pointed at: its --dims.", least=2)
    sharpness: float = option(
        10.0, "Factor of the cosines in the softmax over the batch: 1 / temperature.", least=1e-3
    )
    joined: bool = option(
        True,
        "Features of a clip: the network's prediction and the closed-form features side by side; "
        "false: the prediction alone.",
    )
