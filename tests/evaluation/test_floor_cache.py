"""Kept floors: found again, told apart, never trusted, and computed anew where they do not hold."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ms2l_tf.evaluation import features as features_module
from ms2l_tf.evaluation import floor_cache
from ms2l_tf.evaluation.arrays import IntArray
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.floor_cache import FOLDER, FloorCache, KeptFloor, clips_digest
from ms2l_tf.evaluation.probes import KNNProbe, LinearProbe, Probe, make_probes
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from tests.helpers import TrainedRun

LABELS = np.array([0, 0, 1, 1, 1, -1])
COUNTS = np.array([[1, 1], [0, 3]])
FACTS = {"dataset": "d", "split": "s", "layouts": ["a"], "frames": 50, "clips": "c"}
FLOOR = KeptFloor({"linear": COUNTS}, {"c": 1.0})
OTHERS = np.array([True, False, False, True, True, False])  # which are labelled and no copies
WITH_COPIES = dataclasses.replace(FLOOR, others={"linear": np.array([[1, 0], [0, 2]])})
Changes = Callable[[dict[str, Any]], Any]


def cache(folder: pathlib.Path, *more: pathlib.Path, **changes: Any) -> FloorCache:
    return FloorCache({**FACTS, **changes}, (folder, *more))


def read(kept: FloorCache, probe: Probe | None = None, labels: IntArray = LABELS) -> Any:
    return kept.read(probe or LinearProbe(), labels, 2)


def test_what_was_written_is_read(tmp_path: pathlib.Path) -> None:
    kept = cache(tmp_path / FOLDER)
    assert read(kept) is None
    kept.write(LinearProbe(), FLOOR)
    found = read(kept)
    assert found.confusions["linear"].tolist() == COUNTS.tolist()
    assert found.details == {"c": 1.0}
    assert len(list((tmp_path / FOLDER).iterdir())) == 1, "nothing temporary stays"


def test_counts_without_copies_are_kept_beside(tmp_path: pathlib.Path) -> None:
    kept = cache(tmp_path)
    kept.write(LinearProbe(), WITH_COPIES)
    found = kept.read(LinearProbe(), LABELS, 2, OTHERS)
    assert found is not None
    assert found.others["linear"].tolist() == [[1, 0], [0, 2]]
    assert found.confusions["linear"].tolist() == COUNTS.tolist()


@pytest.mark.parametrize(
    ("floor", "others"),
    [(WITH_COPIES, None), (FLOOR, OTHERS), (WITH_COPIES, np.roll(OTHERS, 1))],
    ids=["copies unknown now", "copies unknown before", "other copies"],
)
def test_counts_of_other_copies_are_not_taken(
    floor: KeptFloor,
    others: np.ndarray | None,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = cache(tmp_path)
    kept.write(LinearProbe(), floor)
    assert kept.read(LinearProbe(), LABELS, 2, others) is None
    assert "this floor is computed again" in capsys.readouterr().err


def test_a_fitted_probe_finds_what_it_wrote_before(tmp_path: pathlib.Path) -> None:
    kept, probe = cache(tmp_path), LinearProbe()
    kept.write(probe, FLOOR)
    assert read(kept, probe.fit(np.eye(4), np.array([0, 0, 1, 1]))) is not None


@pytest.mark.parametrize(
    "changes",
    [{"dataset": "e"}, {"split": "t"}, {"layouts": ["b"]}, {"frames": 20}, {"clips": "x"}],
    ids=lambda changes: next(iter(changes)),
)
def test_other_clips_or_readings_are_another_floor(
    changes: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    cache(tmp_path).write(LinearProbe(), FLOOR)
    assert read(cache(tmp_path, **changes)) is None


@pytest.mark.parametrize(
    "probe",
    [LinearProbe(seed=1), LinearProbe(c=(0.1,)), LinearProbe(folds=4), LinearProbe(clips=9)],
    ids=["seed", "c", "folds", "clips"],
)
def test_other_settings_of_a_probe_are_another_floor(probe: Probe, tmp_path: pathlib.Path) -> None:
    cache(tmp_path).write(LinearProbe(), FLOOR)
    assert read(cache(tmp_path), probe) is None


def test_another_metric_or_k_is_another_floor(tmp_path: pathlib.Path) -> None:
    cache(tmp_path).write(KNNProbe(k=(1,)), KeptFloor({"knn/1": COUNTS}, {}))
    assert read(cache(tmp_path), KNNProbe(k=(1,))) is not None
    for other in (KNNProbe(k=(1, 3)), KNNProbe(k=(1,), metric="euclidean")):
        assert read(cache(tmp_path), other) is None


@pytest.mark.parametrize("what", ["VERSION", "__version__"])
def test_another_version_is_another_floor(
    what: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path).write(LinearProbe(), FLOOR)
    monkeypatch.setattr(floor_cache, what, "another")
    assert read(cache(tmp_path)) is None


def resigned(change: Changes) -> Callable[[str], str]:
    """Changes the content and puts a matching checksum on it."""

    def apply(text: str) -> str:
        content = json.loads(text)
        del content["sha256"]
        change(content)
        return json.dumps({**content, "sha256": floor_cache._digest(content)})

    return apply


def put(place: str, value: Any) -> Callable[[str], str]:
    return resigned(lambda content: content.__setitem__(place, value))


DAMAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "cut": lambda text: text[: len(text) // 2],
    "not JSON": lambda _: "floor",
    "a list": lambda _: "[]",
    "an empty object": lambda _: "{}",
    "nested without end": lambda _: '{"a":' * 100_000,
    "a number edited": lambda text: text.replace('"0 3"', '"1 2"'),
    "no checksum": lambda text: text.replace('"sha256"', '"sha512"'),
    "of another floor": put("key", {"probe": "linear"}),
    "no counts": put("confusions", {}),
    "counts of another probe": put("confusions", {"svm": ["1 1", "0 3"]}),
    "counts that are no text": put("confusions", {"linear": [[1, 1], [0, 3]]}),
    "counts that are no numbers": put("confusions", {"linear": ["one 1", "0 3"]}),
    "too large counts": put("confusions", {"linear": [f"{10**30} 1", "0 3"]}),
    "negative counts": put("confusions", {"linear": ["3 -1", "0 3"]}),
    "too few classes": put("confusions", {"linear": ["2"]}),
    "ragged counts": put("confusions", {"linear": ["1 1", "3"]}),
    "counts of other clips": put("confusions", {"linear": ["1 1", "0 4"]}),
    "counts of copies that are none": put("others", {"linear": ["1 1", "0 3"]}),
    "no entry for copies": resigned(lambda content: content.pop("others")),
    "details that are none": put("details", 7),
    "no details": resigned(lambda content: content.pop("details")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_said_and_overwritten(
    damage: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = cache(tmp_path)
    kept.write(LinearProbe(), FLOOR)
    (path,) = tmp_path.iterdir()
    path.write_text(DAMAGE[damage](path.read_text()))
    assert read(kept) is None
    said = capsys.readouterr().err
    assert str(path) in said
    assert "this floor is computed again" in said
    assert len(said.splitlines()) == 1
    kept.write(LinearProbe(), FLOOR)
    assert read(kept) is not None
    assert capsys.readouterr().err == ""


def test_bytes_that_are_no_text(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = cache(tmp_path)
    kept.write(LinearProbe(), FLOOR)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"\xff\xfe\x00")
    assert read(kept) is None
    assert "computed again" in capsys.readouterr().err


def test_a_dataset_that_cannot_be_written_leaves_it_to_the_run(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file stands where the folder would be: no rights can be taken from root."""
    (tmp_path / "dataset").write_text("")
    kept = cache(tmp_path / "dataset", tmp_path / "run")
    kept.write(LinearProbe(), FLOOR)
    assert len(list((tmp_path / "run").iterdir())) == 1
    assert read(kept) is not None
    (tmp_path / "other").write_text("")
    cache(tmp_path / "dataset", tmp_path / "other").write(LinearProbe(), FLOOR)
    assert "cannot be written; the floor is computed again next time" in capsys.readouterr().err


