"""NTU RGB+D: exact poses back, the rules for bodies, splits, and files at fault."""

from __future__ import annotations

import pathlib
import shutil
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats import ReadClip
from ms2l_tf.data.formats.guess import describe_source
from ms2l_tf.data.formats.ntu import LAYOUT, TRAIN_120, NtuReader
from ms2l_tf.data.prepare import prepare
from ms2l_tf.errors import InputError
from tests.data.writers_ntu import FIRST_ID, clip_name, skeleton_text, standing, tracks, write_clip

NAME = "S001C002P003R002A013"
ONE = skeleton_text(tracks(3, (0, standing(3))))


def read(folder: pathlib.Path, text: str, name: str = NAME) -> ReadClip:
    write_clip(folder, name, text)
    with open_source(folder) as files:
        return NtuReader(files).read(f"{name}.skeleton")


def read_tracks(
    folder: pathlib.Path, num_frames: int, *bodies: tuple[int, np.ndarray]
) -> tuple[np.ndarray, Sequence[str]]:
    clip = read(folder, skeleton_text(tracks(num_frames, *bodies)))
    return clip.poses[LAYOUT].coords, clip.repairs


def test_one_body_exactly(tmp_path: pathlib.Path) -> None:
    body = standing(7)
    clip = read(tmp_path, skeleton_text(tracks(7, (0, body))))
    row = clip.clip
    assert (row.setup, row.camera, row.subject, row.group, row.label) == ("1", "2", "3", "2", 12)
    assert (row.source, row.start, row.end) == (f"{NAME}.skeleton", -1, -1)
    assert clip.repairs == ()
    np.testing.assert_array_equal(clip.poses[LAYOUT].coords[:, 0], body)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("\r\n", "\n"),
        lambda text: "\ufeff" + text + "\r\n\r\n",
        lambda text: text.replace(" ", "  ").replace("\r\n", " \r\n"),
        lambda text: text.replace(" ", "\t"),
        # Published files hold such in the columns that are not read.
        lambda text: text.replace("1050.123 390.2417", "-1.#IND NaN"),
    ],
)
def test_other_blanks_and_line_ends(tmp_path: pathlib.Path, spoil: Callable[[str], str]) -> None:
    clip = read(tmp_path, spoil(ONE))
    np.testing.assert_array_equal(clip.poses[LAYOUT].coords[:, 0], standing(3))


def test_two_actors_the_one_who_moves_more_first(tmp_path: pathlib.Path) -> None:
    calm, lively = standing(20, 1), standing(20, 2, place=1.0, motion=0.05)
    coords, repairs = read_tracks(tmp_path, 20, (0, calm), (0, lively))
    np.testing.assert_array_equal(coords, np.stack([lively, calm], axis=1))
    assert repairs == ()


def test_motion_is_what_changes_with_time_not_size(tmp_path: pathlib.Path) -> None:
    large = standing(20, 1, motion=0.001) * np.float32(2.0)
    coords, _ = read_tracks(tmp_path, 20, (0, large), (0, standing(20, 2, motion=0.02)))
    np.testing.assert_array_equal(coords[:, 1], large)


def test_ghosts_of_a_few_frames_are_dropped(tmp_path: pathlib.Path) -> None:
    body = standing(30, 1)
    ghost = standing(10, 2, motion=1.0)
    coords, repairs = read_tracks(tmp_path, 30, (0, ghost), (0, body))
    np.testing.assert_array_equal(coords, body[:, np.newaxis])
    assert repairs == ("1 bodies seen in fewer than 11 frames dropped",)
    coords, repairs = read_tracks(tmp_path, 30, (0, body), (0, standing(11, 2)))
    assert coords.shape[1] == 2
    assert repairs == ()


def test_wide_ghosts_are_dropped(tmp_path: pathlib.Path) -> None:
    body = standing(20, 1)
    chair = standing(20, 2, motion=0.3)[..., [1, 0, 2]]
    coords, repairs = read_tracks(tmp_path, 20, (0, chair), (0, body))
    np.testing.assert_array_equal(coords, body[:, np.newaxis])
    assert repairs == ("1 bodies wider than 0.8 of their height in most frames dropped",)
    # Half of the frames is not most of them; who lies down alone is no ghost.
    half = np.concatenate([standing(10, 3)[..., [1, 0, 2]], standing(10, 3)])
    assert read_tracks(tmp_path, 20, (0, half), (0, body))[0].shape[1] == 2
    assert read_tracks(tmp_path, 20, (0, chair))[1] == ()


