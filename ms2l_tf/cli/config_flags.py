"""Flags made from the settings' dataclasses, and settings made from flags."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any

from absl import flags

from ms2l_tf.config import RunConfig
from ms2l_tf.errors import InputError
from ms2l_tf.options import Settings, declared_type, groups_of

FLAGS = flags.FLAGS


def define(*groups: str, of: type[Settings] = RunConfig, optional: bool = False) -> None:
    """Defines one flag for each setting of the named groups.

    Args:
        groups: attribute names of `of`.
        of: the settings of a run.
        optional: the flags default to None ("as the run was trained") instead of their default.
    """
    for group in groups:
        settings = groups_of(of)[group]
        for field in dataclasses.fields(settings):
            _define_one(settings, field, optional)


def _define_one(group: type, field: dataclasses.Field[Any], optional: bool) -> None:
    element, is_list = declared_type(group, field.name)
    text, choices = field.metadata["help"], field.metadata["choices"]
    if optional:
        text += " Default: as the run was trained."
    default: Any = None if optional else field.default
    if is_list:
        texts = None if default is None else [str(value) for value in default]
        hint = f" One or more of {', '.join(choices)}." if choices else ""
        flags.DEFINE_list(field.name, texts, text + hint)
    elif choices:
        flags.DEFINE_enum(field.name, default, list(choices), text)
    else:
        kinds: dict[type, Callable[..., Any]] = {
            str: flags.DEFINE_string,
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            bool: flags.DEFINE_bool,
        }
        kinds[element](field.name, default, text)


def read(*groups: str, of: type[Settings] = RunConfig) -> dict[str, Any]:
    """The flat {setting: value} mapping of the flags given for these groups.

    Raises:
        InputError: an entry of a list flag is not of its type.
    """
    values = {}
    for group in groups:
        settings = groups_of(of)[group]
        for field in dataclasses.fields(settings):
            value = FLAGS[field.name].value
            if value is None:
                continue
            element, is_list = declared_type(settings, field.name)
            values[field.name] = _entries(field.name, value, element) if is_list else value
    return values


def given(*groups: str, of: type[Settings] = RunConfig) -> frozenset[str]:
    """Names of the settings of these groups that the command line or a flag file gives."""
    settings = groups_of(of)
    names = [field.name for group in groups for field in dataclasses.fields(settings[group])]
    return frozenset(name for name in names if FLAGS[name].present)


def typed(*groups: str, of: type[Settings] = RunConfig) -> frozenset[str]:
    """As `given`, but for what flag files give: these serve several commands."""
    words = {word.lstrip("-").partition("=")[0] for word in sys.argv[1:] if word.startswith("-")}
    return frozenset(name for name in given(*groups, of=of) if {name, f"no{name}"} & words)


def check_labels(values: Mapping[str, Any]) -> None:
    """Refuses ``--protocol=semi`` with all labels, which is another protocol.

    Raises:
        InputError: says what to give.
    """
    if values["protocol"] == "semi" and values["label_fraction"] == 1:
        raise InputError(
            "--protocol=semi: name the --label_fraction whose labels are read, below 1 (0.1: of "
            "one clip in ten); --protocol=supervised reads them all"
        )


def _entries(name: str, texts: list[str], element: type) -> tuple[Any, ...]:
    try:
        return tuple(element(text) for text in texts)
    except ValueError:
        raise InputError(
            f"--{name}: '{','.join(texts)}' is not a comma-separated list of {element.__name__}"
        ) from None
