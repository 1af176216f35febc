"""Prepared datasets: opened, verified, read through, looked at, and made others of."""

from __future__ import annotations

import atexit
import functools
import pathlib
import shutil
import tempfile
from collections.abc import Callable

from ms2l_tf.cli.inspecting import inspect
from ms2l_tf.data import ClipDataset, operations
from ms2l_tf.data.inspect import describe, summarise
from ms2l_tf.data.operations.stream import ClipStream
from tests.data.operations.datasets import CLASSES, make
from tests.fuzz.folders import Files, Subject, reseal

HEADER = "dataset.json"


def _read(place: pathlib.Path, _: pathlib.Path) -> None:
    dataset = ClipDataset.open(place)
    dataset.verify(force=True)
    check(dataset)


def check(dataset: ClipDataset) -> None:
    """All of it can be read."""
    assert len(dataset.clips) == len(dataset.labels) == len(dataset)
    for name in dataset.split_names:
        dataset.split(name)
    for layout in dataset.layouts:
        store = dataset.poses(layout)
        for index in range(len(dataset)):
            poses = store.poses(index)
            assert poses.present is not None
            assert len(poses.coords) == len(poses.present) == store.lengths[index]
        dataset.arrays(layout, frames=4)


def _summarise(place: pathlib.Path, _: pathlib.Path) -> None:
    dataset = ClipDataset.open(place)
    dataset.verify(force=True)
    describe(summarise(dataset))


def _inspect(place: pathlib.Path, out: pathlib.Path) -> None:
    inspect(place, str(out), None)


def _written(work: Callable[[ClipStream], ClipStream]) -> Callable[..., None]:
    def act(place: pathlib.Path, out: pathlib.Path) -> None:
        stream = work(operations.stream_of(ClipDataset.open(place)))
        dataset, _ = operations.write(stream, out, progress=False)
        dataset.verify(force=True)
        check(dataset)

    return act


@functools.cache
def _other() -> ClipDataset:
    """A valid dataset to merge with; it stays until the process ends."""
    folder = tempfile.mkdtemp(prefix="ms2l_fuzz_")
    atexit.register(shutil.rmtree, folder)
    return make(pathlib.Path(folder) / "other", name="other", clips=3)


ACTS = {
    "read": _read,
    "summarise": _summarise,
    "merge": _written(lambda stream: operations.merge([stream, operations.stream_of(_other())])),
    "subset": _written(lambda stream: operations.subset(stream, "subject:1,2")),
    "of_split": _written(lambda stream: operations.subset(stream, "split:given:train")),
    "cut": _written(lambda stream: operations.cut(stream, "windows:3:2")),
    "split": _written(
        lambda stream: operations.with_splits(
            stream, operations.make_splits(stream.clips, "kfold:2:subject")
        )
    ),
}


def _seal(files: Files) -> None:
    reseal(files, HEADER, lambda name: name.startswith("poses/"))


_write = functools.partial(make, clips=4, frames=2, classes=CLASSES)

SUBJECTS = (
    Subject("dataset", _write, ACTS, _seal),
    # Drawing takes a second: cases of their own.
    Subject("inspected", _write, {"inspect": _inspect}, _seal, share=0.05),
)
