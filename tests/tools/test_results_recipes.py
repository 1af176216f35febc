"""Which recipe a run is of: every recipe's settings can be read for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from ms2l_tf.settings.config import RANDOM_INIT
from tools.flag_settings import all_values, typed_settings
from tools.results.recipes import FLAGS_FOLDER, _start

RECIPES = [
    path for path in sorted(FLAGS_FOLDER.glob("*/*.cfg")) if not path.stem.startswith("tables_")
]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_settings_of_a_recipe_are_read_with_the_start_its_command_has(path: Path) -> None:
    values = all_values({**typed_settings([f"--flagfile={path}"], ""), "init": _start(path)})
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    begins = any("ms2l-train" in line and " --init=" in line for line in header)
    assert (values["init"] != RANDOM_INIT) == begins
