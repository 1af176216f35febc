"""Gaps that were written as zeros, joints that lie off, and blank clips, through the writer."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.errors import InputError
from tests.helpers import motion, tiny_layout

LAYOUT = tiny_layout()
SOUND = motion(8)


def write(out: pathlib.Path, *clips: ClipPoses, **changes: Any) -> DatasetWriter:
    """Clips c0, c1, ... of two persons at most; the sound clip comes last."""
    with DatasetWriter(out, name="tiny", label_names=("a",), **changes) as writer:
        writer.add_layout(
            LAYOUT, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "left"), num_persons=2
        )
        for number, poses in enumerate([*clips, ClipPoses(SOUND)]):
            writer.add_clip(Clip(f"c{number}", 0), {LAYOUT.name: poses})
        writer.add_split("s", train=[f"c{len(clips)}"], test=[f"c{n}" for n in range(len(clips))])
    return writer


def read(out: pathlib.Path, clip: int = 0) -> ClipPoses:
    return ClipDataset.open(out).poses(LAYOUT.name).poses(clip)


def counts(writer: DatasetWriter) -> dict[str, int]:
    changed = writer.repairs.to_json()
    json.dumps(changed, allow_nan=False)
    return {kind: tally["count"] for kinds in changed.values() for kind, tally in kinds.items()}


def with_zeros(what: str) -> np.ndarray:
    """Two persons; one of them, or some frames of one, or all frames of the clip are zero."""
    coords = motion(8, persons=2)
    if what.startswith("person"):
        coords[:, int(what[-1])] = 0
    elif what == "frames":
        coords[2:5, 0] = 0
    elif what == "both":
        coords[6:] = 0
    elif what == "beside gaps":
        coords[:3, 1] = np.nan
        coords[3:, 1] = 0
        coords[4, 1, 2] = np.nan
    elif what == "clip":
        coords[:] = 0
    return coords


ZEROS = [
    ("person 0", {"zero_persons": 1}),
    ("person 1", {"zero_persons": 1}),
    ("frames", {"zero_frames": 3}),
    ("both", {"zero_frames": 4}),
    ("beside gaps", {"zero_persons": 1}),
    ("clip", {"zero_persons": 2, "blank": 1}),
]


@pytest.mark.parametrize("present", [None, np.ones((8, 2), bool)], ids=["unsaid", "said"])
@pytest.mark.parametrize(("what", "counted"), ZEROS)
def test_zeros_are_missing(
    tmp_path: pathlib.Path,
    what: str,
    counted: dict[str, int],
    present: np.ndarray | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    coords = with_zeros(what)
    writer = write(tmp_path / "out", ClipPoses(coords.copy(), present))
    stored = read(tmp_path / "out")
    zero = (np.nan_to_num(coords) == 0).all(axis=(2, 3))
    assert np.isnan(stored.coords[zero]).all()
    np.testing.assert_array_equal(stored.coords[~zero], coords[~zero])
    assert stored.present is not None
    assert not stored.present[(coords == 0).all(axis=-1).any(axis=-1) & zero].any()
    assert stored.present[~zero].all()
    assert counts(writer) == counted
    assert capsys.readouterr().err.count("zero in all joints") == 1


@pytest.mark.parametrize("what", [what for what, _ in ZEROS])
def test_zeros_are_kept_on_request(tmp_path: pathlib.Path, what: str) -> None:
    coords = with_zeros(what)
    writer = write(tmp_path / "out", ClipPoses(coords), keep_zeros=True)
    missing = np.isnan(coords).any(axis=-1)
    stored = read(tmp_path / "out").coords
    np.testing.assert_array_equal(stored[~missing], coords[~missing])
    assert not {"zero_persons", "zero_frames"} & set(counts(writer))


def test_a_joint_at_the_origin_stays(tmp_path: pathlib.Path) -> None:
    coords = motion(8)
    coords -= coords[:, :, :1]  # centred on a joint
    coords[3, :, 1] = 0
    assert counts(write(tmp_path / "out", ClipPoses(coords))) == {}
    np.testing.assert_array_equal(read(tmp_path / "out").coords[:, :1], coords)


def test_the_person_who_is_seen_is_the_main_one(tmp_path: pathlib.Path) -> None:
    coords = motion(8, persons=2)
    alone = coords[:, 1:].copy()
    coords[:, 0] = 0
    write(tmp_path / "out", ClipPoses(coords), ClipPoses(alone))
    store = ClipDataset.open(tmp_path / "out").poses(LAYOUT.name)
    layer = Normaliser.for_store(store, frames=8)
    zeros_first, seen_only = (
        layer(
            store.poses(clip).coords[np.newaxis],
            np.array([8]),
            np.array(store.poses(clip).present)[np.newaxis],
        )[0].numpy()
        for clip in (0, 1)
    )
    np.testing.assert_allclose(zeros_first, seen_only, atol=1e-5)
    assert np.abs(zeros_first[0, :, 0]).max() > 0.5


@pytest.mark.parametrize("value", [1e3, 1e7, -1e30])
def test_joints_that_lie_off_are_missing(
    tmp_path: pathlib.Path, value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    coords = motion(8, persons=2)
    coords[2:4, 1, 3, 0] = value
    writer = write(tmp_path / "out", ClipPoses(coords), ClipPoses(coords))
    missing = np.isnan(read(tmp_path / "out").coords)
    assert np.argwhere(missing.any(axis=-1)).tolist() == [[2, 1, 3], [3, 1, 3]]
    assert counts(writer) == {"outlier_joints": 4}
    said = capsys.readouterr().err
    assert "layout tiny_5: 4 joints lie more than 100 torso lengths from their body" in said
    assert said.endswith("set to missing: c0, c1\n")


def test_a_torso_of_length_zero_is_said(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coords = motion(8)
    coords[:, :, 2] = coords[:, :, :2].mean(axis=2)
    assert counts(write(tmp_path / "out", ClipPoses(coords))) == {"zero_torsos": 1}
    assert "1 clips have a torso of length zero" in capsys.readouterr().err


@pytest.mark.parametrize("blank", [np.nan, 0.0])
def test_a_few_blank_clips_stay_and_are_said(
    tmp_path: pathlib.Path, blank: float, capsys: pytest.CaptureFixture[str]
) -> None:
    coords = np.full((4, 1, 5, 3), blank, np.float32)
    write(tmp_path / "out", *[ClipPoses(coords)] * 5)
    assert len(ClipDataset.open(tmp_path / "out").split("s").test) == 5
    said = capsys.readouterr().err
    assert "5 clips are blank (no joint of anyone is seen), kept: c0, c1, c2, ..." in said
    assert "split s: all 5 test clips are blank" in said


@pytest.mark.parametrize("blank", [np.nan, 0.0])
def test_a_dataset_of_blank_clips_is_refused(tmp_path: pathlib.Path, blank: float) -> None:
    def write_blank() -> None:
        with DatasetWriter(tmp_path / "out", name="tiny", label_names=()) as writer:
            writer.add_layout(LAYOUT, frame_rate=30.0, axes=Axes("+y", "+z", "left"))
            for number in range(3):
                coords = np.full((4, 1, 5, 3), blank, np.float32)
                writer.add_clip(Clip(f"c{number}"), {LAYOUT.name: ClipPoses(coords)})

    with pytest.raises(InputError, match=r"layout tiny_5: all 3 clips are blank[^\n]*$"):
        write_blank()
    assert list(tmp_path.iterdir()) == []


def test_a_refused_clip_is_not_counted(tmp_path: pathlib.Path) -> None:
    with DatasetWriter(tmp_path / "out", name="tiny", label_names=()) as writer:
        writer.add_layout(LAYOUT, frame_rate=30.0, axes=Axes("+y", "+z", "left"))
        writer.add_clip(Clip("a"), {LAYOUT.name: ClipPoses(SOUND)})
        zeros = np.zeros((4, 1, 5, 3), np.float32)
        with pytest.raises(InputError, match="occurs twice"):
            writer.add_clip(Clip("a"), {LAYOUT.name: ClipPoses(zeros)})
    assert counts(writer) == {}


def test_clean_poses_are_stored_as_they_are(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coords = motion(40, persons=2)
    coords[3:9, 1] = np.nan
    coords[1, 0, 2] = np.nan
    assert counts(write(tmp_path / "out", ClipPoses(coords))) == {}
    np.testing.assert_array_equal(read(tmp_path / "out").coords, coords)
    assert capsys.readouterr().err == ""
