"""The outcome of a raw floor's probes, kept beside the dataset it belongs to.

One small JSON file a probe, named by everything the numbers depend on. What is read is checked like
any file from outside; a file that does not hold is said, and its floor computed again.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import InputError, one_line, warn
from ms2l_tf.evaluation.arrays import UNLABELLED, IntArray
from ms2l_tf.evaluation.probes.base import Probe
from ms2l_tf.files import read_json, write_json
from ms2l_tf.version import __version__, library_versions

FOLDER = ".floors"
# Raised whenever the same clips and settings may give other numbers.
VERSION = 2
# What json, NumPy and a wrong shape or type may raise on the way to a checked entry.
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, eq=False)
class KeptFloor:
    """What is kept of one probe on one floor.

    Attributes:
        confusions: counts [K, K] by name: `linear`, `knn/5`, ...; row = label.
        details: what the probe decided.
        others: the counts of those test clips that are no copies of training clips, by the same
            names; none without copies.
    """

    confusions: Mapping[str, npt.NDArray[np.int64]]
    details: dict[str, Any]
    others: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True)
class FloorCache:
    """Where the outcome of one raw floor's probes is kept, and what it depends on.

    Attributes:
        facts: the clips and how they are read, as JSON values: checksum of the dataset, split,
            layouts, frames, normalisation, ...; the probe and its settings are added here.
        folders: to look in and write to, the first that can be written.
    """

    facts: Mapping[str, Any]
    folders: tuple[pathlib.Path, ...]

    def read(
        self,
        probe: Probe,
        labels: IntArray,
        num_classes: int,
        others: npt.NDArray[np.bool_] | None = None,
    ) -> KeptFloor | None:
        """What an earlier evaluation kept; None if there is nothing, or nothing that holds.

        Args:
            probe: not fitted, or fitted on anything.
            labels: of the test clips [N].
            num_classes: K.
            others: which test clips [N] are labelled and no copies; None: there are no copies.
        """
        sides = {"confusions": labels[labels != UNLABELLED]}
        if others is not None:
            sides["others"] = labels[others]
        key = self._key(probe)
        for folder in self.folders:
            path = folder / _file_name(key)
            if not path.is_file():
                continue
            try:
                return _checked(read_json(path), key, sides, num_classes)
            except _DAMAGE as error:
                warn(f"{path}: not used ({one_line(error)}); this floor is computed again")
        return None

    def write(self, probe: Probe, floor: KeptFloor) -> None:
        """Keeps an outcome in the first folder that can be written."""
        if not _is_finite(floor.details):
            return  # constant clips: what JSON cannot hold is soon computed again
        key = self._key(probe)
        content = {
            "key": key,
            "confusions": _rows(floor.confusions),
            "others": _rows(floor.others),
            "details": floor.details,
        }
        for folder in self.folders:
            try:
                folder.mkdir(exist_ok=True)
                write_json(folder / _file_name(key), {**content, "sha256": _digest(content)})
            except (OSError, InputError):  # a dataset may well be read-only
                continue
            return
        warn(f"{self.folders[-1]}: cannot be written; the floor is computed again next time")

    def _key(self, probe: Probe) -> dict[str, Any]:
        """Everything the numbers depend on, as it looks when read back from JSON."""
        # By scikit-learn's habit what fitting adds ends in an underscore.
        settings = {name: value for name, value in vars(probe).items() if not name.endswith("_")}
        key = {
            "floor_version": VERSION,
            "versions": {"ms2l_tf": __version__, **library_versions()},
            **self.facts,
            "probe": probe.name,
            "settings": settings,
        }
        plain: dict[str, Any] = json.loads(json.dumps(key))
        return plain


def _rows(confusions: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, list[str]]:
    """Counts as JSON, one line a row: indented numbers would take a line each."""
    return {
        name: [" ".join(map(str, row)) for row in counts.tolist()]
        for name, counts in confusions.items()
    }


def _is_finite(value: Any) -> bool:
    """Whether a JSON value holds no NaN and no infinity."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def clips_digest(*sides: IntArray) -> str:
    """One checksum (hexadecimal) of the clips that are fitted and read, in their order."""
    text = json.dumps([np.asarray(side).tolist() for side in sides])
    return hashlib.sha256(text.encode()).hexdigest()


def _file_name(key: Mapping[str, Any]) -> str:
    return f"{_digest(key)[:32]}.json"


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _checked(
    content: dict[str, Any],
    key: Mapping[str, Any],
    sides: Mapping[str, IntArray],
    num_classes: int,
) -> KeptFloor:
    """A file's content, if it is whole, belongs to this key and can be right.

    `sides` are the labels of the test clips that are counted in "confusions" and, if there are
    copies, in "others".

    Raises:
        InputError: it is not; damage may show as another of `_DAMAGE` too.
    """
    checksum = content.pop("sha256", None)
    if checksum != _digest(content):
        raise InputError("its checksum does not match")
    if content["key"] != key:
        raise InputError("it belongs to another floor")
    settings = key["settings"]
    names = [f"{key['probe']}/{k}" for k in settings["k"]] if "k" in settings else [key["probe"]]
    counted: dict[str, dict[str, npt.NDArray[np.int64]]] = {"confusions": {}, "others": {}}
    for side, counts in counted.items():
        wanted = names if side in sides else []
        if sorted(content[side]) != sorted(wanted):
            raise InputError(f"its {side} are not those of {', '.join(wanted) or 'any probe'}")
        for name in wanted:
            clips = np.bincount(sides[side], minlength=num_classes)
            counts[name] = _counts(content[side][name], clips)
    return KeptFloor(counted["confusions"], dict(content["details"]), counted["others"])


def _counts(rows: Sequence[str], clips: IntArray) -> npt.NDArray[np.int64]:
    """Counts [K, K] from one line a row, whose sums are the test clips [K] of each class."""
    counts = np.array([[int(number) for number in row.split()] for row in rows], np.int64)
    if counts.shape != (len(clips), len(clips)) or (counts < 0).any():
        raise InputError(f"its counts are not those of {len(clips)} classes")
    if (counts.sum(axis=1) != clips).any():
        raise InputError("its counts do not add up to the test clips")
    return counts
