"""Writes what this version makes, for later ones to read: ``tests/golden/<version>.tar.xz``.

python -m tests.golden.make_version

A dataset in two layouts, runs of four kinds and one that was interrupted, an exported model, kept
features of a search, and the numbers that all of them gave. Once a release; what an earlier version
wrote is never written anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import tarfile
import tempfile
from collections.abc import Iterator

import numpy as np
import pytest

from ms2l_tf import ClipDataset, load_encoder, load_model
from ms2l_tf.data.synthetic import generate
from ms2l_tf.export.export import ExportChoices, export_run
from ms2l_tf.methods.registry import run_config
from ms2l_tf.retrieval.features import opened_archive
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from ms2l_tf.version import __version__
from tests.helpers import tiny_config
from tests.msclr.tiny import LAYOUTS
from tests.msclr.tiny import config as clr_config
from tests.training.test_train import interruption

FOLDER = pathlib.Path(__file__).resolve().parent
RUNS = ("ms2l", "kernels", "msclr", "semi")
STOPPED = "stopped"  # the run `ms2l`, interrupted in its last epoch
NUMBERS = "numbers.npz"
PACKED = ".tar.xz"


@contextlib.contextmanager
def inside(folder: pathlib.Path) -> Iterator[None]:
    """Works in a folder: runs keep the paths they were told, here relative ones."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def numbers() -> dict[str, np.ndarray]:
    """What the files of the folder one works in give now."""
    dataset = ClipDataset.open("data")
    found = {
        f"run_{name}": np.asarray(load_encoder(f"runs/{name}").transform(dataset)) for name in RUNS
    }
    model = load_model("model")
    classified = model.classify(dataset)
    found["model_features"], found["model_scores"] = classified.features, classified.scores
    with opened_archive(model, "data", "index") as archive:
        found["index"] = np.array(archive.directions)
    return found


def configs() -> dict[str, RunConfig]:
    """Settings of the runs but ``semi``, which starts from one of them."""
    dataset = ClipDataset.open("data")
    return {
        "ms2l": tiny_config(data="data", layouts=LAYOUTS[:1], monitor_epochs=0, epochs=3),
        "kernels": run_config(
            {"method": "kernels", "data": "data", "mixes": 8, "dims": 6, "instance_views": 2}
        ),
        "msclr": clr_config(dataset, data="data", epochs=1, monitor_epochs=0),
    }


def make_runs() -> None:
    """All of them, of one device."""
    told = configs()
    for name, config in told.items():
        train(config, f"runs/{name}", strategy="one")
    with interruption(3), pytest.raises(KeyboardInterrupt):
        train(told["ms2l"], f"runs/{STOPPED}", strategy="one")
    values = {"data": "data", "protocol": "semi", "init": "runs/ms2l", "label_fraction": 0.5}
    more = {"batch": 4, "epochs": 1, "classifier_units": 4, "monitor_epochs": 0}
    train(run_config(with_initial_run({**values, **more})), "runs/semi", strategy="one")


def without_machine() -> None:
    """Leaves out what only the machine of the maker has, and what a finished run does not need."""
    for folder in pathlib.Path("runs").iterdir():
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)
        if folder.name != STOPPED:
            shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        kept = json.loads((folder / "origin.json").read_text())
        for origin in kept["origins"]:
            origin["machine"] = {"platform": "Linux", "cpu": "x86_64"}
            origin["revision"] = None
        (folder / "origin.json").write_text(json.dumps(kept, indent=1) + "\n")
    pathlib.Path("data/.verified.json").unlink(missing_ok=True)


def main() -> None:
    """Makes the archive of this version, which must not exist."""
    out = FOLDER / f"{__version__}{PACKED}"
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(out, "x:xz") as archive:
        with inside(pathlib.Path(scratch)):
            make_all()
        archive.add(scratch, __version__, filter=_without_owner)
    print(f"wrote {out}")


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    return member.replace(uid=0, gid=0, uname="", gname="")


def make_all() -> None:
    """Everything, into the folder one works in."""
    generate("data", clips=24, seed=24, layouts=LAYOUTS, progress=False)
    make_runs()
    export_run("runs/kernels", pathlib.Path("model"), ExportChoices(formats=("keras",)))
    np.savez_compressed(NUMBERS, allow_pickle=False, **numbers())
    without_machine()


if __name__ == "__main__":
    main()
