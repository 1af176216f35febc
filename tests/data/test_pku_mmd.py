"""PKU-MMD: clips cut from videos by their labels, published lists, files at fault."""

from __future__ import annotations

import pathlib
import shutil

import numpy as np
import pytest

from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats import ReadClip
from ms2l_tf.data.formats.guess import describe_source
from ms2l_tf.data.formats.pku_mmd import LAYOUT, NOT_IN_PART_II, PkuMmdReader
from ms2l_tf.data.prepare import prepare
from ms2l_tf.errors import InputError
from tests.data.writers_pku_mmd import (
    LABELS,
    LISTS,
    SKELETONS,
    bodies,
    label_text,
    video_text,
    write_list,
    write_video,
)

ACTIONS = ((8, 2, 7, 2), (8, 7, 12, 1), (51, 15, 18, 2))


def read(folder: pathlib.Path, entry: str) -> ReadClip:
    with open_source(folder) as files:
        reader = PkuMmdReader(files)
        reader.entries()
        return reader.read(f"{LABELS}/{entry}")


def test_actions_are_cut_exactly(tmp_path: pathlib.Path) -> None:
    video = bodies(20)
    write_video(tmp_path, "0002-L", video, ACTIONS)
    with open_source(tmp_path) as files:
        reader = PkuMmdReader(files)
        entries = reader.entries()
        assert entries == [f"{LABELS}/0002-L.txt#{line}" for line in (1, 2, 3)]
        clips = [reader.read(entry) for entry in reversed(entries)][::-1]
        assert [reader.identify(entry) for entry in entries] == [clip.clip for clip in clips]
    assert [clip.clip.name for clip in clips] == ["0002-L_01", "0002-L_02", "0002-L_03"]
    assert [clip.clip.label for clip in clips] == [7, 7, 50]
    row = clips[0].clip
    assert (row.subject, row.camera, row.group, row.source) == ("", "L", "0002", "0002-L.txt")
    assert [(clip.clip.start, clip.clip.end) for clip in clips] == [(2, 7), (7, 12), (15, 18)]
    for clip in clips:
        expected = video[clip.clip.start : clip.clip.end, :1].astype(np.float32)
        np.testing.assert_array_equal(clip.poses[LAYOUT].coords, expected)
        assert clip.repairs == ()


def test_persons_who_are_there(tmp_path: pathlib.Path) -> None:
    video = bodies(12, persons=2)
    video[6:, 0] = 0
    video[1, 1, 3] = 0
    write_video(tmp_path, "0003-M", video, ((12, 0, 4, 1), (12, 4, 8, 1), (8, 6, 12, 1)))
    both = read(tmp_path, "0003-M.txt#1")
    coords = both.poses[LAYOUT].coords
    assert np.argwhere(np.isnan(coords).any(axis=-1)).tolist() == [[1, 1, 3]]
    assert both.repairs == ("1 joints set to missing in 1 of 4 frames (frame 1, counted from 0)",)
    leaves = read(tmp_path, "0003-M.txt#2")
    assert np.isnan(leaves.poses[LAYOUT].coords[2:, 0]).all()
    assert leaves.repairs == ()
    alone = read(tmp_path, "0003-M.txt#3")
    np.testing.assert_array_equal(
        alone.poses[LAYOUT].coords[:, 0], video[6:12, 1].astype(np.float32)
    )


def test_intervals_beyond_the_video(tmp_path: pathlib.Path) -> None:
    write_video(tmp_path, "0002-R", bodies(10), ((1, 8, 13, 1), (1, 10, 13, 1)))
    cut = read(tmp_path, "0002-R.txt#1")
    assert len(cut.poses[LAYOUT].coords) == 2
    assert (cut.clip.start, cut.clip.end) == (8, 10)
    assert cut.repairs == ("3 frames after the end of the video left out",)
    with pytest.raises(InputError, match=r"#2: begins at frame 10, .*0002-R.txt has 10 frames"):
        read(tmp_path, "0002-R.txt#2")


