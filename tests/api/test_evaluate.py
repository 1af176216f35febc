"""`evaluate`: the result that the command writes."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import pytest

from ms2l_tf import evaluate
from ms2l_tf.data import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.folder import RunFolder


@pytest.fixture
def run(ms2l_run: RunFolder, tmp_path: pathlib.Path) -> RunFolder:
    return RunFolder(shutil.copytree(ms2l_run.path, tmp_path / "run"))


def test_it_is_the_evaluation_of_the_command(run: RunFolder) -> None:
    config = changed(run.config(), k=(1,), pooling="max")
    choices = Choices(probes=("knn", "linear"), figures=False)
    expected = evaluate_run(run, config, choices).result
    run.result.unlink()
    lines: list[str] = []
    settings = {"k": 1, "pooling": "max"}
    result = evaluate(
        run.path, probes=["knn", "linear"], figures=False, settings=settings, progress=lines.append
    )
    assert result.metrics == expected.metrics
    assert {"linear/top1", "floor/raw/linear/top1", "floor/random/knn/1/top1"} <= set(
        result.metrics
    )
    written = json.loads(run.result.read_text())
    assert written["metrics"]["linear/top1"] == pytest.approx(result.metrics["linear/top1"])
    assert str(run.result) in lines


def test_data_that_has_moved(run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    moved = shutil.copytree(dataset.path, tmp_path / "moved")
    record = run.record()
    record["settings"]["data"] = str(tmp_path / "gone")
    run.flags.write_text(json.dumps(record))
    with pytest.raises(InputError, match="gone"):
        evaluate(run.path, figures=False)
    assert evaluate(run.path, data=moved, probes=["knn"], figures=False).metrics["knn/1/top1"] >= 0


def test_figures_and_output(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(run.path, probes=["knn"], settings={"k": 1})
    assert capsys.readouterr().out == ""
    assert list(run.figures.iterdir())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"settings": {"epochs": 3}}, "settings: 'epochs' is no setting of the probes"),
        ({"settings": {"k": "many"}}, "k: 'many'; expected int"),
        ({"metric": "dot"}, "metric: 'dot' is not one of cosine, euclidean"),
        ({"test_on": "train"}, "test_on: 'train' is not one of test, validation"),
        ({"probes": ["tree"]}, "tree"),
        ({"layouts": ["none"]}, "'none' is not a layout of this run"),
    ],
)
def test_bad_choices_are_named(values: dict[str, Any], message: str, ms2l_run: RunFolder) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(ms2l_run.path, figures=False, **values)


def test_no_run(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        evaluate(tmp_path)
