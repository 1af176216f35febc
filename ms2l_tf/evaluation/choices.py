"""What is chosen at evaluation rather than at training."""

from __future__ import annotations

import dataclasses
from typing import Literal

DEFAULT_PROBES = ("knn", "linear", "ridge", "svm")


@dataclasses.dataclass(frozen=True)
class Choices:
    """What is chosen at evaluation rather than at training.

    Attributes:
        probes: names of the probes.
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
    """

    probes: tuple[str, ...] = DEFAULT_PROBES
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


def result_name(choices: Choices) -> str:
    """File of the result: validation readings never stand where test readings do."""
    return "result.json" if choices.test_on == "test" else "result_validation.json"