def test_the_liveliest_ghost_stays_where_all_are_ghosts(tmp_path: pathlib.Path) -> None:
    still, lively = standing(5, 1), standing(5, 2, motion=0.2)
    coords, repairs = read_tracks(tmp_path, 5, (0, still), (0, lively))
    np.testing.assert_array_equal(coords, lively[:, np.newaxis])
    assert repairs == ("1 bodies seen in fewer than 11 frames dropped",)


def test_two_persons_at_most(tmp_path: pathlib.Path) -> None:
    bodies = [standing(20, seed, motion=0.01 * (3 - seed)) for seed in range(3)]
    coords, repairs = read_tracks(tmp_path, 20, *((0, body) for body in bodies))
    np.testing.assert_array_equal(coords, np.stack(bodies[:2], axis=1))
    assert repairs == ("1 bodies beyond the 2 of largest motion dropped",)


def test_an_actor_who_was_lost_and_found_stays_one_person(tmp_path: pathlib.Path) -> None:
    before, after = standing(15, 1, motion=0.03), standing(12, 2, motion=0.02)
    other = standing(30, 3, place=1.0)
    coords, repairs = read_tracks(tmp_path, 30, (0, before), (18, after), (0, other))
    np.testing.assert_array_equal(coords[:15, 0], before)
    assert np.isnan(coords[15:18, 0]).all()
    np.testing.assert_array_equal(coords[18:, 0], after)
    np.testing.assert_array_equal(coords[:, 1], other)
    assert repairs == ("1 bodies joined to one whose frames they do not share",)


def test_numbers_of_bodies_are_told_apart_to_the_last_digit(tmp_path: pathlib.Path) -> None:
    assert float(FIRST_ID) == float(FIRST_ID + 1)
    coords, _ = read_tracks(tmp_path, 20, (0, standing(20, 1)), (0, standing(20, 2)))
    assert coords.shape[1] == 2


def test_frames_without_a_body(tmp_path: pathlib.Path) -> None:
    body = standing(12, 1)
    frames = tracks(12, (0, body))
    for empty in (0, 1, 5, 11):
        frames[empty] = {}
    clip = read(tmp_path, skeleton_text(frames))
    coords = clip.poses[LAYOUT].coords
    assert (clip.clip.start, clip.clip.end) == (2, 11)
    assert np.isnan(coords[3]).all()
    np.testing.assert_array_equal(
        np.delete(coords[:, 0], 3, axis=0), body[[2, 3, 4, *range(6, 11)]]
    )
    assert clip.repairs == (
        "3 frames without a body cut from the ends",
        "1 frames without a body kept as gaps",
    )


def test_joints_that_were_not_seen(tmp_path: pathlib.Path) -> None:
    body = standing(4)
    body[1, 7] = 0
    body[2, 8, 1] = np.nan
    body[2, 9, 0] = np.inf
    coords, repairs = read_tracks(tmp_path, 4, (0, body))
    missing = np.argwhere(np.isnan(coords).any(axis=-1))
    assert missing.tolist() == [[1, 0, 7], [2, 0, 8], [2, 0, 9]]
    assert repairs == ("3 joints set to missing in 2 of 4 frames (frame 1, 2, counted from 0)",)
    huge = ONE.replace("\r\n25\r\n", "\r\n25\r\n1e39 1 2 1 1 1 1 1 1 1 1 2\r\n", 1)
    huge = "\r\n".join(huge.split("\r\n")[:29] + huge.split("\r\n")[30:])
    assert np.isnan(read(tmp_path, huge).poses[LAYOUT].coords[0, 0, 0]).all()


LINES = ONE.split("\r\n")


