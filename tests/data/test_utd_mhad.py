"""UTD-MHAD: exact poses back, the published split, files at fault."""

from __future__ import annotations

import io
import pathlib
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]

from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats import ReadClip
from ms2l_tf.data.formats.guess import describe_source
from ms2l_tf.data.formats.utd_mhad import LAYOUT, UtdMhadReader
from ms2l_tf.data.prepare import prepare
from ms2l_tf.errors import InputError
from tests.data.writers_utd_mhad import mat_bytes, poses, write_clip

NAME = "a27_s8_t4"


def read(folder: pathlib.Path, content: bytes) -> ReadClip:
    write_clip(folder, NAME, content)
    with open_source(folder) as files:
        return UtdMhadReader(files).read(f"{NAME}_skeleton.mat")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("frames", [1, 41])
def test_poses_exactly(tmp_path: pathlib.Path, frames: int, packed: bool) -> None:
    clip = read(tmp_path, mat_bytes(poses(frames), packed=packed))
    row = clip.clip
    assert (row.name, row.label, row.subject, row.group) == (NAME, 26, "8", "4")
    assert clip.repairs == ()
    expected = poses(frames)[:, np.newaxis].astype(np.float32)
    np.testing.assert_array_equal(clip.poses[LAYOUT].coords, expected)


def test_missing_joints(tmp_path: pathlib.Path) -> None:
    body = poses(5)
    body[1, 3] = 0
    body[2, 4, 1] = np.nan
    clip = read(tmp_path, mat_bytes(body))
    missing = np.argwhere(np.isnan(clip.poses[LAYOUT].coords).all(axis=-1))
    assert missing.tolist() == [[1, 0, 3], [2, 0, 4]]
    assert clip.repairs == (
        "2 joints set to missing in 2 of 5 frames (frame 1, 2, counted from 0)",
    )


def bomb(size: int) -> bytes:
    """A file whose one array is zeros that zlib packs to a thousandth."""
    inner = struct.pack("<II", 14, size) + bytes(size)
    packer = zlib.compressobj()
    packed = packer.compress(inner) + packer.flush()
    header = mat_bytes(poses(1))[:128]
    return header + struct.pack("<II", 15, len(packed)) + packed


def of(**arrays: object) -> bytes:
    file = io.BytesIO()
    savemat(file, arrays)
    return file.getvalue()


GOOD = mat_bytes(poses(9))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no MATLAB file of format 5 or is damaged"),
        (b"MATLAB", "is no MATLAB file of format 5 or is damaged"),
        (GOOD[:200], "is no MATLAB file of format 5 or is damaged"),
        (GOOD[:-20], "is no MATLAB file of format 5 or is damaged|has shape"),
        (GOOD[:160] + b"\xff" * 20 + GOOD[180:], "is no MATLAB file of format 5 or is damaged"),
        (b"\x89HDF\r\n\x1a\n" + bytes(1000), "is no MATLAB file of format 5 or is damaged"),
        ("1,5 2,5".encode("utf-16") * 99, "is no MATLAB file of format 5 or is damaged"),
        (of(d_depth=np.zeros(3)), r"holds no array d_skel of numbers \(it holds d_depth\)"),
        (of(), r"holds no array d_skel of numbers \(it holds none\)"),
        (of(d_skel="text"), "holds no array d_skel of numbers"),
        (of(d_skel={"a": 1}), "holds no array d_skel of numbers"),
        (of(d_skel=np.array([[1, "x"]], object)), "holds no array d_skel of numbers"),
        (of(d_skel=np.zeros((25, 3, 9))), r"d_skel has shape \(25, 3, 9\), expected \(20, 3, fram"),
        (of(d_skel=np.zeros((20, 3, 0))), r"d_skel has shape \(20, 3, 0\)"),
        (of(d_skel=np.zeros((20, 3, 9))), "has no joint in any frame"),
        (of(d_skel=np.ones((20, 3, 9)) * 1j), "d_skel holds complex numbers"),
        (bomb(1 << 25), "is larger than 16,777,216 bytes when unpacked; that is no clip"),
        (bytes(1 << 25), "is larger than 16,777,216 bytes when unpacked; that is no clip"),
    ],
)
def test_files_at_fault(tmp_path: pathlib.Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(f"{NAME}_skeleton.mat: ")
    assert "\n" not in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path: pathlib.Path) -> None:
    write_clip(tmp_path, NAME, bomb(1 << 28))
    tracemalloc.start()
    with open_source(tmp_path) as files, pytest.raises(InputError, match="is larger than"):
        UtdMhadReader(files).read(f"{NAME}_skeleton.mat")
    assert tracemalloc.get_traced_memory()[1] < 1e8
    tracemalloc.stop()


def test_a_set(tmp_path: pathlib.Path) -> None:
    for action in (1, 27):
        for subject in range(1, 9):
            name = f"a{action}_s{subject}_t1"
            write_clip(tmp_path / "s", name, mat_bytes(poses(4, 10 * action + subject)))
    assert describe_source(tmp_path / "s").endswith("; --format=utd_mhad reads them")
    dataset, report = prepare("utd_mhad", tmp_path / "s", tmp_path / "out", progress=False)
    assert (len(dataset), len(dataset.label_names)) == (16, 27)
    assert dataset.label_names[0] == "right arm swipe to the left"
    split = dataset.split("cross_subject")
    assert set(dataset.subjects[split.train]) == {"1", "3", "5", "7"}
    assert set(dataset.subjects[split.test]) == {"2", "4", "6", "8"}
    assert "the published set has 861 clips" in "\n".join(report.lines())


@pytest.mark.parametrize("name", ["a28_s1_t1", "a0_s1_t1", "s1_t1", "a1_s1_t1_inertial"])
def test_unknown_names(tmp_path: pathlib.Path, name: str) -> None:
    write_clip(tmp_path, name, GOOD)
    with open_source(tmp_path) as files, pytest.raises(InputError, match="the name is not aA_sS"):
        UtdMhadReader(files).read(f"{name}_skeleton.mat")
