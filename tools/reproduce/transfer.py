"""Table 6 of the MS2L paper: weights from another dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tools.reproduce.cells import Cell
from tools.reproduce.few_labels import METHOD_TITLES
from tools.reproduce.table import (
    CLASSIFIER,
    KNN,
    LONGT,
    MS2L,
    RANDOM_SUPERVISED,
    Row,
    Table,
    Values,
    floor_rows,
    from_random,
)

# Folders of Table 6's source datasets, and the synthetic stand-in for them in another layout.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "pku2": ("pku1", "ntu60"),
    "synthetic": ("synthetic_v1",),
}
SOURCE_TITLES = {"pku1": "PKU-I", "ntu60": "NTU", "synthetic_v1": "synthetic, Kinect v1 layout"}
# What two synthetic layouts have in common: 18 joints that both map onto.
_COMMON_OF_TARGET = {"layouts": "kinect_v2_25_to_kinect_v1_18"}
_COMMON_OF_SOURCE = {"layouts": "kinect_v1_20_to_kinect_v1_18"}
_TRANSFER = {"pku1": (43.61, 44.14), "ntu60": (44.83, 45.81)}


def transfer(dataset: str, sources: Sequence[str]) -> Table:
    """Table 6; rows of sources whose folder is not known have no cells."""
    in_kind = dataset == "synthetic"  # two layouts; the published datasets share one
    target = _COMMON_OF_TARGET if in_kind else {}
    source = _COMMON_OF_SOURCE if in_kind else {}
    random = RANDOM_SUPERVISED
    if in_kind:
        random = from_random("transfer_random", **target)
    measures = (CLASSIFIER, KNN)

    def row(title: str, cell: Cell, published: Values) -> Row:
        return Row(title, tuple((cell.name, measure) for measure in measures), published)

    rows = [row("Rand-T", random, {"pku2": 40.97})]
    cells = [random]
    for name in SOURCES[dataset]:
        for position, method in enumerate(("longt_gan", "ms2l")):
            base = LONGT if method == "longt_gan" else MS2L
            first = Cell(f"source_{name}_{method}", source, files=base.files, data=name)
            second = Cell(
                f"transfer_{name}_{method}",
                {"protocol": "transfer", **target},
                files=(*base.files, "recognise"),
                start=first.name,
            )
            title = f"{METHOD_TITLES[method]} from {SOURCE_TITLES[name]}"
            published = {"pku2": _TRANSFER[name][position]} if name in _TRANSFER else {}
            rows.append(row(title, second, published))
            if name in sources:
                cells += [first, second]
    rows += floor_rows(random, (None, KNN))
    note = "kNN-1: of the trained encoder's features."
    if in_kind:
        note += " Both synthetic sets are mapped onto the 18 joints they share."
    return Table(6, "Transfer", ("classifier", "kNN-1"), tuple(rows), tuple(cells), note)
