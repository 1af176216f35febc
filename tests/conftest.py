"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

# Before TensorFlow is imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf import ExportedModel, load_model
from ms2l_tf.data import ClipDataset, pipeline
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.synthetic import generate
from ms2l_tf.evaluation import layout_features
from ms2l_tf.export.export import ExportChoices, export_run
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.distribution import make_strategy
from ms2l_tf.training.train import train
from tests.browser import Browser
from tests.helpers import RUN_CHANGES, TrainedRun, tiny_config, write_dataset
from tests.msclr.tiny import LAYOUTS
from tests.msclr.tiny import config as clr_config

SHARED_DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"

# Two devices stand for two GPUs. They have to be there before the first operation, so it is done
# here, at the start of collection.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def nw_ucla_archive() -> pathlib.Path:
    """The published NW-UCLA archive; the test is skipped where it is missing."""
    archive = SHARED_DATA / "NW-UCLA" / "all_sqe.tar.xz"
    if not archive.is_file():
        pytest.skip(f"the NW-UCLA archive is not at {archive}")
    return archive


@pytest.fixture(autouse=True, scope="session")
def _private_cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Keeps what tests remember about datasets out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _without_kernels() -> object:
    """Leaves the kernels floor out, seconds of every evaluation; test_kernel_floor.py has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout_features, "kernel_floor", lambda *_: None)
        yield


@pytest.fixture(autouse=True)
def _default_precision() -> Iterator[None]:
    """A run in mixed precision changes a global setting of Keras; the next test gets float32."""
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, for tests marked `browser`; without it they fail and say what to install."""
    with Browser() as started:
        yield started


@pytest.fixture(scope="session")
def two_replicas() -> tf.distribute.Strategy:
    """Data parallelism over two logical CPUs."""
    return make_strategy("mirrored", 2)


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    """See `write_dataset`."""
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="session")
def trained_run(tiny_dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """An uninterrupted run on one device, and every clip it has read; copy it before writing."""
    config = tiny_config(data=str(tiny_dataset.path), **RUN_CHANGES)
    read: set[int] = set()
    original = pipeline.padded_batch

    def spy(store: PoseStore, indices: np.ndarray) -> dict[str, np.ndarray]:
        read.update(indices.tolist())
        return original(store, indices)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "padded_batch", spy)
        folder = train(config, str(tmp_path_factory.mktemp("runs") / "a"), strategy="one")
    return TrainedRun(folder, config, frozenset(read))


@pytest.fixture(scope="session")
def clr_dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    """Synthetic motions in the layouts of the tiny MS-CLR runs and in one they do not learn."""
    out = tmp_path_factory.mktemp("data") / "clr"
    return generate(out, clips=48, seed=2, layouts=[*LAYOUTS, "smpl_24"], progress=False)


@pytest.fixture(scope="session")
def clr_run(clr_dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished MS-CLR run on two layouts; copy it before writing."""
    return train(clr_config(clr_dataset), str(tmp_path_factory.mktemp("runs") / "clr"))


@pytest.fixture(scope="session")
def exported(trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """`trained_run` as a model of five joints and two persons, with a ridge head."""
    out = tmp_path_factory.mktemp("models") / "ms2l"
    export_run(trained_run.folder.path, out, ExportChoices(head="ridge"))
    return out


@pytest.fixture(scope="session")
def model(exported: pathlib.Path) -> ExportedModel:
    """The same, loaded."""
    return load_model(exported)
