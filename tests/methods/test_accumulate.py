"""A batch computed in parts gives the step of the whole batch."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.helpers import fitting, tiny_config

SMALL: dict[str, Any] = {
    "frames": 8, "units": 3, "batch": 12, "epochs": 1, "monitor_epochs": 0, "k": (1,),
    "raw_frames": 4, "projection": 4, "queue": 12, "validation": "none", "layouts": ("h36m_17",),
    "dropout": 0.3, "clip_norm": 0.5, "optimiser": "sgd", "learning_rate": 0.05,
}  # fmt: skip
# No statistics of the batch, no negatives from it: what parts change nothing of.
ALIKE: dict[str, dict[str, Any]] = {
    "tasks": {"method": "ms2l", "tasks": ("prediction", "jigsaw"), "observed": 4.0, "rotate": 20.0},
    "generator": {"method": "longt_gan"},
    "labels": {"method": "supervised", "protocol": "supervised"},
    "queue": {"method": "msclr", "network": "gru"},
}


@pytest.fixture(scope="module")
def motions(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "motions"
    return generate(out, clips=36, seed=2, layouts=["h36m_17"], progress=False)


def config_of(data: ClipDataset, **changes: Any) -> RunConfig:
    values = {**changes, "data": str(data.path)}
    return run_config({**fitting(SMALL, values), **values})


def history(folder: RunFolder) -> np.ndarray:
    return np.array([[float(value) for value in row.values()] for row in folder.read_history()])


@pytest.mark.slow
@pytest.mark.parametrize("name", ALIKE)
def test_parts_take_the_steps_of_the_whole(
    name: str, motions: ClipDataset, tmp_path: pathlib.Path
) -> None:
    """Augmentation, dropout and masks are drawn for the clips of the whole batch."""
    whole = train(config_of(motions, **ALIKE[name]), str(tmp_path / "whole"), strategy="one")
    config = config_of(motions, **ALIKE[name], accumulate=3)
    parts = train(config, str(tmp_path / "parts"), strategy="one")
    np.testing.assert_allclose(history(parts), history(whole), rtol=2e-4)


@pytest.mark.slow
def test_parts_on_two_replicas_take_the_same_steps(
    motions: ClipDataset, tmp_path: pathlib.Path
) -> None:
    one, two = (
        train(
            config_of(motions, **ALIKE["tasks"], accumulate=3), str(tmp_path / name), strategy=name
        )
        for name in ("one", "mirrored")
    )
    np.testing.assert_allclose(history(two), history(one), rtol=2e-4)


@pytest.mark.slow
def test_a_contrastive_loss_sees_its_part(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    """Of two parts of three clips each; interrupted, it goes on to the bit."""
    settings = {"data": str(tiny_dataset.path), "batch": 6, "accumulate": 2, "monitor_epochs": 0}
    config = tiny_config(**settings, epochs=2)
    whole = train(config, str(tmp_path / "whole"), strategy="one")
    train(tiny_config(**settings, epochs=1), str(tmp_path / "parts"), strategy="one")
    parts = train(config, str(tmp_path / "parts"), strategy="one")
    np.testing.assert_array_equal(history(parts), history(whole))
    assert history(whole)[:, 1].max() < 2 * np.log(3), "as among three clips, not among six"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 6, "accumulate": 4}, "--accumulate=4: --batch=6 has no so many equal parts"),
        ({"batch": 4, "accumulate": 4}, "--accumulate=4: parts of --batch=4 hold one clip"),
        ({"method": "kernels", "accumulate": 2}, "--accumulate=2: --method=kernels takes no steps"),
    ],
)
def test_parts_that_make_no_sense(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        tiny_config(**changes)


def test_a_small_set_leaves_no_part_of_one_clip(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    """Of twelve training clips a batch of 36 keeps twelve, and so each of twelve parts one."""
    config = tiny_config(data=str(tiny_dataset.path), batch=36, accumulate=12)
    with pytest.raises(InputError, match="parts of --batch=12 hold one clip"):
        train(config, str(tmp_path / "run"), strategy="one")
    assert not (tmp_path / "run").exists()


def test_parts_are_shared_by_replicas(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    config = tiny_config(data=str(tiny_dataset.path), batch=6, accumulate=2, tasks=("jigsaw",))
    said = "--batch: 6 clips cannot be shared equally by 2 replicas, each in 2 parts"
    with pytest.raises(InputError, match=said):
        train(config, str(tmp_path / "run"), strategy="mirrored")
