"""What happened to the videos, for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

REPORT = "extract_report.json"


@dataclasses.dataclass
class ExtractReport:
    """What happened to the videos; `extract_report.json` holds the same.

    Attributes:
        model: which one found the poses.
        frame_rate: of the dataset.
        clips: how many were written.
        skipped: videos left out, each with the reason.
        blanked: test videos kept as a frame without anybody, so that they count, each with the
            reason.
        more_persons: clips in which more persons were tracked than kept, and how many.
        cut_short: clips with clearly fewer frames than their file promises, and both numbers.
        unused_labels: rows of the table of labels that name no video.
    """

    model: str = ""
    frame_rate: float = 0.0
    clips: int = 0
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    blanked: dict[str, str] = dataclasses.field(default_factory=dict)
    more_persons: dict[str, int] = dataclasses.field(default_factory=dict)
    cut_short: dict[str, str] = dataclasses.field(default_factory=dict)
    unused_labels: list[str] = dataclasses.field(default_factory=list)

    def lines(self) -> list[str]:
        """A summary for the terminal; every skipped video with its reason."""
        counts: tuple[tuple[str, Mapping[str, object] | list[str]], ...] = (
            ("with more persons than --persons, those that move most kept", self.more_persons),
            ("with fewer frames than their file promises, kept", self.cut_short),
            ("rows of --labels that name no video", self.unused_labels),
        )
        lines = [f"{self.clips} clips written, {self.frame_rate:g} frames a second"]
        if self.skipped:
            lines.append(f"{len(self.skipped)} videos skipped:")
            lines += [f"  {reason}" for reason in self.skipped.values()]
        if self.blanked:
            lines.append(f"{len(self.blanked)} test videos kept without poses:")
            lines += [f"  {reason}" for reason in self.blanked.values()]
        lines += [
            f"{len(names)} {text}: {', '.join(list(names)[:3])}" for text, names in counts if names
        ]
        return lines
