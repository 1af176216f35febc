"""Settings, time, and what the runs were computed with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ms2l_tf.evaluation.run_report.reading import ReadRun
from ms2l_tf.methods.registry import run_config
from ms2l_tf.pages.elements import Html, element, note, table
from ms2l_tf.runs.folder import shown

_TRAINING = ("training_seconds", "epochs_timed")


def settings_section(runs: Sequence[ReadRun]) -> list[Html]:
    """What differs between the runs, or of one run from the defaults; and all settings."""
    columns = {run.name: run.config.to_json() for run in runs}
    if len(runs) == 1:
        (name,) = columns
        model = {key: columns[name][key] for key in ("method", "network")}
        against = {"default": run_config(model).to_json(), name: dict(columns[name])}
        for settings in against.values():
            del settings["data"]  # which nobody leaves at its default
        differing = _differing(against, "Settings that are not the default")
    else:
        differing = _differing(columns, "Settings that differ")
    whole = _table("All settings", columns, _keys(columns.values()))
    return [differing, element("details", element("summary", "All settings"), whole)]


def _differing(columns: Mapping[str, Mapping[str, Any]], caption: str) -> Html:
    keys = [
        key
        for key in _keys(columns.values())
        if any(_told(of_run, key) != _told(next(iter(columns.values())), key)
               for of_run in columns.values())
    ]  # fmt: skip
    if not keys:
        return note(f"{caption}: none.")
    return _table(caption, columns, keys)


def time_section(runs: Sequence[ReadRun]) -> list[Html]:
    """Seconds of training and evaluation, and versions and machine of the evaluation."""
    columns = {run.name: _seconds(run.timing) for run in runs}
    keys = [key for key in _keys(columns.values()) if any(key in one for one in columns.values())]
    parts = []
    if keys:
        parts.append(_table("Seconds", columns, keys, numbers=True))
    else:
        parts.append(note("No time is kept."))
    machines = {run.name: run.result.environment for run in runs if run.result is not None}
    if machines:
        caption = "What it was evaluated with"
        parts.append(_table(caption, machines, _keys(machines.values())))
    return parts


def _seconds(timing: Mapping[str, float]) -> dict[str, str]:
    """Seconds by what took them; probes of one floor together."""
    seconds: dict[str, float] = {}
    total, epochs = (timing.get(key) for key in _TRAINING)
    if total is not None:
        seconds["training"] = total
        if epochs:
            seconds["training, an epoch"] = total / epochs
    for key, value in timing.items():
        if key in _TRAINING:
            continue
        floor = key.split("/")[1] if key.startswith("floor/") else ""
        name = f"probes of the {floor} floor" if floor else key
        name = name if floor or key == "features" else "probes of the features"
        seconds[name] = seconds.get(name, 0.0) + value
    return {name: f"{value:,.1f}" for name, value in seconds.items()}


def _keys(columns: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for of_run in columns for key in of_run))


def _told(values: Mapping[str, Any], key: str) -> str:
    """A value as it is written on a command line; of a path its last name, which is enough."""
    if key not in values:
        return "-"
    text = shown(values[key])
    if "/" in text or "\\" in text:
        parts = (part.replace("\\", "/").rstrip("/") for part in text.split(","))
        text = ",".join(part.rpartition("/")[2] for part in parts)
    return text or "(none)"


def _table(
    caption: str,
    columns: Mapping[str, Mapping[str, Any]],
    keys: Sequence[str],
    *,
    numbers: bool = False,
) -> Html:
    rows = [(key, *(_told(of_run, key) for of_run in columns.values())) for key in keys]
    kinds = range(1, len(columns) + 1) if numbers else ()
    return table(caption, ("", *columns), rows, numbers=kinds)
