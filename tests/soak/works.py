"""Works that write files, each with what it leaves: for `tests/soak/test_faults.py`."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from ms2l_tf.data.prepare import prepare
from ms2l_tf.data.synthetic import generate
from ms2l_tf.training.train import train
from tests.data.conftest import nw_ucla_content
from tests.helpers import tiny_config, write_dataset
from tests.training import tiny_loop

Digest = dict[str, str]
_ACTIONS, _SUBJECTS, _VIEWS = (1, 12), (1, 2), (1, 2, 3)


@dataclasses.dataclass(frozen=True)
class Work:
    """Something that writes into a folder; done again after a fault, it goes on there.

    Attributes:
        run: does it.
        digest: of what it leaves in the folder.
    """

    run: Callable[[pathlib.Path], object]
    digest: Callable[[pathlib.Path], Digest]


def sources(folder: pathlib.Path) -> None:
    """What the works read."""
    write_dataset(folder / "data")
    clips = folder / "all_sqe"
    clips.mkdir()
    for action in _ACTIONS:
        for subject in _SUBJECTS:
            for view in _VIEWS:
                name = f"a{action:02}_s{subject:02}_e00_v{view:02}"
                content = json.dumps(nw_ucla_content(name, frames=2 + subject))
                (clips / f"{name}.json").write_text(content, encoding="utf-8")


def works(read: pathlib.Path) -> dict[str, Work]:
    """All of them, by name.

    Args:
        read: the folder that `sources` filled.
    """
    return {
        "training": Work(lambda folder: tiny_loop.run_tiny_loop(folder / "run"), _of_run),
        "training, a checkpoint a step": Work(
            lambda folder: tiny_loop.run_tiny_loop(folder / "run", minutes=1e-9), _of_run
        ),
        "closed form": Work(functools.partial(_closed_form, read), _of_run),
        "preparing": Work(
            lambda folder: prepare("nw_ucla", read / "all_sqe", folder / "out", progress=False),
            of_files,
        ),
        "motions": Work(
            lambda folder: generate(
                folder / "out", clips=16, seed=1, layouts=["kinect_v2_25"], progress=False
            ),
            of_files,
        ),
    }


def _closed_form(read: pathlib.Path, folder: pathlib.Path) -> None:
    keras.utils.clear_session()  # names of layers count on in a process, and the record has them
    settings: dict[str, Any] = {"method": "kernels", "instance_views": 2, "epochs": 1}
    train(tiny_config(data=str(read / "data"), **settings), str(folder / "run"), strategy="one")


def _of_run(folder: pathlib.Path) -> Digest:
    return tiny_loop.digest(folder / "run")


def of_files(folder: pathlib.Path) -> Digest:
    """Checksums of all files but hidden ones, which a killed process may leave."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.parts[len(folder.parts) :])
    }
