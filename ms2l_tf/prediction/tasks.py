"""What `ms2l-predict` does: recordings, segments of long ones, or a stream to a file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from typing import IO, Any

from tqdm import tqdm

from ms2l_tf.errors import InputError
from ms2l_tf.export.manifest import fingerprint
from ms2l_tf.prediction import rows, writing
from ms2l_tf.prediction.clips import BATCH, predictions
from ms2l_tf.prediction.inputs import InputChoices, Recording, opened_input, usable_counted
from ms2l_tf.prediction.model import Model, check_threshold
from ms2l_tf.prediction.segments import segments, smoothed
from ms2l_tf.prediction.stream import FrameStream, lines_of, stream_predictions
from ms2l_tf.prediction.windows import WindowSize, window_predictions


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is written of predictions.

    Attributes:
        output: ``jsonl``, ``csv`` or ``features``.
        out: file; empty: standard output.
        top_k: classes that are told of a recording.
        threshold: familiarity under which a label is ``unknown``.
        batch: clips or windows computed at a time.
    """

    output: str = writing.JSONL
    out: str = ""
    top_k: int = 5
    threshold: float = 0.0
    batch: int = BATCH

    def classes_of(self, model: Model) -> int:
        """How many classes are told."""
        return min(self.top_k, len(model.manifest.label_names))


def check_model(model: Model, wanted: Wanted) -> None:
    """Refuses a model that gives features alone, or cannot tell what is asked.

    Raises:
        InputError: it is such.
    """
    if wanted.output == writing.FEATURES:
        return
    if not model.manifest.label_names:
        raise InputError(
            f"{model.path}: was exported without a head and knows no actions; use "
            "--output=features, or export the run with --head=ridge"
        )
    check_threshold(model, wanted.threshold)


def predict_clips(
    model: Model, source: str | os.PathLike[str], choices: InputChoices, wanted: Wanted
) -> None:
    """Writes features or actions of the recordings of an input.

    Raises:
        InputError: it cannot be read, does not fit the model, or has no recording of use.
    """
    labels, k = model.manifest.label_names, wanted.classes_of(model)
    with (
        opened_input(source, model.manifest, choices) as (count, recordings),
        tqdm(usable_counted(recordings, source), "predicting", count, unit="clip") as bar,
    ):
        made = predictions(model, bar, wanted.batch)
        if wanted.output == writing.FEATURES:
            writing.write_features(wanted.out, list(made), labels)
            return
        lines = (rows.clip_row(each, labels, k, wanted.threshold) for each in made)
        with writing.text_output(wanted.out) as file:
            if wanted.output == writing.CSV:
                writing.write_table(file, rows.clip_columns(k), map(rows.flat, lines))
            else:
                writing.write_json_lines(file, _header(model, wanted), lines)


def predict_segments(
    model: Model,
    source: str | os.PathLike[str],
    choices: InputChoices,
    wanted: Wanted,
    size: WindowSize,
    smoothing: str,
) -> None:
    """Writes the segments of long recordings, found by sliding windows.

    Raises:
        InputError: see `predict_clips`.
    """
    with (
        opened_input(source, model.manifest, choices) as (count, recordings),
        tqdm(usable_counted(recordings, source), "predicting", count, unit="recording") as bar,
    ):
        lines = _segment_rows(model, bar, wanted, size, smoothing)
        with writing.text_output(wanted.out) as file:
            if wanted.output == writing.CSV:
                writing.write_table(file, rows.SEGMENT_COLUMNS, lines)
            else:
                said = {"windows": str(size), "smoothing": smoothing}
                writing.write_json_lines(file, _header(model, wanted, **said), lines)


def _segment_rows(
    model: Model,
    recordings: Iterable[Recording],
    wanted: Wanted,
    size: WindowSize,
    smoothing: str,
) -> Iterator[dict[str, Any]]:
    labels = model.manifest.label_names
    for each in recordings:
        if each.store is None:
            yield {"clip": each.name, "error": each.error}
            continue
        rate = each.store.frame_rate
        windows = window_predictions(
            model, each.store, each.row, size.frames(rate), wanted.batch, each.turn(model)
        )
        for segment in segments(smoothed(windows, smoothing), labels, wanted.threshold):
            yield rows.segment_row(each.name, segment, rate)


def predict_stream(
    model: Model,
    frames: IO[bytes],
    stream: FrameStream,
    wanted: Wanted,
    *,
    keep_going: bool = False,
) -> None:
    """Writes a prediction every few frames, as soon as it is there.

    Args:
        model: with a head.
        frames: a line of JSON each.
        stream: that they are added to.
        wanted: what is written.
        keep_going: see `stream_predictions`.

    Raises:
        InputError: a line is no frame.
    """
    labels, k = model.manifest.label_names, wanted.classes_of(model)
    stream.warm_up()
    with writing.text_output(wanted.out) as file:
        said = {"windows": f"{stream.length}:{stream.stride}"}
        writing.write_json_lines(file, _header(model, wanted, **said), ())
        stream_predictions(
            stream,
            lines_of(frames),
            lambda made: writing.write_line(
                file, rows.window_row(made, labels, k, wanted.threshold)
            ),
            keep_going=keep_going,
        )


def _header(model: Model, wanted: Wanted, **more: Any) -> dict[str, Any]:
    """What all lines have in common."""
    known = {"model": fingerprint(model.path), "layout": model.manifest.layout.name}
    return {**known, "threshold": wanted.threshold, **more}
