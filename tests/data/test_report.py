"""The page on a dataset: its numbers are those of the dataset, and it stays small."""

from __future__ import annotations

import html
import pathlib
import re

import numpy as np
import pytest

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.data.inspect import summarise
from ms2l_tf.data.report import check_report, sample, write_report
from ms2l_tf.data.report.sample import choose_sample
from ms2l_tf.errors import InputError
from tests.data.report_data import EVIL, write_set
from tests.helpers import motion, random_poses, tiny_layout
from tests.page_checks import check_page, held_clips


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    return write_set(tmp_path_factory.mktemp("report") / "set")


@pytest.fixture(scope="module")
def page(dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(dataset, summarise(dataset), path)
    return path.read_text("utf-8")


def rows(page: str, caption: str) -> list[list[str]]:
    """The words of a table's cells."""
    whole = re.search(rf"<caption>{re.escape(html.escape(caption))}.*?</table>", page, re.DOTALL)
    assert whole, caption
    found = re.findall(r"<tr>(.*?)</tr>", whole[0].split("<tbody>")[1], re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in found]
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_the_page_is_whole(page: str) -> None:
    check_page(page)
    assert EVIL not in page
    assert html.escape(EVIL) in page


def test_it_counts(page: str) -> None:
    assert rows(page, "Clips by class") == [
        ["wave", "6", ""],
        ["nod & <b>bow</b>", "5", ""],
        ["Wave", "0", ""],
        ["unlabelled", "1", ""],
    ]
    assert rows(page, "Clips by person")[0] == ["(unknown)", "1", ""]
    assert [row[:2] for row in rows(page, "Clips by setup")] == [["(unknown)", "3"], ["s1", "9"]]
    assert "Clips by camera" not in page, "no clip names one"
    assert rows(page, "Splits") == [["halves", "6", "6", "1: Wave", ""]]
    assert "nearly the same: &#x27;wave&#x27;, &#x27;Wave&#x27;" in page
    assert "One class has no clip: Wave." in page


def test_it_tells_flaws_by_name(page: str) -> None:
    of_3d = page[page.index(">Poses in tiny_5</h2>") :]
    assert rows(of_3d, "Missing joints (of 422 frames of persons)") == [["hand_right", "2", ""]]
    assert rows(of_3d, "Joints more than 20 torso lengths from their body") == [
        ["hand_left", "1", ""]
    ]
    assert rows(of_3d, "The furthest joints")[0][:3] == ["clip_3show", "hand_left", "6"]
    wrong = {row[0].split(":")[0]: row[1:] for row in rows(of_3d, "Clips that look wrong")}
    assert wrong["blank"] == ["1", "clip_6"]
    assert wrong["frozen"] == ["1", "clip_7show"]
    assert wrong["of one frame"] == ["1", "clip_9show"]
    assert wrong["groups with identical poses"] == ["1", "clip_1 = clip_11"]


def test_it_tells_copies_and_the_rule(page: str) -> None:
    title = "Test clips with a copy among the training clips"
    assert rows(page, title) == [["halves", "1", "1", "33.3%", "2"]]
    assert rows(page, "Copies in halves (the first 2)") == [
        ["clip_0show wave", "clip_8show wave", "100% of the frames"],
        ["clip_1show nod & <b>bow</b>", "clip_11show wave", "identical"],
    ]
    assert rows(page, "Different labels")[0][2] == "identical"
    assert "at most 0.5% of the body" in page
    assert "at least 10% of the frames" in page


def test_buttons_show_the_clip_that_they_name(page: str) -> None:
    clips = held_clips(page)["clips"]
    buttons = re.findall(r'data-show="(\d+)" aria-label="show ([^"]*)"', page)
    assert len(buttons) > 8
    assert [clips[int(number)]["name"] for number, _ in buttons] == [
        html.unescape(name) for _, name in buttons
    ]


def test_clips_are_those_of_the_dataset(page: str, dataset: ClipDataset) -> None:
    held = held_clips(page)
    clip = next(c for c in held["clips"] if (c["name"], c["layout_name"]) == ("clip_5", "tiny_5"))
    assert (clip["class"], clip["subject"], clip["rate"]) == ("nod & <b>bow</b>", "<i>2</i>", 30)
    coords = np.array(dataset.poses("tiny_5").poses(5).coords, float)
    heights = coords[..., 1] - coords[:1, :1, :1, 1]
    drawn = clip["data"][..., 1] - clip["data"][:1, :1, :1, 1].astype(float)
    scale = (drawn * heights).sum() / (heights**2).sum()
    np.testing.assert_allclose(drawn, heights * scale, atol=2)


def many(out: pathlib.Path, classes: int, each: int, joints: int = 5) -> ClipDataset:
    with DatasetWriter(out, name="many", label_names=[f"c{n}" for n in range(classes)]) as writer:
        writer.add_layout(
            tiny_layout(), frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "left"), num_persons=2
        )
        for number in range(classes * each):
            clip = Clip(f"clip_{number}", number % classes, subject=str(number // classes))
            coords = random_poses(120, 2, joints, 3, seed=number)
            writer.add_clip(clip, {"tiny_5": ClipPoses(coords)})
    return ClipDataset.open(out)


def test_many_clips_make_no_large_page(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "BUDGET", 300_000)
    dataset = many(tmp_path / "many", 30, 4)
    chosen = choose_sample(dataset, summarise(dataset))
    assert 280_000 < chosen.moving.size < 320_000
    assert chosen.classes_left_out == 0
    monkeypatch.setattr(sample, "BUDGET", 30_000)
    summary = summarise(dataset)
    chosen = choose_sample(dataset, summary)
    assert 0 < chosen.classes_left_out == 30 - len(chosen.moving)
    write_report(dataset, summary, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    check_page(page)
    assert f"of {chosen.classes_left_out} classes none found room" in page


def test_three_clips_of_a_class_come_from_three_people(tmp_path: pathlib.Path) -> None:
    dataset = many(tmp_path / "many", 12, 6)
    clips = choose_sample(dataset, summarise(dataset)).moving.to_json()["clips"]
    assert len(clips) == 36
    for name in dataset.label_names:
        subjects = [clip["subject"] for clip in clips if clip["class"] == name]
        assert len(set(subjects)) == len(subjects) == 3


def test_a_set_without_labels_splits_and_bodies(tmp_path: pathlib.Path) -> None:
    blank = np.full((3, 1, 5, 3), np.nan, np.float32)
    with DatasetWriter(tmp_path / "d", name="d", label_names=()) as writer:
        writer.add_layout(tiny_layout(), frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "left"))
        writer.add_clip(Clip("a", -1), {"tiny_5": ClipPoses(motion(5))})
        writer.add_clip(Clip("b", -1), {"tiny_5": ClipPoses(blank)})
    dataset = ClipDataset.open(tmp_path / "d")
    write_report(dataset, summarise(dataset), tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    check_page(page)
    assert rows(page, "Clips by class") == [["unlabelled", "2", ""]]
    assert "There is no split" in page
    assert [clip["class"] for clip in held_clips(page)["clips"]] == ["unlabelled"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.txt", "must be named like a page, for example report.html"),
        ("none/report.html", "cannot be written (No such file or directory); check the folder"),
        ("folder.html", "is a folder; name an HTML file in it"),
    ],
)
def test_where_no_page_can_be_written(name: str, said: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InputError, match="--report") as raised:
        check_report(tmp_path / name)
    assert said in str(raised.value)
