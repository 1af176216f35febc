"""`result.json` and its tables."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import (
    EvaluationResult,
    Summary,
    environment,
    summarise,
)
from ms2l_tf.evaluation.tables import format_notes, format_table
from ms2l_tf.files import write_json


def result(seed: int = 0, linear: float = 80.0, **changes: Any) -> EvaluationResult:
    values: dict[str, Any] = {
        "protocol": "unsupervised",
        "dataset": "nw_ucla",
        "split": "cross_view",
        "seed": seed,
        "epoch": 60,
        "feature_dim": 60,
        "metrics": {
            "knn/1/top1": 75.0,
            "linear/top1": linear,
            "floor/raw/knn/1/top1": 77.5,
            "floor/raw/linear/top1": 70.0,
        },
        "timing": {"linear": np.float64(0.5)},
        "environment": environment(),
        "details": {"test_clips": np.int64(464)},
    }
    return EvaluationResult(**{**values, **changes})


def broken(**changes: Any) -> str:
    """A result's file with other values."""
    names = [field.name for field in dataclasses.fields(EvaluationResult)]
    values = {**{name: getattr(result(), name) for name in names}, "timing": {}, "details": None}
    return json.dumps({**values, **changes})


def test_round_trip_and_keys(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    result().save(path)
    values = json.loads(path.read_text(encoding="utf-8"))
    assert list(values) == [
        "format_version",
        "protocol",
        "dataset",
        "split",
        "seed",
        "epoch",
        "feature_dim",
        "metrics",
        "timing",
        "environment",
        "details",
    ]
    assert values["details"]["test_clips"] == 464
    assert EvaluationResult.load(path) == result()
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    result().save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        result(metrics={"linear/top1": object()}).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_crash_while_renaming_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="taken"):
        write_json(tmp_path / "taken", {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_missing_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the folder"):
        result().save(tmp_path / "nowhere" / "result.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{", "not valid JSON"),
        ("[]", "must hold a JSON object"),
        ('{"seed": 1}', "'dataset' is missing"),
        (broken(format_version=2), "format_version 2, this program reads 1; install the newer"),
        (broken(metrics=None), "metrics: must be an object of numbers"),
        (broken(timing=[1.0]), "timing: must be an object of numbers"),
        (broken(metrics={"linear/top1": "high"}), "'linear/top1' is 'high', which is no number"),
    ],
)
def test_loading_bad_files(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "result.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        EvaluationResult.load(path)


def test_environment_names_versions_and_no_paths() -> None:
    values = environment()
    assert set(values) == {
        "python",
        "tensorflow",
        "scipy",
        "keras",
        "numpy",
        "scikit-learn",
        "platform",
        "cores",
    }
    assert values["numpy"] == np.__version__
    assert values["cores"] >= 1
    assert not any("/" in str(value) for value in values.values())


def test_summary_is_mean_and_sample_deviation() -> None:
    summary = summarise([result(0, 80.0), result(1, 82.0), result(2, 84.0)])
    assert summary["linear/top1"] == Summary(82.0, 2.0, 3)
    assert str(summary["linear/top1"]) == "82.00 ± 2.00"
    single = summarise([result()])["linear/top1"]
    assert (single.mean, single.runs, str(single)) == (80.0, 1, "80.00")
    assert math.isnan(single.sd)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (result(1, split="cross_subject"), "split is 'cross_view' and 'cross_subject'"),
        (result(1, metrics={"linear/top1": 1.0}), "in some of them only"),
        (result(0), "the same seed twice"),
    ],
)
def test_runs_that_do_not_belong_together(other: EvaluationResult, message: str) -> None:
    with pytest.raises(InputError, match=message):
        summarise([result(0), other])


def test_nothing_to_summarise() -> None:
    with pytest.raises(InputError, match="no result"):
        summarise([])


def test_table_of_one_run() -> None:
    lines = format_table(result().metrics).splitlines()
    assert lines == [
        "top-1 accuracy, percent; gain in points",
        "probe       features  raw floor    gain",
        "----------  --------  ---------  ------",
        "kNN, k = 1     75.00      77.50   -2.50",
        "linear         80.00      70.00  +10.00",
    ]


def test_table_of_several_runs_and_without_floors() -> None:
    table = format_table(summarise([result(0, 80.0), result(1, 82.0)]))
    assert "mean ± sd over 2 seeds" in table
    assert "81.00 ± 1.41  70.00 ± 0.00  +11.00" in table
    bare = format_table({"svm/top1": 50.0, "svm/mean_per_class": 40.0}, measure="mean_per_class")
    assert bare.splitlines()[-1].split() == ["RBF", "SVM", "40.00"]


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_not_finite_shows_a_dash(broken: float) -> None:
    lost = {"svm/top1": broken, "floor/raw/svm/top1": 40.0}
    floor = {"svm/top1": 50.0, "floor/raw/svm/top1": broken}
    assert format_table(lost).splitlines()[-1].split() == ["RBF", "SVM", "-", "40.00", "-"]
    assert format_table(floor).splitlines()[-1].split() == ["RBF", "SVM", "50.00", "-", "-"]
    seeds = summarise([result(0, metrics=lost), result(1, metrics=lost)])
    assert str(seeds["svm/top1"]) == "-"
    cells = format_table(seeds).splitlines()[-1].split()
    assert cells == ["RBF", "SVM", "-", "40.00", "±", "0.00", "-"]


def test_copies_get_columns_where_there_are_any() -> None:
    metrics = {
        "linear/top1": 80.0,
        "linear/others_top1": 70.0,
        "floor/raw/linear/top1": 75.0,
        "floor/raw/linear/others_top1": 60.0,
        "svm/top1": 82.0,
    }
    assert format_table(metrics).splitlines()[1:] == [
        "probe    features  no copies  raw floor  no copies   gain",
        "-------  --------  ---------  ---------  ---------  -----",
        "linear      80.00      70.00      75.00      60.00  +5.00",
        "RBF SVM     82.00          -          -          -      -",
    ]
    seeds = format_table(summarise([result(0, metrics=metrics), result(1, metrics=metrics)]))
    assert "70.00 ± 0.00" in seeds
    per_class = format_table({**metrics, "svm/mean_per_class": 40.0}, measure="mean_per_class")
    assert "no copies" not in per_class


def test_copies_are_said_below_the_table() -> None:
    counts = {"test_copies": 95, "test_clips": 464}
    assert format_notes({**counts, "probes": {}}) == (
        "no copies: without the 95 of 464 clips read that are exact copies of training clips"
    )
    assert format_notes({**counts, "test_copies": 0, "probes": {}}) == ""


def test_a_floor_that_lacks_a_probe_shows_a_dash() -> None:
    table = format_table({"svm/top1": 50.0, "linear/top1": 1.0, "floor/raw/svm/top1": 40.0})
    assert table.splitlines()[-1].split() == ["linear", "1.00", "-", "-"]
