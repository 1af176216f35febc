"""Plain-text table of the readings with few labels."""

from __future__ import annotations

from collections.abc import Mapping

from ms2l_tf.evaluation.few_label_readings import OF_RUN, FewLabels
from ms2l_tf.evaluation.result import Summary
from ms2l_tf.evaluation.tables import aligned

_ENCODERS = {"run": "of the run", "init": "of the run it began from"}


def few_label_table(few: FewLabels, metrics: Mapping[str, float]) -> str:
    """One row for each kind of features and classifier, a column for each fraction of labels.

    Args:
        few: what was read.
        metrics: of the run, where its own classifier stands.
    """
    if not few.scores:
        return ""
    first = next(iter(few.scores.values()))
    copies = any(key.endswith("/others_top1") for key in first)
    readings = ["top1", *(["others_top1"] if copies else [])]
    header = ["few labels"]
    for fraction in few.scores:
        header += [_column(fraction, few.labelled[fraction]), *(["no copies"] if copies else [])]
    rows = []
    if OF_RUN in few.scores:
        values = [metrics.get(f"classifier/{reading}") for reading in readings]
        rows.append(["classifier of the run", *("-" if v is None else f"{v:.2f}" for v in values)])
    summary = few.summary()
    for name in (key.removesuffix("/top1") for key in first if key.endswith("/top1")):
        cells = [
            str(summary[few.key(fraction, f"{name}/{reading}")])
            for fraction in few.scores
            for reading in readings
        ]
        rows.append([name.replace("/", ", "), *cells])
    return f"{_title(few, summary)}\n{aligned(header, rows)}"


def _title(few: FewLabels, summary: Mapping[str, Summary]) -> str:
    draws = next(iter(summary.values())).runs
    over = f", mean ± sd over {draws} draws of the labelled clips" if draws > 1 else ""
    return f"top-1 accuracy, percent{over}; encoder: {_ENCODERS[few.encoder]}, frozen"


def _column(fraction: str, labelled: int) -> str:
    share = "" if fraction == OF_RUN else f"{100 * float(fraction):g} %: "
    return f"{share}{labelled} clips"
