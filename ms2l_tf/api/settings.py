"""The settings of a run from what Python callers write: keywords, a mapping, a packaged recipe."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import groups_for, run_config
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.settings.flag_files import recipe_flags
from ms2l_tf.settings.options import Group, declared_type
from ms2l_tf.settings.unused import unused

_TRUTHS = {"true": True, "1": True, "": True, "false": False, "0": False}
_METHOD = "ms2l"  # of a recipe that names none


def chosen_config(
    method: str,
    keywords: Mapping[str, Any],
    settings: Mapping[str, Any] | None,
    recipe: str | None,
    defaults: Mapping[str, Any],
    workdir: str,
) -> RunConfig:
    """The settings of a run; what is written later in this list of arguments yields.

    Args:
        method: of the run.
        keywords: of the caller by setting; None: not chosen.
        settings: any others by name.
        recipe: name of a packaged recipe, or None.
        defaults: what is taken where nobody chose.
        workdir: of the run.

    Raises:
        InputError: a setting is unknown, given twice, of a wrong type or out of its bounds.
    """
    chosen = {name: value for name, value in keywords.items() if value is not None}
    more = dict(settings or {})
    if twice := sorted({"method", *chosen} & set(more)):
        raise InputError(f"settings: '{twice[0]}' is given beside it; give it once")
    typed = {"method": method, **chosen, **more}
    from_recipe = recipe_settings(recipe, method, typed) if recipe else {}
    values = typed_values({**defaults, **from_recipe, **typed})
    config = run_config(with_initial_run(values, workdir))
    groups = [type(group) for group in config.groups]
    for line in unused(groups, config.to_json(), set(chosen) | set(more)):
        warnings.warn(line, stacklevel=4)
    return config


def recipe_settings(recipe: str, method: str, chosen: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a packaged recipe, as texts; those that the run does not have are left out.

    Args:
        recipe: its name, such as ``nw_ucla/unsupervised_wide``.
        method: of the run.
        chosen: settings that are chosen beside it.

    Raises:
        InputError: there is none, or it is one of another method.
    """
    values: dict[str, str] = {}
    for line in recipe_flags(recipe):
        name, _, value = line.lstrip("-").partition("=")
        values[name] = value
    if (of_recipe := values.pop("method", _METHOD)) != method:
        raise InputError(f"recipe: {recipe} is one of method '{of_recipe}', not of '{method}'")
    known = _groups_by_setting({**values, **chosen})
    return {name: value for name, value in values.items() if name in known}


def typed_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Each value as its setting declares it: a list where it is one, whole numbers as ints.

    Raises:
        InputError: it cannot be taken for that.
    """
    groups = _groups_by_setting(values)
    return {
        name: _typed(name, value, *declared_type(groups[name], name)) if name in groups else value
        for name, value in values.items()
    }


def _groups_by_setting(values: Mapping[str, Any]) -> dict[str, type[Group]]:
    groups = groups_for(values).values()
    return {name: group for group in groups for name in group.__dataclass_fields__}


def _typed(name: str, value: Any, element: type, is_list: bool) -> Any:
    if not is_list:
        return _element(name, value, element)
    if isinstance(value, str):
        value = [text for text in value.split(",") if text]
    several = isinstance(value, (list, tuple, np.ndarray))
    return tuple(_element(name, entry, element) for entry in (value if several else (value,)))


def _element(name: str, value: Any, element: type) -> Any:
    """One value of a setting; texts are read as on a command line."""
    if element is bool:
        value = _TRUTHS.get(value.lower(), value) if isinstance(value, str) else value
        right = isinstance(value, (bool, np.bool_))
    elif element is str:
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        right = isinstance(value, str)
    else:
        right = not isinstance(value, (bool, np.bool_))
    try:
        typed = element(value) if right else None
    except (TypeError, ValueError, OverflowError):
        typed = None
    if typed is None or (element is int and not isinstance(value, str) and typed != value):
        raise InputError(f"{name}: {value!r}; expected {element.__name__}")
    return typed
