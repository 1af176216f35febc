"""Which clips the probes are fitted and read on, and what is known of each."""

from __future__ import annotations

import numpy as np

from ms2l_tf.data.copies import copied
from ms2l_tf.data.pipeline import with_poses
from ms2l_tf.data.run_data import LayoutClips
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.labels import read_labelled
from ms2l_tf.settings.config import RunConfig

Sides = tuple[np.ndarray, np.ndarray]  # something of the training clips, and of the test clips


def sides_of(folder: RunFolder, config: RunConfig, clips: LayoutClips, test_on: str) -> Sides:
    """Clips the probes are fitted and read on; with few labels, the clips the run had them of.

    Args:
        folder: of the run.
        config: its settings.
        clips: in one layout.
        test_on: ``test`` or ``validation``.

    Raises:
        InputError: there are none.
    """
    if test_on == "test":
        where = clips.dataset.split_file(clips.split)
        if not len(clips.test):
            raise InputError(
                f"{where}: names no test clip ('test' is empty); train on another --split, or "
                "write the features alone with --probes=none --save_features=F.npz"
            )
        fitted = read_labelled(folder, clips.dataset) if config.reads_labels else clips.train
        return fitted, with_poses(clips.store, clips.test, f"test clips of {where}")
    if not len(clips.validation):
        raise InputError("--test_on=validation: the run was trained with --validation=none")
    if not config.reads_labels:
        return clips.fit, clips.validation
    if config.data.train_on != "fit":
        raise InputError(
            "--test_on=validation: this run read the labels of the validation clips; train it "
            "with --train_on=fit"
        )
    return read_labelled(folder, clips.dataset), clips.validation


def all_sides(clips: LayoutClips) -> Sides:
    """Training clips and those test clips that have poses: maybe none."""
    return clips.train, clips.test[clips.store.lengths[clips.test] > 0]


def copies_among(clips: LayoutClips, rows: np.ndarray, test_on: str) -> np.ndarray:
    """Which of the clips that are read are exact copies of clips that were learnt from: bool [N].

    The original may be any training clip of the split, or any fit clip where validation clips are
    read: with few labels too, when the probes are fitted on some of them but the encoder may have
    been trained on all.

    Args:
        clips: in one layout, whose stored poses are compared.
        rows: [N] clips that are read.
        test_on: ``test`` or ``validation``.
    """
    return copied(clips.store, rows, clips.train if test_on == "test" else clips.fit)


def clip_features(
    clips: LayoutClips,
    features: np.ndarray,
    rows: np.ndarray,
    what: str,
    copies: np.ndarray | None = None,
) -> ClipFeatures:
    """Features [N, D] with what is known of their clips.

    Args:
        clips: in one layout.
        features: [N, D].
        rows: their clips [N].
        what: how error messages call them.
        copies: which of them are copies of training clips [N]; None: not known.
    """
    dataset = clips.dataset
    return ClipFeatures(
        features,
        dataset.labels[rows],
        names=dataset.names[rows],
        groups=dataset.subjects[rows],
        what=what,
        copies=copies,
    )
