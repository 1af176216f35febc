"""ms2l-predict: actions of recordings, by a model that ms2l-export wrote.

  ms2l-predict --model=models/a --input=recordings
  ms2l-predict --model=models/a --input=data/mine --output=csv --out=predictions.csv
  ms2l-predict --model=models/a --input=take.bvh --windows=2s:0.5s
  camera | ms2l-predict --model=models/a --stream --windows=60:15 --unit=mm

Recordings are of any format that ms2l-prepare reads, or a prepared dataset. They are turned into
the unit and axes of the model; poses of another layout are refused, with the mapping that fits, or
mapped with --map or --layout_map. With --windows a recording holds many actions: windows slide
over it, and what they say is smoothed and merged into segments. With --stream frames come from
standard input, a line of JSON each.

A line of JSON says which model it was, then there is a line a recording, segment or window. Of a
recording that cannot be used it says why; the others are predicted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from absl import flags

from ms2l_tf.cli import common, input_flags
from ms2l_tf.cli.common import refuse
from ms2l_tf.errors import InputError

if TYPE_CHECKING:
    from ms2l_tf.api.model import ExportedModel
    from ms2l_tf.prediction.tasks import Wanted
    from ms2l_tf.prediction.windows import WindowSize

_INPUT = input_flags.define()
OUTPUT = flags.DEFINE_enum(
    "output",
    "jsonl",
    ["jsonl", "csv", "features"],
    "What is written: lines of JSON, a table, or an .npz file of features and probabilities.",
)
OUT = flags.DEFINE_string("out", "", "File to write; by default standard output.")
TOP_K = flags.DEFINE_integer("top_k", 5, "Classes that are told, the best first.", lower_bound=1)
THRESHOLD = flags.DEFINE_float(
    "threshold",
    0.0,
    "Familiarity, the cosine with the nearest training clip, under which the label is 'unknown'; "
    "docs/prediction.md tells how to choose it.",
    lower_bound=0.0,
    upper_bound=1.0,
)
WINDOWS = flags.DEFINE_string(
    "windows",
    None,
    "Windows that slide over recordings, LENGTH[:STRIDE] in frames (60:15) or seconds (2s:0.5s); "
    "the stride is half the length by default.",
)
SMOOTHING = flags.DEFINE_enum(
    "smoothing", "mean", ["mean", "median"], "Scores of a frame, of all windows that cover it."
)
STREAM = flags.DEFINE_bool(
    "stream", False, "Read frames from standard input, predict over the last ones as they come."
)
KEEP_GOING = flags.DEFINE_bool(
    "keep_going", False, "With --stream: take a malformed line for a frame without anybody."
)
BATCH = flags.DEFINE_integer("batch", 64, "Clips or windows computed at a time.", lower_bound=1)
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags and predicts."""
    _check()
    common.quiet_tensorflow()
    from ms2l_tf.api.model import load_model
    from ms2l_tf.prediction import tasks
    from ms2l_tf.prediction.windows import WindowSize

    size = WindowSize.parse(WINDOWS.value) if WINDOWS.value else None
    model = load_model(_INPUT.model.value)
    names = ("output", "out", "top_k", "threshold", "batch")
    wanted = tasks.Wanted(**{name: globals()[name.upper()].value for name in names})
    tasks.check_model(model, wanted)
    if STREAM.value and size is not None:
        _stream(model, size, wanted)
    elif size is not None:
        choices = _INPUT.choices()
        tasks.predict_segments(model, _INPUT.input.value, choices, wanted, size, SMOOTHING.value)
    else:
        tasks.predict_clips(model, _INPUT.input.value, _INPUT.choices(), wanted)


def _check() -> None:
    """Refuses flags that do not go together."""
    _INPUT.check(stream=STREAM.value)
    if STREAM.value:
        refuse("is of no use with --stream", _INPUT.input, _INPUT.format, SMOOTHING, BATCH)
        if not WINDOWS.value:
            raise InputError("--windows is missing: over how many frames --stream predicts")
        if OUTPUT.value != "jsonl":
            raise InputError(f"--output={OUTPUT.value}: --stream writes lines of JSON")
        return
    refuse("belongs to --stream", KEEP_GOING)
    if not WINDOWS.value:
        refuse("belongs to --windows", SMOOTHING)
    elif OUTPUT.value == "features":
        raise InputError("--output=features: is of whole recordings; leave --windows out")
    else:
        refuse("is of no use with --windows: a segment has one label", TOP_K)
    if OUTPUT.value == "features" and not OUT.value:
        raise InputError("--out is missing: the .npz file for --output=features")


def _stream(model: ExportedModel, size: WindowSize, wanted: Wanted) -> None:
    from ms2l_tf.prediction.stream import FrameStream
    from ms2l_tf.prediction.tasks import predict_stream

    stream = FrameStream(model, size, **_INPUT.of_stream(model.manifest))
    predict_stream(model, sys.stdin.buffer, stream, wanted, keep_going=KEEP_GOING.value)
    if stream.count:
        print(stream.latency, file=sys.stderr)


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
