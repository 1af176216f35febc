"""Starting from the weights of another run: what is taken over, and what has to agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import keras

from ms2l_tf.config import RANDOM_INIT, RunConfig
from ms2l_tf.errors import InputError
from ms2l_tf.model import MS2L
from ms2l_tf.options import groups_of
from ms2l_tf.runs.build import build_shaped_model, pose_shape
from ms2l_tf.runs.data import RunData
from ms2l_tf.runs.folder import RunFolder, shown
from ms2l_tf.runs.weights import load_weights

# Settings that decide what the encoder reads and is, and which heads the tasks have.
_GROUPS = ("normaliser", "encoder", "tasks")
_OF_THE_DATASET = ("layout", "mapping")
# Those a run may choose anew: they change losses and noise, but no weight's shape and no input.
_FREE = (
    "prediction_weight",
    "jigsaw_weight",
    "contrastive_weight",
    "noise",
    "temperature",
    "prediction_reduction",
)


def with_initial_run(values: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
    """Settings completed by those of the run that ``init`` names.

    Args:
        values: flat {setting: value}.
        given: names of the settings the user chose; the others may be replaced.

    Raises:
        InputError: the run does not exist, is not finished, or a chosen setting differs from its.
    """
    settings = dict(values)
    if settings.get("init", RANDOM_INIT) == RANDOM_INIT:
        return settings
    folder = _finished(settings["init"])
    transfer = settings.get("protocol") == "transfer"
    taken = _taken_over(folder, transfer=transfer)
    for name, value in taken.items():
        if name in given and name not in _FREE:
            _check_equal(folder, name, value, settings[name])
        if name not in given:
            settings[name] = value
    return settings


def _finished(path: str) -> RunFolder:
    folder = RunFolder(path)
    if not folder.flags.is_file():
        raise InputError(f"--init: {folder.path} holds no run (no flags.json)")
    if not folder.finished:
        raise InputError(f"--init: {folder.path} is not trained to its last epoch; finish it first")
    return folder


def _taken_over(folder: RunFolder, *, transfer: bool) -> dict[str, Any]:
    config = folder.config()
    groups = groups_of(RunConfig)
    names = [field.name for group in _GROUPS for field in dataclasses.fields(groups[group])]
    settings = config.to_json()
    taken = {name: settings[name] for name in names}
    if transfer:  # layouts go by other names there; persons as they were, not the dataset's
        shape = folder.record().get("poses", {}).get("shape")
        if shape:
            taken["persons"] = shape[1]
    else:
        taken |= {name: settings[name] for name in _OF_THE_DATASET}
    return taken


def _check_equal(folder: RunFolder, name: str, its: Any, mine: Any) -> None:
    mine = list(mine) if isinstance(mine, tuple) else mine
    if mine != its:
        raise InputError(
            f"--init: {folder.path} was trained with --{name}={shown(its)}, not "
            f"--{name}={shown(mine)}; leave the flag out, or start from another run"
        )


@dataclasses.dataclass(frozen=True)
class InitialRun:
    """A finished run whose weights another one starts from."""

    folder: RunFolder
    config: RunConfig

    def load_into(self, model: keras.Model, config: RunConfig, data: RunData) -> None:
        """Copies the encoder's weights, and those of the tasks where `model` has them.

        Args:
            model: the new run's `Recogniser`, built.
            config: the new run's settings.
            data: its clips.

        Raises:
            InputError: the file is damaged, or holds weights of other shapes.
        """
        shape = pose_shape(config, data)
        source = build_shaped_model(
            self.config, data.store.layout, shape, classes=_classes(self.folder, data)
        )
        load_weights(source, self.folder.weights)
        model.encoder.set_weights(source.encoder.get_weights())
        tasks = source if isinstance(source, MS2L) else getattr(source, "tasks", None)
        if model.tasks is not None and tasks is not None:
            for mine, its in zip(model.tasks.tasks, tasks.tasks, strict=True):
                mine.set_weights(its.get_weights())


def _classes(folder: RunFolder, data: RunData) -> int:
    return int(folder.record().get("classes", len(data.dataset.label_names)))


def open_initial_run(config: RunConfig, data: RunData) -> InitialRun | None:
    """The run that ``init`` names, checked against the settings and poses of the new one.

    Raises:
        InputError: it was trained on other data (unless the protocol is transfer), in another
            layout, on poses of another shape, or with other settings.
    """
    if config.protocol.init == RANDOM_INIT:
        return None
    folder = _finished(config.protocol.init)
    record, transfer = folder.record(), config.protocol.protocol == "transfer"
    if not transfer and record["fingerprint"] != data.fingerprint:
        raise InputError(
            f"--init: {folder.path} was trained on dataset '{record['dataset']}' with other "
            f"contents than '{data.dataset.name}'; use --protocol=transfer"
        )
    poses = record.get("poses")
    if poses is not None:
        _check_poses(folder, poses, data.layout, pose_shape(config, data))
    mine = config.to_json()
    for name, value in _taken_over(folder, transfer=transfer).items():
        if name not in _FREE:
            _check_equal(folder, name, value, mine[name])
    return InitialRun(folder, folder.config())


def _check_poses(
    folder: RunFolder, its: Mapping[str, Any], layout: str, shape: tuple[int, ...]
) -> None:
    if its["layout"] != layout:
        raise InputError(
            f"--init: {folder.path} was trained on layout '{its['layout']}', this run reads "
            f"'{layout}'; bring both to one layout with --layout or --mapping"
        )
    for axis, theirs, mine in zip(
        ("frames", "persons", "joints", "coordinates"), its["shape"], shape, strict=True
    ):
        if theirs != mine:
            raise InputError(
                f"--init: {folder.path} was trained on poses of {theirs} {axis}, this run reads "
                f"{mine}"
            )
