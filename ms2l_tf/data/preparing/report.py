"""What preparing a source met, for people and as `prepare_report.json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from ms2l_tf.errors import printable

REPORT = "prepare_report.json"


@dataclasses.dataclass
class PrepareReport:
    """What happened to the clips of a source; `prepare_report.json` holds the same.

    Attributes:
        format, source: what was read (the source's own name, without the path to it).
        clips: how many were written; `published_clips` how many there should be, if known.
        classes: how many of these have which label, in label order; others have none.
        excluded: clips that the list of exclusions names, and that were left out for it.
        not_found: names on that list that no clip of the source has.
        skipped: clips that could not be read and whose row is unknown, each with the reason.
        blanked: unreadable clips whose row is known, each with the reason: written as one frame
            of missing joints, in no training list, and still in the test lists.
        repaired: clips in which the reader changed something (joints set to missing, bodies
            dropped, ends cut), and what.
        copies: groups of clips with the same poses under different names.
        one_frame: clips of a single frame.
        repeated_frames: clip -> frames equal to the one before; kept.
        notes: what the reader chose where the files leave it open.
        changed: what the writer changed or met in the poses, layout by layout; see `RepairLog`.
        splits: name -> number of training and test clips.
    """

    format: str
    source: str
    clips: int = 0
    published_clips: int | None = None
    classes: dict[str, int] = dataclasses.field(default_factory=dict)
    excluded: list[str] = dataclasses.field(default_factory=list)
    not_found: list[str] = dataclasses.field(default_factory=list)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    blanked: dict[str, str] = dataclasses.field(default_factory=dict)
    repaired: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    copies: list[list[str]] = dataclasses.field(default_factory=list)
    one_frame: list[str] = dataclasses.field(default_factory=list)
    repeated_frames: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    changed: dict[str, Any] = dataclasses.field(default_factory=dict)
    splits: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return dataclasses.asdict(self)

    def lines(self) -> list[str]:
        """A summary of a few lines for the terminal."""
        lines = [*self.notes, f"{self.clips} clips written", *self._of_labels()]
        expected = self.published_clips
        if expected is not None and self.clips + len(self.excluded) != expected:
            lines.append(f"the published set has {expected} clips, {self.source} differs")
        counts = (
            ("left out, as the list of exclusions says", self.excluded),
            ("names on the list of exclusions are no clips of the source", self.not_found),
            ("skipped (unreadable, unknown)", self.skipped),
            ("unreadable, kept blank in the test lists only", self.blanked),
            (f"repaired, how is in {REPORT}", self.repaired),
            ("of one frame, kept as a still pose", self.one_frame),
            ("with frames that repeat the one before, kept", self.repeated_frames),
        )
        lines += [f"{len(names)} {text}: {_few(names)}" for text, names in counts if names]
        if self.copies:
            lines.append(
                f"{len(self.copies)} groups of clips with identical poses: "
                f"{_few(_few(group, '=') for group in self.copies)}"
            )
        for name, sizes in self.splits.items():
            lines.append(f"split {name}: {sizes['train']} training, {sizes['test']} test clips")
        return list(map(printable, lines))

    def _of_labels(self) -> list[str]:
        """What the classes are, and whether clips have none."""
        lines = []
        if self.classes:
            listed = _few(f"{count} {name}" for name, count in self.classes.items())
            lines.append(f"{len(self.classes)} classes with clips: {listed}")
        unlabelled = self.clips - sum(self.classes.values())
        if unlabelled:
            lines.append(f"{unlabelled} clips have no label")
        return lines


def _few(names: Iterable[str], between: str = ", ", count: int = 3) -> str:
    """The first of some names, between commas or another sign."""
    names = list(names)
    return between.join([*names[:count], *["..."] * (len(names) > count)])
