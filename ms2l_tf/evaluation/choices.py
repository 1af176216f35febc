"""What is chosen at evaluation rather than at training."""

from __future__ import annotations

import dataclasses
from typing import Literal

from ms2l_tf.errors import InputError

DEFAULT_PROBES = ("knn", "linear", "ridge", "svm")
FLOORS = ("raw", "random", "kernels")  # in the order of the tables


@dataclasses.dataclass(frozen=True)
class Choices:
    """What is chosen at evaluation rather than at training.

    Attributes:
        probes: names of the probes.
        floors: out of `FLOORS`, those that get the same probes; maybe none.
        metric: distance of the kNN probe, ``cosine`` or ``euclidean``.
        test_on: ``test``, or ``validation``: the probes are fitted on the fit clips and read on the
            validation clips, for ranking settings.
        figures: draw figures.
        showcase: write the page of clips beside their nearest neighbours.
        save_features: path of an npz file for the features, in the first of several layouts; or
            empty.
        layouts: ids of the run's layouts to read, the one whose numbers stand under the plain keys
            first; none: all.
        cross: with several layouts: probes trained in one and tested in another.
        single: run folders of one layout each, whose encoders read the other layouts bridged.
        unseen: layouts the run has not learnt, read bridged to its first one, or as they are by a
            run of the semantic points.
        streams: run folders of other channels to fuse with the run.
        few_labels: fractions of the training clips whose labels are read, drawn anew for each
            reading; none: those a run with few labels had; None: no such reading at all.
        draws: how often they are drawn.
    """

    probes: tuple[str, ...] = DEFAULT_PROBES
    floors: tuple[str, ...] = FLOORS
    metric: Literal["cosine", "euclidean"] = "cosine"
    test_on: str = "test"
    figures: bool = True
    showcase: bool = False
    save_features: str = ""
    layouts: tuple[str, ...] = ()
    cross: bool = True
    single: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    few_labels: tuple[float, ...] | None = ()
    draws: int = 5

    def __post_init__(self) -> None:
        if unknown := [name for name in self.floors if name not in FLOORS]:
            raise InputError(f"--floors: '{unknown[0]}' is not one of {', '.join(FLOORS)}")


def result_name(choices: Choices) -> str:
    """File of the result: validation readings never stand where test readings do."""
    return "result.json" if choices.test_on == "test" else "result_validation.json"