VIDEO = video_text(bodies(3))
LINES = VIDEO.splitlines()
WORD = LINES[1].split()[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins at frame 0, .* has 0 frames"),
        (VIDEO[: VIDEO.rindex(" ")], "0002-L.txt, line 3: has 149 numbers, expected 150"),
        ("\n".join([LINES[0], LINES[1] + " 1", LINES[2]]), "line 2: has 151 numbers, expected 150"),
        (VIDEO.replace(".", ","), r"line 1: '-?\d,\d+' is not a number"),
        (VIDEO.replace(WORD, "abc", 1), "line 2: 'abc' is not a number"),
        (VIDEO.replace(WORD, "1_0", 1), "line 2: '1_0' is not a number"),
        ("\n".join([LINES[0], "", LINES[2]]), "line 2: has 0 numbers"),
        (video_text(bodies(3, persons=0)), "has no joint in any frame"),
        (VIDEO.encode("utf-16").decode("latin-1"), "is UTF-16 text; save it as UTF-8"),
    ],
)
def test_videos_at_fault(tmp_path: pathlib.Path, text: str, message: str) -> None:
    write_video(tmp_path, "0002-L", bodies(3), ((1, 0, 3, 2),))
    (tmp_path / SKELETONS / "0002-L.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, "0002-L.txt#1")
    assert "\n" not in str(caught.value)


def test_what_numbers_a_video_may_hold(tmp_path: pathlib.Path) -> None:
    write_video(tmp_path, "0002-L", bodies(3), ((1, 0, 3, 2),))
    text = VIDEO.replace(WORD, "nan", 1).replace("\n", "\r\n")
    (tmp_path / SKELETONS / "0002-L.txt").write_bytes(("\ufeff" + text + "\r\n").encode())
    coords = read(tmp_path, "0002-L.txt#1").poses[LAYOUT].coords
    assert np.argwhere(np.isnan(coords).all(axis=-1)).tolist() == [[1, 0, 0]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("52,0,3,1", "line 1: the class 52 is not one of 1 to 51"),
        ("0,0,3,1", "line 1: the class 0 is not one of 1 to 51"),
        ("1,3,3,1", "line 1: the action from frame 3 to frame 3 is empty"),
        ("1,0,3", "line 1: '1,0,3' is not class, first frame, frame after the last and"),
        ("1;0;3;1", "line 1: '1;0;3;1' is not class"),
        ("1,-1,3,1", "line 1: '1,-1,3,1' is not class"),
        ("1,0,3.5,1", "line 1: '1,0,3.5,1' is not class"),
        ("1,0,9999999999,1", "line 1: '1,0,9999999999,1' is not class"),
        ("unreadable", "line 1: 'unreadable' is not class"),
    ],
)
def test_labels_at_fault(tmp_path: pathlib.Path, line: str, message: str) -> None:
    write_video(tmp_path, "0002-L", bodies(3), ())
    (tmp_path / LABELS / "0002-L.txt").write_text(f"{line}\r\n")
    with pytest.raises(InputError, match=message):
        read(tmp_path, "0002-L.txt#1")
    with open_source(tmp_path) as files:
        assert PkuMmdReader(files).identify(f"{LABELS}/0002-L.txt#1") is None


def test_a_damaged_file_of_labels_is_a_bad_clip(tmp_path: pathlib.Path) -> None:
    for number in range(2, 24):
        write_video(tmp_path, f"{number:04d}-L", bodies(5), ((1, 0, 3, 2),))
    (tmp_path / LABELS / "0002-L.txt").write_bytes("1,0,3,2".encode("utf-16"))
    _, report = prepare("pku_mmd", tmp_path, tmp_path / "out", progress=False)
    assert report.clips == 21
    ((entry, reason),) = report.skipped.items()
    assert entry == f"{LABELS}/0002-L.txt#1"
    assert "is UTF-16 text" in reason


def write_part(folder: pathlib.Path, videos: list[str]) -> None:
    for number, video in enumerate(videos):
        write_video(folder, video, bodies(9, seed=number), ((1, 0, 4, 1), (50, 4, 9, 2)))


def test_part_one_with_its_lists(tmp_path: pathlib.Path) -> None:
    videos = [f"{number:04d}-{camera}" for number in (2, 3, 4) for camera in "LMR"]
    write_part(tmp_path / "s", videos)
    subjects = [video for video in videos if not video.startswith("0003")]
    write_list(tmp_path / "s", "cross-subject", [*subjects, "0363-M"], videos[3:6])
    write_list(tmp_path / "s", "cross-view", videos[1::3], videos[::3])
    archive = shutil.make_archive(str(tmp_path / "pku"), "gztar", tmp_path / "s")
    dataset, _ = prepare("pku_mmd", archive, tmp_path / "out", progress=False)
    assert (dataset.name, len(dataset.label_names), len(dataset)) == ("pku1", 51, 18)
    assert (dataset.label_names[0], dataset.label_names[49]) == ("bow", "wipe face")
    assert set(dataset.split_names) == {"cross_subject", "cross_view"}
    split = dataset.split("cross_subject")
    assert {row[:6] for row in dataset.names[split.test]} == set(videos[3:6])
    assert {row[:6] for row in dataset.names[split.train]} == set(subjects)
    views = dataset.split("cross_view")
    assert set(dataset.cameras[views.train]) == {"M"}
    assert set(dataset.cameras[views.test]) == {"L"}
    assert "published lists" in views.description


