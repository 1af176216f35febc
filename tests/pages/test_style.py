"""Words and lines stand out from what is behind them, by light and in the dark (WCAG 2.2, AA)."""

from __future__ import annotations

import re

import pytest

from ms2l_tf.pages.document import packaged
from ms2l_tf.pages.lines import COLOURS
from ms2l_tf.skeletons.layout import PARTS

LIGHT, DARK = (
    dict(re.findall(r"--(\w+): (#\w{6});", block))
    for block in re.findall(r":root \{(.*?)\}", packaged("style.css"), re.DOTALL)
)


def luminance(colour: str) -> float:
    values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return sum(share * v for share, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", [LIGHT, {**LIGHT, **DARK}], ids=["light", "dark"])
def test_words_and_lines_can_be_read(scheme: dict[str, str]) -> None:
    for behind in ("paper", "field"):
        for words in ("ink", "soft", "accent", "good", "bad"):
            assert contrast(scheme[words], scheme[behind]) >= 4.5, (words, behind)
        for number in range(COLOURS):
            assert contrast(scheme[f"c{number}"], scheme[behind]) >= 3, (number, behind)
    assert contrast(scheme["bar"], scheme["paper"]) >= 3
    strong = [part for part in PARTS if contrast(scheme[part], scheme["field"]) >= 3]
    assert {"trunk", "arm_left", "arm_right"} <= set(strong)
