"""Every method on every network: one epoch, features; or one line that says why not."""

from __future__ import annotations

import itertools
import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.layout_features import encoded, trained_learner, untrained_learner
from ms2l_tf.evaluation.sides import all_sides
from ms2l_tf.methods.registry import methods, run_config
from ms2l_tf.networks.registry import NETWORKS
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import CHANNELS, RunConfig
from ms2l_tf.training.train import train
from tests.helpers import fitting

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYOUTS = ("kinect_v2_25", "h36m_17")
SMALL: dict[str, Any] = {
    "frames": 8, "units": 3, "width": 1, "blocks": 2, "temporal_kernel": 3, "batch": 8,
    "epochs": 1, "monitor_epochs": 1, "k": (1,), "raw_frames": 4, "projection": 4,
    "validation": "none", "observed": 4.0, "mixes": 8, "dims": 4,
    "target_mixes": 8, "target_dims": 4,
}  # fmt: skip
CELLS = list(itertools.product(methods(), NETWORKS))
REFUSED = [
    *(("ms2l", name) for name in ("gru_last", "lstm_last", "blstm_last")),
    *((name, "kernels") for name in ("ms2l", "msclr", "longt_gan", "pointing")),
    *(("kernels", name) for name in NETWORKS if name != "kernels"),
]
ACCEPTED = [cell for cell in CELLS if cell not in REFUSED]
TRAINED = [cell for cell in ACCEPTED if cell[0] != "kernels"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "matrix"
    return generate(out, clips=32, seed=2, layouts=LAYOUTS, progress=False)


def small(clips: ClipDataset, method: str, network: str, **changes: Any) -> RunConfig:
    values = {"method": method, "network": network, "data": str(clips.path), **changes}
    return run_config({**fitting(SMALL, values), "layouts": LAYOUTS[:1], **values})


def features_of(folder: RunFolder, config: RunConfig) -> list[np.ndarray]:
    """[N, D] of the training clips in each layout of the run."""
    data = open_data(config)
    learner = trained_learner(folder, config, data)
    sides = {number: all_sides(part) for number, part in enumerate(data.parts)}
    by_layout = encoded(folder, learner, config, data, sides)
    return [by_layout[number][0] for number in sides]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "network"), TRAINED)
def test_a_method_trains_a_network(
    method: str, network: str, clips: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = small(clips, method, network)
    folder = train(config, str(tmp_path / "run"), strategy="one")
    (row,) = folder.read_history()
    assert np.isfinite(float(row["loss"]))
    (features,) = features_of(folder, config)
    assert features.ndim == 2
    assert np.isfinite(features).all()
    data = open_data(config)
    before = untrained_learner(folder, config, data).encoder.trainable_weights
    after = trained_learner(folder, config, data).encoder.trainable_weights
    for old, new in zip(before, after, strict=True):
        assert np.abs(old.numpy() - new.numpy()).max() > 0, f"{old.path} has learnt nothing"


def test_the_kernels_are_fitted(clips: ClipDataset, tmp_path: pathlib.Path) -> None:
    config = small(clips, "kernels", "kernels", layouts=LAYOUTS)  # reads the first of them
    folder = train(config, str(tmp_path / "run"), strategy="one")
    (row,) = folder.read_history()
    assert set(row) == {"epoch", "directions", "separation"}
    (features,) = features_of(folder, config)
    assert features.shape[1] == int(row["directions"]) == config.to_json()["dims"]
    assert np.isfinite(features).all()
    data = open_data(config)
    drawn = untrained_learner(folder, config, data).encoder
    measured = trained_learner(folder, config, data).encoder
    assert not drawn.trainable_weights
    for old, new in zip(drawn.weights, measured.weights, strict=True):
        same = np.array_equal(old.numpy(), new.numpy())
        assert same == old.path.endswith(("/mix", "/filters")), old.path


@pytest.mark.slow
@pytest.mark.parametrize("network", ["gru", "gru_last"])
def test_with_labels_the_method_of_kernels_takes_any_network(
    network: str, clips: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = small(clips, "kernels", network, protocol="supervised")
    (row,) = train(config, str(tmp_path / "run"), strategy="one").read_history()
    assert np.isfinite(float(row["loss"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "network"), [("ms2l", "gru"), ("ms2l", "stgcn"), ("longt_gan", "gru_last")]
)
def test_a_method_trains_on_all_channels(
    method: str, network: str, clips: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = small(clips, method, network, inputs=CHANNELS, centre="clip")
    folder = train(config, str(tmp_path / "run"), strategy="one")
    assert folder.config().model.inputs == CHANNELS
    (features,) = features_of(folder, config)
    assert np.isfinite(features).all()


@pytest.mark.slow
@pytest.mark.parametrize("network", ["lstm", "stgcn"])
def test_msclr_reads_all_channels_in_two_layouts(
    network: str, clips: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = small(clips, "msclr", network, layouts=LAYOUTS, inputs=CHANNELS, centre="none")
    features = features_of(train(config, str(tmp_path / "run"), strategy="one"), config)
    assert np.isfinite(features).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "contrast"),
    [*((name, "aimclr") for name in ("gru", "lstm", "gru_last", "stgcn")), ("gru", "skeletonclr")],
)
def test_msclr_trains_a_network_in_two_layouts(
    network: str, contrast: str, clips: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = small(clips, "msclr", network, layouts=LAYOUTS, contrast=contrast)
    folder = train(config, str(tmp_path / "run"), strategy="one")
    first, second = features_of(folder, config)
    assert first.shape == second.shape
    assert np.isfinite([first, second]).all()
    assert np.abs(first - second).max() > 0


@pytest.mark.parametrize(("method", "network"), REFUSED)
def test_what_makes_no_sense_is_refused_in_a_line(
    method: str, network: str, clips: ClipDataset
) -> None:
    reason = "needs the features of frames|trains by gradients|fits --network=kernels alone"
    with pytest.raises(InputError, match=f"--method={method}:? ({reason})") as why:
        small(clips, method, network)
    assert f"--network={network}" in str(why.value)
    assert "\n" not in str(why.value)


def test_the_document_has_this_matrix() -> None:
    document = (ROOT / "docs" / "methods.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in document.splitlines()]
    assert [row for row in rows if row[-len(NETWORKS) :] == [f"`{name}`" for name in NETWORKS]]
    for name in methods():
        (cells,) = [
            row[1:]
            for row in rows
            if len(row) == 1 + len(NETWORKS) and row[0].startswith(f"`{name}`")
        ]
        said = {network: cell == "yes" for network, cell in zip(NETWORKS, cells, strict=True)}
        assert said == {network: (name, network) not in REFUSED for network in NETWORKS}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "network", "changes"),
    [
        ("ms2l", "stgcn", {"dropout": 0.3}),
        ("msclr", "gru", {"contrast": "skeletonclr", "layouts": LAYOUTS}),
        ("msclr", "gru", {"contrast": "aimclr"}),
        ("pointing", "tcn", {"layouts": LAYOUTS}),  # reads the first of them
    ],
)
def test_two_replicas_train_as_one_device(
    method: str, network: str, changes: dict[str, Any], clips: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = small(clips, method, network, optimiser="sgd", learning_rate=0.05, **changes)
    one, two = (
        train(config, str(tmp_path / strategy), strategy=strategy)
        for strategy in ("one", "mirrored")
    )
    for alone, shared in zip(features_of(one, config), features_of(two, config), strict=True):
        np.testing.assert_allclose(alone, shared, rtol=1e-3, atol=1e-4)
