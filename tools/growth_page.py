"""Writes docs/growth.md: what was measured of growing sets, and what larger ones would take.

    python -m tools.benchmarks --what=growth --cores=1 --out=results/growth.json
    python -m tools.growth_page

The page is made of the file alone; `--check` compares it with what is there. A cost of n clips is
read off the line through the two largest numbers of clips that were measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ms2l_tf.files import write_text
from tools.benchmarks.growth import BATCH, FRAMES, growth_table
from tools.markdown import markdown_table

ROOT = Path(__file__).resolve().parents[1]
SOURCE, PAGE = ROOT / "results" / "growth.json", ROOT / "docs" / "growth.md"

WORKERS = (1, 8, 64)
FITTED = 20_000  # clips that the closed form fits on at most
EPOCHS = 60
MAPPED_MB = FRAMES * 25 * 3 * 4 / 1e6  # of a clip's frames, in memory only while there is room
CLIP_MB = 0.00076  # of a clip's row: name, label, place; 40,000 of them in memory took 30 MB
LINK = 125e6  # bytes a second: 1 Gbit/s between workers
# Clips and frames a clip; NTU RGB+D 120 has 114,480 clips of 72 frames on average in two persons.
SETS: Mapping[str, tuple[int, int, int]] = {
    "NTU RGB+D 120": (114_480, 72, 2),
    "ten million clips": (10_000_000, 72, 1),
}
TEXT = """# Growth

What the commands take as sets grow, and what that says of sets nobody has measured here. Written
by `python -m tools.growth_page` from `results/growth.json`.

## Measured

`python -m tools.benchmarks --what=growth --cores=1 --out=results/growth.json`: every command in a
process of its own on one core, start-up included; clips of {frames} frames and 25 joints made up,
500 test clips. {machine}.

{measured}

What a further clip takes between the two largest numbers, beside that between the two before them
(1.0 is exactly linear, less is better; small commands are mostly start-up), and the memory it adds
beyond its own frames, {mapped:.1f} KB, which are mapped and count only while there is room.

{growth}

## Computed

From those costs of a further clip: {epochs} epochs of MS²L (batches of {batch}, {weights:.1f} MB
of weights), and the closed-form encoder, which fits on at most 20,000 clips. Clips are resampled,
so that their length does not count, but a second person is taken to cost as much as the first.
Workers have one such core each and share the clips evenly; in a step each exchanges
{exchange:.1f} MB (gradients around a ring: twice the weights) over 1 Gbit/s. More cores or a
graphics card shorten the steps, not the exchange: where that is most of the time, take larger
batches.

{computed}

- Memory is what the largest measured process held and what further clips add to it, their rows
  in the table of clips at least ({row:.2f} KB). Frames are mapped: the disk has to hold them, the
  memory need not.
- Workers share the steps of training alone: `ms2l-evaluate` and `ms2l-predict` are one process, to
  be started on a share of the files each where there are several machines.
- Hours are of these processors. Nothing was run on 64 workers: two and three processes of one
  machine were ([scale.md](scale.md)), which shows that they compute the same, not how fast a
  network is.
"""


def slope(rows: Sequence[Mapping[str, Any]], key: str, last: int = 0) -> float:
    """What a further clip adds between two neighbouring counts, by default the largest."""
    ordered = sorted(rows, key=lambda row: row["clips"])
    low, high = ordered[len(ordered) - 2 - last : len(ordered) - last]
    return float(high[key] - low[key]) / float(high["clips"] - low["clips"])


def by_name(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each command."""
    names = dict.fromkeys(row["name"] for row in rows)
    return {name: [row for row in rows if row["name"] == name] for name in names}


def growth(rows: Sequence[dict[str, Any]]) -> str:
    """The table of costs of a further clip."""
    cells = []
    for name, own in by_name(rows).items():
        now, before = slope(own, "cpu_seconds"), slope(own, "cpu_seconds", 1)
        ratio = f"{now / before:.1f}" if before > 0 else "-"
        kilobytes = 1000 * max(slope(own, "peak_mb") - MAPPED_MB, 0)
        cells.append([name, f"{1000 * now:.2f}", ratio, f"{kilobytes:.1f}"])
    header = ["command", "ms a further clip", "beside the one before", "KB a further clip"]
    return markdown_table(header, cells)


def computed(rows: Sequence[dict[str, Any]], weights_mb: float) -> str:
    """The table of larger sets."""
    named = by_name(rows)
    epoch, fit, features, predict = (
        named[name]
        for name in ("an epoch of MS²L", "closed-form fit", "features of MS²L, kNN", "predict")
    )
    table = []
    for name, (clips, frames, persons) in SETS.items():
        disk = clips * frames * persons * 25 * 3 * 4 / 1e9
        more = max(slope(epoch, "peak_mb") - MAPPED_MB, CLIP_MB)
        memory = max(row["peak_mb"] for row in epoch) + clips * more
        costs = (slope(features, "cpu_seconds"), _rate(fit), slope(predict, "cpu_seconds"))
        counts = (clips, min(clips, FITTED), clips)
        alone = [n * cost * persons / 3600 for n, cost in zip(counts, costs, strict=True)]
        for workers in WORKERS:
            compute = EPOCHS * clips * slope(epoch, "cpu_seconds") * persons / workers / 3600
            steps = EPOCHS * clips / BATCH
            exchange = 0.0 if workers == 1 else steps * 2e6 * weights_mb / LINK / 3600
            table.append(
                [
                    name,
                    str(workers),
                    f"{disk:,.0f}",
                    f"{memory / 1000:.1f}",
                    f"{compute:,.1f} + {exchange:,.1f}",
                    *([f"{hours:,.1f}" for hours in alone] if workers == 1 else [""] * len(alone)),
                ]
            )
    header = [
        *("set", "workers", "disk GB", "memory of a worker GB", "hours of MS²L: steps + exchange"),
        *("its features", "closed-form fit", "predicting by the closed form"),
    ]
    return markdown_table(header, table)


def _rate(fit: Sequence[Mapping[str, Any]]) -> float:
    """Seconds a clip that is fitted on: below the limit, where every clip is."""
    return slope([row for row in fit if row["clips"] <= FITTED], "cpu_seconds")


def page(measured: Mapping[str, Any]) -> str:
    """The text of docs/growth.md."""
    rows = [row for row in measured["rows"] if "cpu_seconds" in row]
    weights = max(row.get("weights_mb", 0.0) for row in rows)
    versions = ", ".join(f"{name} {value}" for name, value in measured["environment"].items())
    return TEXT.format(
        frames=FRAMES,
        mapped=1000 * MAPPED_MB,
        machine=versions,
        measured=growth_table(rows),
        growth=growth(rows),
        epochs=EPOCHS,
        batch=BATCH,
        weights=weights,
        exchange=2 * weights,
        row=1000 * CLIP_MB,
        computed=computed(rows, weights),
    )


def main() -> None:
    """Writes or checks the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    text = page(json.loads(SOURCE.read_text()))
    if not parser.parse_args().check:
        write_text(PAGE, text)
    elif PAGE.read_text() != text:
        sys.exit(f"error: {PAGE} is not what {SOURCE} says; python -m tools.growth_page")


if __name__ == "__main__":
    main()
