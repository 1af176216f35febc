"""Several processes that meet on loopback train what one process trains."""

from __future__ import annotations

import pathlib
import re
import time
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.helpers import RUN_CHANGES, fitting, tiny_config
from tests.training.loopback import workers

pytestmark = pytest.mark.slow

# Batch statistics of the networks, a momentum encoder, a queue.
CONTRAST: dict[str, Any] = {
    "method": "msclr", "network": "stgcn", "contrast": "skeletonclr", "layouts": ("h36m_17",),
    "width": 1, "blocks": 2, "temporal_kernel": 3,
    "dropout": 0.3, "projection": 4, "queue": 8, "frames": 8, "batch": 6,
    "epochs": 12, "monitor_epochs": 0, "optimiser": "sgd", "learning_rate": 0.05, "k": (1,),
    "raw_frames": 4,
}  # fmt: skip


def as_flags(config: RunConfig, workdir: pathlib.Path) -> list[str]:
    settings = config.to_json().items()
    values = {name: ",".join(map(str, v)) if isinstance(v, list) else v for name, v in settings}
    recipe = workdir.with_suffix(".cfg")  # of which no flag is said to have no effect
    recipe.write_text("".join(f"--{name}={value}\n" for name, value in values.items()))
    return [f"--flagfile={recipe}", f"--workdir={workdir}"]


def weights_of(folder: RunFolder) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(folder.weights) as file:
        file.visititems(keep)
    return found


def assert_same_run(one: RunFolder, other: RunFolder) -> None:
    """Weights, optimiser state and history, to the order of sums."""
    mine, its = weights_of(one), weights_of(other)
    assert mine.keys() == its.keys()
    for name, value in mine.items():
        np.testing.assert_allclose(its[name], value, rtol=1e-3, atol=1e-4, err_msg=name)
    for row, its_row in zip(one.read_history(), other.read_history(), strict=True):
        assert row.keys() == its_row.keys()
        for name, text in row.items():
            if not text:  # a monitor that did not read in this epoch
                assert not its_row[name]
                continue
            assert float(its_row[name]) == pytest.approx(float(text), rel=1e-3, abs=1e-4), name


def lost_in_a_line(text: str) -> bool:
    return bool(re.fullmatch(r"error: a worker was lost; start all workers again .*\n", text))


@pytest.fixture(scope="module")
def motions(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "motions"
    return generate(out, clips=24, seed=2, layouts=["h36m_17"], progress=False)


def test_two_workers_train_as_one(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    """MS²L: negatives of the whole batch, batch statistics of the heads, augmentation, clipping."""
    config = tiny_config(data=str(tiny_dataset.path), **{**RUN_CHANGES, "batch": 6, "epochs": 2})
    folder = RunFolder(tmp_path / "two")
    with workers(as_flags(config, folder.path), 2, tmp_path / "log") as two:
        chief, other = two.ended().values()
    assert (chief.status, other.status) == (0, 0), (chief.errors, other.errors)
    assert "trained to the last epoch" in chief.out
    assert (chief.errors, other.out, other.errors) == ("", "", "")
    assert {path.name for path in folder.path.iterdir()} == {
        "checkpoint", "flags.json", "history.csv", "model.weights.h5", "origin.json",
        "tensorboard", "timing.json", "weights.json",
    }  # fmt: skip
    one = train(config, str(tmp_path / "one"), strategy="one")
    written = [len([*run.tensorboard.rglob("*tfevents*")]) for run in (one, folder)]
    assert written[0] == written[1]
    assert_same_run(one, folder)


def test_three_workers_go_on_after_one_was_killed(
    motions: ClipDataset, tmp_path: pathlib.Path
) -> None:
    """MS-CLR with an ST-GCN: statistics of the batch over all workers, in every block."""
    config = run_config({**fitting(CONTRAST, CONTRAST), "data": str(motions.path)})
    folder = RunFolder(tmp_path / "three")
    flags = as_flags(config, folder.path)
    with workers(flags, 3, tmp_path / "killed") as three:
        three.wait_until((folder.checkpoint / "ckpt-1.index").is_file)
        three.processes[2].kill()
        begun = time.monotonic()
        ended = three.ended()
    assert time.monotonic() - begun < 60, "the others took longer to notice than they should"
    assert not folder.finished
    for index in (0, 1):
        assert ended[index].status == 75, ended[index].errors
        assert lost_in_a_line(ended[index].errors), ended[index].errors
    with workers(flags, 3, tmp_path / "again") as three:
        again = three.ended()
    assert [one.status for one in again.values()] == [0, 0, 0], again
    assert_same_run(train(config, str(tmp_path / "one"), strategy="one"), folder)


def test_workers_of_different_runs_are_all_refused(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = tiny_config(data=str(tiny_dataset.path), batch=6)
    flags = as_flags(config, tmp_path / "run")
    with workers(flags, 2, tmp_path / "log", own_flags={1: ["--seed=1"]}) as two:
        ended = two.ended()
    for one in ended.values():
        assert one.status == 2
        assert "the checksum of settings and data of worker" in one.errors
        assert one.errors.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_what_one_worker_refuses_all_refuse(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    flags = as_flags(tiny_config(data=str(tiny_dataset.path), batch=6), tmp_path / "run")
    missing = {1: [f"--data={tmp_path / 'nowhere'}"]}
    with workers(flags, 2, tmp_path / "log", own_flags=missing) as two:
        chief, other = two.ended().values()
    assert (chief.status, other.status) == (2, 2)
    assert re.fullmatch(r"error: worker 1: .*nowhere.*\n", chief.errors), chief.errors
    assert re.fullmatch(r"error: .*nowhere.*\n", other.errors), other.errors
    assert not (tmp_path / "run").exists()
