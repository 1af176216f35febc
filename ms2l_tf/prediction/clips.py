"""Features and actions of recordings, a batch at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from ms2l_tf.prediction.inputs import Recording, joined
from ms2l_tf.prediction.model import CLASSIFY, EMBED, Model, store_outputs
from ms2l_tf.prediction.reading import batches

BATCH = 64


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model says of one recording.

    Attributes:
        name: of the recording.
        frames: of it.
        features: [D]; None: it cannot be used.
        probabilities: of the classes [K]; None: likewise, or the model knows none.
        familiarity: see `Model.familiarity`; None: the model cannot tell.
        error: why it cannot be used.
    """

    name: str
    frames: int = 0
    features: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    familiarity: float | None = None
    error: str = ""


def predictions(
    model: Model, recordings: Iterable[Recording], batch: int = BATCH
) -> Iterator[Prediction]:
    """Predictions of recordings, in their order; of those that cannot be used, the reason.

    Args:
        model: exported.
        recordings: of one input.
        batch: that are computed at a time, at most.
    """
    endpoint = CLASSIFY if model.manifest.label_names else EMBED
    for group in _groups(recordings, batch):
        good = [each for each in group if not each.error]
        made = iter(_of_group(model, good, endpoint, batch) if good else ())
        for each in group:
            yield Prediction(each.name, error=each.error) if each.error else next(made)


def _groups(recordings: Iterable[Recording], batch: int) -> Iterator[list[Recording]]:
    """As many recordings as are held in memory and computed together."""
    held: list[Recording] = []
    for recording in recordings:
        lengths = [each.frames for each in (*held, recording)]
        if len(list(batches(lengths, batch))) > 1:
            yield held
            held = []
        held.append(recording)
    if held:
        yield held


def _of_group(
    model: Model, group: list[Recording], endpoint: str, batch: int
) -> Iterator[Prediction]:
    if len(group) == 1 and (store := group[0].store) is not None:  # long, maybe: not copied
        rows = np.array([group[0].row])
    else:
        store, rows = joined(group), np.arange(len(group))
    start = 0
    for part, outputs in store_outputs(model, store, rows, endpoint, batch):
        features, probabilities = outputs["features"], outputs.get("probabilities")
        familiar = model.familiarity(features)
        for number, each in enumerate(group[start : start + len(part)]):
            yield Prediction(
                each.name,
                each.frames,
                features[number],
                None if probabilities is None else probabilities[number],
                None if familiar is None else float(familiar[number]),
            )
        start += len(part)
