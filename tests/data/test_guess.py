"""Sources and formats that cannot be read: what they are is named, and what to do about it."""

from __future__ import annotations

import json
import pathlib
import pickle
import shutil
from collections.abc import Callable

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats import FORMATS, ReaderOptions
from ms2l_tf.data.formats.file_kinds import KINDS
from ms2l_tf.data.formats.guess import describe_source, recognised
from ms2l_tf.data.formats.unsupported import _UNREAD, unknown_format
from ms2l_tf.data.prepare import prepare
from ms2l_tf.errors import InputError
from tests.data import (
    test_asf_amc,
    test_bandai_namco,
    test_hdm05,
    writers_bandai_namco,
    writers_hdm05,
)
from tests.data.test_bvh import CONTENT
from tests.data.test_prepare import run_command

KNOWN = (*FORMATS, "video", "synthetic")
# Formats whose files are known by what they hold, whatever they are called.
BY_CONTENT = ("pyskl", "arrays", "csv", "openpose", "coco", "mediapipe")
READ_BY_CONTENT = {kind.name: kind.reader for kind in KINDS if kind.reader in BY_CONTENT}
NTU = "1\n1\n72057594037931101 0 1 1 1 1 0 0.02 -0.2 2\n25\n" + "0.1 0.2 3 1 1 1 1 0 0 0 0 2\n" * 25
KINETICS = {"data": [{"frame_index": 1, "skeleton": [{"pose": [0.1], "score": [0.5]}]}]}
OPENPOSE = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [0.5, 1, 1]}]}
COCO = [{"image_id": 1, "category_id": 1, "keypoints": [1, 2, 1], "score": 0.9}]
MEDIAPIPE = {"pose_landmarks": [{"x": 0.5, "y": 0.5, "z": 0.1, "visibility": 1}]}
PYSKL = {"split": {"xsub_train": ["S001"]}, "annotations": [{"frame_dir": "S001", "label": 1}]}


class Bomb:
    """Whoever unpickles it is told."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (pytest.fail, ("unpickled",))


def npz(path: pathlib.Path, **arrays: np.ndarray) -> bytes:
    np.savez(path / "scratch.npz", **arrays)  # type: ignore[arg-type]
    content = (path / "scratch.npz").read_bytes()
    (path / "scratch.npz").unlink()
    return content


def pickled(value: object) -> bytes:
    return pickle.dumps({"annotations": value, "bomb": Bomb()})


# Name of each of three files (the number goes in), content, and how they are called.
SOURCES: dict[str, tuple[str, bytes, str]] = {
    "ntu": ("S001_{}.skeleton", NTU.encode(), "NTU RGB+D .skeleton"),
    "ntu as text": ("{}.txt", NTU.encode(), "NTU RGB+D .skeleton"),
    "ntu in capitals": ("S001_{}.SKELETON", b"", "NTU RGB+D .skeleton"),
    "pyskl": ("ntu60_{}.pkl", pickled([1]), "PYSKL .pkl annotation"),
    "pyskl, split first": ("{}.pkl", pickle.dumps(PYSKL), "PYSKL .pkl annotation"),
    "pickle": ("{}.pkl", pickle.dumps([1, 2]), "Python pickle (.pkl)"),
    "nameless pickle": ("{}.data", pickle.dumps([1, 2]), "Python pickle (.pkl)"),
    "npy": ("{}.npy", b"\x93NUMPY\1\0", "NumPy .npy"),
    "mat": ("take{}.mat", b"MATLAB 5.0 MAT-file", "MATLAB .mat"),
    "hdf5": ("{}.h5", b"\x89HDF\r\n\x1a\n", "HDF5"),
    "c3d": ("{}.c3d", b"\2\x50\0\0", "C3D motion-capture"),
    "fbx": ("{}.fbx", b"Kaydara FBX Binary", "FBX"),
    "trc": ("{}.trc", b"PathFileType\t4", "TRC motion-capture"),
    "h36m": ("Directions {}.cdf", b"\xcd\xf3\0\1", "CDF (Human3.6M)"),
    "bvh as text": ("take{}.txt", CONTENT.encode("utf-16"), "BVH motion-capture"),
    "asf": ("{}.asf", test_asf_amc.CHAIN.encode(), "ASF/AMC motion-capture"),
    "openpose": ("v_{}_keypoints.json", json.dumps(OPENPOSE).encode(), "OpenPose JSON"),
    "kinetics": ("{}.json", json.dumps(KINETICS).encode(), "Kinetics-Skeleton JSON"),
    "mediapipe": ("{}.json", json.dumps(MEDIAPIPE).encode("utf-8-sig"), "MediaPipe JSON"),
    "coco": ("{}.json", json.dumps(COCO).encode(), "COCO keypoint JSON"),
    "coco, pictures first": ("{}.json", b'{"info": {}, "images": [{"id": 1', "COCO keypoint JSON"),
    "json": ("{}.json", b'{"a": 1}', "JSON"),
    "mediapipe table": ("{}.csv", b"frame,nose_x,nose_visibility\n0,1,1", "MediaPipe CSV"),
    "csv": ("{}.csv", b"frame,head_x\n0,1", "CSV"),
    "pku": ("video {}.txt", b" 0.5 1.25e-1 -3" * 50 + b"\n", "PKU-MMD text"),
    "numbers": ("{}.txt", b"1 2.5 3\n4 5 6\n", "numeric text"),
    "archives": ("nturgbd_{}.zip", b"PK\3\4", "archive"),
    "pictures": ("{}.jpg", b"\xff\xd8\xff", "picture"),
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> tuple[pathlib.Path, str]:
    """A folder of three files of one kind, a licence and a hidden file, and the kind's name."""
    name, content, kind = SOURCES[request.param]
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    for number in range(3):
        (folder / "deep" / name.format(number)).write_bytes(content)
    (folder / "LICENSE").write_text("Not for sale.")
    (folder / "._x.json").write_bytes(b"\0\5\x16\7")
    return folder, kind


