"""The command, run as a user runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from tests.cli.conftest import Command
from tests.data.videos.fakes import FakeModel, Person, draw, save_model, write_video


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    walk = Person(0, 200, np.arange(10.0, 20.0), np.full(10, 24.0))
    write_video(folder / "videos" / "walk.mov", draw(walk))
    write_video(folder / "videos" / "nod.mov", draw(walk)[:4])
    (folder / "labels.csv").write_text("file,label\nwalk.mov,walk\n")
    save_model(folder / "model", FakeModel())
    return folder


def test_a_folder_becomes_a_dataset(
    inputs: Path, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    status = command(
        "prepare",
        "--format=video",
        f"--source={inputs / 'videos'}",
        "--detector=metrabs",
        f"--model={inputs / 'model'}",
        "--layouts=smpl_24,kinect_v2_25",
        f"--labels={inputs / 'labels.csv'}",
        f"--out={out}",
        "--batch=3",
    )
    written = capsys.readouterr()
    assert status == 0, written.err
    assert written.out.splitlines() == [
        "2 clips written, 10 frames a second",
        "labels by the table: 1 walk, 1 unlabelled",
        f"dataset: {out}",
        f"report:  {out / 'extract_report.json'}",
    ]
    assert "14/14" in written.err  # the progress bar
    dataset = ClipDataset.open(out)
    assert (dataset.name, dataset.layouts) == ("mine", ("kinect_v2_25", "smpl_24"))
    assert dataset.poses("smpl_24").lengths.tolist() == [4, 10]
    assert dataset.source == "videos, poses detected by the model model"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"layouts": ""}, "--layouts is missing; name the skeleton layouts"),
        ({"layouts": "smpl_24,smpl_24"}, "--layouts=smpl_24,smpl_24: a layout is named twice"),
        ({"layouts": "smpl_25"}, "unknown layout 'smpl_25' (did you mean 'smpl_24'?)"),
        ({"persons": "0"}, "flag --persons=0: 0 is not a positive integer"),
        ({"model": ""}, "--model is missing; name the folder"),
        ({"source": ""}, "--source is missing; name a video or a folder of videos"),
        ({"clips": "3"}, "--clips belongs to --format=synthetic; leave it out"),
        ({"video_env": "x"}, "--video_env belongs to --detector=mediapipe; leave it out"),
        ({"detector": "mediapipe"}, "--model belongs to --detector=metrabs; leave it out"),
        ({"format": "hdm05"}, "--detector belongs to --format=video; leave it out"),
    ],
)
def test_bad_input_is_one_line(
    inputs: Path,
    tmp_path: Path,
    command: Command,
    last_error: Callable[[], str],
    flags: dict[str, str],
    message: str,
) -> None:
    given = {
        "format": "video",
        "source": str(inputs / "videos"),
        "detector": "metrabs",
        "model": str(inputs / "model"),
        "layouts": "smpl_24",
        "out": str(tmp_path / "out"),
        **flags,
    }
    assert command("prepare", *(f"--{name}={value}" for name, value in given.items())) == 2
    assert last_error().startswith(message)
    assert not list(tmp_path.iterdir())


def test_media_pipe_has_one_layout(
    inputs: Path, tmp_path: Path, command: Command, last_error: Callable[[], str]
) -> None:
    flags = ("--format=video", f"--source={inputs}", f"--out={tmp_path / 'out'}")
    assert command("prepare", *flags, "--layouts=smpl_24") == 2
    assert "MediaPipe Pose gives blazepose_33 alone; leave it out" in last_error()
    assert command("prepare", *flags, f"--video_env={tmp_path / 'none'}") == 2
    assert "none: no environment with MediaPipe; make it with `make setup-video`" in last_error()
    assert not list(tmp_path.iterdir())