def changed(line: int, text: str) -> str:
    """The file with another line, counted from 1."""
    return "\r\n".join([*LINES[: line - 1], text, *LINES[line:]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ", line 1: '' is not the number of frames"),
        ("0\r\n", ": has no body in any of its 0 frames"),
        ("2\r\n0\r\n0\r\n", ": has no body in any of its 2 frames"),
        ("1000000000\r\n0\r\n", ", line 1: '1000000000' is not the number of frames"),
        ("999999999\r\n0\r\n", ": is cut short, it ends in line 2 before the number of bodies in"),
        ("9" * 5000, ", line 1: '9999.*' is not the number of frames"),
        (changed(2, "999999999"), ", line 30: a body begins with 10 numbers, got 1"),
        (changed(2, "2"), ", line 30: a body begins with 10 numbers, got 1"),
        (changed(2, "-1"), ", line 2: '-1' is not the number of bodies in frame 0"),
        (changed(2, "1.0"), ", line 2: '1.0' is not the number of bodies in frame 0"),
        (changed(4, "24"), ", line 4: the body has 24 joints, expected 25"),
        (changed(3, "72 0 1"), ", line 3: a body begins with 10 numbers, got 3"),
        (changed(7, "0.1 0.2 3"), ", line 7: a joint has 12 numbers, got 3"),
        (changed(7, "0,1 0,2 3,0 1 1 1 1 1 1 1 1 2"), ", line 7: '0,1' is not a number"),
        (changed(7, "x 0.2 3 1 1 1 1 1 1 1 1 2"), ", line 7: 'x' is not a number"),
        (changed(7, "1_0 0.2 3 1 1 1 1 1 1 1 1 2"), ", line 7: '1_0' is not a number"),
        (changed(7, "１ 0.2 3 1 1 1 1 1 1 1 1 2"), ", line 7: '１' is not a number"),
        (changed(1, "2"), ", line 58: follows the last of the 2 frames that line 1 announces"),
        (changed(1, "4"), ": is cut short, it ends in line 85 before the number of bodies in f"),
        ("\r\n".join(LINES[:50]), ": is cut short, it ends in line 50 before frame 1 is there"),
        ("\r\n".join(LINES[:30]), ": is cut short, it ends in line 30 before a body of frame 1 is"),
        (ONE[: ONE.rindex(" 2")], ", line 85: a joint has 12 numbers, got 11"),
        (skeleton_text(tracks(2, (0, standing(2) * 0))), ": has no joint in any frame"),
        ("\0" * 100, ", line 1: '"),
    ],
)  # fmt: skip
def test_files_at_fault(tmp_path: pathlib.Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{NAME}.skeleton{message}") as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_utf_16_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / f"{NAME}.skeleton").write_bytes(ONE.encode("utf-16"))
    with open_source(tmp_path) as files, pytest.raises(InputError, match="is UTF-16 text; save it"):
        NtuReader(files).read(f"{NAME}.skeleton")


def test_a_body_twice_in_a_frame(tmp_path: pathlib.Path) -> None:
    body = "\r\n".join(LINES[2:29])
    text = "\r\n".join(["1", "2", body, body])
    with pytest.raises(InputError, match=f"line 30: the body '{FIRST_ID}' occurs twice in frame 0"):
        read(tmp_path, text)


def test_a_count_allocates_nothing(tmp_path: pathlib.Path) -> None:
    tracemalloc.start()
    with pytest.raises(InputError, match="cut short"):
        read(tmp_path, "999999999\n999999999\n")
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    "name", ["clip", "S001C002P003R002", "S001C001P001R001A000", NAME + "_rgb"]
)
def test_unknown_names(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(InputError, match=r"the name is not SsssCcccPpppRrrrAaaa with an action"):
        read(tmp_path, ONE, name)


def write_set(folder: pathlib.Path, names: Sequence[str]) -> None:
    for name in names:
        write_clip(folder / name[:4], name, ONE)


def test_sixty_classes(tmp_path: pathlib.Path) -> None:
    names = [
        clip_name(setup, camera, performer, 1, action)
        for setup, performer in ((1, 1), (2, 3), (17, 38))
        for camera in (1, 2, 3)
        for action in (1, 60)
    ]
    write_set(tmp_path / "source", names)
    archive = shutil.make_archive(str(tmp_path / "nturgbd"), "zip", tmp_path / "source")
    dataset, report = prepare("ntu", archive, tmp_path / "out", progress=False)
    assert dataset.name == "ntu60"
    assert len(dataset.label_names) == 60
    assert (dataset.label_names[0], dataset.label_names[59]) == (
        "drink water", "walking apart from each other"
    )  # fmt: skip
    assert list(dataset.names) == sorted(names)
    assert set(dataset.split_names) == {"cross_subject", "cross_view"}
    people, views = dataset.split("cross_subject"), dataset.split("cross_view")
    assert set(dataset.subjects[people.train]) == {"1", "38"}
    assert set(dataset.subjects[people.test]) == {"3"}
    assert set(dataset.cameras[views.train]) == {"2", "3"}
    assert set(dataset.cameras[views.test]) == {"1"}
    store = dataset.poses(LAYOUT)
    assert (store.num_persons, store.frame_rate, store.unit) == (2, 30.0, "m")
    np.testing.assert_array_equal(store.poses(0).coords[:, 0], standing(3))
    assert "the published set has 56880 clips" in "\n".join(report.lines())


def test_hundred_and_twenty_classes(tmp_path: pathlib.Path) -> None:
    setups = ((1, 1, 1), (2, 3, 2), (18, 45, 61), (19, 46, 120), (32, 104, 100))
    write_set(tmp_path / "s", [clip_name(s, c, p, 1, a) for s, p, a in setups for c in (1, 2)])
    dataset, _ = prepare("ntu", tmp_path / "s", tmp_path / "out", progress=False)
    assert dataset.name == "ntu120"
    assert len(dataset.label_names) == 120
    assert dataset.label_names[119].startswith("finger-guessing game")
    people, setup = dataset.split("cross_subject"), dataset.split("cross_setup")
    assert set(dataset.subjects[people.train]) == {"1", "45", "46"}
    assert set(dataset.subjects[people.test]) == {"3", "104"}
    assert {row.setup for row in np.array(dataset.clips, object)[setup.train]} == {"2", "18", "32"}
    assert {row.setup for row in np.array(dataset.clips, object)[setup.test]} == {"1", "19"}
    fewer = dataset.split("ntu60_cross_subject")
    assert [dataset.subjects[fewer.train].tolist(), dataset.subjects[fewer.test].tolist()] == [
        ["1", "1"], ["3", "3"]
    ]  # fmt: skip
    assert set(dataset.labels[[*fewer.train, *fewer.test]]) == {0, 1}
    assert len(dataset.split("ntu60_cross_view").test) == 2


def test_training_lists_have_the_published_sizes() -> None:
    assert len(set(TRAIN_120)) == 53
    assert len([performer for performer in TRAIN_120 if performer <= 40]) == 20


def test_listed_samples_are_left_out(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [clip_name(1, camera, performer, 1, 1) for camera in (1, 2, 3) for performer in (1, 3)]
    write_set(tmp_path / "s", names)
    write_clip(tmp_path / "s", names[1], "0\r\n")
    (tmp_path / "s" / names[1][:4] / f"{names[1]}.skeleton").unlink()
    listing = tmp_path / "s" / "NTU_RGBD_samples_with_missing_skeletons.txt"
    listing.write_text(f"{names[1]}\r\nS017C003P017R002A060\r\n")
    dataset, report = prepare("ntu", tmp_path / "s", tmp_path / "out", progress=False)
    assert list(dataset.names) == sorted(set(names) - {names[1]})
    assert report.blanked == {}
    assert f"1 clips left out, as {listing.name} says" in capsys.readouterr().err


def test_clips_without_anybody_stay_in_the_test_lists(tmp_path: pathlib.Path) -> None:
    names = [clip_name(1, camera, p, r, 1) for camera in (1, 2) for p in (1, 3) for r in range(8)]
    write_set(tmp_path / "s", names)
    (tmp_path / "s" / "S001" / f"{names[0]}.skeleton").write_text("1\r\n0\r\n")
    dataset, report = prepare("ntu", tmp_path / "s", tmp_path / "out", progress=False)
    assert list(report.blanked) == [names[0]]
    assert names[0] not in dataset.names[dataset.split("cross_subject").train]
    assert names[0] in dataset.names[dataset.split("cross_view").test]


def test_sources_are_recognised(tmp_path: pathlib.Path) -> None:
    write_clip(tmp_path, NAME, ONE)
    assert describe_source(tmp_path) == (
        "holds 1 NTU RGB+D .skeleton file; --format=ntu reads them"
    )
