"""The clips of a run."""

from __future__ import annotations

import dataclasses

import numpy as np

from ms2l_tf.config import RunConfig
from ms2l_tf.data.clip_dataset import ClipDataset, PoseStore
from ms2l_tf.data.pipeline import with_poses
from ms2l_tf.data.splits import validation_split
from ms2l_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class RunData:
    """The clips of a run.

    Attributes:
        dataset: the dataset folder.
        store: poses of the chosen layout.
        layout: its id.
        split: name of the split.
        train: training clips with poses (labelled or not).
        fit, validation: the two parts of `train`.
        test: test clips.
    """

    dataset: ClipDataset
    store: PoseStore
    layout: str
    split: str
    train: np.ndarray
    fit: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def open_run_data(config: RunConfig) -> RunData:
    """Opens and verifies the dataset of a run and cuts its clips.

    Raises:
        InputError: the dataset, layout or split does not exist or is damaged.
    """
    settings = config.data
    if not settings.data:
        raise InputError("--data: name the folder of a prepared dataset (see ms2l-prepare)")
    dataset = ClipDataset.open(settings.data)
    dataset.verify()
    layout = settings.layout or dataset.layouts[0]
    store = dataset.poses(layout)
    if not settings.split and not dataset.split_names:
        raise InputError(f"{dataset.path}: has no split; add one as splits/<name>.json")
    split = dataset.split(settings.split or dataset.split_names[0])
    train = with_poses(store, split.train)
    fit, validation = train, train[:0]
    if settings.validation != "none":
        fit, validation = validation_split(dataset, train, settings.validation)
    return RunData(dataset, store, layout, split.name, train, fit, validation, split.test)