def test_the_order_of_clips_counts() -> None:
    one, other = np.array([1, 2]), np.array([2, 1])
    assert len({clips_digest(one, other), clips_digest(other, one), clips_digest(one, one)}) == 3


@pytest.fixture
def raw_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each reading of raw coordinates took."""
    sizes: list[int] = []
    original = features_module.raw_features

    def spy(store: Any, clips: np.ndarray, normaliser: Any, **more: Any) -> np.ndarray:
        sizes.append(len(clips))
        return original(store, clips, normaliser, **more)

    monkeypatch.setattr(features_module, "raw_features", spy)
    return sizes


@dataclasses.dataclass
class Evaluating:
    """A run and a dataset that a test may write to."""

    folder: RunFolder
    config: RunConfig

    @property
    def kept(self) -> pathlib.Path:
        return pathlib.Path(self.config.data.data) / FOLDER

    def __call__(self, **choices: Any) -> EvaluationResult:
        settings: dict[str, Any] = {"probes": ("knn", "linear"), "figures": False, **choices}
        return evaluate_run(self.folder, self.config, Choices(**settings)).result


@pytest.fixture
def evaluating(trained_run: TrainedRun, tmp_path: pathlib.Path) -> Evaluating:
    data = shutil.copytree(trained_run.config.data.data, tmp_path / "data")
    shutil.rmtree(data / FOLDER, ignore_errors=True)
    folder = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))
    return Evaluating(folder, changed(trained_run.config, data=str(data)))


def test_a_second_evaluation_reads_no_raw_coordinates(
    evaluating: Evaluating, raw_reads: list[int]
) -> None:
    first = evaluating()
    assert sum(raw_reads) == 12 + 6, "read once for two probes"
    raw_reads.clear()
    again = evaluating(figures=True)
    assert raw_reads == []
    assert again.metrics == first.metrics
    assert again.details["probes"] == json.loads(json.dumps(first.details["probes"]))
    assert again.details["kept_floors"] == ["floor/raw/knn", "floor/raw/linear"]
    assert "kept_floors" not in first.details
    assert set(again.timing) == set(first.timing)


def test_a_probe_more_computes_that_one_alone(evaluating: Evaluating, raw_reads: list[int]) -> None:
    evaluating(probes=("knn",))
    result = evaluating()
    assert result.details["kept_floors"] == ["floor/raw/knn"]


@pytest.mark.slow
def test_other_clips_and_frames_are_read_anew(evaluating: Evaluating, raw_reads: list[int]) -> None:
    evaluating()
    changes: tuple[dict[str, Any], ...] = ({"raw_frames": 4}, {"k": (2,)}, {"linear_c": (0.5,)})
    for change in changes:
        raw_reads.clear()
        Evaluating(evaluating.folder, changed(evaluating.config, **change))()
        assert raw_reads, f"{change} is another floor"
    raw_reads.clear()
    evaluating(test_on="validation")
    assert raw_reads, "validation clips are another floor"


def test_a_damaged_file_changes_no_number(
    evaluating: Evaluating, capsys: pytest.CaptureFixture[str]
) -> None:
    first = evaluating()
    for path in evaluating.kept.iterdir():
        path.write_text("{")
    assert evaluating().metrics == first.metrics
    assert capsys.readouterr().err.count("this floor is computed again") == 2
    assert "kept_floors" in evaluating().details


def test_a_read_only_dataset_is_left_as_it_is(evaluating: Evaluating, raw_reads: list[int]) -> None:
    evaluating.kept.write_text("")  # in the way, for root as for anybody
    first = evaluating()
    assert len(list((evaluating.folder.path / FOLDER).iterdir())) == 2
    raw_reads.clear()
    assert evaluating().metrics == first.metrics
    assert raw_reads == []


def test_the_dataset_stays_sound_with_floors_in_it(evaluating: Evaluating) -> None:
    before = open_data(evaluating.config).fingerprint
    evaluating()
    data = open_data(evaluating.config)
    data.dataset.verify(force=True)
    assert data.fingerprint == before


@pytest.mark.parametrize("name", ["knn", "linear", "ridge", "svm", "linear_sgd"])
def test_the_floor_kept_is_the_floor_computed(name: str, tmp_path: pathlib.Path) -> None:
    """Every probe's settings make a key, whatever their kind."""
    (probe,) = make_probes([name])
    names = [f"knn/{k}" for k in (1, 5, 20)] if name == "knn" else [name]
    cache(tmp_path).write(probe, KeptFloor(dict.fromkeys(names, COUNTS), probe_details := {"a": 1}))
    found = read(cache(tmp_path), make_probes([name])[0])
    assert (list(found.confusions), found.details) == (names, probe_details)


def test_a_floor_with_a_number_that_is_not_finite_is_not_kept(tmp_path: pathlib.Path) -> None:
    """Raw coordinates of clips that are all alike have no variance to take shares of."""
    cache = FloorCache({"data": "d"}, (tmp_path / FOLDER,))
    floor = KeptFloor({"linear": np.zeros((2, 2), np.int64)}, {"pca_variance_kept": float("nan")})
    cache.write(LinearProbe(), floor)
    assert not (tmp_path / FOLDER).exists()
