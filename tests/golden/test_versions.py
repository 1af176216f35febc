"""What earlier versions wrote is read, goes on, and gives what it gave.

`python -m tests.golden.make_version` wrote each ``tests/golden/<version>.tar.xz`` once, with that
version. A failure means that users' files or results changed: only for a change that is meant,
which the change log tells, may a tolerance grow; the files stay.
"""

from __future__ import annotations

import json
import pathlib
import tarfile
from collections.abc import Callable

import numpy as np
import pytest

from ms2l_tf import ClipDataset, load_encoder, load_model
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.retrieval.features import opened_archive
from ms2l_tf.runs.comparison import compare_weights
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.train import train
from tests.golden.make_version import FOLDER, NUMBERS, PACKED, RUNS, STOPPED, numbers
from tests.helpers import assert_close

ARCHIVES = sorted(FOLDER.glob(f"*{PACKED}"))
TOLERANCE = 1e-4  # other versions of TensorFlow and scikit-learn, other processors
TRAINED = 1e-3  # an epoch more of training, with Adam


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name)
def made(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    """What a version wrote, unpacked, as the working folder."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    monkeypatch.chdir(folder)
    return folder


def test_there_are_small_archives() -> None:
    assert ARCHIVES
    assert all(path.stat().st_size < 1_500_000 for path in ARCHIVES)


@pytest.mark.slow
def test_numbers_are_what_they_were(made: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Features of every run, features and scores of the exported model, the kept index."""
    ClipDataset.open("data").verify(force=True)
    with np.load(made / NUMBERS, allow_pickle=False) as file:
        expected = dict(file)
    actual = numbers()
    assert "features as they were kept" in capsys.readouterr().err
    assert actual.keys() == expected.keys()
    for name, value in actual.items():
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=TOLERANCE, err_msg=name)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_end(made: pathlib.Path) -> None:
    before, stopped = RunFolder("runs/ms2l"), RunFolder(f"runs/{STOPPED}")
    assert not stopped.finished
    assert train(stopped.config(), str(stopped.path), strategy="one").finished
    assert compare_weights(before, stopped).largest < TRAINED
    last = [folder.read_history()[-1] for folder in (before, stopped)]
    assert_close(float(last[1]["loss"]), float(last[0]["loss"]), TRAINED)


@pytest.mark.slow
def test_every_run_is_found_finished_and_evaluated(made: pathlib.Path) -> None:
    for name in RUNS:
        folder = RunFolder(f"runs/{name}")
        train(folder.config(), str(folder.path), strategy="one")
    choices = Choices(("knn",), floors=(), figures=False)
    kernels = RunFolder("runs/kernels")
    result = evaluate_run(kernels, kernels.config(), choices).result
    assert 0 <= result.metrics["knn/1/top1"] <= 100


def _index_header(made: pathlib.Path) -> pathlib.Path:
    (header,) = made.glob("index/*/features.json")
    return header


def _open_index(_: pathlib.Path) -> None:
    with opened_archive(load_model("model"), "data", "index"):
        pass


# The file that says the format, and what opens it.
FORMATS: dict[str, tuple[Callable[[pathlib.Path], pathlib.Path], Callable[[pathlib.Path], object]]]
FORMATS = {
    "dataset": (lambda made: made / "data/dataset.json", lambda _: ClipDataset.open("data")),
    "run": (lambda made: made / "runs/ms2l/flags.json", lambda _: load_encoder("runs/ms2l")),
    "model": (lambda made: made / "model/ms2l.json", lambda _: load_model("model").manifest),
    "index": (_index_header, _open_index),
}


@pytest.mark.parametrize("version", [2, "1", None])
@pytest.mark.parametrize("what", FORMATS)
def test_a_format_of_another_version_is_refused(
    made: pathlib.Path, what: str, version: object
) -> None:
    file, opened = FORMATS[what]
    path = file(made)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": version}))
    with pytest.raises(InputError, match=f"{path.name}: format_version {version!r}, this ") as told:
        opened(made)
    newer = type(version) is int and version > 1
    assert ("install the newer version of ms2l-tf that wrote it" in str(told.value)) == newer


@pytest.mark.slow
def test_runs_and_indices_of_before_versions_were_kept_are_read(made: pathlib.Path) -> None:
    for what in ("run", "index"):
        file, opened = FORMATS[what]
        values = json.loads(file(made).read_text())
        del values["format_version"]
        file(made).write_text(json.dumps(values))
        opened(made)