def test_a_folder_is_told_by_what_it_holds(source: tuple[pathlib.Path, str]) -> None:
    folder, kind = source
    said = describe_source(folder)
    assert "\n" not in said
    if kind in READ_BY_CONTENT:
        assert said == f"holds 3 {kind} files; --format={READ_BY_CONTENT[kind]} reads them"
        return
    assert said.startswith(f"holds 3 {kind} files, which this package cannot read yet: ")
    wanted = "name it as --source" if kind == "archive" else "ms2l_tf.data.DatasetWriter"
    assert wanted in said


@pytest.mark.parametrize(
    ("names", "reader"),
    [
        ({"take1.bvh": CONTENT, "TAKE2.BVH": CONTENT}, "bvh"),
        ({"01.asf": test_asf_amc.CHAIN, "01_02.amc": ":FULLY-SPECIFIED\n"}, "amc"),
    ],
)
def test_motion_capture_of_any_source(
    tmp_path: pathlib.Path, names: dict[str, str], reader: str
) -> None:
    for name, text in names.items():
        (tmp_path / name).write_text(text)
    assert describe_source(tmp_path).endswith(f" files; --format={reader} reads them")
    assert not describe_source(tmp_path, reader)


@pytest.mark.parametrize("suffix", ["zip", "tar", "gztar"])
def test_archives_too(source: tuple[pathlib.Path, str], suffix: str) -> None:
    folder, kind = source
    archive = shutil.make_archive(str(folder.parent / "packed"), suffix, folder)
    assert describe_source(archive).startswith(f"holds 3 {kind} files")


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_reader_says_what_it_was_given(
    source: tuple[pathlib.Path, str], format_name: str, tmp_path: pathlib.Path
) -> None:
    folder, kind = source
    with open_source(folder) as files:
        if any(map(FORMATS[format_name](files, ReaderOptions()).knows, files.names)):
            return  # read, or refused by the reader itself, as its own tests have it
    with pytest.raises(InputError) as caught:
        prepare(format_name, folder, tmp_path / "out", progress=False)
    assert str(caught.value).count("\n") == 0
    read = f"; --format={READ_BY_CONTENT.get(kind)} reads them"
    unread = ", which this package cannot read yet"
    held = f"holds 3 {kind} files{read if kind in READ_BY_CONTENT else unread}"
    assert held in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_single_file_is_told(source: tuple[pathlib.Path, str], tmp_path: pathlib.Path) -> None:
    folder, kind = source
    file = next(path for path in sorted((folder / "deep").iterdir()))
    if kind == "archive":
        return
    with pytest.raises(InputError) as caught:
        prepare("nw_ucla", file, tmp_path / "out", progress=False)
    assert f"holds 1 {kind} file" in str(caught.value)


