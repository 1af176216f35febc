"""`ms2l.json`: what is known of an exported model, and that its folder is as it was written."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ms2l_tf import files
from ms2l_tf.data.checksums import FileRecord, record_file
from ms2l_tf.data.records import Axes
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout

NAME = "ms2l.json"
CARD = "README.md"
FORMAT, VERSION = "ms2l_tf exported model", 1
_OWN = ("files", "formats")  # entries that the copy in the model's assets cannot have yet
_UNCHECKED = {NAME, CARD}  # the card may be edited: nothing is read from it
_ASSET = f"assets/{NAME}"


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What is known of an exported model.

    Attributes:
        values: all of it, as JSON values.
        layout: of the joints that it reads.
        coords: C.
        persons: M that it keeps.
        frames: T that clips are resampled to.
        unit: of the poses, one of `UNITS`.
        axes: of the poses; None: of 2-D ones, or not known.
        to_metres: turns poses into metres with y up, as the model does: [C, C].
        frame_rate: of the training clips, or None.
        feature_dim: D.
        label_names: of the K classes, in the order of the scores; empty: it knows none.
    """

    values: Mapping[str, Any]
    layout: SkeletonLayout
    coords: int
    persons: int
    frames: int
    unit: str
    axes: Axes | None
    to_metres: np.ndarray
    frame_rate: float | None
    feature_dim: int
    label_names: tuple[str, ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str) -> Manifest:
        """Checks the entries that a program reads.

        Raises:
            InputError: one is missing or damaged, or the file is of another kind or version.
        """
        if values.get("format") != FORMAT:
            raise InputError(f"{where}: is not of a model that ms2l-export wrote")
        files.check_version(values, VERSION, where, "export the run again")
        try:
            return cls(values, **_entries(values["input"], values["output"], where))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{where}: missing or damaged entry ({error})") from None


def _entries(poses: Mapping[str, Any], output: Mapping[str, Any], where: str) -> dict[str, Any]:
    rate, labels = poses["frame_rate"], output["label_names"]
    coords = int(poses["coords"])
    to_metres = np.array(poses["to_metres"], float)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InputError(f"{where}: entry 'label_names' is damaged")
    if to_metres.shape != (coords, coords):
        raise InputError(f"{where}: entry 'to_metres' is damaged")
    return {
        "layout": SkeletonLayout.from_json(poses["layout"], where),
        "coords": coords,
        "persons": int(poses["persons"]),
        "frames": int(poses["frames"]),
        "unit": str(poses["unit"]),
        "axes": Axes.from_json(poses["axes"], where=where),
        "to_metres": to_metres,
        "frame_rate": None if rate is None else float(rate),
        "feature_dim": int(output["feature_dim"]),
        "label_names": tuple(labels),
    }


def write_manifest(folder: pathlib.Path, values: Mapping[str, Any]) -> None:
    """Writes the file beside all others of the folder, with their checksums."""
    records = {name: dataclasses.asdict(record_file(folder / name)) for name in _listed(folder)}
    files.write_json(folder / NAME, {**values, "files": records})


def read_manifest(folder: str | os.PathLike[str]) -> Manifest:
    """What is known of an exported model whose files are as they were written.

    Nothing of the model is loaded.

    Raises:
        InputError: it is no such folder, or a file is missing, damaged, changed or foreign.
    """
    path = pathlib.Path(folder)
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; ms2l-export makes one of a run")
    if not (path / NAME).is_file():
        raise InputError(f"{path}: is no exported model (no {NAME} in it); see ms2l-export")
    values = files.read_json(path / NAME)
    manifest = Manifest.from_json(values, str(path / NAME))
    _verify(path, values)
    copy = files.read_json(path / _ASSET)
    if copy != {name: value for name, value in values.items() if name not in _OWN}:
        raise InputError(f"{path / NAME}: differs from its copy {_ASSET}; export the run again")
    return manifest


def _verify(path: pathlib.Path, values: Mapping[str, Any]) -> None:
    try:
        wanted = {str(name): FileRecord(**entry) for name, entry in values["files"].items()}
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{path / NAME}: entry 'files' is missing or damaged") from None
    there = _listed(path)
    for name in sorted({_ASSET, "saved_model.pb"} - set(wanted)):
        raise InputError(f"{path / NAME}: entry 'files' lacks {name}; export the run again")
    if lacking := sorted(set(wanted) - set(there)):
        raise InputError(f"{path / lacking[0]}: is missing; copy the folder again")
    if foreign := sorted(set(there) - set(wanted)):
        raise InputError(f"{path / foreign[0]}: is no file of this model; remove it")
    for name, record in wanted.items():
        try:
            same = record_file(path / name) == record
        except OSError as error:
            raise InputError(f"{path / name}: cannot be read ({error.strerror})") from None
        if not same:
            raise InputError(
                f"{path / name}: the content does not match its checksum in {NAME} (damaged or "
                "edited); copy the folder again, or export the run again"
            )


def _listed(folder: pathlib.Path) -> list[str]:
    """Files of the folder that have a checksum, by their names in it."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in paths)
    return sorted(name for name in names if name not in _UNCHECKED)


def fingerprint(folder: str | os.PathLike[str]) -> str:
    """SHA-256 of `ms2l.json`, which holds the checksums of all files: one number to publish."""
    return hashlib.sha256((pathlib.Path(folder) / NAME).read_bytes()).hexdigest()
