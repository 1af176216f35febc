"""Tables 1 to 6 of the MS2L paper as data: their cells, their rows and the published numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from tools.reproduce_cells import ALL_PROBES, PRETRAIN, RECOGNISE, SUPERVISED, Cell

# Folders of Table 6's source datasets, and the synthetic stand-in for them in another layout.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "pku2": ("pku1", "ntu60"),
    "synthetic": ("synthetic_v1",),
}
SOURCE_TITLES = {"pku1": "PKU-I", "ntu60": "NTU", "synthetic_v1": "synthetic, Kinect v1 layout"}
# What two synthetic layouts have in common: 18 joints that both map onto.
_COMMON_OF_TARGET = {"mapping": "kinect_v2_25_to_kinect_v1_18"}
_COMMON_OF_SOURCE = {"mapping": "kinect_v1_20_to_kinect_v1_18"}

Values = Mapping[str, float]  # by dataset
Reading = tuple[str, str] | None  # cell, metric

CLASSIFIER = "classifier/top1"
KNN = "knn/1/top1"
PROBES = ("linear/top1", KNN, "svm/top1")
LONGT_GAN = ("pretrain", "longt_gan")
_FLOORS = (("random encoder", "floor/random/"), ("raw coordinates", "floor/raw/"))


@dataclasses.dataclass(frozen=True)
class Row:
    """A row: what the paper says (by dataset) and where our numbers come from."""

    title: str
    readings: tuple[Reading, ...] = ()
    published: Values = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the paper.

    Attributes:
        number: in the paper.
        title: what it compares.
        columns: of our numbers.
        rows: in order.
        cells: what has to be trained, a cell after the one it starts from.
        note: what a reader has to know.
    """

    number: int
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    cells: tuple[Cell, ...]
    note: str = ""


def _values(numbers: str) -> Values:
    """The paper's order of columns."""
    names = ("nw_ucla", "pku1", "pku2", "ntu60")
    return {
        name: float(text) for name, text in zip(names, numbers.split(), strict=True) if text != "-"
    }


MS2L = Cell("ms2l", files=PRETRAIN, probes=ALL_PROBES)
LONGT = Cell("longt_gan", files=LONGT_GAN, probes=ALL_PROBES)


def floor_rows(cell: Cell, metrics: Sequence[str | None], before: str = "") -> list[Row]:
    """What the untrained encoder and the raw coordinates read, by the record of one cell.

    Args:
        cell: whose floors; those of a seed are the same in all cells of one encoder and labels.
        metrics: one a column, None where there is none.
        before: stands in front of their titles.
    """
    return [
        Row(before + title, tuple((cell.name, kind + one) if one else None for one in metrics))
        for title, kind in _FLOORS
    ]


def fine_tuned(name: str, start: str, **flags: str) -> Cell:
    """A cell that starts from pre-trained weights and reads all labels."""
    return Cell(name, {"protocol": "supervised", **flags}, files=SUPERVISED, start=start)


def unsupervised() -> Table:
    """Table 1."""

    def row(title: str, cell: str, floor: str, published: str = "") -> Row:
        readings = tuple((cell, floor + probe) for probe in PROBES)
        return Row(title, readings, _values(published) if published else {})

    rows = (
        row("Rand-U", "ms2l", "floor/random/", "60.61 62.80 20.70 41.10"),
        row("LongT GAN", "longt_gan", "", "74.30 67.70 25.95 52.14"),
        row("MS2L", "ms2l", "", "76.81 64.86 27.63 52.55"),
        row("raw coordinates", "ms2l", "floor/raw/"),
    )
    note = (
        "The published numbers are of the linear probe. LongT GAN reads joint coordinates alone; "
        "its size is that of flags/<dataset>/tables_longt_gan.cfg (800 features in its paper)."
    )
    columns = ("linear", "kNN-1", "SVM")
    return Table(1, "Unsupervised: probes of frozen features", columns, rows, (MS2L, LONGT), note)


_SEMI = {
    "1": {
        "rand": "17.09 34.46 11.79 32.18",
        "longt_gan": "18.26 35.78 12.37 35.22",
        "ms2l": "21.28 36.42 13.03 33.10",
    },
    "10": {
        "rand": "58.63 67.95 22.81 62.49",
        "longt_gan": "59.94 69.51 25.71 62.03",
        "ms2l": "60.45 70.30 26.10 65.17",
    },
}
_SEMI_TITLES = {
    "rand": "Rand-SS",
    "longt_gan": "LongT GAN",
    "ms2l": "MS2L",
    "moving": "MS2L, moving",
    "frozen": "MS2L, classifier only",
}
_SEMI_FLAGS = {"moving": {"schedule": "moving"}, "frozen": {"train": "classifier"}}


def _semi_cell(percent: str, sampling: str, method: str) -> Cell:
    flags = {
        "protocol": "semi",
        "label_fraction": str(int(percent) / 100),
        "label_sampling": sampling,
        **_SEMI_FLAGS.get(method, {}),
    }
    start = {"rand": "", "longt_gan": "longt_gan"}.get(method, "ms2l")
    return Cell(
        f"semi_{percent}_{sampling}_{method}",
        flags,
        files=(*LONGT_GAN, "recognise") if method == "longt_gan" else RECOGNISE,
        start=start,
        probes=ALL_PROBES,
        draws=percent == "1",
    )


