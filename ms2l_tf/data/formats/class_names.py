"""The classes of published datasets, one JSON file a dataset in `classes/`."""

from __future__ import annotations

import json
from importlib import resources


def class_names(dataset: str) -> tuple[str, ...]:
    """Names in the order of the publisher's numbers, which count from 1."""
    file = resources.files("ms2l_tf.data.formats").joinpath("classes", f"{dataset}.json")
    return tuple(json.loads(file.read_text(encoding="utf-8"))["names"])
