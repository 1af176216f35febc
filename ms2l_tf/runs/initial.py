"""Starting from the weights of another run: what is taken over, and what has to agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError, warn
from ms2l_tf.methods.base import Learner, RunShape
from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.methods.registry import changed, method_of
from ms2l_tf.runs.build import build_learner, open_data
from ms2l_tf.runs.folder import RunFolder, shown
from ms2l_tf.runs.labels import read_labelled
from ms2l_tf.runs.record import (
    read_alone,
    recorded_fingerprints,
    recorded_layouts,
    recorded_shape,
)
from ms2l_tf.runs.weights import load_weights, sha256
from ms2l_tf.settings.config import RANDOM_INIT, UNSUPERVISED, RunConfig
from ms2l_tf.settings.options import Group
from ms2l_tf.skeletons.canonical import CANONICAL
from ms2l_tf.skeletons.layout import SkeletonLayout

# Clips: taken over unless told otherwise; `_refuse_known_clips` judges other ones.
_CLIPS = ("split", "validation")
# Compared by what they lead to, the poses' layout and shape.
_BY_SHAPE = ("layouts", "persons")


def with_initial_run(values: Mapping[str, Any], workdir: str = "") -> dict[str, Any]:
    """The settings a user chose, completed by those of the run that ``init`` names.

    Args:
        values: flat {setting: value} of what was chosen.
        workdir: of the run. If it goes on, what it took over is known there.

    Raises:
        InputError: the run does not exist, is not finished, or a chosen setting differs from its.
    """
    init = values.get("init", RANDOM_INIT)
    if init == RANDOM_INIT:
        return dict(values)
    begun = _begun_run(workdir, init)
    if begun is not None:
        config = begun.config()
        taken = _taken_over(begun, config) | _clips_of(config)
        taken["layouts"] = list(config.data.layouts)
        return {**taken, **values}
    folder = finished_run(init)
    config, transfer = folder.config(), values.get("protocol") == "transfer"
    if not transfer:
        config = read_alone(folder, changed(config, data=values.get("data", config.data.data)))
    taken = _taken_over(folder, config)
    for name in _kept(config):
        if name in values:
            check_equal(folder, name, taken[name], values[name])
    taken["layouts"] = _layouts_of(folder, config, transfer=transfer)
    if not transfer:
        taken |= _clips_of(config)
    return {**taken, **values}


def _layouts_of(folder: RunFolder, config: RunConfig, *, transfer: bool) -> list[str]:
    """The layout to go on with: as the run was told, which may be a mapping; elsewhere its id."""
    names = [one.name for one in recorded_layouts(folder) if one.name != CANONICAL]
    told = [] if transfer else list(config.data.layouts)
    return (told or names)[:1]


def _clips_of(config: RunConfig) -> dict[str, Any]:
    """The settings of a run that say which clips it trains on and is read on."""
    settings = config.to_json()
    return {name: settings[name] for name in _CLIPS}


def _begun_run(workdir: str, init: str) -> RunFolder | None:
    """The run in `workdir` if it was started from `init` and goes on without it."""
    folder = RunFolder(workdir)
    if not workdir or not (folder.has_checkpoint or folder.finished):
        return None
    same = folder.record()["settings"].get("init") == init
    return folder if same else None


def finished_run(path: str, flag: str = "--init") -> RunFolder:
    """The folder of a run that is trained to its last epoch; `flag` names it.

    Raises:
        InputError: there is none.
    """
    folder = RunFolder(path)
    if not folder.flags.is_file():
        raise InputError(f"{flag}: {folder.path} holds no run (no flags.json)")
    if not folder.finished:
        raise InputError(f"{flag}: {folder.path} is not trained to its last epoch; finish it first")
    return folder


def _groups_taken_over(config: RunConfig) -> list[Group]:
    """Settings that decide what the encoder reads and is, and which heads the tasks have."""
    carried = [config.of(group) for group in method_of(config).carried]
    return [config.normaliser, config.model, config.network, *carried]


def _taken_over(folder: RunFolder, config: RunConfig) -> dict[str, Any]:
    taken: dict[str, Any] = {}
    for group in _groups_taken_over(config):
        taken |= group.to_json()
    taken["persons"] = folder.entry("poses")["shape"][1]
    return taken


def _kept(config: RunConfig) -> list[str]:
    """Names of the settings that have to stay as they are."""
    return [
        field.name
        for group in _groups_taken_over(config)
        for field in dataclasses.fields(group)
        if not field.metadata["may_change"] and field.name not in _BY_SHAPE
    ]


def check_equal(folder: RunFolder, name: str, trained_with: Any, wanted: Any) -> None:
    """Refuses a setting that differs from that of the run to start from."""
    wanted = list(wanted) if isinstance(wanted, tuple) else wanted
    if wanted != trained_with:
        raise InputError(
            f"--init: {folder.path} was trained with --{name}={shown(trained_with)}, not "
            f"--{name}={shown(wanted)}; leave the flag out, or start from another run"
        )


@dataclasses.dataclass(frozen=True)
class InitialRun:
    """A finished run whose weights another one starts from.

    Attributes:
        folder: of the run.
        config: its settings.
        shape: what its learner was built for.
        layout: number of its layout that the new run reads.
        labelled: names of the clips of *this* dataset whose labels it has read.
    """

    folder: RunFolder
    config: RunConfig
    shape: RunShape
    layout: int
    labelled: frozenset[str] = frozenset()

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

    def load_into(self, learner: Learner) -> None:
        """Copies the encoder's weights, and those of the tasks where both have them.

        Args:
            learner: of the new run, built.

        Raises:
            InputError: the file is damaged, or holds weights of other shapes.
        """
        policy = keras.config.dtype_policy()
        source = build_learner(self.config, self.shape)
        load_weights(source, self.folder.weights)
        keras.config.set_dtype_policy(policy)  # the source has its own
        learner.encoder.set_weights(source.encoder.get_weights())
        tasks, source_tasks = _tasks_of(learner), _tasks_of(source)
        if tasks is not None and source_tasks is not None:
            for task, trained in zip(tasks.tasks, source_tasks.tasks, strict=True):
                task.set_weights(trained.get_weights())


def _tasks_of(learner: Learner) -> MS2L | None:
    return learner if isinstance(learner, MS2L) else getattr(learner, "tasks", None)


def open_initial_run(config: RunConfig, data: RunData) -> InitialRun | None:
    """The run that ``init`` names, checked against the settings and clips of the new one.

    Raises:
        InputError: it was trained on other data (unless the protocol is transfer), in other
            layouts, on poses of another shape, with other settings, or on clips that the new run
            is tested on.
    """
    if config.protocol.init == RANDOM_INIT:
        return None
    folder = finished_run(config.protocol.init)
    record, initial_config, settings = folder.record(), folder.config(), config.to_json()
    transfer = config.protocol.protocol == "transfer"
    known = recorded_fingerprints(folder, "dataset_fingerprint")
    same_dataset = data.dataset.fingerprint in known
    if not same_dataset:
        _check_other_dataset(folder, record["dataset"], data.dataset.name, transfer=transfer)
    taken = _taken_over(folder, initial_config)
    for name in _kept(initial_config):
        check_equal(folder, name, taken[name], settings[name])
    shape = recorded_shape(folder)
    if initial_config.model.joints == "semantic":
        shape, layout = shape.reading(data.layouts[0])
        _check_tasks(folder, shape, layout, config)
    else:
        layout = _known(folder, shape.layouts, data.layouts[0])
    _check_shape(folder, shape, data)
    initial = InitialRun(folder, initial_config, shape, layout)
    return _on_the_same_dataset(initial, config, data) if same_dataset else initial


def _on_the_same_dataset(initial: InitialRun, config: RunConfig, data: RunData) -> InitialRun:
    """Adds the labels it has read, and refuses a run that knows the clips this one is read on."""
    there = read_alone(initial.folder, changed(initial.config, data=config.data.data))
    initial_data = open_data(there)
    _refuse_known_clips(initial, initial_data, config, data)
    if initial.config.protocol.protocol == UNSUPERVISED:
        return initial
    labelled = initial_data.dataset.names[read_labelled(initial.folder, initial_data.dataset)]
    return dataclasses.replace(initial, labelled=frozenset(labelled.tolist()))


def _check_other_dataset(
    folder: RunFolder, trained_on: str, dataset: str, *, transfer: bool
) -> None:
    """Refuses a run on other data, unless the protocol is transfer.

    Under one name may be versions of one dataset, whose test clips the run has learnt; that cannot
    be told from here, so it is said.
    """
    if not transfer:
        raise InputError(
            f"--init: {folder.path} was trained on dataset '{trained_on}' with other contents than "
            f"'{dataset}'; train it on this one or, if they share no clip, use --protocol=transfer"
        )
    if trained_on == dataset:
        warn(
            f"{folder.path} was trained on another dataset called '{trained_on}'; if it is a "
            "version of this one, the run may know test clips"
        )


def _refuse_known_clips(
    initial: InitialRun, initial_data: RunData, config: RunConfig, data: RunData
) -> None:
    """Refuses a run that was trained on clips which the new one is read on."""
    train_on = initial.config.data.train_on
    trained = initial_data.trained(train_on)
    held = {"test": data.reference.test}
    if config.data.train_on == "fit":
        held["validation"] = data.reference.validation
    for what, clips in held.items():
        known = np.intersect1d(trained, clips)
        if len(known):
            raise InputError(
                f"--init: {initial.folder.path} was trained on {len(known)} {what} clips of this "
                f"run (split '{initial_data.reference.split}', --train_on={train_on}); use the "
                "same --split and --train_on, or start from a run that left them out"
            )


def _known(folder: RunFolder, layouts: tuple[SkeletonLayout, ...], wanted: SkeletonLayout) -> int:
    """Number of the layout among those that a run knows."""
    for number, layout in enumerate(layouts):
        if layout.name == wanted.name and layout.joints == wanted.joints:
            return number
    known_joints = {joint for layout in layouts for joint in layout.joints}
    lacking = ", ".join(joint for joint in wanted.joints if joint not in known_joints) or "none"
    known = ", ".join(layout.name for layout in layouts)
    raise InputError(
        f"--init: {folder.path} knows the layouts {known}, this run reads '{wanted.name}'; joints "
        f"without counterpart by name: {lacking}; name a layout it knows in --layouts, or a "
        "mapping to it"
    )


def _check_tasks(folder: RunFolder, shape: RunShape, layout: int, config: RunConfig) -> None:
    """Heads of tasks have weights of one layout, whatever the network reads poses by."""
    name = shape.layouts[layout].name
    if config.protocol.has_tasks and layout != shape.layout:
        raise InputError(
            f"--init: the tasks of {folder.path} were trained in layout "
            f"'{shape.layouts[shape.layout].name}', this run reads '{name}'; use --schedule=plain "
            "without --watch_tasks, or that layout"
        )


def _check_shape(folder: RunFolder, shape: RunShape, data: RunData) -> None:
    for what, trained_on, read in (
        ("persons", shape.persons, data.persons),
        ("coordinates", shape.coords, data.coords),
    ):
        if trained_on != read:
            raise InputError(
                f"--init: {folder.path} was trained on poses of {trained_on} {what}, this run "
                f"reads {read}"
            )
