"""Settings of `msclr-train` that a run does not read."""

from __future__ import annotations

from ms2l_tf.config import UNSUPERVISED
from ms2l_tf.unused import LABELS, SAMPLING, Rule
from msclr.config import ClrConfig

_STRONG = ("rotate", "noise", "flip", "mining_from", "attention_threshold")

RULES: tuple[Rule[ClrConfig], ...] = (
    LABELS,
    SAMPLING,
    Rule(("omega", "moving_epochs", "classifier_units"), "ms2l-train", lambda config: False),
    Rule(
        ("pairs", "queue", "momentum", "temperature", "projection", *_STRONG),
        "--protocol=unsupervised",
        lambda config: config.protocol.protocol == UNSUPERVISED,
    ),
    Rule(_STRONG, "--method=aimclr", lambda config: config.contrast.method == "aimclr"),
    Rule(("decay_epochs",), "--decay=step", lambda config: config.optimiser.decay == "step"),
)
