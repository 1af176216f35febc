"""Accuracy by class, what changed from run to run, and which class is taken for which."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from ms2l_tf.evaluation.run_report.accuracy import percent, points
from ms2l_tf.evaluation.run_report.reading import ReadRun
from ms2l_tf.evaluation.tables import probe_title
from ms2l_tf.pages.charts import bar
from ms2l_tf.pages.elements import Html, element, note, table

_FIRST = ("classifier", "linear", "ridge", "svm")  # of the probes, the one to show
_LISTED = 12  # clips that a line names


@dataclasses.dataclass(frozen=True)
class Guesses:
    """What one probe of a run takes the labelled test clips for.

    Attributes:
        run: name of the run.
        probe: key of the probe.
        dataset: checksum of the dataset of the clips: others have clips of the same names.
        pairs: (class, predicted class) by the name of the clip.
    """

    run: str
    probe: str
    dataset: str
    pairs: Mapping[str, tuple[str, str]]

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """How often a class is taken for another, or for itself."""
        return Counter(self.pairs.values())

    def right(self, clip: str) -> bool:
        """Whether a clip is taken for what it is."""
        label, guess = self.pairs[clip]
        return label == guess


def chosen_guesses(runs: Sequence[ReadRun]) -> list[Guesses]:
    """Predictions of one probe that all runs have, or else of each run's first one."""
    held = [set(run.predictions.predicted) for run in runs if run.predictions is not None]
    common = set.intersection(*held) if held else set()
    return [guesses for run in runs for guesses in _guesses(run, common)]


def _shown(probes: Sequence[str]) -> str:
    return next((probe for probe in _FIRST if probe in probes), probes[0])


def _guesses(run: ReadRun, common: set[str]) -> list[Guesses]:
    """Those of one run, as a list that is empty if there are none."""
    read = run.predictions
    if read is None:
        return []
    probe = _shown([one for one in read.predicted if one in common] or list(read.predicted))
    rows = zip(read.clips, read.labels, read.predicted[probe], strict=True)
    pairs = {clip: (label, guess) for clip, label, guess in rows if label}
    dataset = run.record.get("dataset_fingerprint", run.record["fingerprint"])
    return [Guesses(run.name, probe, dataset, pairs)]


def classes_section(guesses: Sequence[Guesses]) -> list[Html]:
    """Accuracy by class of each run; of several, what changed from the first to the others."""
    if not guesses:
        return [note("There are no predictions to count.")]
    probes = {probe_title(one.probe) for one in guesses}
    about = note(f"By the probe: {', '.join(sorted(probes))}.")
    if len(guesses) == 1:
        return [about, _of_one(guesses[0])]
    return [about, _of_several(guesses), *(_clips(guesses[0], other) for other in guesses[1:])]


def accuracies(guesses: Guesses) -> dict[str, tuple[int, float]]:
    """Clips and percent right by class, by name."""
    clips: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for (label, guess), count in guesses.counts.items():
        clips[label] += count
        right[label] += count * (label == guess)
    return {label: (clips[label], 100 * right[label] / clips[label]) for label in sorted(clips)}


def mistakes(guesses: Guesses) -> list[tuple[str, str, int]]:
    """Classes, what they are taken for, and how many clips; the most first."""
    wrong = [(a, b, count) for (a, b), count in guesses.counts.items() if a != b]
    return sorted(wrong, key=lambda one: (-one[2], one[:2]))


def _of_one(guesses: Guesses) -> Html:
    rivals: dict[str, str] = {}
    for label, guess, count in mistakes(guesses):
        rivals.setdefault(label, f"{guess} ({count})")
    rows = [
        (label, f"{clips:,}", percent(value), bar(value, 100), rivals.get(label, ""))
        for label, (clips, value) in sorted(accuracies(guesses).items(), key=lambda one: one[1][1])
    ]
    head = ("class", "clips", "percent right", "", "most often taken for (clips)")
    return table("Classes, the worst first", head, rows, numbers=(1, 2), bars=(3,))


def _of_several(guesses: Sequence[Guesses]) -> Html:
    """A row a class; the change is that from the first run to the last."""
    by_run = [accuracies(one) for one in guesses]
    rows = []
    for label in sorted(set().union(*by_run)):
        there = [of_run.get(label) for of_run in by_run]
        values = [entry[1] if entry else float("nan") for entry in there]
        clips = max(entry[0] for entry in there if entry)
        rows.append((label, clips, values, values[-1] - values[0]))
    rows.sort(key=lambda row: (row[3] != row[3], -abs(row[3]), row[0]))
    body = [
        (label, f"{clips:,}", *map(percent, values), points(change))
        for label, clips, values, change in rows
    ]
    first, last = guesses[0].run, guesses[-1].run
    head = ("class", "clips", *(one.run for one in guesses), "change")
    return table(
        f"Percent right by class; change in points from {first} to {last}, the largest first",
        head, body, numbers=range(1, len(head)),
    )  # fmt: skip


def _clips(one: Guesses, other: Guesses) -> Html:
    """Which clips the other run has right that the first has not, and the other way round."""
    same = one.dataset == other.dataset
    common = [clip for clip in one.pairs if same and clip in other.pairs]
    if not common:
        return note(f"{one.run} and {other.run} were read on different clips.", alarm=True)
    states = Counter((one.right(clip), other.right(clip)) for clip in common)
    rows = []
    for words, state in (
        ("right in both", (True, True)),
        (f"right in {other.run} alone", (False, True)),
        (f"right in {one.run} alone", (True, False)),
        ("wrong in both", (False, False)),
    ):
        named = [clip for clip in common if (one.right(clip), other.right(clip)) == state]
        told = ", ".join(named[:_LISTED]) + (", ..." if len(named) > _LISTED else "")
        rows.append((words, f"{states[state]:,}", told if state[0] != state[1] else ""))
    caption = f"Clips of {one.run} and {other.run} ({len(common):,} read by both)"
    return table(caption, ("clips", "number", "which"), rows, numbers=(1,))


def heading(guesses: Guesses) -> Html:
    """Of a part of a section that belongs to one run."""
    return element("h3", guesses.run)