def semi() -> Table:
    """Table 2."""
    rows, cells = [], [MS2L, LONGT]
    for percent, published in _SEMI.items():
        for sampling in ("random", "balanced"):
            made = {method: _semi_cell(percent, sampling, method) for method in _SEMI_TITLES}
            for method, cell in made.items():
                readings = tuple((cell.name, metric) for metric in (CLASSIFIER, *PROBES))
                # The paper draws at random; it has nothing to put beside balanced draws.
                said = method in published and sampling == "random"
                values = _values(published[method]) if said else {}
                title = f"{percent} %, {sampling}: {_SEMI_TITLES[method]}"
                rows.append(Row(title, readings, values))
            rows += floor_rows(made["ms2l"], (None, *PROBES), f"{percent} %, {sampling}: ")
            cells += made.values()
    note = (
        "Classifier: the trained network. The probes are fitted on the encoder's features of the "
        "same labelled clips. Rows of 1 % are over the label draws, which begin from the "
        "pre-trained seeds in turn. The paper has no rows for moving and for the classifier alone."
    )
    columns = ("classifier", "linear", "kNN-1", "SVM")
    return Table(2, "Semi-supervised", columns, tuple(rows), tuple(cells), note)


def from_random(name: str, **flags: str) -> Cell:
    """A cell that starts from random weights and reads all labels."""
    return Cell(name, {"protocol": "supervised", **flags}, files=SUPERVISED)


RANDOM_SUPERVISED = from_random("supervised_random")
# The paper's Pretrain; its task losses are logged for Figure 4.
FINE_TUNED = fine_tuned("supervised_pretrain", "ms2l", watch_tasks="true")
MOVING = fine_tuned("supervised_moving", "ms2l", schedule="moving")
JOINT = from_random("supervised_joint", schedule="joint")
# Ranked first on the validation clips; with omega 1 the tasks outweigh the labels in most steps.
LIGHT_JOINT = from_random("supervised_joint_light", schedule="joint", omega="0.1")
_SUPERVISED = (
    ("Rand-S", RANDOM_SUPERVISED, "83.86 83.49 40.97 78.44"),
    ("Pretrain", FINE_TUNED, "85.26 83.46 42.45 78.33"),
    (
        "Pretrain, encoder fixed",
        fine_tuned("supervised_frozen", "ms2l", train="classifier"),
        "85.26 83.46 42.45 78.33",
    ),
    ("Moving", MOVING, "85.32 84.43 42.57 78.46"),
    ("Joint, omega 1", JOINT, "86.75 85.17 45.70 78.56"),
    ("Joint, omega 0.1", LIGHT_JOINT, "86.75 85.17 45.70 78.56"),
    ("LSTM", from_random("supervised_lstm", method="lstm"), "- - - 71.90"),
    ("BLSTM", from_random("supervised_blstm", method="blstm"), "- - - 71.40"),
)
_OTHERS = (
    ("HBRNN-L", "78.50 - - -"),
    ("SK-CNN", "86.10 - - -"),
    ("VA-LSTM", "70.71 84.10 50.00 -"),
    ("Denoised-LSTM", "80.30 - - -"),
    ("ST-GCN", "- 84.07 48.20 81.50"),
    ("STA-LSTM", "- - - 73.40"),
    ("TPN", "- - - 75.30"),
)
SUPERVISED_TABLE = {"nw_ucla": 3, "synthetic": 3, "pku1": 4, "pku2": 4, "ntu60": 5}


def supervised(dataset: str) -> Table:
    """Table 3, 4 or 5."""
    measures = (CLASSIFIER, "classifier/mean_per_class", KNN)
    rows = [
        Row(
            title,
            tuple((cell.name, measure) for measure in measures),
            _values(published) if published else {},
        )
        for title, cell, published in _SUPERVISED
    ]
    for title, probe in (("linear", "linear"), ("RBF SVM", "svm")):
        rows += floor_rows(MS2L, (f"{probe}/top1", f"{probe}/mean_per_class", None), f"{title}, ")
    rows += floor_rows(MS2L, (None, None, KNN), "1-NN, ")
    for name, published in _OTHERS:
        values = _values(published)
        if dataset in values:
            rows.append(Row(f"{name} (published)", (None, None, None), values))
    cells = (MS2L, *(cell for _, cell, _ in _SUPERVISED))
    note = (
        "Pretrain: the paper's text has the encoder trained along in one place and fixed in "
        "another; its number stands beside both. kNN-1: of the trained encoder's features."
    )
    columns = ("classifier", "mean per class", "kNN-1")
    return Table(SUPERVISED_TABLE[dataset], "Supervised", columns, tuple(rows), cells, note)


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
            title = f"{_SEMI_TITLES[method]} from {SOURCE_TITLES[name]}"
            published = {"pku2": _TRANSFER[name][position]} if name in _TRANSFER else {}
            rows.append(row(title, second, published))
            if name in sources:
                cells += [first, second]
    rows += floor_rows(random, (None, KNN))
    note = "kNN-1: of the trained encoder's features."
    if in_kind:
        note += " Both synthetic sets are mapped onto the 18 joints they share."
    return Table(6, "Transfer", ("classifier", "kNN-1"), tuple(rows), tuple(cells), note)
