"""docs/settings.md is what the settings say of themselves."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import all_settings
from tools.settings_docs import PAGE, check_page, page_text


def test_the_page_is_up_to_date() -> None:
    check_page(pathlib.Path(PAGE.default))


@pytest.mark.parametrize("content", [None, "", "# Settings\n"])
def test_another_page_is_refused(tmp_path: pathlib.Path, content: str | None) -> None:
    page = tmp_path / "settings.md"
    if content is not None:
        page.write_text(content)
    with pytest.raises(InputError, match=r"python -m tools\.settings_docs"):
        check_page(page)


def test_every_setting_has_a_row_in_each_group_that_has_it() -> None:
    lines = page_text().splitlines()
    rows = [line for line in lines if line.startswith("| `--") and line.count(" | ") > 1]
    groups = set(all_settings().values())
    assert len(rows) == sum(len(dataclasses.fields(group)) for group in groups)
    assert {row.count("|") - row.count(r"\|") for row in rows} == {6}


@pytest.mark.parametrize(
    ("flag", "cells"),
    [
        (
            "frames",
            "`200`; msclr: `50`; kernels: `32`; pointing: `32` | whole number, ≥ 2 |",
        ),  # default of a method
        ("masked_parts", "`2` | whole number, ≥ 1, ≤ 4 | `--tasks=prediction, contrastive` and "),
        ("augment_each", "`false` | true or false | `--method=ms2l` and `--protocol=unsupervised`"),
        ("head_hidden", "`512` | list of whole number, ≥ 1 |"),
        ("partition", "`spatial` | `uniform`, `distance`, `spatial`, "),
    ],
)
def test_a_row_says_default_values_and_conditions(flag: str, cells: str) -> None:
    assert f"| `--{flag}` | {cells}" in page_text()
