"""`JointMapping`: how the joints of one layout come from those of another."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ms2l_tf.errors import InputError, found_in
from ms2l_tf.skeletons import json_files
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

_FOLDER = "mappings"


@dataclass(frozen=True, eq=False)
class JointMapping:
    """Selects or averages source joints into target joints.

    Args:
        name: Id of the mapping, e.g. `"kinect_v2_25_to_kinect_v1_20"`.
        source_layout: The layout mapped from, with J joints.
        target_layout: The layout mapped to, with J' joints.
        weights: Float array [J', J], non-negative. Row j' averages the source joints of target
            joint j' and sums to 1; a row of zeros is a joint that the source doesn't have.
    """

    name: str
    source_layout: SkeletonLayout
    target_layout: SkeletonLayout
    weights: np.ndarray

    @property
    def source(self) -> str:
        """Name of the layout mapped from."""
        return self.source_layout.name

    @property
    def target(self) -> str:
        """Name of the layout mapped to."""
        return self.target_layout.name

    @property
    def absent(self) -> tuple[str, ...]:
        """The target joints that the source has no counterpart of."""
        rows = zip(self.target_layout.joints, self.weights, strict=True)
        return tuple(joint for joint, row in rows if not row.any())

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 (hexadecimal) of what decides the mapped poses: the weights and the target.

        Names of files and notes do not count.
        """
        target = {**self.target_layout.to_json(), "note": ""}
        content = json.dumps([self.weights.tolist(), target], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def apply(self, coords: np.ndarray) -> np.ndarray:
        """Maps poses from the source to the target layout.

        Args:
            coords: Array [..., J, C]; a coordinate that is not finite is missing.

        Returns:
            Array [..., J', C] of the same floating dtype (float32 for integers). A coordinate is
            NaN where any source joint in its average is missing, or where there is none.
        """
        coords = np.asarray(coords)
        num_source = self.weights.shape[1]
        if coords.ndim < 2 or coords.shape[-2] != num_source:
            raise InputError(
                f"mapping {self.name!r}: expected poses [..., {num_source}, C] in layout "
                f"{self.source!r}, got the shape {coords.shape}"
            )
        if not np.issubdtype(coords.dtype, np.floating):
            coords = coords.astype(np.float32)
        shape = (*coords.shape[:-2], len(self.weights), coords.shape[-1])
        mapped = np.zeros(shape, coords.dtype)
        for members, shares in self._terms:
            mapped += np.take(coords, members, axis=-2) * shares.astype(coords.dtype)
        mapped[~np.isfinite(mapped)] = np.nan
        return mapped

    def apply_confidence(self, confidence: np.ndarray) -> np.ndarray:
        """Maps the confidences of joints.

        Args:
            confidence: Array [..., J].

        Returns:
            Array [..., J'] of the same dtype: the least of the averaged joints, since a mean is
            as doubtful as the most doubtful of them; 0 for a joint that the source doesn't have.
        """
        mapped = np.zeros((*confidence.shape[:-1], len(self.weights)), confidence.dtype)
        for target, row in enumerate(self.weights):
            if row.any():
                mapped[..., target] = confidence[..., row > 0].min(axis=-1)
        return mapped

    @functools.cached_property
    def _terms(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The weights as few sums: source joints [J'] and their shares [J', 1] of every target.

        A product with all the weights would be slower, and 0 * NaN would spread missing joints to
        targets that don't use them. Here a target of fewer source joints than another repeats one
        of its own, with a share of 0; one of none has a share of NaN.
        """
        used = self.weights > 0
        by_share = np.argsort(-self.weights, axis=1, kind="stable")
        terms = []
        for term in range(max(1, int(used.sum(axis=1).max()))):
            members = by_share[:, term]
            shares = self.weights[np.arange(len(members)), members]
            members = np.where(shares > 0, members, by_share[:, 0])
            shares = np.where(used.any(axis=1), shares, np.nan)
            terms.append((members, shares[:, None]))
        return terms

    @classmethod
    def from_json(
        cls,
        obj: Any,
        where: str,
        *,
        name: str,
        folder: Path = Path(),
        known: Sequence[SkeletonLayout] = (),
    ) -> JointMapping:
        """Builds a mapping from the object of a JSON file.

        Args:
            obj: `{"source": layout, "target": layout, "joints": {target joint: [source joints]}}`
                with every target joint; an empty list says that the source has no such joint.
                A layout is a packaged id or the path of a `.json` file.
            where: Names the file in error messages.
            name: Id of the mapping.
            folder: Where relative layout paths start.
            known: Layouts that the file may name though they are not packaged.

        Raises:
            InputError: A field is missing, unknown or of the wrong type, or a joint is unknown.
        """
        obj = json_files.require_object(obj, where)
        json_files.require_fields(obj, where, ("source", "target", "joints"), ("note",))
        source = _layout(obj["source"], folder, f"{where}: source", known)
        target = _layout(obj["target"], folder, f"{where}: target", known)
        joints = json_files.require_object(obj["joints"], f"{where}: joints")
        json_files.require_fields(joints, f"{where}: joints", (), target.joints)
        weights = np.zeros((target.num_joints, source.num_joints), np.float64)
        for row, joint in zip(weights, target.joints, strict=True):
            place = f"{where}: joints[{joint!r}]"
            if joint not in joints:
                raise InputError(f"{place}: missing; add it, with [] if {source.name} has none")
            members = json_files.require_texts(joints[joint], place)
            for member in members:
                if members.count(member) > 1:
                    raise InputError(f"{place}: {member!r} is listed twice; keep one")
                row[_index(source, member, place)] = 1.0 / len(members)
        return cls(name, source, target, weights)


def load_mapping(
    name_or_path: str | os.PathLike[str], known: Sequence[SkeletonLayout] = ()
) -> JointMapping:
    """Loads a packaged mapping by its id, or a user's own from a `.json` file.

    Args:
        name_or_path: The id, or the file.
        known: Layouts that a file may name though they are not packaged.

    Raises:
        InputError: Unknown id, unreadable file or invalid mapping.
    """
    if json_files.is_path(name_or_path):
        path = Path(name_or_path)
        obj = json_files.read_file(path)
        return JointMapping.from_json(
            obj, str(path), name=path.stem, folder=path.parent, known=known
        )
    return _load_packaged(str(name_or_path))


def mapping_names() -> tuple[str, ...]:
    """Ids of the packaged mappings, `<source>_to_<target>`, sorted."""
    return json_files.packaged_names(_FOLDER)


@functools.cache
def _load_packaged(name: str) -> JointMapping:
    obj = json_files.read_packaged(_FOLDER, name)
    mapping = JointMapping.from_json(obj, f"packaged mapping {name!r}", name=name, folder=Path())
    # Every caller gets the same object.
    mapping.weights.setflags(write=False)
    return mapping


def _layout(
    value: Any, folder: Path, where: str, known: Sequence[SkeletonLayout]
) -> SkeletonLayout:
    name = json_files.require_text(value, where)
    for layout in known:
        if layout.name == name:
            return layout
    with found_in(where):
        return load_layout(folder / name if json_files.is_path(name) else name)


def _index(layout: SkeletonLayout, joint: str, where: str) -> int:
    with found_in(where):
        return layout.index(joint)
