"""The page of runs: what it shows is what their folders hold; what is missing is a line."""

from __future__ import annotations

import csv
import dataclasses
import html
import json
import pathlib
import re
import shutil

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.predictions import Predictions
from ms2l_tf.evaluation.run_report import page_path, write_run_report
from ms2l_tf.evaluation.run_report.classes import Guesses, chosen_guesses, classes_section
from ms2l_tf.evaluation.run_report.confusions import confusions_section
from ms2l_tf.evaluation.run_report.curves import curves_section
from ms2l_tf.evaluation.run_report.page import MOST_RUNS
from ms2l_tf.evaluation.run_report.pictures import Pictures
from ms2l_tf.evaluation.run_report.reading import ReadRun, read_run, run_names
from ms2l_tf.methods.registry import changed, run_config
from ms2l_tf.pages import document
from ms2l_tf.runs.folder import RunFolder
from tests.evaluation.report_runs import QUICK, page_of, two_runs
from tests.helpers import TrainedRun
from tests.page_checks import check_page, held_clips

LARGEST = 5_000_000


@pytest.fixture(scope="module")
def runs(trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    return two_runs(trained_run, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def one(runs: list[RunFolder]) -> str:
    return page_of(runs[0], out=runs[0].path.parent / "one.html")


@pytest.fixture(scope="module")
def both(runs: list[RunFolder]) -> str:
    return page_of(*runs, out=runs[0].path.parent / "both.html")


@pytest.fixture
def copy(runs: list[RunFolder], tmp_path: pathlib.Path) -> RunFolder:
    """A run that a test may damage."""
    return RunFolder(shutil.copytree(runs[0].path, tmp_path / "copy"))


def headings(page: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", page)


def alarms(page: str) -> list[str]:
    return [html.unescape(words) for words in re.findall(r'<p class="alarm">(.*?)</p>', page)]


def rows_of(page: str, caption: str) -> list[list[str]]:
    """Words of the cells of a table, row by row, the head first."""
    (table,) = re.findall(rf"<caption>{re.escape(caption)}.*?</table>", page, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_the_page_is_whole_bounded_and_tells_no_folder(one: str, both: str) -> None:
    for page in (one, both):
        check_page(page)
        assert len(page.encode()) < LARGEST
        assert not alarms(page)
        assert "/tmp" not in page
    assert headings(one) == [
        "Accuracy beside the floors",
        "Classes",
        "What is taken for what",
        "Map of the clips",
        "Nearest clips",
        "Training",
        "Settings",
        "Time and environment",
    ]


def test_the_table_is_that_of_the_result(one: str, runs: list[RunFolder]) -> None:
    metrics = json.loads(runs[0].result.read_text())["metrics"]
    rows = {row[0]: row for row in rows_of(one, "Top-1 accuracy in percent")}
    assert rows["probe"] == [
        *("probe", "features", "by class", "raw floor", "gain", "random encoder", "gain")
    ]
    value, raw = metrics["linear/top1"], metrics["floor/raw/linear/top1"]
    expected = [f"{value:.1f}", f"{metrics['linear/mean_per_class']:.1f}", f"{raw:.1f}"]
    assert rows["linear"][1:5] == [*expected, f"{value - raw:+.1f}"]
    assert {"kNN, k = 1"} < set(rows)


def test_classes_and_confusions_are_those_of_the_predictions(
    one: str, runs: list[RunFolder]
) -> None:
    with open(runs[0].path / "predictions.csv", newline="") as file:
        table = list(csv.DictReader(file))
    pairs = [(row["label"], row["linear"]) for row in table]
    matrix = rows_of(one, "Clips of a class (rows) and what linear takes them for (columns)")
    assert matrix[0] == ["class (clips)", "left", "right"]
    for row in matrix[1:]:
        label = row[0].split(" ")[0]
        assert row[0] == f"{label} ({sum(a == label for a, _ in pairs)})"
        counts = [int(cell or 0) for cell in row[1:]]
        assert counts == [pairs.count((label, guess)) for guess in ("left", "right")]
    for row in rows_of(one, "Classes, the worst first")[1:]:
        right, clips = pairs.count((row[0], row[0])), int(row[1])
        assert row[2] == f"{100 * right / clips:.1f}"


def test_every_test_clip_is_on_the_map_and_tells_its_name(one: str, runs: list[RunFolder]) -> None:
    with open(runs[0].path / "predictions.csv", newline="") as file:
        table = list(csv.DictReader(file))
    told = re.findall(r'<path id="m0-\d+" role="option"[^>]*><title>(.*?)</title>', one)
    expected = [
        f"{row['clip']}: {row['label']}"
        + (f", taken for {row['linear']}" if row["linear"] != row["label"] else "")
        for row in table
    ]
    assert sorted(told) == sorted(expected)
    names = {clip["name"] for clip in held_clips(one)["clips"]}
    assert {row["clip"] for row in table} <= names


def test_neighbours_are_training_clips(one: str, runs: list[RunFolder]) -> None:
    test = {row.split(",")[0] for row in (runs[0].path / "predictions.csv").read_text().split()}
    section = one[one.index(">Nearest clips</h2>") : one.index(">Training</h2>")]
    groups = re.findall(r"<h4>(.*?)</h4>(.*?)(?=<h4>|<h3>|$)", section, re.DOTALL)
    kinds = ["test clip", "nearest by one", "nearest by raw coordinates"]
    assert [words for words, _ in groups] == kinds * 2
    for words, tiles in groups:
        names = re.findall(r'aria-label="Skeleton of (\w+)"', tiles)
        assert len(names) == (1 if words == "test clip" else 3)
        assert all((name in test) == (words == "test clip") for name in names)


def test_curves_are_those_of_the_history(one: str, runs: list[RunFolder]) -> None:
    with open(runs[0].history, newline="") as file:
        history = list(csv.DictReader(file))
    rows = rows_of(one, "loss in numbers")
    place = rows[0].index("loss")
    assert [row[0] for row in rows[1:]] == [row["epoch"] for row in history]
    assert [row[place] for row in rows[1:]] == [f"{float(row['loss']):.4g}" for row in history]


def test_two_runs_are_compared(both: str, runs: list[RunFolder]) -> None:
    results = [json.loads(folder.result.read_text())["metrics"] for folder in runs]
    rows = {row[0]: row for row in rows_of(both, "Top-1 accuracy of the runs, percent")}
    values = [metrics["linear/top1"] for metrics in results]
    assert rows["linear"][1:3] == [f"{value:.1f}" for value in values]
    assert rows["linear"][3] == ("one", "other")[int(np.argmax(values))]
    changes = rows_of(both, "Percent right by class; change in points from one to other")
    assert changes[0] == ["class", "clips", "one", "other", "change"]
    for row in changes[1:]:
        assert float(row[4]) == pytest.approx(float(row[3]) - float(row[2]), abs=0.11)
    states = rows_of(both, "Clips of one and other (6 read by both)")
    assert sum(int(row[1]) for row in states[1:]) == 6
    settings = {row[0]: row[1:] for row in rows_of(both, "Settings that differ")[1:]}
    assert settings == {"epochs": ["4", "2"], "seed": ["0", "3"]}
    assert rows_of(both, "loss in numbers")[0] == ["epoch", "one", "other"]
    assert both.count('role="listbox"') == 2


def test_settings_of_one_run_are_beside_the_defaults(one: str) -> None:
    rows = {row[0]: row[1:] for row in rows_of(one, "Settings that are not the default")}
    assert rows["units"] == [str(run_config({"method": "ms2l"}).to_json()["units"]), "4"]
    assert "data" not in rows
    assert {row[0]: row[1] for row in rows_of(one, "All settings")}["data"] == "tiny"


def test_a_run_that_was_not_evaluated_says_how(copy: RunFolder, tmp_path: pathlib.Path) -> None:
    copy.result.unlink()
    page = page_of(copy, out=tmp_path / "p.html")
    check_page(page)
    (line,) = alarms(page)
    assert line == (
        "copy: not evaluated on the test clips yet: ms2l-evaluate --workdir=copy brings the rest."
    )
    assert "Classes" not in headings(page)
    assert {"Map of the clips", "Training", "Settings"} < set(headings(page))


def test_a_run_in_training_has_its_curves(copy: RunFolder, tmp_path: pathlib.Path) -> None:
    copy.result.unlink()
    copy.weights.unlink()
    copy.history.write_text("\n".join(copy.history.read_text().splitlines()[:3]) + "\n")
    page = page_of(copy, out=tmp_path / "p.html")
    assert alarms(page) == [
        "copy: trained to epoch 2 of 4 so far.",
        "copy: no map, neighbours and skeletons here: the run is not trained to its last epoch.",
    ]
    assert len(rows_of(page, "loss in numbers")) == 3
    assert "<canvas" not in page


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("result.json", b"{", "result.json: is not valid JSON"),
        ("result.json", b'{"metrics": {}}', "result.json: 'dataset' is missing"),
        ("result.json", b"\xff\xfe{\0}\0", "result.json: is UTF-16 text"),
        ("predictions.csv", b"clip,label,svm\na,b\n", "predictions.csv: row 1 has 2 of 3"),
        ("predictions.csv", b"clip,label,svm\na,b,b\n", "is not of the result beside it"),
        ("predictions.csv", None, "predictions.csv: cannot be read (No such file"),
        ("history.csv", b"epoch,loss\n1,0.5\n2,oops\n", "history.csv: line 3 is damaged; 1 ep"),
        ("history.csv", b"\xff\xff\n", "history.csv: is not a table of text"),
        ("timing.json", b"[]", "timing.json: is damaged"),
        ("model.weights.h5", b"no", "model.weights.h5: is damaged or of another run"),
    ],
)
def test_damaged_files_cost_themselves_and_a_line(
    name: str,
    content: bytes | None,
    said: str,
    copy: RunFolder,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (copy.path / name).unlink()
    if content is not None:
        (copy.path / name).write_bytes(content)
    page = page_of(copy, out=tmp_path / "p.html")
    check_page(page)
    assert [line for line in alarms(page) if said in line], alarms(page)
    assert str(tmp_path) not in page
    assert "warning: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage",
    [{"details": [1]}, {"environment": "x"}, {"details": {"probes": {"svm": 3}}}],
)
def test_entries_of_a_result_that_are_no_objects(
    damage: dict[str, object], copy: RunFolder, tmp_path: pathlib.Path
) -> None:
    copy.result.write_text(json.dumps({**json.loads(copy.result.read_text()), **damage}))
    page = page_of(copy, out=tmp_path / "p.html")
    assert alarms(page) == ["copy: result.json: an entry is damaged; evaluate again."]


def test_without_the_dataset_the_numbers_stay(copy: RunFolder, tmp_path: pathlib.Path) -> None:
    gone = tmp_path / "far" / "away"
    write_run_report(
        tmp_path / "p.html", [copy.path], adapted=lambda config: changed(config, data=str(gone))
    )
    page = (tmp_path / "p.html").read_text("utf-8")
    check_page(page)
    (line,) = alarms(page)
    assert line.startswith("copy: no map, neighbours and skeletons here: ")
    assert "--data=DIR tells where the dataset is" in line
    assert str(tmp_path) not in page
    assert "What is taken for what" in headings(page)
    assert "<canvas" not in page
    assert "<script" not in page


def test_validation_clips_are_said_to_be_so(
    trained_run: TrainedRun, copy: RunFolder, tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "p.html"
    write_run_report(out, [copy.path], test_on="validation")
    assert alarms(out.read_text("utf-8")) == [
        "copy: not evaluated on the validation clips yet: ms2l-evaluate --workdir=copy "
        "--test_on=validation brings the rest.",
        "All numbers are those of the validation clips.",
    ]
    evaluate_run(copy, copy.config(), dataclasses.replace(QUICK, test_on="validation"))
    write_run_report(out, [copy.path], test_on="validation")
    page = out.read_text("utf-8")
    assert alarms(page) == ["All numbers are those of the validation clips."]
    assert "What is taken for what" in headings(page)


def test_runs_on_other_data_are_not_to_be_compared(
    runs: list[RunFolder], copy: RunFolder, tmp_path: pathlib.Path
) -> None:
    result = json.loads(copy.result.read_text())
    copy.result.write_text(json.dumps({**result, "split": "another"}))
    assert alarms(page_of(runs[0], copy, out=tmp_path / "p.html")) == [
        "The runs were read on other data or splits: their numbers are not to be compared."
    ]


def test_a_page_that_cannot_be_made_leaves_the_one_before(
    runs: list[RunFolder], tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "p.html"
    out.write_text("before")
    with pytest.raises(InputError, match="holds no run"):
        write_run_report(out, [runs[0].path, tmp_path])
    with pytest.raises(InputError, match="is named twice"):
        write_run_report(out, [runs[0].path, runs[0].path])
    with pytest.raises(InputError, match=f"9 runs; a page shows 1 to {MOST_RUNS}"):
        write_run_report(out, [runs[0].path] * 9)
    assert out.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["p.html"]


def test_a_bad_place_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "d.html").mkdir()
    for name, said in (
        ("page.txt", "must be named like a page"),
        ("d.html", "is a folder"),
        ("no/p.html", "is no folder; make it first"),
    ):
        with pytest.raises(InputError, match=said):
            page_path(str(tmp_path / name))
    assert page_path(str(tmp_path / "p.html")) == tmp_path / "p.html"


def test_runs_of_one_name_are_told_apart(tmp_path: pathlib.Path) -> None:
    assert run_names([tmp_path / "a" / "run"]) == ["run"]
    paths = [tmp_path / "a" / "run", tmp_path / "b" / "run"]
    assert run_names(paths) == ["a/run", "b/run"]


EVIL = "<script>window.hacked = 1</script>"


def guesses(run: str, *pairs: tuple[str, str]) -> Guesses:
    return Guesses(run, "linear", "abc", {f"{EVIL}{i}": pair for i, pair in enumerate(pairs)})


def test_names_are_text() -> None:
    both = [
        guesses(f"{EVIL}a", (EVIL, "b"), ("b", EVIL), ("b", "b")),
        guesses("<i>b", (EVIL, EVIL), ("b", EVIL), ("b", "b")),
    ]
    page = document(EVIL, [*classes_section(both), *confusions_section(both, Pictures({}))])
    check_page(page)
    assert "<i>" not in page
    assert html.escape(EVIL) in page


def test_clips_of_another_dataset_are_others_whatever_they_are_called() -> None:
    one = guesses("a", ("x", "x"), ("x", "y"))
    same = dataclasses.replace(one, run="b")
    other = dataclasses.replace(same, dataset="another")
    assert "(2 read by both)" in "".join(classes_section([one, same]))
    page = "".join(classes_section([one, other]))
    assert "a and b were read on different clips." in page
    assert "read by both" not in page


def test_very_many_classes_are_cut_down_to_the_worst() -> None:
    pairs = [(f"c{i:03}", f"c{i:03}") for i in range(200)] + [("c150", "c199")] * 3
    page = "".join(confusions_section([guesses("a", *pairs)], Pictures({})))
    assert page.count("<tr>") == 1 + 89
    assert "The 89 classes with most mistakes; 111 more are in predictions.csv." in page
    assert "c150 taken for c199: 3 of 4 clips" in page


def test_the_probe_that_all_runs_have_is_shown(runs: list[RunFolder]) -> None:
    run = read_run(runs[0], "one", "test", lambda config: config)

    def with_probes(name: str, *probes: str) -> ReadRun:
        guessed = Predictions(("x",), ("a",), dict.fromkeys(probes, ("a",)))
        return dataclasses.replace(run, name=name, predictions=guessed)

    a, b = with_probes("a", "svm", "linear", "classifier"), with_probes("b", "knn/5", "svm")
    assert [one.probe for one in chosen_guesses([a])] == ["classifier"]
    assert [one.probe for one in chosen_guesses([a, b])] == ["svm", "svm"]
    alone = with_probes("c", "knn/1")
    assert [one.probe for one in chosen_guesses([a, alone])] == ["classifier", "knn/1"]


def test_closed_form_has_no_curves(runs: list[RunFolder]) -> None:
    run = read_run(runs[0], "one", "test", lambda config: config)
    fitted = dataclasses.replace(
        run,
        config=run_config({"method": "kernels"}),
        history=[{"epoch": "1", "directions": "155"}],
    )
    page = "".join(curves_section([fitted]))
    assert "fitted in closed form, without steps that could be drawn; directions 155." in page
    assert "<svg" not in page


def test_predictions_are_those_of_the_scores(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    """Floors are left out; every probe has a column."""
    folder = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))
    evaluate_run(folder, trained_run.config, Choices(probes=("knn", "ridge"), figures=False))
    with open(folder.path / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["clip", "label", "knn/1", "ridge"]
    metrics = json.loads(folder.result.read_text())["metrics"]
    for probe in ("knn/1", "ridge"):
        right = sum(row[probe] == row["label"] for row in rows)
        assert 100 * right / len(rows) == pytest.approx(metrics[f"{probe}/top1"])
