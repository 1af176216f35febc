"""Which training clips a run may read the labels of."""

from __future__ import annotations

import numpy as np

from ms2l_tf import files
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.run_data import LayoutClips
from ms2l_tf.data.splits import label_fraction
from ms2l_tf.errors import InputError, warn
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig


def draw_labelled(config: RunConfig, data: LayoutClips, clips: np.ndarray) -> np.ndarray:
    """The labelled clips of a run, drawn from its training clips by its seed.

    Args:
        config: settings of the run.
        data: its clips.
        clips: indices of its training clips.

    Raises:
        InputError: no training clip has a label, or the training clips lack a class that the test
            clips have, or the validation clips where these are held out. (A class that a random
            draw of few labels missed is no error.)
    """
    labels, train_on = data.dataset.labels, config.data.train_on
    read = [data.test] if train_on == "all" else [data.test, data.validation]
    missing = np.setdiff1d(labels[np.concatenate(read)], [*labels[clips], -1])
    if len(missing):
        names = ", ".join(data.dataset.label_names[label] for label in missing)
        raise InputError(
            f"{data.dataset.path}: split '{data.split}' with --train_on={train_on} "
            f"trains on no labelled clip of {names}, which the clips it is read on have; check "
            "the split and the labels"
        )
    settings = config.protocol
    drawn = label_fraction(
        labels[clips], settings.label_fraction, settings.label_sampling, config.training.seed
    )
    if not len(drawn):
        raise InputError(f"{data.dataset.path}: split '{data.split}' has no labelled training clip")
    return clips[drawn]


def write_labelled(
    folder: RunFolder, config: RunConfig, dataset: ClipDataset, labelled: np.ndarray
) -> None:
    """Keeps the names of the labelled clips in the run."""
    names, counts = dataset.label_names, np.bincount(dataset.labels[labelled])
    files.write_json(
        folder.labelled,
        {
            "fraction": config.protocol.label_fraction,
            "sampling": config.protocol.label_sampling,
            "seed": config.training.seed,
            "by_class": {
                name: int(count)
                for name, count in zip(names, [*counts, *[0] * len(names)], strict=False)
            },
            "clips": dataset.names[labelled].tolist(),
        },
    )


def mend_labelled(
    folder: RunFolder, config: RunConfig, dataset: ClipDataset, labelled: np.ndarray
) -> None:
    """Writes the names of the labelled clips of a finished run again if their file is damaged."""
    try:
        read_labelled(folder, dataset)
    except InputError:
        warn(f"{folder.labelled}: was missing or damaged; it is written again")
        write_labelled(folder, config, dataset, labelled)


def read_labelled(folder: RunFolder, dataset: ClipDataset) -> np.ndarray:
    """Indices of the clips that `write_labelled` kept.

    Raises:
        InputError: the file is missing or damaged, or names a clip the dataset does not have.
    """
    index = {name: number for number, name in enumerate(dataset.names)}
    try:
        names = files.read_json(folder.labelled).get("clips")
        if not isinstance(names, list) or not names:
            raise InputError(f"{folder.labelled}: entry 'clips' is missing or no list of names")
        for name in names:
            if not isinstance(name, str) or name not in index:
                raise InputError(f"{folder.labelled}: the dataset has no clip '{name}'")
    except InputError as error:
        raise InputError(f"{error}; the command that trained the run writes it again") from None
    return np.array([index[name] for name in names], np.int64)
