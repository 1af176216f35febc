"""Writing and reading the weights of a run, and saying what is wrong with them."""

from __future__ import annotations

import collections
import hashlib
import math
import os
import pathlib

import h5py  # type: ignore[import-untyped]
import keras

from ms2l_tf import files
from ms2l_tf.errors import InputError, one_line, warn

_CHECKSUM = "weights.json"
_REMEDY = "; delete it and train again: the same command writes it from the last checkpoint"
_AROUND_A_VARIABLE = 4_000  # bytes of groups and attributes in the file; 1300 were measured
# What Keras and HDF5 raise for files that are damaged or of another model.
_UNREADABLE = (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError, IndexError)
Shapes = collections.Counter[tuple[int, ...]]


def check_weights(path: pathlib.Path) -> None:
    """Refuses a weights file that is not as it was written.

    Raises:
        InputError: it is no HDF5 file, or its checksum differs.
    """
    try:
        whole = h5py.is_hdf5(path) and not _differs(path)
    except OSError:
        whole = False
    if not whole:
        raise InputError(f"{path}: is damaged or of another run{_REMEDY}")


def load_weights(model: keras.Model, path: pathlib.Path) -> None:
    """Reads the weights of a run into its model.

    Raises:
        InputError: the file is damaged, or holds weights of other shapes, which are named.
    """
    if _differs(path):
        differing = _differing_shapes(model, path)  # it may be another run's file
        raise InputError(
            f"{path}: is damaged or of another run (its checksum differs{differing and '; '}"
            f"{differing}){_REMEDY}"
        )
    try:
        model.load_weights(path)
    except _UNREADABLE as error:
        differing = _differing_shapes(model, path)
        if differing:
            raise InputError(
                f"{path}: is not a file of this run's settings; {differing}"
            ) from error
        raise InputError(f"{path}: cannot be read ({one_line(error)}){_REMEDY}") from error


def save_weights(model: keras.Model, path: pathlib.Path) -> None:
    """Writes the weights of a finished run, all or nothing, and their checksum beside them.

    Raises:
        InputError: they cannot be written.
    """
    variables = [*model.variables, *(model.optimizer.variables if model.compiled else [])]
    values = sum(math.prod(variable.shape) * 4 for variable in variables)
    with files.replacing(path) as temporary:
        # A disk that fills up while HDF5 writes crashes the interpreter when it closes the file.
        files.check_room(temporary, values + len(variables) * _AROUND_A_VARIABLE)
        try:
            model.save_weights(temporary)
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be written ({one_line(error)}); check the folder and the space on "
                "the disk"
            ) from error
        files.write_json(path.with_name(_CHECKSUM), {"sha256": sha256(temporary)})


def _differs(path: pathlib.Path) -> bool:
    """Whether a file is not the one whose checksum was kept; earlier versions kept none."""
    where = path.with_name(_CHECKSUM)
    if not os.path.lexists(where):
        return False
    try:
        recorded = files.read_json(where)["sha256"]
    except (InputError, KeyError) as error:
        reason = error if isinstance(error, InputError) else f"{where}: has no entry 'sha256'"
        warn(f"{reason}; {path.name} is used without its checksum")
        return False
    return bool(recorded != sha256(path))


def sha256(path: pathlib.Path) -> str:
    """Checksum of a file; empty if it cannot be read."""
    try:
        with files.opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _differing_shapes(model: keras.Model, path: pathlib.Path) -> str:
    """Shapes that the file and the model do not share; empty if there are none or no file."""
    held: Shapes = collections.Counter()

    def count(name: str, item: object) -> None:
        # The optimiser's variables are not among the model's weights.
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer/"):
            held[tuple(item.shape)] += 1

    try:
        with h5py.File(path) as file:
            file.visititems(count)
    except _UNREADABLE:
        return ""
    wanted: Shapes = collections.Counter(tuple(weight.shape) for weight in model.weights)
    only_held, only_wanted = (
        sorted((a - b).elements()) for a, b in ((held, wanted), (wanted, held))
    )
    if not only_held and not only_wanted:
        return ""
    return f"it holds weights of shape {_listed(only_held)}, the model wants {_listed(only_wanted)}"


def _listed(shapes: list[tuple[int, ...]], longest: int = 4) -> str:
    texts = [str(list(shape)) for shape in dict.fromkeys(shapes)]
    more = [f"{len(texts) - longest} more"] if len(texts) > longest else []
    return ", ".join(texts[:longest] + more) or "no more"
