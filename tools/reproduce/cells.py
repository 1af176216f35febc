"""The cells of the paper's tables as data: one setting each that is trained and evaluated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

PRETRAIN = ("pretrain",)
RECOGNISE = ("pretrain", "recognise")
SUPERVISED = (*RECOGNISE, "supervised")
OPTIONAL_FILES = ("supervised",)  # a dataset has one only if all labels want settings of their own
FEW_PROBES = ("knn",)  # the classifier is what counts there; probes of the floors cost minutes
ALL_PROBES = ("knn", "linear", "svm")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A setting that is trained once for each seed.

    Attributes:
        name: of its folder.
        flags: of `ms2l-train`, over those of the flag files.
        files: its flag files, flags/<dataset>/tables_<name>.cfg, later ones over earlier ones.
        start: the cell whose run, of the same seed, it starts from; or empty.
        data: which of the datasets: "target", or the name of a source of Table 6.
        probes: what `ms2l-evaluate` reads.
        draws: trained for every draw of labels rather than every seed.
    """

    name: str
    flags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    files: tuple[str, ...] = RECOGNISE
    start: str = ""
    data: str = "target"
    probes: tuple[str, ...] = FEW_PROBES
    draws: bool = False
