"""The page to look at: what it shows is true, complete and needs nothing from outside."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shutil

import numpy as np
import pytest

from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import Evaluated, evaluate_run
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.evaluation.showcase import headline, showcase_name, write_showcase
from ms2l_tf.evaluation.showcase.examples import choose_examples
from ms2l_tf.evaluation.showcase.feature_map import feature_map
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from tests.helpers import TrainedRun
from tests.page_checks import check_page, held_clips

QUICK = Choices(probes=("knn", "linear"), figures=False)


@pytest.fixture(scope="module")
def shown(
    trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunFolder, Evaluated, list[str]]:
    """An evaluation with its page, and the lines that it told."""
    path = tmp_path_factory.mktemp("showcase") / "run"
    folder = RunFolder(shutil.copytree(trained_run.folder.path, path))
    lines: list[str] = []
    choices = dataclasses.replace(QUICK, showcase=True)
    evaluated = evaluate_run(folder, trained_run.config, choices, progress=lines.append)
    return folder, evaluated, lines


def test_the_page_is_whole_and_needs_no_network(
    shown: tuple[RunFolder, Evaluated, list[str]],
) -> None:
    folder, evaluated, lines = shown
    page = (folder.path / "showcase.html").read_text("utf-8")
    check_page(page)
    line = headline(evaluated.result)
    assert line in page
    assert lines[-1] == line
    assert lines[-2].endswith("showcase.html")
    names = {clip["name"] for clip in held_clips(page)["clips"]}
    tiles = re.findall(r'data-clip="(\d+)" role="img" aria-label="Skeleton of (\w+)"', page)
    assert len(tiles) == 2 * 7  # a test clip of each class, its neighbours by both
    assert {name for _, name in tiles} == names
    assert [held_clips(page)["clips"][int(number)]["name"] for number, _ in tiles] == [
        name for _, name in tiles
    ]


def test_neighbours_are_the_nearest_by_cosine(
    shown: tuple[RunFolder, Evaluated, list[str]],
) -> None:
    layout = shown[1].features[0]
    examples = choose_examples(layout)
    labels = layout.test.labels
    assert [int(labels[example.query]) for example in examples] == sorted(set(labels.tolist()))
    sides = {
        "learned": (layout.train.features, layout.test.features),
        "raw": (layout.raw.sides[0].held(), layout.raw.sides[1].held()),
    }
    for example in examples:
        for name, (train, test) in sides.items():
            query = test[example.query]
            cosines = train @ query / np.linalg.norm(train, axis=1) / np.linalg.norm(query)
            nearest = cosines[getattr(example, name)]
            np.testing.assert_allclose(nearest, np.sort(cosines)[::-1][:3], atol=1e-5)


def result(**metrics: float) -> EvaluationResult:
    values = {key.replace("__", "/"): value for key, value in metrics.items()}
    details = {"method": "ms2l", "network": "gru"}
    return EvaluationResult("unsupervised", "d", "s", 0, 1, 8, values, {}, {}, details)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (
            {"knn__1__top1": 70.0, "floor__raw__knn__1__top1": 60.0},
            "the nearest training clip shows the same action for 70.0% "
            "(+10.0 points against raw coordinates)",
        ),
        (
            {"linear__top1": 70.0, "floor__random__linear__top1": 75.5},
            "a linear probe recognises 70.0% (-5.5 points against the untrained network)",
        ),
        ({"knn__5__top1": 40.0}, "5 nearest training clips name the action of 40.0%"),
        ({"classifier__top1": 81.0}, "classifier recognises 81.0%"),
        ({"svm__top1": 81.0}, "svm recognises 81.0%"),
    ],
)
def test_the_headline_tells_gains_and_losses(metrics: dict[str, float], said: str) -> None:
    assert said in headline(result(**metrics))


def test_a_page_stays_until_the_run_goes_on(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    folder = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))
    pages = [folder.path / showcase_name(side) for side in ("test", "validation")]
    for page in pages:
        page.write_text("of an earlier evaluation")
    evaluate_run(folder, trained_run.config, QUICK)
    assert [page.read_text() for page in pages] == ["of an earlier evaluation"] * 2
    folder.prolong(trained_run.config.training.epochs + 1)
    assert not any(page.exists() for page in pages)


def test_constant_features_have_a_page_without_a_map(
    shown: tuple[RunFolder, Evaluated, list[str]], trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    layout = shown[1].features[0]
    test = dataclasses.replace(layout.test, features=np.ones_like(layout.test.features))
    alike = dataclasses.replace(layout, test=test)
    write_showcase(tmp_path / "s.html", shown[1].result, alike, open_data(trained_run.config))
    assert (
        "There is no map: the features are (nearly) constant" in (tmp_path / "s.html").read_text()
    )


def test_names_are_escaped(shown: tuple[RunFolder, Evaluated, list[str]]) -> None:
    drawn = feature_map(shown[1].features[0].test, ("<b>", "a & b"), [0])
    assert "<b>" not in drawn
    assert "a &amp; b" in drawn
