from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data import prepare as prepare_module
from ms2l_tf.data.formats import ReadClip, ReaderOptions
from ms2l_tf.data.formats.nw_ucla import LAYOUT, NwUclaReader
from ms2l_tf.data.prepare import REPORT, prepare
from ms2l_tf.data.preparing import work
from ms2l_tf.errors import InputError
from tests.data.conftest import nw_ucla_content

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run_command(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ms2l_tf.cli.prepare", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def break_clips(folder: pathlib.Path, *names: str) -> None:
    for name in names:
        (folder / f"{name}.json").write_text('{"skeletons": [[[0.1, ')


def test_report_is_in_the_folder(nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    still = nw_ucla_content("a01_s01_e00_v01", frames=3)
    still["skeletons"][2] = still["skeletons"][1]
    (nw_ucla_folder / "a01_s01_e00_v01.json").write_text(json.dumps(still))
    one = nw_ucla_content("a12_s01_e00_v01", frames=1)
    for name in ("a12_s01_e00_v01", "a12_s01_e00_v02"):
        (nw_ucla_folder / f"{name}.json").write_text(json.dumps(one))
    dataset, report = prepare("nw_ucla", nw_ucla_folder, tmp_path / "out", progress=False)
    assert json.loads((dataset.path / REPORT).read_text()) == report.to_json()
    assert report.repeated_frames == {"a01_s01_e00_v01": 1}
    assert report.one_frame == ["a12_s01_e00_v01", "a12_s01_e00_v02"]
    assert report.copies == [["a12_s01_e00_v01", "a12_s01_e00_v02"]]
    assert report.splits["cross_view_3"] == {"train": 24, "test": 16}
    text = "\n".join(report.lines())
    assert "40 clips written" in text
    assert "the published set has 1484 clips" in text
    assert str(tmp_path) not in (dataset.path / REPORT).read_text()


def test_unreadable_clip_stays_in_the_test_set_only(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    bad = "a01_s02_e00_v03"
    break_clips(nw_ucla_folder, bad)
    dataset, report = prepare("nw_ucla", nw_ucla_folder, tmp_path / "out", progress=False)
    assert list(report.blanked) == [bad]
    assert "is not valid JSON" in report.blanked[bad]
    index = dataset.names.tolist().index(bad)
    poses = dataset.poses(LAYOUT).poses(index)
    assert poses.coords.shape == (1, 1, 20, 3)
    assert np.isnan(poses.coords).all()
    assert dataset.labels[index] == 0
    for name in dataset.split_names:
        assert index not in dataset.split(name).train
    assert index in dataset.split("cross_view_3").test
    assert len(dataset.split("cross_view_3").test) == 16


def test_unknown_clip_is_skipped_and_listed(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (nw_ucla_folder / "notes.json").write_text("{}")
    dataset, report = prepare("nw_ucla", nw_ucla_folder, tmp_path / "out", progress=False)
    assert list(report.skipped) == ["notes.json"]
    assert len(dataset) == 40


def test_strict_and_too_many_bad_clips(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "out"
    break_clips(nw_ucla_folder, "a01_s02_e00_v03", "a01_s02_e00_v01")
    with pytest.raises(InputError, match=r"--strict: a01_s02_e00_v01.json: is not valid JSON"):
        prepare("nw_ucla", nw_ucla_folder, out, strict=True, progress=False)
    prepare("nw_ucla", nw_ucla_folder, tmp_path / "five_percent", progress=False)
    break_clips(nw_ucla_folder, "a01_s01_e00_v01")
    with pytest.raises(InputError, match=r"3 of 40 clips are bad \(more than 5%\), the first: a01"):
        prepare("nw_ucla", nw_ucla_folder, out, progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all_sqe", "five_percent"]


class ZeroReader(NwUclaReader):
    """Gives zeros where nobody was seen: some frames of one clip, all of another."""

    def read(self, entry: str) -> ReadClip:
        read = super().read(entry)
        for name, frames in (("a01_s01_e00_v01", slice(2)), ("a01_s01_e00_v02", slice(None))):
            if read.clip.name == name:
                read.poses[LAYOUT].coords[frames] = 0
        return read


@pytest.mark.parametrize("keep_zeros", [False, True])
def test_zeros_of_a_source_are_missing_and_counted(
    nw_ucla_folder: pathlib.Path,
    tmp_path: pathlib.Path,
    keep_zeros: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in (prepare_module, work):
        monkeypatch.setattr(module, "FORMATS", {"zeros": ZeroReader})
    dataset, report = prepare(
        "zeros", nw_ucla_folder, tmp_path / "out", keep_zeros=keep_zeros, progress=False
    )
    store, said = dataset.poses(LAYOUT), capsys.readouterr().err
    missing = [int(np.isnan(store.poses(clip).coords).all(axis=(1, 2, 3)).sum()) for clip in (0, 1)]
    if keep_zeros:
        assert (missing, report.changed[LAYOUT].keys()) == ([0, 0], {"zero_torsos"})
        return
    assert missing == [2, store.lengths[1]]
    assert report.changed[LAYOUT] == {
        "zero_frames": {"count": 2, "clips": 1, "first_clips": ["a01_s01_e00_v01"]},
        "zero_persons": {"count": 1, "clips": 1, "first_clips": ["a01_s01_e00_v02"]},
    }
    assert json.loads((dataset.path / REPORT).read_text())["changed"] == report.changed
    assert "2 frames of a person are zero in all joints" in said
    assert "1 persons are zero in all joints of a clip" in said
    assert "1 clips are blank (no joint of anyone is seen), kept: a01_s01_e00_v02" in said


def test_duplicate_clip_names_and_empty_sources(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (nw_ucla_folder / "more").mkdir()
    with pytest.raises(InputError, match=r"more: holds no \.json file"):
        prepare("nw_ucla", nw_ucla_folder / "more", tmp_path / "out", progress=False)
    content = (nw_ucla_folder / "a01_s01_e00_v01.json").read_bytes()
    (nw_ucla_folder / "more" / "a01_s01_e00_v01.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a01_s01_e00_v01 occurs twice, as .* and more/a01"):
        prepare("nw_ucla", nw_ucla_folder, tmp_path / "out", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["all_sqe"]


def test_command_derives_layouts(nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    flags = ["--format=nw_ucla", f"--source={nw_ucla_folder}", f"--out={out}", "--keep_zeros"]
    refused = run_command(*flags, "--layouts=native,smpl_24")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: --layouts: 'smpl_24' cannot be derived")
    assert not out.exists()
    made = run_command(*flags, "--layouts=h36m_17,native")
    assert made.returncode == 0, made.stderr
    assert set(ClipDataset.open(out).layouts) == {LAYOUT, "h36m_17"}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("layout", "kinect_v1_20"),
        ("labels", "labels.csv"),
        ("frame_rate", 25.0),
        ("unit", "mm"),
        ("axes", "+y,+z,right"),
    ],
)
def test_what_a_format_knows_itself_is_not_to_be_said(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path, option: str, value: object
) -> None:
    message = f"--{option} has no effect with --format=nw_ucla; leave it out"
    options = ReaderOptions(**{option: value})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"^{message}$"):
        prepare("auto", nw_ucla_folder, tmp_path / "out", options=options, progress=False)
    refused = run_command(
        f"--source={nw_ucla_folder}", f"--out={tmp_path / 'out'}", f"--{option}={value}"
    )
    assert refused.stderr.splitlines()[1:] == [f"error: {message}"]
    assert [path.name for path in tmp_path.iterdir()] == ["all_sqe"]


def test_every_option_of_a_reader_has_a_flag() -> None:
    text = run_command("--help").stdout
    for field in dataclasses.fields(ReaderOptions):
        assert f"--{field.name}:" in text


def test_command_prepares_then_inspects(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "deep" / "out"
    made = run_command("--format=nw_ucla", f"--source={nw_ucla_folder}", f"--out={out}")
    assert (made.returncode, made.stdout.splitlines()[0]) == (0, "40 clips written")
    assert "split cross_view_3: 24 training, 16 test clips" in made.stdout
    assert len(ClipDataset.open(out)) == 40

    shown = run_command(f"--inspect={out}")
    assert shown.returncode == 0
    assert re.search(r"pick up with one hand +20\n", shown.stdout)
    assert json.loads((out / "inspect" / "inspect.json").read_text())["clips"] == 40
    assert (out / "inspect" / f"contact_sheet_{LAYOUT}.png").stat().st_size > 10_000

    coords = out / "poses" / LAYOUT / "coords.npy"
    coords.write_bytes(coords.read_bytes()[:-1] + b"\0")
    damaged = run_command(f"--inspect={out}")
    assert damaged.returncode == 2
    assert f"error: {coords}: the content does not match" in damaged.stderr
    assert "Traceback" not in damaged.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--source is missing: name the folder, archive or file to read"),
        (["--format=ntu999"], "ntu999"),
        (["--format=nw_ucla"], "--out is missing"),
        (["--source={tmp}"], "--out is missing"),
        (["--source={tmp}", "--out={tmp}/out"], "holds nothing that looks like skeletons"),
        (["--format=nw_ucla", "--out={tmp}/out"], "--source is missing"),
        (["--format=nw_ucla", "--source={tmp}/none", "--out={tmp}/out"], "none: no such file"),
        (["--format=nw_ucla", "--source={tmp}", "--out={tmp}"], "is not empty"),
        (["--format=nw_ucla", "--out={tmp}/out", "--clips=5"], "--clips belongs to"),
        (["--format=synthetic", "--out={tmp}/out", "--source=x"], "--source is of no use"),
        (["--format=synthetic", "--out={tmp}/out", "--strict"], "--strict is of no use"),
        (["--format=synthetic", "--out={tmp}/out", "--workers=2"], "--workers is of no use"),
        (["--format=synthetic", "--out={tmp}/out", "--unit=mm"], "--unit is of no use"),
        (["--format=synthetic", "--out={tmp}/out", "--keep_zeros"], "--keep_zeros is of no use"),
        (["--inspect={tmp}", "--keep_zeros"], "--keep_zeros is of no use with --inspect"),
        (["--format=synthetic", "--out={tmp}/out", "--clips=3"], "--clips: 3 is too few"),
        (["--format=synthetic", "--out={tmp}/out", "--seed=-1"], "--seed: -1 is negative"),
        (["--format=synthetic", "--out={tmp}/out", "--preset=demi"], "--preset: unknown preset"),
        (
            ["--format=synthetic", "--out={tmp}/out", "--layouts=coco_17,coco_17"],
            "--layouts: coco_17, coco_17 name the same layout twice",
        ),
        (["--inspect={tmp}", "--format=nw_ucla"], "--format is of no use with --inspect"),
        (["--inspect={tmp}/none"], "none: no such dataset folder"),
        (["--inspect={tmp}", "--exclude=x"], "--exclude is of no use with --inspect"),
        (["--source={tmp}", "--out={tmp}/out", "--workers=0"], "0 is not a positive integer"),
        (["--source={tmp}", "--out={tmp}/out", "--unit=inch"], "value should be one of <m|mm|cm"),
        (
            ["--source={tmp}", "--out={tmp}/out", "--scheduler=x:1", "--workers=2"],
            "--workers is of no use with --scheduler",
        ),
        (
            ["--source={tmp}", "--out={tmp}/out", "--exclude={tmp}/none"],
            "none: cannot be read (No such file or directory)",
        ),
        (["--inspect={tmp}", "leftover"], "'leftover' is not a flag"),
    ],
)
def test_bad_command_line(flags: list[str], message: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "something").touch()
    result = run_command(*[flag.format(tmp=tmp_path) for flag in flags])
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["something"]


def test_command_generates_synthetic_motions(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    flags = ["--format=synthetic", f"--out={out}", "--clips=24", "--seed=1", "--layouts=coco_17"]
    made = run_command(*flags)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("24 clips in coco_17")
    assert len(ClipDataset.open(out)) == 24
    refused = run_command("--format=synthetic", f"--out={tmp_path / 'x'}", "--layouts=octopus_8")
    assert refused.returncode == 2
    assert "octopus_8" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
