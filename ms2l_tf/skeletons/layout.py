"""`SkeletonLayout`: one skeleton convention as data."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ms2l_tf.errors import InputError, found_in
from ms2l_tf.skeletons import json_files
from ms2l_tf.skeletons.semantic import SEMANTIC, derived_points, find_semantic_problem
from ms2l_tf.skeletons.structure import find_problem

PARTS = ("trunk", "arm_left", "arm_right", "leg_left", "leg_right")
ANCHORS = ("root", "hip_left", "hip_right", "shoulder_left", "shoulder_right", "spine_top")

_FOLDER = "layouts"
_REQUIRED = ("name", "joints", "bones", "graph_centre", "mirror", "anchors", "parts")
_OPTIONAL = ("edges", "semantic", "note")


@dataclass(frozen=True)
class SkeletonLayout:
    """Joints of a skeleton, how they hang together, and where they are on the body.

    Left and right are those of the person shown. Joints are counted from 0.

    Args:
        name: Id of the layout, e.g. `"kinect_v2_25"`.
        joints: The J joint names, in the order of the coordinate arrays.
        edges: Undirected graph as joint pairs; cycles and several components are allowed.
        bones: Forest of (child, parent) pairs, for drawing and for bone vectors.
        graph_centre: The joint that graph convolutions are partitioned around. It is not the
            normalisation root: a Kinect graph is centred at the shoulders, its root is the hip.
        mirror: For each joint its left-right counterpart (itself for a central joint).
            Mirroring a pose also negates the lateral coordinate.
        anchors: For each of `ANCHORS` the joints whose mean is that body point. `root`
            (mid-hip) is never empty; others may be, e.g. in an upper-body layout.
        parts: For each of `PARTS` its joints; every joint is in exactly one part.
        semantic: For each of `SEMANTIC` the joints whose mean is that body point; empty where the
            skeleton lacks it. `neck` is its base, a hand the wrist where there is one, `pelvis` the
            anchor `root`. A point that is not given is that of the packaged layout of this name
            and these joints, or derived from the structure (`derived_points`).
        note: Remarks for the reader.

    Raises:
        InputError: The fields contradict each other.
    """

    name: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    bones: tuple[tuple[int, int], ...]
    graph_centre: int
    mirror: tuple[int, ...]
    anchors: Mapping[str, tuple[int, ...]] = field(hash=False)
    parts: Mapping[str, tuple[int, ...]] = field(hash=False)
    semantic: Mapping[str, tuple[int, ...]] = field(hash=False, default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        # All keys are always there, in the canonical order, so that readers need no `.get`.
        for attribute, keys in (("anchors", ANCHORS), ("parts", PARTS)):
            given: Mapping[str, tuple[int, ...]] = getattr(self, attribute)
            json_files.require_fields(given, f"layout {self.name!r}: {attribute}", (), keys)
            complete = {key: tuple(given.get(key, ())) for key in keys}
            object.__setattr__(self, attribute, complete)
        problem = find_problem(self) or self._complete_points()
        if problem:
            raise InputError(f"layout {self.name!r}: {problem}")

    def _complete_points(self) -> str | None:
        """Fills in the semantic points that are not given; what is wrong with them, if anything."""
        where = f"layout {self.name!r}: semantic"
        json_files.require_fields(self.semantic, where, (), SEMANTIC)
        points = {**self._usual_points(), **self.semantic}
        object.__setattr__(self, "semantic", {key: tuple(points[key]) for key in SEMANTIC})
        return find_semantic_problem(self, self.semantic)

    def _usual_points(self) -> dict[str, tuple[int, ...]]:
        """The semantic points of this layout where none are given."""
        packaged = _packaged_points(self.name, self.joints)
        return {**derived_points(self), **packaged, "pelvis": self.anchors["root"]}

    @property
    def num_joints(self) -> int:
        """J, the number of joints."""
        return len(self.joints)

    @property
    def parents(self) -> list[int]:
        """Parent of each joint by the bones, [J]; a root is its own parent."""
        parents = list(range(self.num_joints))
        for child, parent in self.bones:
            parents[child] = parent
        return parents

    def index(self, joint: str) -> int:
        """Position of a joint name; an unknown name is an `InputError`."""
        return _index(joint, self.joints, f"layout {self.name!r}")

    def to_json(self) -> dict[str, Any]:
        """The layout as a JSON object that names joints instead of counting them.

        Semantic points that are filled in when they are not given are left out: the records and
        checksums of a layout do not depend on whether it named them.
        """

        def names(indices: tuple[int, ...]) -> list[str]:
            return [self.joints[j] for j in indices]

        left = {*self.parts["arm_left"], *self.parts["leg_left"]}
        pairs = [(j, other) for j, other in enumerate(self.mirror) if j < other]
        usual = self._usual_points()
        told = {key: names(own) for key, own in self.semantic.items() if own != usual[key]}
        return {
            "name": self.name,
            "note": self.note,
            "joints": list(self.joints),
            "edges": [names(edge) for edge in self.edges],
            "bones": [names(bone) for bone in self.bones],
            "graph_centre": self.joints[self.graph_centre],
            "mirror": [names((b, a) if b in left else (a, b)) for a, b in pairs],
            "anchors": {key: names(members) for key, members in self.anchors.items()},
            "parts": {key: names(members) for key, members in self.parts.items()},
            **({"semantic": told} if told else {}),
        }

    @classmethod
    def from_json(cls, obj: Any, where: str) -> SkeletonLayout:
        """Builds a layout from the object of a JSON file.

        Args:
            obj: Parsed JSON as written by `to_json`. `edges` may be absent (then they are the
                bones), `semantic` and `note` too; absent anchors and parts are empty.
            where: Names the file in error messages.

        Raises:
            InputError: A field is missing, unknown, of the wrong type, or contradicts another.
        """
        obj = json_files.require_object(obj, where)
        json_files.require_fields(obj, where, _REQUIRED, _OPTIONAL)
        joints = json_files.require_texts(obj["joints"], f"{where}: joints")
        centre = json_files.require_text(obj["graph_centre"], f"{where}: graph_centre")
        note = obj.get("note", "")
        if not isinstance(note, str):
            raise InputError(f"{where}: note: expected a string, got {json_files.describe(note)}")
        bones = _pairs(obj["bones"], joints, f"{where}: bones")
        fields: dict[str, Any] = {
            "name": json_files.require_text(obj["name"], f"{where}: name"),
            "joints": joints,
            "edges": _pairs(obj["edges"], joints, f"{where}: edges") if "edges" in obj else bones,
            "bones": bones,
            "graph_centre": _index(centre, joints, f"{where}: graph_centre"),
            "mirror": _mirror(obj["mirror"], joints, f"{where}: mirror"),
            "anchors": _groups(obj["anchors"], joints, f"{where}: anchors"),
            "parts": _groups(obj["parts"], joints, f"{where}: parts"),
            "semantic": _groups(obj.get("semantic", {}), joints, f"{where}: semantic"),
            "note": note,
        }
        with found_in(where):
            return cls(**fields)


def load_layout(name_or_path: str | os.PathLike[str]) -> SkeletonLayout:
    """Loads a packaged layout by its id, or a user's own from a `.json` file.

    Raises:
        InputError: Unknown id, unreadable file or invalid layout.
    """
    if json_files.is_path(name_or_path):
        return SkeletonLayout.from_json(json_files.read_file(name_or_path), str(name_or_path))
    return _load_packaged(str(name_or_path))


def layout_names() -> tuple[str, ...]:
    """Ids of the packaged layouts, sorted."""
    return json_files.packaged_names(_FOLDER)


@functools.cache
def _load_packaged(name: str) -> SkeletonLayout:
    obj = json_files.read_packaged(_FOLDER, name)
    return SkeletonLayout.from_json(obj, f"packaged layout {name!r}")


@functools.cache
def _packaged_points(name: str, joints: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """The semantic points of the packaged layout of this name; none if it has other joints."""
    if name not in layout_names():
        return {}
    obj = json_files.read_packaged(_FOLDER, name)
    if tuple(obj["joints"]) != joints:
        return {}
    return _groups(obj["semantic"], joints, f"packaged layout {name!r}: semantic")


def _index(joint: str, joints: tuple[str, ...], where: str) -> int:
    if joint not in joints:
        hint = json_files.did_you_mean(joint, joints)
        raise InputError(f"{where}: unknown joint {joint!r}{hint}; use a name listed in joints")
    return joints.index(joint)


def _pairs(value: Any, joints: tuple[str, ...], where: str) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, list):
        raise InputError(
            f"{where}: expected a list of joint pairs, got {json_files.describe(value)}"
        )
    pairs = []
    for i, item in enumerate(value):
        names = json_files.require_texts(item, f"{where}[{i}]")
        if len(names) != 2:
            raise InputError(f"{where}[{i}]: expected two joint names, got {len(names)}")
        a, b = (_index(joint, joints, f"{where}[{i}]") for joint in names)
        pairs.append((a, b))
    return tuple(pairs)


def _mirror(value: Any, joints: tuple[str, ...], where: str) -> tuple[int, ...]:
    """Permutation from [left, right] pairs; joints in no pair stay where they are."""
    mirror = list(range(len(joints)))
    seen: set[int] = set()
    for left, right in _pairs(value, joints, where):
        for j in (left, right):
            if j in seen:
                raise InputError(
                    f"{where}: {joints[j]!r} is named twice; each joint belongs to one "
                    "[left, right] pair at most, central joints to none"
                )
            seen.add(j)
        mirror[left], mirror[right] = right, left
    return tuple(mirror)


def _groups(value: Any, joints: tuple[str, ...], where: str) -> dict[str, tuple[int, ...]]:
    return {
        key: tuple(
            _index(joint, joints, f"{where}.{key}")
            for joint in json_files.require_texts(members, f"{where}.{key}")
        )
        for key, members in json_files.require_object(value, where).items()
    }
