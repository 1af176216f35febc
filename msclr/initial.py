"""Starting from the encoder of another MS-CLR run."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras

from ms2l_tf.config import RANDOM_INIT, UNSUPERVISED
from ms2l_tf.errors import InputError
from ms2l_tf.options import groups_of
from ms2l_tf.recognition import Recogniser
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import (
    begun_run,
    check_equal,
    check_other_dataset,
    clips_of,
    finished_run,
    refuse_known_clips,
    with_clips,
)
from ms2l_tf.runs.weights import load_weights, sha256
from ms2l_tf.skeletons.layout import SkeletonLayout
from msclr.build import build_clr_model
from msclr.config import ClrConfig
from msclr.data import ClrData, open_clr_data

# Settings that decide what the encoder reads and is.
_GROUPS = ("normaliser", "network")


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
    begun = begun_run(workdir, ClrConfig, settings["init"])
    if begun is not None:
        taken = {**_taken_over(begun), **clips_of(begun), "layouts": begun.config().data.layouts}
        return {**settings, **{name: taken[name] for name in taken if name not in given}}
    folder = finished_run(settings["init"], ClrConfig)
    for name, value in _taken_over(folder).items():
        if name in given:
            check_equal(folder, name, value, settings[name])
        settings[name] = value
    if "layouts" not in given:
        # What it was told to learn from first: a mapping file goes by its path.
        wanted = folder.config().data.layouts or [one.name for one in recorded_layouts(folder)]
        settings["layouts"] = tuple(wanted[:1])
    transfer = settings.get("protocol") == "transfer"
    return settings if transfer else with_clips(settings, folder, given)


def _taken_over(folder: RunFolder[ClrConfig]) -> dict[str, Any]:
    groups = groups_of(ClrConfig)
    names = [field.name for group in _GROUPS for field in dataclasses.fields(groups[group])]
    settings = folder.config().to_json()
    taken = {name: settings[name] for name in names}
    taken["persons"] = folder.entry("poses")["shape"][1]
    return taken


def recorded_layouts(folder: RunFolder[ClrConfig]) -> tuple[SkeletonLayout, ...]:
    """The layouts of a run's network, as its ``flags.json`` keeps them.

    Raises:
        InputError: the entry is missing or damaged.
    """
    entries = folder.entry("layouts")
    if not entries:
        raise InputError(f"{folder.flags}: entry 'layouts' is empty")
    return tuple(
        SkeletonLayout.from_json(entry, f"{folder.flags}: layouts[{number}]")
        for number, entry in enumerate(entries)
    )


def recorded_number(folder: RunFolder[ClrConfig], layout: str) -> int:
    """Which of the layouts of a run's network the one of this id is.

    Raises:
        InputError: none of them.
    """
    names = [known.name for known in recorded_layouts(folder)]
    if layout not in names:
        raise InputError(f"{folder.flags}: entry 'layouts' lacks '{layout}', which the run reads")
    return names.index(layout)


@dataclasses.dataclass(frozen=True)
class InitialEncoder:
    """The pre-trained encoder that a run with labels starts from.

    Attributes:
        folder: of the pre-training.
        layouts: that its network knows.
        layout: number of the one that the new run reads.
    """

    folder: RunFolder[ClrConfig]
    layouts: tuple[SkeletonLayout, ...]
    layout: int

    def record(self) -> dict[str, str]:
        """What the new run keeps of where it came from."""
        return {"protocol": UNSUPERVISED, "weights_sha256": sha256(self.folder.weights)}

    def load_into(self, model: Recogniser) -> None:
        """Copies the encoder's weights.

        Raises:
            InputError: the file is damaged.
        """
        policy = keras.config.dtype_policy()
        source = load_pretrained(self.folder, self.layouts)
        keras.config.set_dtype_policy(policy)
        model.encoder.set_weights(source.encoder.get_weights())


def load_pretrained(folder: RunFolder[ClrConfig], layouts: Sequence[SkeletonLayout]) -> keras.Model:
    """The pre-trained model of a run, with its weights."""
    _, persons, _, coords = folder.entry("poses")["shape"]
    clips = folder.entry("trained_clips")
    model = build_clr_model(folder.config(), layouts, persons=persons, coords=coords, clips=clips)
    load_weights(model, folder.weights)
    return model


def open_initial_encoder(config: ClrConfig, data: ClrData) -> InitialEncoder | None:
    """The run that ``init`` names, checked against the settings and clips of the new one.

    Raises:
        InputError: it has read labels, was trained on other data (unless the protocol is
            transfer), on clips that the new run is tested on, or knows no such layout.
    """
    if config.protocol.init == RANDOM_INIT:
        return None
    folder = finished_run(config.protocol.init, ClrConfig)
    record, transfer = folder.record(), config.protocol.protocol == "transfer"
    if record["protocol"] != UNSUPERVISED:
        raise InputError(
            f"--init: {folder.path} has read labels ({record['protocol']}); start from a run "
            "without labels"
        )
    for name, value in _taken_over(folder).items():
        if name != "persons":
            check_equal(folder, name, value, config.to_json()[name])
    layouts = recorded_layouts(folder)
    layout = _known(folder, layouts, data.layouts[0])
    coords = folder.entry("poses")["shape"][3]
    if coords != data.coords:
        raise InputError(
            f"--init: {folder.path} was trained on poses of {coords} coordinates, this run reads "
            f"{data.coords}"
        )
    if folder.entry("dataset_fingerprint") == data.dataset.fingerprint:
        _refuse_known(folder, config, data)
    else:
        check_other_dataset(folder, record["dataset"], data.dataset.name, transfer=transfer)
    return InitialEncoder(folder, layouts, layout)


def _known(
    folder: RunFolder[ClrConfig], layouts: Sequence[SkeletonLayout], wanted: SkeletonLayout
) -> int:
    for number, layout in enumerate(layouts):
        if layout.name == wanted.name and layout.joints == wanted.joints:
            return number
    raise InputError(
        f"--init: {folder.path} knows the layouts {', '.join(one.name for one in layouts)}, not "
        f"'{wanted.name}'; name one of them in --layouts, or the path of a mapping to it"
    )


def _refuse_known(folder: RunFolder[ClrConfig], config: ClrConfig, data: ClrData) -> None:
    flat = {**folder.config().to_json(), "data": config.data.data}
    its = ClrConfig.from_flat(flat)
    mine = (data.parts[0], config.data.train_on)
    for part in open_clr_data(its).parts:
        refuse_known_clips(folder, (part, its.data.train_on), mine)
