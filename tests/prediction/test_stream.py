"""A stream gives what windows of the whole recording give; bad lines are told by their number."""

from __future__ import annotations

import io
import json
import math
import pathlib
import sys
from typing import Any

import numpy as np
import pytest

from ms2l_tf import ExportedModel
from ms2l_tf.data import Axes
from ms2l_tf.errors import InputError
from ms2l_tf.prediction.stream import FrameStream, parse_frame, stream_predictions
from ms2l_tf.prediction.windows import Window, WindowSize
from tests.cli.conftest import Command
from tests.helpers import motion

SHAPE = (5, 3)


def as_lines(clip: np.ndarray) -> list[bytes]:
    """[F, M, J, C]: a person who is not seen is null, a missing joint too."""
    return [json.dumps([_person(person) for person in frame]).encode() + b"\n" for frame in clip]


def _person(person: np.ndarray) -> list[Any] | None:
    if np.isnan(person).all():
        return None
    return [None if np.isnan(joint).any() else joint.tolist() for joint in person]


def streamed(stream: FrameStream, lines: list[bytes], **choices: Any) -> list[Window]:
    found: list[Window] = []
    stream_predictions(stream, lines, found.append, **choices)
    return found


@pytest.mark.parametrize("frames", [200, 187, 20, 7])
def test_a_stream_equals_windows(model: ExportedModel, long_clip: np.ndarray, frames: int) -> None:
    clip = np.concatenate([long_clip, np.roll(long_clip, 30, axis=0)], axis=1)[:frames]
    clip[3:6, 0, 2] = np.nan
    found = streamed(FrameStream(model, WindowSize.parse("20:8")), as_lines(clip))
    expected = model.windows(clip, length=20, stride=8)
    assert [each.start for each in found] == expected.starts.tolist()
    assert [each.end for each in found] == expected.ends.tolist()
    nothing = np.full(len(model.label_names), np.nan)
    said = [nothing if each.probabilities is None else each.probabilities for each in found]
    np.testing.assert_allclose(said, expected.probabilities, atol=1e-5)


def test_a_stream_in_another_unit_and_axes(model: ExportedModel) -> None:
    clip, axes = motion(20, seed=3), Axes("+z", "+y", "right")
    assert model.manifest.axes is not None
    there = np.linalg.inv(axes.matrix) @ model.manifest.axes.matrix
    stream = FrameStream(model, WindowSize.parse("20"), unit="mm", axes=axes)
    (found,) = streamed(stream, as_lines(1000 * clip @ there.T))
    assert found.probabilities is not None
    expected = model.classify([clip]).probabilities[0]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)


def test_predictions_come_with_their_frame(model: ExportedModel) -> None:
    """Not one frame later: what was told is counted as each frame goes in."""
    stream = FrameStream(model, WindowSize.parse("6:3"))
    told = [stream.add(frame) is not None for frame in motion(13)]
    assert [number for number, each in enumerate(told, start=1) if each] == [6, 9, 12]
    assert stream.finish() is not None
    assert stream.finish() is None
    assert stream.count == 4
    assert 0 < stream.slowest <= stream.total
    assert "told within 0.10 s + " in stream.latency


def test_the_command(
    command: Command,
    exported: pathlib.Path,
    model: ExportedModel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clip = motion(31, seed=2)
    given = type("In", (), {"buffer": io.BytesIO(b"\n".join(as_lines(clip)))})
    monkeypatch.setattr(sys, "stdin", given)
    assert command("predict", f"--model={exported}", "--stream", "--windows=20:5") == 0
    out = capsys.readouterr()
    header, *told = [json.loads(line) for line in out.out.splitlines()]
    assert header["windows"] == "20:5"
    expected = model.windows(clip, length=20, stride=5)
    assert [(each["start"], each["end"]) for each in told] == list(
        zip(expected.starts, expected.ends, strict=True)
    )
    labels = np.array(model.label_names)[expected.probabilities.argmax(axis=1)]
    assert [each["label"] for each in told] == labels.tolist()
    assert "4 predictions, " in out.err


BAD = {
    "[[1, 2, 3]": "line 3: is not valid JSON",
    "7": "line 3: expected lists [5, 3] or [persons, 5, 3], got int",
    "[[0,0,0],[0,0,0]]": "got 2 joints",
    "[[[0,0,0]]]": "got 1 joints",
    "[[0,0],[0,0],[0,0],[0,0],[0,0]]": "got a joint that has not 3 coordinates",
    '[[0,0,"1,5"],null,null,null,null]': "got '1,5' for a coordinate",
    "[[0,0,true],null,null,null,null]": "got 'True' for a coordinate",
    "[[0,0,Infinity],null,null,null,null]": "infinite or too large",
    "[[0,0,1e99],null,null,null,null]": "infinite or too large",
    "[null, 4]": "got a number",
    "[" * 100_000: "line 3: is not valid JSON (nested too deeply)",
    "\xff[]": "line 3: is not valid JSON",
}


@pytest.mark.parametrize("line", BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_line_that_is_no_frame(
    line: str, model: ExportedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    good = as_lines(motion(4))
    lines = [*good[:2], line.encode("latin-1"), *good[2:]]
    with pytest.raises(InputError) as error:
        streamed(FrameStream(model, WindowSize.parse("2:2")), lines)
    said = str(error.value)
    assert said.startswith("standard input, line 3: ")
    assert "\n" not in said
    assert len(said) < 200
    assert BAD[line] in said
    stream = FrameStream(model, WindowSize.parse("2:2"))
    found = streamed(stream, lines, keep_going=True)
    assert [each.end for each in found] == [2, 4, 5], "the line is a frame"
    assert "taken for a frame without anybody" in capsys.readouterr().err


def test_missing_values_of_a_frame() -> None:
    one = parse_frame(b"[[1,2,null],null,[0,0,0],[1,1,1],[2,2,NaN]]\r\n", SHAPE, "here")
    assert one.shape == (1, *SHAPE)
    assert math.isnan(one[0, 0, 2])
    assert np.isnan(one[0, 1]).all()
    assert one[0, 3].tolist() == [1, 1, 1]
    for nobody in (b"null", b"[]", b"[null]", b"[null,null,null,null,null]"):
        assert np.isnan(parse_frame(nobody, SHAPE, "here")).all()
    pair = parse_frame(json.dumps([None, [[1, 2, 3]] * 5]).encode(), SHAPE, "here")
    assert pair.shape == (2, *SHAPE)
    assert np.isnan(pair[0]).all()
