"""Writing and reading the weights of a run, and saying what is wrong with them."""

from __future__ import annotations

import collections
import hashlib
import pathlib

import h5py  # type: ignore[import-untyped]
import keras

from ms2l_tf import files
from ms2l_tf.errors import InputError, one_line

_CHECKSUM = "weights.json"
Shapes = collections.Counter[tuple[int, ...]]


def load_weights(model: keras.Model, path: pathlib.Path) -> None:
    """Reads the weights of a run into its model.

    Raises:
        InputError: the file is damaged, or holds weights of other shapes, which are named.
    """
    checksum = path.with_name(_CHECKSUM)
    if checksum.is_file() and files.read_json(checksum).get("sha256") != sha256(path):
        differing = _differing_shapes(model, path)  # it may be another run's file
        raise InputError(
            f"{path}: is damaged or of another run (its checksum differs{differing and '; '}"
            f"{differing}); delete it and train again"
        )
    try:
        model.load_weights(path)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        differing = _differing_shapes(model, path)
        if differing:
            raise InputError(
                f"{path}: is not a file of this run's settings; {differing}"
            ) from error
        raise InputError(
            f"{path}: cannot be read ({one_line(error)}); delete it and train again"
        ) from error


def save_weights(model: keras.Model, path: pathlib.Path) -> None:
    """Writes the weights of a finished run, all or nothing, and their checksum beside them."""
    with files.replacing(path) as temporary:
        model.save_weights(temporary)
        files.write_json(path.with_name(_CHECKSUM), {"sha256": sha256(temporary)})


def sha256(path: pathlib.Path) -> str:
    """Checksum of a file; empty if it cannot be read."""
    try:
        with open(path, "rb") as file:
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
    except (OSError, KeyError, ValueError, RuntimeError):
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
