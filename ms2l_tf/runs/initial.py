"""Starting from the weights of another run: what is taken over, and what has to agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import keras
import numpy as np

from ms2l_tf.config import RANDOM_INIT, UNSUPERVISED, RunConfig
from ms2l_tf.errors import InputError, warn
from ms2l_tf.model import MS2L
from ms2l_tf.options import groups_of
from ms2l_tf.runs.build import build_shaped_model, pose_shape
from ms2l_tf.runs.data import RunData, open_run_data
from ms2l_tf.runs.folder import AnySettings, RunFolder, shown
from ms2l_tf.runs.labels import read_labelled
from ms2l_tf.runs.weights import load_weights, sha256

# Settings that decide what the encoder reads and is, and which heads the tasks have.
_GROUPS = ("normaliser", "encoder", "tasks")
_OF_THE_DATASET = ("layout", "mapping")
# Clips: taken over unless told otherwise; `refuse_known_clips` judges other ones.
CLIPS = ("split", "validation")
# Compared by what they lead to, the poses' layout and shape.
_BY_SHAPE = ("layout", "mapping", "persons")
# Those a run may choose anew: they change losses and noise, but no weight's shape and no input.
_FREE = (
    "prediction_weight",
    "jigsaw_weight",
    "contrastive_weight",
    "noise",
    "temperature",
    "prediction_reduction",
)


def with_initial_run(
    values: Mapping[str, Any], given: Collection[str], workdir: str = ""
) -> dict[str, Any]:
    """Settings completed by those of the run that ``init`` names.

    Args:
        values: flat {setting: value}.
        given: names of the settings the user chose; the others may be replaced.
        workdir: of the run. If it goes on, what it took over is known there.

    Raises:
        InputError: the run does not exist, is not finished, or a chosen setting differs from its.
    """
    settings = dict(values)
    if settings.get("init", RANDOM_INIT) == RANDOM_INIT:
        return settings
    transfer = settings.get("protocol") == "transfer"
    begun = begun_run(workdir, RunConfig, settings["init"])
    if begun is not None:
        taken = _taken_over(begun, transfer=transfer) | clips_of(begun)
        return {**settings, **{name: taken[name] for name in taken if name not in given}}
    folder = finished_run(settings["init"], RunConfig)
    taken = _taken_over(folder, transfer=transfer)
    for name, value in taken.items():
        if name in given and name not in (*_FREE, *_BY_SHAPE):
            check_equal(folder, name, value, settings[name])
        if name not in given:
            settings[name] = value
    return settings if transfer else with_clips(settings, folder, given)


def clips_of(folder: RunFolder[AnySettings]) -> dict[str, Any]:
    """The settings of a run that say which clips it trains on and is read on."""
    settings = folder.config().to_json()
    return {name: settings[name] for name in CLIPS}


def with_clips(
    settings: Mapping[str, Any], folder: RunFolder[AnySettings], given: Collection[str]
) -> dict[str, Any]:
    """Settings with the clips of the run they start from, where the user chose none."""
    taken = clips_of(folder)
    return {**settings, **{name: taken[name] for name in CLIPS if name not in given}}


def begun_run(
    workdir: str, settings: type[AnySettings], init: str
) -> RunFolder[AnySettings] | None:
    """The run in `workdir` if it was started from `init` and goes on without it."""
    folder = RunFolder(workdir, settings)
    if not workdir or not (folder.has_checkpoint or folder.finished):
        return None
    same = folder.record()["settings"].get("init") == init
    return folder if same else None


def finished_run(
    path: str, settings: type[AnySettings], flag: str = "--init"
) -> RunFolder[AnySettings]:
    """The folder of a run with these settings that is trained to its last epoch.

    Args:
        path: of the folder.
        settings: the dataclass of its settings.
        flag: that names it.

    Raises:
        InputError: there is none.
    """
    folder = RunFolder(path, settings)
    if not folder.flags.is_file():
        raise InputError(f"{flag}: {folder.path} holds no run (no flags.json)")
    if not folder.finished:
        raise InputError(f"{flag}: {folder.path} is not trained to its last epoch; finish it first")
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


def check_equal(folder: RunFolder, name: str, its: Any, mine: Any) -> None:
    """Refuses a setting that differs from that of the run to start from."""
    mine = list(mine) if isinstance(mine, tuple) else mine
    if mine != its:
        raise InputError(
            f"--init: {folder.path} was trained with --{name}={shown(its)}, not "
            f"--{name}={shown(mine)}; leave the flag out, or start from another run"
        )


@dataclasses.dataclass(frozen=True)
class InitialRun:
    """A finished run whose weights another one starts from.

    Attributes:
        folder: of the run.
        config: its settings.
        labelled: names of the clips of *this* dataset whose labels it has read.
    """

    folder: RunFolder
    config: RunConfig
    labelled: frozenset[str]

    def record(self) -> dict[str, str]:
        """What the new run keeps of where it came from."""
        return {
            "protocol": self.config.protocol.protocol,
            "weights_sha256": sha256(self.folder.weights),
        }

    def check_labels(self, data: RunData, labelled: np.ndarray) -> None:
        """Refuses weights that know labels which the new run may not read.

        Raises:
            InputError: the run has read the label of a clip outside `labelled`.
        """
        more = self.labelled - set(data.dataset.names[labelled])
        if more:
            raise InputError(
                f"--init: {self.folder.path} has read the labels of {len(more)} clips that this "
                f"run may not read (such as '{min(more)}'); start from a run without labels"
            )

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
        keras.config.set_dtype_policy(config.training.precision)  # the source has its own
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
            layout, on poses of another shape, with other settings, or on clips that the new run
            is tested on.
    """
    if config.protocol.init == RANDOM_INIT:
        return None
    folder = finished_run(config.protocol.init, RunConfig)
    record, transfer = folder.record(), config.protocol.protocol == "transfer"
    origin = record.get("dataset_fingerprint", record["fingerprint"])
    same = origin == data.dataset.fingerprint
    if not same:
        check_other_dataset(folder, record["dataset"], data.dataset.name, transfer=transfer)
    poses = record.get("poses")
    if poses is not None:
        _check_poses(folder, poses, data, pose_shape(config, data))
    mine = config.to_json()
    for name, value in _taken_over(folder, transfer=transfer).items():
        if name not in (*_FREE, *_BY_SHAPE):
            check_equal(folder, name, value, mine[name])
    initial = InitialRun(folder, folder.config(), frozenset())
    return _on_the_same_dataset(initial, config, data) if same else initial


