"""Flags made from the settings' dataclasses, and settings made from flags."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from absl import flags

from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import methods
from ms2l_tf.networks.registry import NETWORKS
from ms2l_tf.settings.options import Group, declared_type
from ms2l_tf.settings.unused import no_effect, unused

FLAGS = flags.FLAGS
Groups = Mapping[str, type[Group]]
Field = dataclasses.Field[Any]


def define(groups: Groups, *, defaults: str = "") -> None:
    """Defines one flag for each setting; a flag that is not given has no value.

    Args:
        groups: by what they belong to, see `all_settings`.
        defaults: what help says of all defaults, instead of each one's.
    """
    owners = _owners(groups)
    for group, field in _fields(groups):
        default = defaults or _shown_defaults(owners[field.name])
        _define_one(group, field, " ".join(_help(field, owners[field.name], default)))


def _fields(groups: Groups) -> Iterator[tuple[type[Group], Field]]:
    """Every setting once; several groups may have it, with other defaults."""
    seen: set[str] = set()
    for group in groups.values():
        for field in dataclasses.fields(group):
            if field.name not in seen:
                seen.add(field.name)
                yield group, field


def _owners(groups: Groups) -> dict[str, dict[str, Field]]:
    """By setting, its field in each method or network, or room of all runs, that has it."""
    owners: dict[str, dict[str, Field]] = {}
    for owner, group in groups.items():
        for field in dataclasses.fields(group):
            owners.setdefault(field.name, {}).setdefault(owner.split()[0], field)
    return owners


def _belongs_to(owners: Iterable[str]) -> str:
    """``method=a``, ``method=b`` -> ``--method=a, b``; empty for what every run has."""
    names: dict[str, list[str]] = {}
    for flag, is_choice, name in (owner.partition("=") for owner in owners):
        if is_choice:
            names.setdefault(flag, []).append(name)
    return " and ".join(f"--{flag}={', '.join(of_flag)}" for flag, of_flag in names.items())


def _help(field: Field, owners: Mapping[str, Field], default: str) -> Iterator[str]:
    """Sentences on a setting: what it is, what its names stand for, whose it is, its defaults."""
    yield field.metadata["help"]
    kinds: dict[str, Mapping[str, Any]] = {"method": methods(), "network": NETWORKS}
    if field.name in kinds:
        kind = kinds[field.name].items()
        yield "; ".join(f"{name}: {described.summary}" for name, described in kind) + "."
    if belongs_to := _belongs_to(owners):
        yield f"Of {belongs_to}."
    yield default


def _shown_defaults(owners: Mapping[str, Field]) -> str:
    """What help says of a default, and of the methods and networks that have another."""
    first = next(iter(owners.values()))
    others = {owner: field.default for owner, field in owners.items()}
    for method in methods().values():
        if first.name in method.defaults:
            others[f"method={method.name}"] = method.defaults[first.name]
    shown = [_shown(first.default)]
    shown += [f"{_shown(v)} with --{owner}" for owner, v in others.items() if v != first.default]
    return f"Default: {', '.join(shown)}."


def _shown(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text or "empty"


def _define_one(group: type[Group], field: Field, text: str) -> None:
    element, is_list = declared_type(group, field.name)
    choices = field.metadata["choices"]
    if is_list:
        hint = f" One or more of {', '.join(choices)}." if choices else ""
        flags.DEFINE_list(field.name, None, text + hint)
    elif choices:
        flags.DEFINE_enum(field.name, None, list(choices), text)
    else:
        kinds: dict[type, Callable[..., Any]] = {
            str: flags.DEFINE_string,
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            bool: flags.DEFINE_bool,
        }
        kinds[element](field.name, None, text)


def read(groups: Groups) -> dict[str, Any]:
    """The flat {setting: value} mapping of the flags that are given, here or in a flag file.

    Raises:
        InputError: an entry of a list flag is not of its type.
    """
    values = {}
    for group, field in _fields(groups):
        value = FLAGS[field.name].value
        if value is None:
            continue
        element, is_list = declared_type(group, field.name)
        values[field.name] = _entries(field.name, value, element) if is_list else value
    return values


def typed() -> frozenset[str]:
    """Names of the flags on the command line itself; flag files serve several commands."""
    words = {word.lstrip("-").partition("=")[0] for word in sys.argv[1:] if word.startswith("-")}
    return frozenset(words | {word.removeprefix("no") for word in words})


def without_effect(
    groups: Groups, run_groups: Iterable[Group], values: Mapping[str, Any]
) -> list[str]:
    """A line for each typed flag that the run does not read.

    Args:
        groups: all there are, by what they belong to.
        run_groups: the settings of the run.
        values: the same, flat.
    """
    names = typed()
    foreign = [
        no_effect(name, _belongs_to(owners))
        for name, owners in _owners(groups).items()
        if name in names and name not in values
    ]
    return [*foreign, *unused([type(group) for group in run_groups], values, names)]


def names_of(groups: Groups) -> frozenset[str]:
    """Names of all settings of these groups."""
    return frozenset(field.name for _, field in _fields(groups))


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
