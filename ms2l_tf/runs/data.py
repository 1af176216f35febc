"""The clips of a run."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np

from ms2l_tf.config import DataConfig
from ms2l_tf.data.clip_dataset import ClipDataset, PoseStore, Split
from ms2l_tf.data.mapped_store import mapped
from ms2l_tf.data.pipeline import with_poses
from ms2l_tf.data.splits import validation_split
from ms2l_tf.errors import InputError, warn
from ms2l_tf.skeletons.mapping import JointMapping, load_mapping


@dataclasses.dataclass(frozen=True)
class RunData:
    """The clips of a run.

    Attributes:
        dataset: the dataset folder.
        store: poses of the chosen layout, mapped if the settings name a mapping.
        layout: id of the layout of `store`.
        split: name of the split.
        train: training clips with poses (labelled or not).
        fit, validation: the two parts of `train`.
        test: test clips.
        fingerprint: one checksum of the contents the run reads. It is the dataset's own, unless
            the split was added to the folder later or the poses are mapped; then it depends on
            the split's clips and the mapping too.
    """

    dataset: ClipDataset
    store: PoseStore
    layout: str
    split: str
    train: np.ndarray
    fit: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    fingerprint: str


def open_run_data(settings: DataConfig) -> RunData:
    """Opens and verifies the dataset of a run and cuts its clips.

    Raises:
        InputError: the dataset, layout, mapping or split does not exist, is damaged, or one does
            not fit another.
    """
    if not settings.data:
        raise InputError("--data: name the folder of a prepared dataset (see ms2l-prepare)")
    dataset = ClipDataset.open(settings.data)
    dataset.verify()
    mapping = _mapping(settings.mapping)
    store = dataset.poses(settings.layout or _first_layout(dataset, mapping))
    if mapping is not None:
        store = mapped(store, mapping)
    if not settings.split and not dataset.split_names:
        raise InputError(f"{dataset.path}: has no split; add one as splits/<name>.json")
    split = dataset.split(settings.split or dataset.split_names[0])
    where = dataset.split_file(split.name)
    if not len(split.train):
        raise InputError(
            f"{where}: names no training clip ('train' is empty); name another --split, or add some"
        )
    train = with_poses(store, split.train, f"training clips of {where}")
    _check_seen(store, split)
    fit, validation = train, train[:0]
    if settings.validation != "none":
        fit, validation = validation_split(dataset, train, settings.validation)
    return RunData(
        dataset,
        store,
        store.layout.name,
        split.name,
        train,
        fit,
        validation,
        split.test,
        _fingerprint(dataset, split, mapping),
    )


def _check_seen(store: PoseStore, split: Split) -> None:
    """Nothing is learned from blank clips, nor measured on them."""
    for side, clips in (("training", split.train), ("test", split.test)):
        if len(clips) and not store.seen[clips].any():
            text = (
                f"split {split.name}: all {len(clips)} {side} clips are blank in layout "
                f"{store.layout.name} (no joint of anyone is seen)"
            )
            if side == "training":
                raise InputError(f"{text}; use another split or layout")
            warn(f"{text}; what is measured on them says nothing")


def _mapping(name: str) -> JointMapping | None:
    if not name:
        return None
    try:
        return load_mapping(name)
    except InputError as error:
        raise InputError(f"--mapping: {error}") from None


def _first_layout(dataset: ClipDataset, mapping: JointMapping | None) -> str:
    """Without a choice of the user's: what the mapping starts from, or the first there is."""
    if mapping is not None and mapping.source in dataset.layouts:
        return mapping.source
    return dataset.layouts[0]


def _fingerprint(dataset: ClipDataset, split: Split, mapping: JointMapping | None) -> str:
    more: dict[str, object] = {}
    if f"splits/{split.name}.json" not in dataset.files:  # a user's own, in no checksum
        more["train"], more["test"] = (
            dataset.names[clips].tolist() for clips in (split.train, split.test)
        )
    if mapping is not None:
        more["mapping"] = mapping.checksum
    if not more:
        return dataset.fingerprint
    content = json.dumps({"dataset": dataset.fingerprint, **more}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
