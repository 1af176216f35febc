"""Runs of --joints=semantic: every method, layouts they never saw, transfer, refusals."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf import ClipDataset, load_encoder
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.methods.kernels import fit as fit_module
from ms2l_tf.methods.registry import run_config
from ms2l_tf.networks.base import Network
from ms2l_tf.networks.semantic import SemanticNetwork, SemanticPoints
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.skeletons.layout import load_layout
from ms2l_tf.skeletons.mapping import load_mapping
from ms2l_tf.training.train import train
from tests.helpers import fitting, tiny_layout

LAYOUTS = ("kinect_v2_25", "h36m_15", "kinect_v1_20")
SMALL: dict[str, Any] = {
    "frames": 8, "units": 3, "width": 1, "blocks": 2, "temporal_kernel": 3, "batch": 8,
    "epochs": 1, "monitor_epochs": 0, "k": (1,), "raw_frames": 4, "projection": 4,
    "validation": "none", "observed": 4.0, "mixes": 8, "dims": 4, "target_mixes": 8,
    "target_dims": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "semantic"
    return generate(out, clips=24, seed=2, layouts=("kinect_v2_25",), progress=False)


def small(clips: ClipDataset, method: str = "kernels", **changes: Any) -> RunConfig:
    values = {"method": method, "data": str(clips.path), "joints": "semantic", **changes}
    return run_config({**fitting(SMALL, values), "layouts": LAYOUTS[:2], **values})


@pytest.fixture(scope="module")
def run(clips: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Kernels fitted in two layouts."""
    return train(small(clips), str(tmp_path_factory.mktemp("runs") / "run"), strategy="one")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "network"),
    [("ms2l", "gru"), ("msclr", "stgcn"), ("longt_gan", "gru_last"), ("pointing", "gru"),
     ("kernels", "kernels")],
)  # fmt: skip
def test_a_method_trains_and_its_run_reads_other_layouts(
    method: str, network: str, clips: ClipDataset, tmp_path: pathlib.Path
) -> None:
    folder = train(small(clips, method, network=network), str(tmp_path), strategy="one")
    several = method in ("msclr", "kernels")
    assert len(folder.record()["layouts"]) == 1 + several
    native = load_encoder(folder.path).transform(clips)
    assert np.isfinite(native).all()
    other = load_encoder(folder.path, layout="kinect_v1_18").transform(clips)
    np.testing.assert_allclose(other, native, rtol=1e-3, atol=1e-3)  # of the same points


def test_arrays_in_a_layout_it_never_saw(run: RunFolder, clips: ClipDataset) -> None:
    mapping = load_mapping("kinect_v2_25_to_h36m_17")
    arrays = [mapping.apply(clips.poses("kinect_v2_25").poses(row).coords) for row in range(5)]
    native = load_encoder(run.path).transform(clips, np.arange(5))
    for layout in ("h36m_17", load_layout("h36m_17")):
        features = load_encoder(run.path, layout=layout).transform(arrays)
        np.testing.assert_allclose(features, native, rtol=1e-3, atol=1e-3)
    lacking = load_encoder(run.path, layout="h36m_15").transform(clips, np.arange(5))
    assert np.abs(lacking - native).max() > 1e-3, "has no head"


def test_the_views_of_a_clip_are_in_all_layouts(
    clips: ClipDataset, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[int, int]] = []
    original = SemanticPoints.__call__

    def spy(self: SemanticPoints, poses: Any, layout: Any = 0) -> Any:
        read.append((int(layout), int(poses.shape[3])))
        return original(self, poses, layout)

    monkeypatch.setattr(SemanticPoints, "__call__", spy)
    monkeypatch.setattr(fit_module, "BASIS_CLIPS", 9)
    config = small(clips, instance_views=2, layouts=LAYOUTS, lacking=("legs",))
    folder = train(config, str(tmp_path / "run"), strategy="one")
    joints = (25, 15, 20, 25, 15, 20)  # those that lack legs come after all that do not
    assert set(read) == set(enumerate(joints))
    (row,) = folder.read_history()
    assert float(row["directions"]) == 4