def _on_the_same_dataset(initial: InitialRun, config: RunConfig, data: RunData) -> InitialRun:
    """Adds the labels it has read, and refuses a run that knows the clips this one is read on."""
    flat = {**initial.config.to_json(), "data": config.data.data}
    its = open_run_data(RunConfig.from_flat(flat).data)
    refuse_known_clips(
        initial.folder, (its, initial.config.data.train_on), (data, config.data.train_on)
    )
    if initial.config.protocol.protocol == UNSUPERVISED:
        return initial
    labelled = its.dataset.names[read_labelled(initial.folder, its)]
    return dataclasses.replace(initial, labelled=frozenset(labelled.tolist()))


def check_other_dataset(
    folder: RunFolder[AnySettings], its: str, mine: str, *, transfer: bool
) -> None:
    """Refuses a run on other data, unless the protocol is transfer.

    Under one name may be versions of one dataset, whose test clips the run has learnt; that cannot
    be told from here, so it is said.

    Raises:
        InputError: it is refused.
    """
    if not transfer:
        raise InputError(
            f"--init: {folder.path} was trained on dataset '{its}' with other contents than "
            f"'{mine}'; train it on this one or, if they share no clip, use --protocol=transfer"
        )
    if its == mine:
        warn(
            f"{folder.path} was trained on another dataset called '{its}'; if it is a version of "
            "this one, the run may know test clips"
        )


def refuse_known_clips(
    folder: RunFolder, its: tuple[RunData, str], mine: tuple[RunData, str]
) -> None:
    """Refuses a run that was trained on clips which another one is read on.

    Args:
        folder: the run.
        its: its clips and what it was trained on, ``all`` or ``fit``.
        mine: the same of the other one.

    Raises:
        InputError: it was.
    """
    trained = its[0].fit if its[1] == "fit" else its[0].train
    held = {"test": mine[0].test}
    if mine[1] == "fit":
        held["validation"] = mine[0].validation
    for what, clips in held.items():
        known = np.intersect1d(trained, clips)
        if len(known):
            raise InputError(
                f"--init: {folder.path} was trained on {len(known)} {what} clips of this run "
                f"(split '{its[0].split}', --train_on={its[1]}); use the same --split and "
                "--train_on, or start from a run that left them out"
            )


def _check_poses(
    folder: RunFolder, its: Mapping[str, Any], data: RunData, shape: tuple[int, ...]
) -> None:
    joints = list(data.store.layout.joints)
    if its["layout"] != data.layout or its.get("joints", joints) != joints:
        theirs = its.get("joints", joints)
        here, there = (
            ", ".join(name for name in a if name not in b) or "none"
            for a, b in ((joints, theirs), (theirs, joints))
        )
        raise InputError(
            f"--init: {folder.path} was trained on layout '{its['layout']}', this run reads "
            f"'{data.layout}'; joints without counterpart by name: {there} there, {here} here; "
            "bring both to one layout with --layout or --mapping"
        )
    for axis, theirs, mine in zip(
        ("frames", "persons", "joints", "coordinates"), its["shape"], shape, strict=True
    ):
        if theirs != mine:
            raise InputError(
                f"--init: {folder.path} was trained on poses of {theirs} {axis}, this run reads "
                f"{mine}"
            )
