"""Numbers of neighbours that do not fit are left out with a line, where kNN is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from ms2l_tf.evaluation.neighbours import fitting_neighbours, run_neighbours
from tests.helpers import tiny_config

DEFAULT = (1, 5, 20)


@pytest.mark.parametrize(
    ("clips", "fitting", "left_out"),
    [
        (20, DEFAULT, ""),
        (19, (1, 5), "20"),
        (5, (1, 5), "20"),
        (4, (1,), "5, 20"),
        (1, (1,), "5, 20"),
    ],
)
def test_what_does_not_fit_is_told(
    clips: int, fitting: tuple[int, ...], left_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fitting_neighbours(DEFAULT, clips) == fitting
    said = capsys.readouterr().err
    expected = f"warning: --k: {left_out} left out, for {clips} labelled training clips\n"
    assert said == (expected if left_out else "")


def test_where_none_fits_the_probe_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert fitting_neighbours((7, 9), 6) == (7, 9)
    assert capsys.readouterr().err == ""


def test_a_run_with_all_labels_and_with_few(capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.array([0, 1, 0, 1, -1, -1])
    whole = tiny_config(k=DEFAULT)
    assert run_neighbours(whole, labels, ["knn"], " in tiny_5") == (1,)
    assert "5, 20 left out, for 4 labelled training clips in tiny_5" in capsys.readouterr().err
    few = tiny_config(k=(7,), protocol="semi", label_fraction=0.5)
    assert run_neighbours(few, labels, ["knn"]) == (1,)
    assert "--k: 1 instead of 7, for 4 labelled training clips" in capsys.readouterr().err
    assert run_neighbours(whole, labels, ["linear", "svm"]) == DEFAULT
    assert capsys.readouterr().err == "", "nothing is said of a probe that is not asked for"