def test_part_two(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos = [f"A01N{number:02d}-{camera}" for number in (1, 12) for camera in "LMR"]
    write_part(tmp_path / "s", videos)
    write_list(tmp_path / "s", "cross-subject", ["0002-L"], ["0003-L"])  # of part I
    dataset, _ = prepare("pku_mmd", tmp_path / "s", tmp_path / "out", progress=False)
    assert (dataset.name, len(dataset.label_names)) == ("pku2", 41)
    assert dataset.label_names[dataset.labels[1]] == "wipe face"
    assert set(dataset.subjects) == {"1", "12"}
    assert dataset.split_names == ("cross_view",)
    views = dataset.split("cross_view")
    assert set(dataset.cameras[views.train]) == {"M", "R"}
    assert set(dataset.cameras[views.test]) == {"L"}
    assert "there will be no split cross_subject" in capsys.readouterr().err
    write_list(tmp_path / "s", "cross_subject_v2", videos[:3], videos[3:])
    dataset, _ = prepare("pku_mmd", tmp_path / "s", tmp_path / "again", progress=False)
    assert set(dataset.subjects[dataset.split("cross_subject").test]) == {"12"}
    (tmp_path / "s" / LABELS / "A01N01-L.txt").write_text(label_text([(12, 0, 4, 1)]))
    with pytest.raises(InputError, match="the class 12 is not one of the 41 of part II"):
        read(tmp_path / "s", "A01N01-L.txt#1")
    assert len(NOT_IN_PART_II) == 10


def test_clips_of_videos_in_other_layouts(tmp_path: pathlib.Path) -> None:
    write_part(tmp_path / "s", ["0002-L", "0003-M"])
    dataset, _ = prepare(
        "pku_mmd", tmp_path / "s", tmp_path / "out", layouts=["h36m_17", "native"], progress=False
    )
    assert dataset.layouts == ("h36m_17", LAYOUT)
    assert list(dataset.names) == ["0002-L_01", "0002-L_02", "0003-M_01", "0003-M_02"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Training videos:\n0002-L, 0003-L\n", "has 1 lists of videos, expected those for train"),
        ("", "has 0 lists of videos"),
        ("Training:\n0002-L, 0003-X\nV:\n0004-L", "line 2: '0003-X' is not a video such as"),
        ("T:\n0002-L\nV:\n0003-L\nTest:\n0004-L\n", "has 3 lists of videos"),
    ],
)
def test_lists_at_fault_are_told_before_anything_is_read(
    tmp_path: pathlib.Path, text: str, message: str
) -> None:
    write_part(tmp_path / "s", ["0002-L"])
    (tmp_path / "s" / LISTS).mkdir()
    (tmp_path / "s" / LISTS / "cross-view.txt").write_text(text)
    with pytest.raises(InputError, match=f"cross-view.txt(, |: ){message}"):
        prepare("pku_mmd", tmp_path / "s", tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_lists_may_differ_in_lines_only(tmp_path: pathlib.Path) -> None:
    videos = ["0002-L", "0003-L", "0004-L"]
    write_part(tmp_path / "s", videos)
    text = "Training videos:\r\n0002-L,\r\n0003-L,\r\n\r\nValidation videos:\r\n0004-L,\r\n"
    (tmp_path / "s" / "cross_subject.txt").write_bytes(text.encode())
    dataset, _ = prepare("pku_mmd", tmp_path / "s", tmp_path / "out", progress=False)
    assert len(dataset.split("cross_subject").train) == 4
    write_list(tmp_path / "s", "cross-subject", videos[:1], videos[1:])
    with pytest.raises(InputError, match=r"cross_subject\.txt: says otherwise than .*remove one"):
        prepare("pku_mmd", tmp_path / "s", tmp_path / "out2", progress=False)


def test_sources_at_fault(tmp_path: pathlib.Path) -> None:
    write_part(tmp_path / "s", ["0002-L", "0003-L"])
    shutil.copytree(tmp_path / "s", tmp_path / "alone")
    shutil.rmtree(tmp_path / "alone" / LABELS)
    with pytest.raises(InputError, match="holds no labels of PKU-MMD; expected files such as"):
        prepare("pku_mmd", tmp_path / "alone", tmp_path / "out", progress=False)
    (tmp_path / "s" / SKELETONS / "0003-L.txt").unlink()
    with pytest.raises(InputError, match=r"#1: its video 0003-L\.txt is missing"):
        read(tmp_path / "s", "0003-L.txt#1")
    shutil.copytree(tmp_path / "s" / LABELS, tmp_path / "s" / "copy of labels")
    with pytest.raises(InputError, match="holds labels of 0002-L twice"):
        prepare("pku_mmd", tmp_path / "s", tmp_path / "out", progress=False)
    shutil.rmtree(tmp_path / "s" / "copy of labels")
    write_part(tmp_path / "s", ["A01N01-L"])
    with pytest.raises(InputError, match="holds parts I and II of PKU-MMD"):
        prepare("pku_mmd", tmp_path / "s", tmp_path / "out", progress=False)


def test_sources_are_recognised(tmp_path: pathlib.Path) -> None:
    write_part(tmp_path, ["0002-L", "0003-L"])
    write_list(tmp_path, "cross-subject", ["0002-L"], ["0003-L"])
    assert describe_source(tmp_path).endswith("PKU-MMD text files; --format=pku_mmd reads them")
