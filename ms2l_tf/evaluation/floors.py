"""The floors of an evaluation: on what the same probes are read beside the features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ms2l_tf.data.run_data import RunData
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.kernel_floor import left_out
from ms2l_tf.evaluation.layout_features import LayoutFeatures
from ms2l_tf.evaluation.raw_floor import LazyFloor
from ms2l_tf.evaluation.rows import Features
from ms2l_tf.evaluation.sides import Sides
from ms2l_tf.settings.config import RunConfig

Floor = LazyFloor | Sides


def chosen_floors(layout: LayoutFeatures, choices: Choices) -> dict[str, Floor]:
    """The floors that are chosen and that the layout has, in the order of the tables."""
    floors: dict[str, Floor] = {"raw": layout.raw, "random": layout.random}
    if layout.kernels is not None:
        floors["kernels"] = layout.kernels
    return {name: floor for name, floor in floors.items() if name in choices.floors}


def floor_sides(floor: Floor) -> tuple[Features, Features]:
    """Features [N, D], [N', D] of the training and the test clips."""
    return floor.sides if isinstance(floor, LazyFloor) else floor


def missing_floors(
    features: Sequence[LayoutFeatures], config: RunConfig, data: RunData, choices: Choices
) -> Iterator[str]:
    """A line for each layout that has no kernels floor, though it is chosen."""
    for layout in features if "kernels" in choices.floors else ():
        if reason := left_out(config, data, data.index(layout.name)):
            yield f"{layout.name}: the kernels floor is left out: {reason}"


def floor_details(
    config: RunConfig, data: RunData, features: Sequence[LayoutFeatures], choices: Choices
) -> dict[str, str]:
    """For ``result.json``: what the chosen floors are, and why one of them is missing."""
    why = [left_out(config, data, data.index(layout.name)) for layout in features]
    missing = next((f"left out: {reason}" for reason in why if reason), "")
    told = {
        "raw": f"{config.probes.raw_frames} frames of normalised coordinates, flattened",
        "random": "the same encoder before training, same seed, same pooling; its batch "
        "normalisation, if any, as made, with means of 0 and variances of 1; what is fitted in "
        "closed form, as drawn",
        "kernels": missing
        or "the closed-form encoder (--method=kernels) with its default settings, fitted without "
        "labels on the clips the run was trained on; same seed, rotation and scale",
    }
    return {f"{name}_floor": text for name, text in told.items() if name in choices.floors}