def test_amass(tmp_path: pathlib.Path) -> None:
    arrays = {"poses": np.zeros((2, 156)), "betas": np.zeros(16), "trans": np.zeros((2, 3))}
    (tmp_path / "a_poses.npz").write_bytes(npz(tmp_path, **arrays))
    assert describe_source(tmp_path).startswith("holds 1 AMASS .npz file, which")
    (tmp_path / "a_poses.npz").write_bytes(npz(tmp_path, x_train=np.zeros(3)))
    assert describe_source(tmp_path) == "holds 1 CTR-GCN .npz file; --format=ctrgcn reads them"


def test_the_format_that_reads_a_source_is_named(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert describe_source(nw_ucla_folder) == (
        "holds 40 NW-UCLA JSON files; --format=nw_ucla reads them"
    )
    (tmp_path / "bandai").mkdir()
    test_bandai_namco.write(tmp_path / "bandai", writers_bandai_namco.content(), label={})
    said = describe_source(tmp_path / "bandai")
    assert said.startswith("holds 1 BVH motion-capture file (and 1 JSON file); --format=bandai_n")
    (tmp_path / "hdm").mkdir()
    test_hdm05.write(tmp_path / "hdm", writers_hdm05.motion(2))
    assert describe_source(tmp_path / "hdm").endswith("; --format=hdm05 reads them")
    with pytest.raises(InputError, match=r"no \.amc file; it holds 40 .* --format=nw_ucla reads"):
        prepare("hdm05", nw_ucla_folder, tmp_path / "out", progress=False)


def test_a_source_is_recognised(nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """In a folder, an archive, a single file; one file in twenty may be of another format."""
    test_bandai_namco.write(nw_ucla_folder, writers_bandai_namco.content())
    (nw_ucla_folder / "._a01_s01_e00_v01.json").write_bytes(b"\0")
    archive = shutil.make_archive(str(tmp_path / "packed"), "gztar", nw_ucla_folder)
    seen = "holds 40 NW-UCLA JSON files (and 1 BVH motion-capture file): --format=nw_ucla"
    for place in (nw_ucla_folder, archive):
        with open_source(place) as files:
            assert recognised(files) == ("nw_ucla", seen)
    made = run_command(f"--source={archive}", f"--out={tmp_path / 'out'}", "--workers=1")
    assert made.stdout.startswith("40 clips written")
    assert f"{archive}: {seen}\n" in made.stderr
    with open_source(nw_ucla_folder / "a01_s01_e00_v01.json") as files:
        assert recognised(files) == ("nw_ucla", "holds 1 NW-UCLA JSON file: --format=nw_ucla")


def test_what_is_not_recognised_is_refused(
    nw_ucla_folder: pathlib.Path, tiny: ClipDataset, tmp_path: pathlib.Path
) -> None:
    test_hdm05.write(nw_ucla_folder, writers_hdm05.motion(2))  # of two files, .asf and .amc
    test_bandai_namco.write(nw_ucla_folder, writers_bandai_namco.content())
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("\\begin{document}")
    known = f"; --format reads {', '.join(FORMATS)}"
    for place, message in (
        (
            nw_ucla_folder,
            "holds 40 NW-UCLA JSON files (and 2 ASF/AMC motion-capture files, 1 BVH motion-capture "
            "file), read by --format=nw_ucla (40), --format=hdm05 (2), --format=bandai_namco (1); "
            "name one of them, or a folder of one format",
        ),
        (tmp_path / "thesis", f"holds nothing that looks like skeletons{known}"),
        (tiny.path, f"holds a prepared dataset: train on it with --data={tiny.path}{known}"),
    ):
        with pytest.raises(InputError) as caught:
            prepare("auto", place, tmp_path / "out", progress=False)
        assert str(caught.value) == f"{place}: {message}"
        assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("{}.mp4", b"\0\0\0\x18ftypmp42"),
        ("S001C001P001R001A00{}_rgb.AVI", b"RIFF\0\0\0\0AVI "),
        ("{}.webm", b"\x1a\x45\xdf\xa3"),
    ],
)
def test_videos_may_have_any_name(name: str, head: bytes, tmp_path: pathlib.Path) -> None:
    for number in range(2):
        (tmp_path / name.format(number)).write_bytes(head)
    told, one = (f"{n}; --format=video reads them" for n in ("2 video files", "1 video file"))
    assert describe_source(tmp_path) == f"holds {told}"
    assert describe_source(tmp_path / name.format(0)) == f"holds {one}"
    with pytest.raises(InputError, match=f"it holds {told}"):
        prepare("hdm05", tmp_path, tmp_path / "out", progress=False)
    with pytest.raises(InputError, match=f": holds {told}; name it"):
        prepare("auto", tmp_path, tmp_path / "out", progress=False)


