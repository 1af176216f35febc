"""Settings of runs as their flag files and run folders have them, to be compared."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import all_settings, groups_for, run_config
from ms2l_tf.settings.config import UNSUPERVISED
from ms2l_tf.settings.options import declared_type

PLACES = ("data", "init")  # folders of the machine a run was made on
# In flag files, but of the command rather than of the run.
_OF_COMMANDS = ("synthetic_clips",)


def typed_settings(arguments: Sequence[str], where: str) -> dict[str, Any]:
    """Typed settings of `--name=value` arguments, flag files read; the last one of a name counts.

    Args:
        arguments: of a training command, without its folders.
        where: what an error names.

    Raises:
        InputError: a file that cannot be read, or a flag that is no setting of a run.
    """
    try:
        lines = flags.FlagValues().read_flags_from_files(list(arguments))
    except flags.Error as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None
    kinds = _kinds()
    settings: dict[str, Any] = {}
    for line in lines:
        name, _, text = line.removeprefix("--").partition("=")
        if name in _OF_COMMANDS:
            continue
        if name not in kinds:
            raise InputError(f"{where}: '{line}' is no flag of ms2l-train (--name=value)")
        element, is_list = kinds[name]
        try:
            values = [_typed(element, entry) for entry in (text.split(",") if is_list else [text])]
        except ValueError:
            raise InputError(f"{where}: '{line}' is not of type {element.__name__}") from None
        settings[name] = tuple(values) if is_list else values[0]
    return settings


def all_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a run from those given; those of other methods and networks are left out.

    Flag files that are read one after the other may name some: the last method counts.

    Raises:
        InputError: the settings contradict each other.
    """
    names = {
        field.name for group in groups_for(values).values() for field in dataclasses.fields(group)
    }
    return run_config({name: value for name, value in values.items() if name in names}).to_json()


def defaults_beside(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What every setting is by default with the method and network of these settings."""
    chosen = {name: settings[name] for name in ("method", "network") if name in settings}
    if settings.get("protocol", UNSUPERVISED) != UNSUPERVISED:
        chosen["protocol"] = "supervised"  # some methods learn from labels only
    return {**run_config(chosen).to_json(), "protocol": UNSUPERVISED}


def beside_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a run's settings that are not the defaults; no folders of a machine."""
    default = defaults_beside(settings)
    return {
        name: value
        for name, value in settings.items()
        if name not in PLACES and value != default.get(name)
    }


def begun_from(init: str) -> str:
    """Folder and name of the run that --init names, without the place of both."""
    return "/".join(init.split("/")[-2:])


def shown(value: Any) -> str:
    """A setting as it would be typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@functools.cache
def _kinds() -> dict[str, tuple[type, bool]]:
    """(element type, is a list) of every setting of a run."""
    return {
        field.name: declared_type(group, field.name)
        for group in all_settings().values()
        for field in dataclasses.fields(group)
    }


def _typed(element: type, text: str) -> Any:
    if element is not bool:
        return element(text)
    if text not in ("", "true", "false"):
        raise ValueError(text)
    return text != "false"
