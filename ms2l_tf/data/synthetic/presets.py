"""Presets: which actions, persons, cameras, layouts and splits a synthetic dataset has."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ms2l_tf.data.records import UNITS, Axes
from ms2l_tf.data.synthetic.actions import action_library
from ms2l_tf.data.synthetic.performance import Variation
from ms2l_tf.data.synthetic.resources import preset_names, read_resource
from ms2l_tf.data.synthetic.sensor import KINECT_AXES, Camera, Noise
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import json_files

SPLIT_KEYS = ("subject", "camera", "setup")
METRES: Mapping[str, float] = {"m": 1.0, "cm": 100.0, "mm": 1000.0}


@dataclass(frozen=True)
class LayoutOutput:
    """How one layout is written.

    Args:
        frame_rate: Frames per second.
        unit: "m", "cm" or "mm".
        axes: Of the camera coordinates.
        noise: Factor on the preset's noise; estimators differ in precision.
    """

    frame_rate: float = 30.0
    unit: str = "m"
    axes: Axes = KINECT_AXES
    noise: float = 1.0


@dataclass(frozen=True)
class SplitRule:
    """A published kind of split: the listed subjects, cameras or setups train, all others test."""

    by: str
    train: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True)
class Preset:
    """The shape of a synthetic dataset.

    Args:
        name: Of the preset.
        clips: How many clips are made unless the caller says otherwise.
        persons: M of the dataset; 2 or more for actions with a partner.
        seconds: Shortest and longest clip.
        actions: Names from the action library, in label order.
        subjects: Names of the persons. They are used in this order, so training and test
            subjects should alternate for small datasets to have both; so should cameras.
        cameras: All of them see every performance.
        setups: Names of the places the cameras are set up in.
        clip_name: Format with the fields setup, camera, subject, replication and action, each
            counted from 1 (the number in the name where a subject, camera or setup has one).
        variation: How much performances differ.
        noise: Of the sensor.
        layouts: Layouts by id.
        splits: Split rules by name.
    """

    name: str
    clips: int
    persons: int
    seconds: tuple[float, float]
    actions: tuple[str, ...]
    subjects: tuple[str, ...]
    cameras: tuple[Camera, ...]
    setups: tuple[str, ...]
    clip_name: str
    variation: Variation
    noise: Noise
    layouts: Mapping[str, LayoutOutput]
    splits: Mapping[str, SplitRule]


def load_preset(name_or_path: str | os.PathLike[str]) -> Preset:
    """A packaged preset by name, or a user's own from a `.json` file.

    Raises:
        InputError: There is no such preset, or it is malformed.
    """
    if json_files.is_path(name_or_path):
        return _parse(json_files.read_file(name_or_path), str(name_or_path))
    name, known = str(name_or_path), preset_names()
    if name not in known:
        raise InputError(
            f"--preset: unknown preset {name!r}{json_files.did_you_mean(name, known)}; "
            f"known: {', '.join(known)}; or give the path of a .json file"
        )
    return _parse(read_resource(f"presets/{name}.json"), f"preset {name!r}")


_REQUIRED = ("name", "clips", "persons", "seconds", "actions", "subjects", "cameras", "layouts")
_OPTIONAL = ("description", "setups", "clip_name", "variation", "noise", "splits")


def _parse(content: Mapping[str, Any], where: str) -> Preset:
    json_files.require_fields(content, where, _REQUIRED, _OPTIONAL)
    try:
        shortest, longest = (float(value) for value in content["seconds"])
        preset = Preset(
            name=str(content["name"]),
            clips=int(content["clips"]),
            persons=int(content["persons"]),
            seconds=(shortest, longest),
            actions=tuple(content["actions"]),
            subjects=tuple(str(name) for name in content["subjects"]),
            cameras=tuple(_build(Camera, entry) for entry in content["cameras"]),
            setups=tuple(str(name) for name in content.get("setups", ("1",))),
            clip_name=str(content.get("clip_name", _CLIP_NAME)),
            variation=_build(Variation, content.get("variation", {})),
            noise=_build(Noise, content.get("noise", {})),
            layouts={name: _layout(entry) for name, entry in content["layouts"].items()},
            splits={name: _split(entry) for name, entry in content.get("splits", {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where}: missing or invalid entry ({error})") from None
    _check(preset, where)
    return preset


_CLIP_NAME = "a{action:02d}_s{subject:02d}_e{replication:02d}_v{camera:02d}"


def _build(kind: Callable[..., Any], entry: Mapping[str, Any]) -> Any:
    return kind(**entry)


def _layout(entry: Mapping[str, Any]) -> LayoutOutput:
    settings = dict(entry)
    if "axes" in settings:
        settings["axes"] = Axes(**settings["axes"])
    return LayoutOutput(**settings)


def _split(entry: Mapping[str, Any]) -> SplitRule:
    train = tuple(str(name) for name in entry["train"])
    return SplitRule(str(entry["by"]), train, str(entry.get("description", "")))


def _check(preset: Preset, where: str) -> None:
    library = action_library()
    for action in preset.actions:
        if action not in library:
            close = json_files.did_you_mean(str(action), library)
            raise InputError(f"{where}: unknown action {action!r}{close}; see actions.json")
        if library[action].partner and (preset.persons < 2 or len(preset.subjects) < 2):
            raise InputError(f"{where}: action {action!r} needs 2 persons and 2 subjects")
    if not (preset.actions and preset.subjects and preset.cameras and preset.setups):
        raise InputError(f"{where}: needs at least one action, subject, camera and setup")
    if not 0.1 <= preset.seconds[0] <= preset.seconds[1] or preset.persons < 1:
        raise InputError(f"{where}: seconds must be [shortest, longest] from 0.1, persons >= 1")
    for name, layout in preset.layouts.items():
        if layout.unit not in METRES or layout.frame_rate <= 0:
            units = ", ".join(unit for unit in UNITS if unit in METRES)
            raise InputError(f"{where}: layout {name}: unit is one of {units}, frame_rate > 0")
    for name, rule in preset.splits.items():
        if rule.by not in SPLIT_KEYS:
            raise InputError(f"{where}: split {name}: 'by' is one of {', '.join(SPLIT_KEYS)}")
