"""The data files of this package."""

from __future__ import annotations

import functools
import importlib.resources
from typing import Any

from ms2l_tf.skeletons.json_files import parse_object

_FILES = importlib.resources.files("ms2l_tf.data.synthetic")


@functools.cache
def read_resource(name: str) -> dict[str, Any]:
    """The JSON object in a packaged file; shared by all callers, who leave it as it is."""
    return parse_object(_FILES.joinpath(name).read_text(encoding="utf-8"), name)


def preset_names() -> tuple[str, ...]:
    """Names of the packaged presets."""
    files = _FILES.joinpath("presets").iterdir()
    return tuple(sorted(f.name.removesuffix(".json") for f in files if f.name.endswith(".json")))
