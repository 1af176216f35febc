"""Every network and every method as SavedModel, `.keras` and LiteRT, each as the live model."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf import load_encoder, load_model
from ms2l_tf.data import ClipDataset
from ms2l_tf.export.export import ExportChoices, export_run
from ms2l_tf.methods.registry import methods, run_config
from ms2l_tf.networks.registry import NETWORKS
from ms2l_tf.training.train import train
from tests.helpers import assert_close, fitting
from tests.methods.test_matrix import SMALL

BOTH = ("kinect_v2_25", "h36m_17")
RUNS: dict[str, dict[str, Any]] = {
    **{f"supervised on {name}": {"method": "supervised", "network": name} for name in NETWORKS},
    **{name: {"method": name} for name in methods() if name != "supervised"},
    "all channels, two persons": {
        "method": "supervised", "network": "stgcn", "persons": 2,
        "inputs": ("joint", "motion", "bone", "angle"),
    },
    "half precision": {"method": "supervised", "network": "gru", "precision": "mixed_bfloat16"},
    "vertical, clip centred, segments": {
        "method": "ms2l", "rotation": "vertical", "centre": "clip", "pooling": "segments_max",
    },
    "semantic points": {"method": "kernels", "joints": "semantic", "layouts": BOTH},
}  # fmt: skip
LAYOUTS = {"msclr": BOTH}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_an_exported_run_is_the_live_one(
    name: str, clr_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    values = {"data": str(clr_dataset.path), "layouts": LAYOUTS.get(name, BOTH[:1]), **RUNS[name]}
    config = run_config({**fitting(SMALL, values), **values})
    run = train(config, str(tmp_path / "run"), strategy="one")
    layouts = ["smpl_24"] if name == "semantic points" else list(config.data.layouts)
    for layout in layouts:
        out = tmp_path / layout
        choices = ExportChoices(formats=("keras", "litert"), layout=layout)
        manifest = export_run(run.path, out, choices)
        assert manifest.layout.name == layout
        expected = load_encoder(run.path, layout=layout).transform(clr_dataset)
        found = load_model(out).classify(clr_dataset)
        tolerance = 3e-2 if name == "half precision" else 1e-4
        assert_close(found.features, expected, tolerance * np.abs(expected).max())
        formats = manifest.values["formats"]
        assert set(formats) == {"savedmodel", "keras", "litert"}
        lacking = name == "half precision"  # LiteRT has no loop over such numbers
        assert ("reason" in formats["litert"]) == lacking
        assert (out / "model.tflite").is_file() != lacking