def test_unseen_layouts_are_read_as_they_are(run: RunFolder, clips: ClipDataset) -> None:
    choices = Choices(("linear", "knn"), figures=False, unseen=("kinect_v1_18", "kinect_v1_20"))
    metrics = evaluate_run(run, run.config(), choices).result.metrics
    for other in choices.unseen:  # their points are those of the recording
        for probe in ("linear", "knn/1"):
            own = metrics[f"{probe}/top1"]
            assert metrics[f"unseen/kinect_v2_25/{other}/{probe}/top1"] == pytest.approx(own, abs=9)
            assert f"floor/raw/unseen/kinect_v2_25/{other}/{probe}/top1" in metrics
    assert "cross/kinect_v2_25/h36m_15/linear/top1" in metrics


def test_it_is_transferred_to_another_layout(
    run: RunFolder, tmp_path: pathlib.Path, clips: ClipDataset
) -> None:
    other = generate(tmp_path / "data", clips=24, seed=5, layouts=("kinect_v2_25",), progress=False)
    told = {"method": "kernels", "data": str(other.path), "init": str(run.path),
            "protocol": "transfer", "train": "classifier", "layouts": ("kinect_v1_20",),
            "epochs": 1, "batch": 8, "monitor_epochs": 0, "validation": "none"}  # fmt: skip
    config = run_config(with_initial_run(told))
    assert config.model.joints == "semantic"
    folder = train(config, str(tmp_path / "run"), strategy="one")
    names = [layout["name"] for layout in folder.record()["layouts"]]
    assert names == [*LAYOUTS[:2], "kinect_v1_20"]
    theirs = load_encoder(run.path).transform(clips)
    np.testing.assert_allclose(load_encoder(folder.path).transform(clips), theirs, atol=1e-3)
    result = evaluate_run(folder, folder.config(), Choices(("ridge",), figures=False)).result
    assert np.isfinite(result.metrics["classifier/top1"])


def test_heads_of_tasks_stay_in_their_layout(clips: ClipDataset, tmp_path: pathlib.Path) -> None:
    config = small(clips, "ms2l", network="gru")
    folder = train(config, str(tmp_path / "run"), strategy="one")
    told = {"data": str(clips.path), "init": str(folder.path), "protocol": "semi",
            "schedule": "joint", "layouts": ("kinect_v1_20",), "epochs": 1}  # fmt: skip
    config = run_config(with_initial_run(told))
    with pytest.raises(InputError, match=r"the tasks of .* were trained in layout 'kinect_v2_25'"):
        train(config, str(tmp_path / "more"), strategy="one")


def test_what_is_refused(run: RunFolder, clips: ClipDataset, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="--joints=semantic: layout 'tiny_5' has no head"):
        load_encoder(run.path, layout=tiny_layout())
    renamed = tiny_layout(name="h36m_15")
    with pytest.raises(InputError, match="layout: 'h36m_15' has other joints in run"):
        load_encoder(run.path, layout=renamed)
    with pytest.raises(InputError, match="no_such_layout"):
        load_encoder(run.path, layout="no_such_layout")
    own = train(small(clips, joints="own"), str(tmp_path / "own"), strategy="one")
    assert len(own.record()["layouts"]) == 1
    with pytest.raises(InputError, match="layout: 'h36m_17' is not one of kinect_v2_25"):
        load_encoder(own.path, layout="h36m_17")


def test_the_network_within_a_run_is_one(run: RunFolder) -> None:
    encoder = load_encoder(run.path).loaded()
    assert isinstance(encoder.network, SemanticNetwork)
    assert isinstance(encoder.network.network, Network)
    assert open_data(run.config()).names == LAYOUTS[:2]
