"""Features of the clips of a split in one `.npz` file that holds plain arrays and no pickles."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ms2l_tf.data.numpy_files import NUMPY_DAMAGE
from ms2l_tf.errors import InputError, one_line
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.files import check_version, replacing

_PARTS = ("features", "labels", "names")
FORMAT_VERSION = 1  # an array of the file; one without is of the same
_KEYS = (
    "label_names",
    *(f"{side}_{part}" for side in ("train", "test") for part in _PARTS),
)


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """What a feature file holds: train and test clips, and the names of the K classes."""

    train: ClipFeatures
    test: ClipFeatures
    label_names: tuple[str, ...]


def save_features(
    path: str | os.PathLike[str],
    train: ClipFeatures,
    test: ClipFeatures,
    label_names: Sequence[str],
) -> None:
    """Writes `train_features`, `train_labels`, `train_names`, `test_*` and `label_names`."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "format_version": np.array(FORMAT_VERSION),
        "label_names": np.asarray(label_names, dtype=np.str_),
    }
    for side, clips in (("train", train), ("test", test)):
        arrays[f"{side}_features"] = clips.features
        arrays[f"{side}_labels"] = clips.labels
        arrays[f"{side}_names"] = np.asarray(clips.names, dtype=np.str_)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_features(path: str | os.PathLike[str]) -> FeatureFile:
    """Reads and checks a feature file; arrays of Python objects (pickles) are refused unread."""
    target = Path(path)
    if not target.is_file():
        raise InputError(f"{target}: no such file; ms2l-evaluate --save_features writes one")
    try:
        file = np.load(target, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise InputError(f"{target}: a single array; expected an .npz file of several")
        with file:
            _check_version(file, target)
            missing = [key for key in _KEYS if key not in file]
            if missing:
                raise InputError(f"{target}: array '{missing[0]}' is missing; save it again")
            arrays = {key: _read(file, key, target) for key in _KEYS}
    except InputError:
        raise
    except NUMPY_DAMAGE as error:
        raise InputError(f"{target}: not a readable .npz file ({one_line(error)})") from error
    label_names = _text(arrays["label_names"], target, "label_names")
    train, test = (_clips(arrays, side, len(label_names), target) for side in ("train", "test"))
    if train.features.shape[1] != test.features.shape[1]:
        raise InputError(
            f"{target}: train_features have {train.features.shape[1]} dimensions "
            f"and test_features {test.features.shape[1]}; save both with the same encoder"
        )
    return FeatureFile(train, test, tuple(str(name) for name in label_names))


def _check_version(file: np.lib.npyio.NpzFile, path: Path) -> None:
    version = FORMAT_VERSION
    if "format_version" in file:
        version = _read(file, "format_version", path).tolist()
    check_version({"format_version": version}, FORMAT_VERSION, path, "save it again")


def _read(file: np.lib.npyio.NpzFile, key: str, path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = file[key]
    except ValueError as error:
        raise InputError(
            f"{path}: array '{key}' holds Python objects, which are not read for safety; "
            "save it as numbers or unicode text"
        ) from error
    if not isinstance(array, np.ndarray):  # NumPy gives other members of an archive as they are
        raise InputError(f"{path}: '{key}' is no array; save it again")
    return array


def _text(array: npt.NDArray[Any], path: Path, key: str) -> npt.NDArray[np.str_]:
    if array.ndim != 1 or array.dtype.kind != "U":
        raise InputError(
            f"{path}: '{key}' must be a list of unicode text, got {array.dtype} {array.shape}"
        )
    return array.astype(np.str_)


def _clips(
    arrays: dict[str, npt.NDArray[Any]], side: str, num_classes: int, path: Path
) -> ClipFeatures:
    clips = ClipFeatures(
        features=arrays[f"{side}_features"],
        labels=arrays[f"{side}_labels"],
        names=_text(arrays[f"{side}_names"], path, f"{side}_names"),
        what=f"{path}: {side}_features",
    )
    if len(clips) and clips.labels.max() >= num_classes:
        row = int(clips.labels.argmax())
        raise InputError(
            f"{path}: {side}_labels has {clips.labels[row]} in row {row}, "
            f"but label_names has only {num_classes} classes"
        )
    return clips
