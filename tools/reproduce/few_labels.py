"""Tables 1 and 2 of the MS2L paper: frozen features, and few labels."""

from __future__ import annotations

from tools.reproduce.cells import ALL_PROBES, RECOGNISE, Cell
from tools.reproduce.table import (
    CLASSIFIER,
    LONGT,
    LONGT_GAN,
    MS2L,
    PROBES,
    Row,
    Table,
    floor_rows,
    published,
)


def unsupervised() -> Table:
    """Table 1."""

    def row(title: str, cell: str, floor: str, numbers: str = "") -> Row:
        readings = tuple((cell, floor + probe) for probe in PROBES)
        return Row(title, readings, published(numbers) if numbers else {})

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
METHOD_TITLES = {
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
    for percent, numbers in _SEMI.items():
        for sampling in ("random", "balanced"):
            made = {method: _semi_cell(percent, sampling, method) for method in METHOD_TITLES}
            for method, cell in made.items():
                readings = tuple((cell.name, metric) for metric in (CLASSIFIER, *PROBES))
                # The paper draws at random; it has nothing to put beside balanced draws.
                said = method in numbers and sampling == "random"
                values = published(numbers[method]) if said else {}
                title = f"{percent} %, {sampling}: {METHOD_TITLES[method]}"
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
