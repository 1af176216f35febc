"""What the manifest of an exported run says."""

from __future__ import annotations

import itertools
import pathlib
from typing import Any

import numpy as np

from ms2l_tf.api.loaded import LoadedRun
from ms2l_tf.data.normaliser import METRES, Normaliser
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.records import DIRECTIONS, HANDEDNESS, Axes
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError, warn
from ms2l_tf.evaluation.result import EvaluationResult, environment
from ms2l_tf.export.head_fit import Head
from ms2l_tf.export.manifest import FORMAT, VERSION
from ms2l_tf.export.served import ServedModel
from ms2l_tf.version import __version__

_PLACES = ("data", "init")  # settings that say where something lies on the machine


def manifest_values(
    run: LoadedRun,
    model: ServedModel,
    head: Head | None,
    data: RunData | None,
    store: PoseStore | None,
) -> dict[str, Any]:
    """All but the checksums and what was measured of the files.

    Args:
        run: live.
        model: made of it.
        head: of the model.
        data: the clips it was trained on; None: they are not at hand.
        store: of those, in the layout of the model.
    """
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "model": _model(run),
        "input": _input(run, store),
        "output": _output(model, head),
        "training": _training(run, data),
        "metrics": _metrics(run),
        "licence": {"package": "Apache-2.0", "data": data.dataset.licence if data else None},
        "versions": {"ms2l_tf": __version__, **environment()},
    }


def _model(run: LoadedRun) -> dict[str, Any]:
    config = run.config
    settings = {name: value for name, value in config.to_json().items() if name not in _PLACES}
    names = [pathlib.Path(name).name for name in settings["layouts"]]
    return {
        "method": config.model.method,
        "network": config.model.network,
        "pooling": run.pooling,
        "settings": {**settings, "layouts": names},
    }


def _input(run: LoadedRun, store: PoseStore | None) -> dict[str, Any]:
    normaliser, coords = run.normaliser, run.coords
    axes = axes_of(normaliser) if coords == 3 else None
    return {
        "layout": run.layout.to_json(),
        "coords": coords,
        "persons": run.persons,
        "frames": normaliser.frames,
        "unit": unit_of(normaliser) if store is None else store.unit,
        "axes": None if axes is None else axes.to_json(),
        "to_metres": normaliser.to_metres[:coords, :coords].tolist(),
        "frame_rate": None if store is None else store.frame_rate,
    }


def _output(model: ServedModel, head: Head | None) -> dict[str, Any]:
    if head is None:
        return {"feature_dim": model.feature_dim, "label_names": [], "head": None}
    kept = {"kind": head.kind, "temperature": head.temperature, **head.details}
    return {
        "feature_dim": model.feature_dim,
        "label_names": list(head.label_names),
        "head": kept,
    }


def _training(run: LoadedRun, data: RunData | None) -> dict[str, Any]:
    record = run.folder.record()
    return {
        "dataset": record["dataset"],
        "dataset_fingerprint": record.get("dataset_fingerprint"),
        "source": data.dataset.source if data else None,
        "split": data.reference.split if data else run.config.data.split or None,
        "clips": record.get("trained_clips"),
        "protocol": record["protocol"],
        "epochs": run.config.training.epochs,
        "seed": run.config.training.seed,
    }


def _metrics(run: LoadedRun) -> dict[str, float | None]:
    """Those of ``result.json``, if the run was evaluated."""
    if not run.folder.result.is_file():
        return {}
    try:
        metrics = EvaluationResult.load(run.folder.result).metrics
    except InputError as error:
        warn(f"{error}; the model has no numbers")
        return {}
    return {name: value if np.isfinite(value) else None for name, value in metrics.items()}


def unit_of(normaliser: Normaliser) -> str:
    """The unit that a normaliser turns into metres; ``m`` may be none at all."""
    units = {scale: unit for unit, scale in METRES.items()}
    return units.get(normaliser.unit_scale, "unknown")


def axes_of(normaliser: Normaliser) -> Axes | None:
    """The axes that a normaliser turns into its own; None: it leaves them."""
    if normaliser.axes is None:
        return None
    for up, forward, handedness in itertools.product(DIRECTIONS, DIRECTIONS, HANDEDNESS):
        if up[1] != forward[1]:
            axes = Axes(up, forward, handedness)
            if np.array_equal(axes.matrix, np.array(normaliser.axes)):
                return axes
    return None
