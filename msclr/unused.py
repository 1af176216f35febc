"""Settings of `msclr-train` that a run does not read."""

from __future__ import annotations

from ms2l_tf.config import UNSUPERVISED
from ms2l_tf.unused import LABELLED, Rule
from msclr.config import ClrConfig

RULES: tuple[Rule[ClrConfig], ...] = (
    *LABELLED,
    Rule(("omega", "moving_epochs"), "ms2l-train", lambda config: False),
    Rule(
        ("pairs", "queue", "momentum", "temperature", "projection", "optimiser")
        + (strong := ("rotate", "noise", "flip", "mining_from", "attention_threshold")),
        "--protocol=unsupervised",
        lambda config: config.protocol.protocol == UNSUPERVISED,
    ),
    Rule(strong, "--method=aimclr", lambda config: config.contrast.method == "aimclr"),
    Rule(("decay_epochs",), "--decay=step", lambda config: config.optimiser.decay == "step"),
)