def test_mixed_sources_are_counted(tmp_path: pathlib.Path) -> None:
    for number in range(3):
        (tmp_path / f"S00{number}.skeleton").write_text(NTU)
    (tmp_path / "missing.csv").write_text("name\nS001")
    held = "holds 3 NTU RGB+D .skeleton files (and 1 CSV file), which this package cannot read yet"
    assert describe_source(tmp_path).startswith(held)
    with pytest.raises(InputError) as caught:
        prepare("auto", tmp_path, tmp_path / "out", progress=False)
    assert held in str(caught.value)


def test_a_prepared_dataset_is_no_source(tiny: ClipDataset, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="it holds a prepared dataset: train on it with --data="):
        prepare("hdm05", tiny.path, tmp_path / "out", progress=False)


def test_what_cannot_be_told_is_left_unsaid(tmp_path: pathlib.Path) -> None:
    (tmp_path / "thesis.tex").write_text("\\begin{document}")
    assert describe_source(tmp_path) == ""
    assert describe_source(tmp_path / "thesis.tex") == ""
    assert describe_source(tmp_path / "none") == ""
    with pytest.raises(InputError, match=r"no \.bvh file; name what was published as bandai_namco"):
        prepare("bandai_namco", tmp_path, tmp_path / "out", progress=False)


NAMES = [n for _, _, names in _UNREAD for n in names.split() if n not in KNOWN]


@pytest.mark.parametrize("name", NAMES)
def test_names_without_a_reader_get_an_answer(name: str) -> None:
    for written in (name, name.upper(), f"{name}_2d", f"{name[:2]}-{name[2:]}"):
        said = unknown_format(written, KNOWN)
        assert said.startswith(f"--format={written}: ")
        assert f"cannot be read yet (--format reads {', '.join(KNOWN)}); " in said
        assert "DatasetWriter" in said
        assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("nwucla", "nw_ucla"),
        ("NW-UCLA", "nw_ucla"),
        ("n-ucla", "nw_ucla"),
        ("hdm_05", "hdm05"),
        ("hmd05", "hdm05"),
        ("Bandai-Namco", "bandai_namco"),
        ("bandai", "bandai_namco"),
        ("NTU", "ntu"),
        ("ntu60", "ntu"),
        ("NTU-RGB+D-120", "ntu"),
        ("Auto", "auto"),
        ("PKU-MMD", "pku_mmd"),
        ("pku2", "pku_mmd"),
        ("UTD-MHAD", "utd_mhad"),
        ("MSR-Action3D", "msr_action3d"),
        ("UTKinect", "utkinect"),
        ("MSRC-12", "msrc12"),
        ("sintetic", "synthetic"),
        ("videos", "video"),
        ("MP4", "video"),
        ("MeTRAbs", "video"),
        ("cmu", "amc"),
        ("Mixamo", "bvh"),
    ],
)
def test_other_names_of_what_is_read(name: str, meant: str) -> None:
    assert unknown_format(name, KNOWN) == f"--format={name}: unknown, did you mean {meant}?"


def test_the_command_answers(tmp_path: pathlib.Path) -> None:
    (tmp_path / "v_1.json").write_text(json.dumps(KINETICS))
    source, held = f"--source={tmp_path}", "the source holds 1 Kinetics-Skeleton JSON file, which"
    for flags, said in (
        (["--format=kinetics"], "--format=kinetics: Kinetics-Skeleton cannot be read yet"),
        (["--format=kinetics", source], held),
        ([source, f"--out={tmp_path / 'out'}"], "holds 1 Kinetics-Skeleton JSON file, which"),
        (["--format=qwerty"], f"unknown; --format reads {', '.join(KNOWN)}"),
        (["--format=qwerty", source], held),
        (["--format=hdm05", source, f"--out={tmp_path / 'out'}"], "it holds 1 Kinetics-Skeleton"),
    ):
        done = run_command(*flags)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert said in done.stderr
