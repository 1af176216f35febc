"""Features of all clips of a dataset, made once and kept."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.new_folder import new_folder
from ms2l_tf.data.npy_stream import NpyStream
from ms2l_tf.data.numpy_files import mapped_npy
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError, inform, warn
from ms2l_tf.export.manifest import fingerprint
from ms2l_tf.files import check_version, read_json, write_json
from ms2l_tf.prediction.inputs import AS_IT_IS, InputChoices, dataset_store
from ms2l_tf.prediction.model import EMBED, Model, store_outputs

HEADER, DIRECTIONS, ROWS = "features.json", "directions.npy", "rows.npy"
FORMAT_VERSION = 1  # of the header; one without is of the same
_TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class Archive:
    """A dataset whose clips can be found by their features.

    Attributes:
        dataset: opened.
        store: its poses in the layout of the model.
        directions: features of length 1 of the N clips that show somebody, float32 [N, D]; mapped
            from the disk where they are kept.
        rows: of these clips in the dataset, int64 [N].
        folder: where they are kept; None: nowhere.
    """

    dataset: ClipDataset
    store: PoseStore
    directions: np.ndarray
    rows: np.ndarray
    folder: pathlib.Path | None = None

    def is_of(self, source: str | os.PathLike[str]) -> bool:
        """Whether an input is the same dataset."""
        folder = pathlib.Path(source)
        if not (folder / "dataset.json").is_file():
            return False
        return ClipDataset.open(folder).fingerprint == self.dataset.fingerprint


@contextlib.contextmanager
def opened_archive(
    model: Model,
    data: str | os.PathLike[str],
    cache: str = "",
    choices: InputChoices = AS_IT_IS,
    batch: int = 64,
) -> Iterator[Archive]:
    """The clips of a dataset with their features, which are made where they are not kept yet.

    Args:
        model: that makes the features.
        data: folder of the dataset.
        cache: folder in which features are kept, under a name that stands for the model, the
            dataset and the mapping between them; empty: they are made anew each time.
        choices: how poses of another layout are mapped.
        batch: clips computed at a time.

    Raises:
        InputError: the dataset does not fit the model, or what is kept is damaged.
    """
    dataset = ClipDataset.open(data)
    store, mapping = dataset_store(dataset, model.manifest, choices)
    made_of = {
        "model": fingerprint(model.path),
        "dataset": dataset.fingerprint,
        "mapping": None if mapping is None else mapping.checksum,
    }
    with contextlib.ExitStack() as stack:
        if cache:
            key = hashlib.sha256(repr(sorted(made_of.items())).encode()).hexdigest()[:16]
            folder = pathlib.Path(cache) / key
        else:
            aside = stack.enter_context(tempfile.TemporaryDirectory(prefix="ms2l_"))
            folder = pathlib.Path(aside) / "features"
        if not folder.exists():
            _make(model, store, folder, made_of, batch)
        elif cache:
            inform(f"{folder}: features as they were kept")
        directions, rows = _read(folder, made_of, model.manifest.feature_dim, len(dataset))
        yield Archive(dataset, store, directions, rows, folder if cache else None)


def unit_length(features: np.ndarray) -> np.ndarray:
    """Features [N, D] scaled to length 1; such that are zero stay so."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: np.ndarray = features / np.maximum(lengths, _TINY)
    return scaled


def _make(
    model: Model, store: PoseStore, folder: pathlib.Path, made_of: dict[str, str | None], batch: int
) -> None:
    rows = np.flatnonzero(store.seen)
    if not len(rows):
        raise InputError(f"layout {store.layout.name}: nobody is seen in any clip of the dataset")
    if blank := len(store.lengths) - len(rows):
        warn(f"{blank} of {len(store.lengths)} clips show nobody and are not searched")
    with new_folder(folder) as growing:
        stream = NpyStream(growing / DIRECTIONS, np.float32, (model.manifest.feature_dim,))
        with tqdm(total=len(rows), desc="features", unit="clip") as bar:
            for part, outputs in store_outputs(model, store, rows, EMBED, batch):
                stream.append(unit_length(outputs["features"]))
                bar.update(len(part))
        stream.close()
        np.save(growing / ROWS, rows.astype(np.int64), allow_pickle=False)
        write_json(
            growing / HEADER, {"format_version": FORMAT_VERSION, **made_of, "clips": len(rows)}
        )


def _read(
    folder: pathlib.Path, made_of: dict[str, str | None], dims: int, clips: int
) -> tuple[np.ndarray, np.ndarray]:
    damaged = f"{folder}: is damaged; remove it, and the features are made anew"
    header = {"format_version": FORMAT_VERSION, **read_json(folder / HEADER)}
    check_version(header, FORMAT_VERSION, folder / HEADER, "remove its folder")
    try:
        directions, rows = mapped_npy(folder / DIRECTIONS), mapped_npy(folder / ROWS)
    except InputError:
        raise InputError(damaged) from None
    fits = directions.shape == (header.get("clips"), dims) and directions.dtype == np.float32
    if not fits or rows.shape != directions.shape[:1] or rows.dtype != np.int64:
        raise InputError(damaged)
    if {name: header.get(name) for name in made_of} != made_of or not (
        0 <= rows.min() <= rows.max() < clips
    ):
        raise InputError(damaged)
    return directions, rows
