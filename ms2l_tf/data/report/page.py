"""The page: what the dataset is, how much there is of what, what looks wrong, and how it moves."""

from __future__ import annotations

import errno
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.report.copies import copies_section
from ms2l_tf.data.report.counts import counts_section
from ms2l_tf.data.report.poses import poses_section
from ms2l_tf.data.report.sample import Sample, choose_sample
from ms2l_tf.errors import InputError
from ms2l_tf.files import unwritable, write_text
from ms2l_tf.pages import document
from ms2l_tf.pages.elements import Html, contents, element, facts, joined, note, section
from ms2l_tf.pages.viewer import viewer


def check_report(path: str | os.PathLike[str]) -> None:
    """Finds out before the dataset is read whether the page can be written.

    Raises:
        InputError: it cannot.
    """
    target = pathlib.Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--report={path}: must be named like a page, for example report.html")
    if target.is_dir():
        raise InputError(f"--report={path}: is a folder; name an HTML file in it")
    if not target.parent.is_dir():
        missing = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        raise InputError(f"--report: {unwritable(target, missing)}")


def write_report(
    dataset: ClipDataset, summary: Mapping[str, Any], path: str | os.PathLike[str]
) -> None:
    """Writes the page, complete or not at all.

    Args:
        dataset: to show.
        summary: what `summarise` says of it.
        path: of the HTML file.

    Raises:
        InputError: it cannot be written.
    """
    sample = choose_sample(dataset, summary)
    parts = {
        "Clips that move": _moving(sample, len(dataset)),
        "How many of what": counts_section(summary),
        "Copies": copies_section(summary, sample),
        **{
            f"Poses in {layout}": poses_section(entry, sample)
            for layout, entry in summary["layouts"].items()
        },
    }
    sections = [section(heading, *content) for heading, content in parts.items()]
    page = [_head(summary), contents(list(parts)), *sections]
    write_text(path, document(f"{summary['name']}: the dataset", page, sample.moving))


def _head(summary: Mapping[str, Any]) -> Html:
    described = {
        "Source": summary["source"] or "not told",
        "Licence": summary["licence"] or "not told",
        "Clips": f"{summary['clips']:,}, {summary['unlabelled']:,} of them unlabelled",
        "Classes": f"{len(summary['by_class']):,}",
        "Layouts": ", ".join(
            f"{name} ({poses['joints']} joints, {poses['coords']}-D, up to {poses['persons']} "
            f"{'person' if poses['persons'] == 1 else 'persons'})"
            for name, poses in summary["layouts"].items()
        ),
        "Fingerprint": summary["fingerprint"][:16],
    }
    return joined((element("h1", summary["name"]), facts(described)))


def _moving(sample: Sample, clips: int) -> list[Html]:
    if not len(sample.moving):
        return [note("Nobody is seen in any clip.", alarm=True)]
    shown = f"{len(sample.numbers):,} of {clips:,} clips are in this page"
    left_out = f"; of {sample.classes_left_out:,} classes none found room"
    return [
        note(
            f"{shown}: some of each class, drawn blindly from as many people as there are, and "
            "some that the sections below name"
            f"{left_out if sample.classes_left_out else ''}. Bodies stay in the middle sideways. "
            "People should stand upright and, from ahead, face you: their left arm and leg are "
            "blue and on your right."
        ),
        viewer(),
    ]
