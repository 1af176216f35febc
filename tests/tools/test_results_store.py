"""Files of results: what goes in comes out; what does not belong is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult
from tools.results.compact import compact_json
from tools.results.seeds import columns, merged, of_column, of_seed
from tools.results.store import ROOT, RecipeResults, Variant

DETAILS: dict[str, dict[str, Any]] = {
    "alike": {"0": {"a": 1, "b": [1, 2]}, "1": {"a": 1, "b": [1, 2]}},
    "one differs": {
        "0": {"a": 1, "b": {"c": 0.1, "d": None}},
        "1": {"a": 1, "b": {"c": 2, "d": None}},
    },
    "one is missing": {"0": {"a": 1}, "1": {"a": 1, "b": []}},
    "of other kinds": {"0": {"a": [1]}, "1": {"a": {"b": 1}}, "2": {"a": None}},
    "nothing in common": {"0": {"a": 1}, "1": {"b": 1}},
    "empty": {"0": {}, "1": {}},
    "null is a value": {"0": {"a": None, "b": 1}, "1": {"b": 2}},
}


def result(seed: int, **changes: Any) -> EvaluationResult:
    metrics = {"linear/top1": 60.0 + seed / 3, "floor/raw/linear/top1": 50.1}
    base = EvaluationResult("unsupervised", "d", "s", seed, 3, 8, metrics, {"knn": 0.25}, {}, {})
    return dataclasses.replace(base, **changes)


@pytest.mark.parametrize("records", DETAILS.values(), ids=DETAILS)
def test_records_of_several_seeds_come_out_as_they_went_in(records: dict[str, Any]) -> None:
    together = json.loads(json.dumps(merged(records)))
    assert {seed: of_seed(together, seed) for seed in records} == records


def test_what_seeds_share_stands_once() -> None:
    together = merged({"0": {"k": [1, 5], "c": 0.1}, "1": {"k": [1, 5], "c": 1.0}})
    assert together == {"k": [1, 5], "c": {"by_seed": {"0": 0.1, "1": 1.0}}}


def test_columns_have_a_place_for_every_seed() -> None:
    records = [{"a": 1.0}, {"a": 2.0, "b": 3.0}]
    table = columns(records)
    assert table == {"a": [1.0, 2.0], "b": [None, 3.0]}
    assert [of_column(table, position) for position in (0, 1)] == records


@pytest.mark.parametrize(
    "value",
    [{}, [], {"a": []}, 0.1, "ü", [1.5] * 40, {"a": {"b": [{"c": None}] * 30}}, ["x" * 80] * 3],
)
def test_compact_json_is_json_with_rows_on_a_line(value: Any) -> None:
    text = compact_json(value)
    assert json.loads(text) == value
    if isinstance(value, list):
        assert "\n" not in text


def test_a_file_gives_back_every_result(tmp_path: Path) -> None:
    path = tmp_path / "set" / "recipe.json"
    results = [
        result(2, details={"c": 1.0}, environment={"cores": 2}),
        result(0, details={"c": 0.1, "more": []}, metrics={"linear/top1": 1 / 3, "fusion": 5.0}),
    ]
    variant = Variant("wider", {"units": "9"}, aside=True)
    for one in results:
        variant.put(one, "2026-01-01")
    measured = RecipeResults(path, ["note"], {"linear/top1": 70.0}, {"x": 1}, {"wide": variant})
    measured.save()
    loaded = RecipeResults.load(path)
    assert loaded == measured
    assert loaded.variants["wide"].results == {0: results[1], 2: results[0]}
    assert list(loaded.variants["wide"].results) == [0, 2], "by seed"
    summary = loaded.variants["wide"].summary()
    assert (summary["fusion"].runs, summary["linear/top1"].runs) == (1, 2)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"protocol": "semi"}, "protocol is 'semi'"),
        ({"dataset": "e"}, "dataset is 'e', the results there are of 'd'"),
        ({"split": "t"}, "split is 't'"),
        ({"epoch": 4}, "epoch is 4"),
        ({"feature_dim": 9}, "feature_dim is 9"),
        ({"seed": 0}, "seed 0 is there already; --replace"),
    ],
)
def test_what_does_not_belong_is_refused(changes: dict[str, Any], named: str) -> None:
    variant = Variant()
    variant.put(result(0), "2026-01-01")
    with pytest.raises(InputError, match=named):
        variant.put(result(**{"seed": 1, **changes}), "2026-01-02")
    assert list(variant.results) == [0]


def test_a_seed_is_replaced_when_asked() -> None:
    variant = Variant()
    variant.put(result(0), "2026-01-01")
    again = result(0, metrics={"linear/top1": 1.0})
    assert not variant.has(again)
    variant.put(again, "2026-01-02", replace=True)
    assert variant.has(again)
    assert variant.dates == {0: "2026-01-02"}


@pytest.mark.parametrize(
    "text", ['{"linear/top1": 1}', '{"variants": {"recipe": {"seeds": [0]}}}', '{"variants": []}']
)
def test_another_file_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"x\.json: is not a file of results") as error:
        RecipeResults.load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*/*.json")), ids=lambda path: path.stem)
def test_committed_files_are_as_they_would_be_written(path: Path, tmp_path: Path) -> None:
    if path.name == "figure4.json":
        assert path.read_text() == compact_json(json.loads(path.read_text())) + "\n"
        return
    copy = dataclasses.replace(RecipeResults.load(path), path=tmp_path / path.name)
    copy.save()
    assert copy.path.read_text() == path.read_text()
