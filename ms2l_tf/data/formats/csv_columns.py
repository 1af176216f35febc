"""What the columns of a table of poses are, by their names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

from ms2l_tf.data.checks import is_count
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout, layout_names, load_layout

# Names of columns, in small letters and without signs, by what they are.
_NAMES: Mapping[str, str] = {
    "clip": "clip clipid clipname sequence sequenceid sequencename video videoid videoname file "
    "filename sample sampleid recording",
    "frame": "frame frameid frameno frameindex framenumber framenum time timestamp timestep t",
    "person": "person personid body bodyid track trackid skeleton skeletonid",
    "joint": "joint jointid jointname jointindex keypoint keypointid keypointname landmark "
    "landmarkid landmarkname marker",
    "label": "label action actionname actionid class classname activity",
    "subject": "subject subjectid performer actor participant",
    "camera": "camera cameraid view",
    "setup": "setup",
    "group": "group take repetition",
    "split": "split",
}
_AXES: Mapping[str, str] = {
    "x": "x",
    "y": "y",
    "z": "z",
    "confidence": "confidence conf score visibility likelihood probability c v p",
}
ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
AXES = {name: axis for axis, names in _AXES.items() for name in names.split()}
TAGS = ("label", "subject", "camera", "setup", "group", "split")
_WORD = "|".join(sorted(AXES, key=len, reverse=True))
# head_x, head.x, head x; x_head; headX; x12.
_SPELLINGS = (
    re.compile(rf"(?P<joint>.*[^_.:\s-])[_.:\s-]+(?P<axis>{_WORD})", re.IGNORECASE),
    re.compile(rf"(?P<axis>{_WORD})[_.:\s-]+(?P<joint>.+)", re.IGNORECASE),
    re.compile(r"(?P<joint>.*[a-z0-9])(?P<axis>[XYZCVP])"),
    re.compile(r"(?P<axis>[xyzcvp])(?P<joint>\d+)", re.IGNORECASE),
)


@dataclasses.dataclass(frozen=True)
class Columns:
    """Places of the columns.

    Attributes:
        roles: of clip, frame, person, joint, label, ..., as far as there are such.
        axes: of x, y, z and confidence in a table of one row a joint.
        joints: of the same for each joint, in a table of one row a frame.
        others: names of columns that are none of these.
    """

    roles: Mapping[str, int]
    axes: Mapping[str, int]
    joints: Mapping[str, Mapping[str, int]]
    others: tuple[str, ...]

    @property
    def long(self) -> bool:
        """Whether a row is a joint, not a frame."""
        return "joint" in self.roles and {"x", "y"} <= self.axes.keys()

    @property
    def present(self) -> tuple[str, ...]:
        """Which of x, y, z and confidence there are."""
        there = self.axes if self.long else next(iter(self.joints.values()), {})
        return tuple(axis for axis in _AXES if axis in there)


def plain(name: str) -> str:
    """A name in small letters without signs, so that spellings compare."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_columns(names: Sequence[str], where: str) -> Columns:
    """The columns of a header.

    Raises:
        InputError: there are no poses among them, two are the same, or joints differ in what they
            have.
    """
    roles: dict[str, int] = {}
    axes: dict[str, int] = {}
    joints: dict[str, dict[str, int]] = {}
    others = []
    for place, name in enumerate(names):
        role, axis = ROLES.get(plain(name)), AXES.get(plain(name))
        match = next((m for m in (each.fullmatch(name) for each in _SPELLINGS) if m), None)
        if role:
            target, key = roles, role
        elif axis:
            target, key = axes, axis
        elif match:
            target, key = joints.setdefault(match["joint"], {}), AXES[match["axis"].lower()]
        else:
            others.append(name)
            continue
        if key in target:
            raise InputError(
                f"{where}: the columns {names[target[key]]!r} and {name!r} are the same"
            )
        target[key] = place
    # What looks like a joint and has no place is none, such as rot_x or bbox_score.
    whole = {joint: own for joint, own in joints.items() if {"x", "y"} <= own.keys()}
    others += [joint for joint in joints if joint not in whole]
    columns = Columns(roles, axes, whole, tuple(others))
    if not columns.long and not whole:
        raise InputError(
            f"{where}: the first line names no poses: columns joint, x, y and maybe z, or x, y and "
            "maybe z of each joint, such as head_x, head_y, head_z"
        )
    if not columns.long and len({frozenset(own) for own in whole.values()}) > 1:
        odd = next(joint for joint, own in whole.items() if own.keys() != set(columns.present))
        raise InputError(f"{where}: joint {odd!r} has other columns than the joints before it")
    return columns


def match_joints(
    names: Iterable[str], layout: str, where: str
) -> tuple[SkeletonLayout, dict[str, int]]:
    """The layout that has joints of these names, and the place of each in it.

    Names compare in small letters without signs. Joints that are numbered, from 0 or 1, stand in
    the order of the layout, which has to be named then.

    Args:
        names: of the table's joints.
        layout: named by the user, or empty: a packaged one.
        where: names the table in errors.

    Raises:
        InputError: there is no such layout, or several.
    """
    names = list(dict.fromkeys(names))
    if all(map(is_count, names)):
        return _numbered(names, layout, where)
    own = {plain(name): name for name in names}
    candidates = [load_layout(layout)] if layout else list(map(load_layout, layout_names()))
    fitting = [each for each in candidates if {plain(j) for j in each.joints} == own.keys()]
    if len(fitting) == 1:
        places = {plain(joint): place for place, joint in enumerate(fitting[0].joints)}
        return fitting[0], {name: places[plain(name)] for name in names}
    if fitting:
        raise InputError(
            f"{where}: its joints are those of {', '.join(each.name for each in fitting)}; say by "
            "--layout which"
        )
    raise InputError(f"{where}: {_difference(own, candidates, layout)}")


def _numbered(names: list[str], layout: str, where: str) -> tuple[SkeletonLayout, dict[str, int]]:
    numbers = sorted(map(int, names))
    if numbers[0] not in (0, 1) or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise InputError(
            f"{where}: joints are numbered from {numbers[0]} to {numbers[-1]} with gaps"
        )
    count = len(numbers)
    if not layout:
        fitting = [name for name in layout_names() if load_layout(name).num_joints == count]
        raise InputError(
            f"{where}: has {count} joints without names; say by --layout which they are, a file "
            f"of your own or packaged ones of {count} joints: {', '.join(fitting) or 'none'}"
        )
    found = load_layout(layout)
    if found.num_joints != count:
        raise InputError(
            f"{where}: has {count} joints, --layout={found.name} has {found.num_joints}"
        )
    return found, {name: int(name) - numbers[0] for name in names}


def _difference(own: Mapping[str, str], candidates: Sequence[SkeletonLayout], layout: str) -> str:
    """How the joints differ from those of the nearest layout."""

    def differing(each: SkeletonLayout) -> tuple[list[str], list[str]]:
        theirs = {plain(joint): joint for joint in each.joints}
        lacking = [joint for name, joint in theirs.items() if name not in own]
        return lacking, [name for key, name in own.items() if key not in theirs]

    nearest = min(candidates, key=lambda each: sum(map(len, differing(each))))
    lacking, more = differing(nearest)
    parts = [f"lacks {', '.join(lacking[:3])}{', ...' * (len(lacking) > 3)}"] if lacking else []
    parts += [f"has {', '.join(more[:3])}{', ...' * (len(more) > 3)} besides"] if more else []
    which = f"--layout={nearest.name}" if layout else f"the nearest layout, {nearest.name}"
    advice = "" if layout else "; name a layout file of your own by --layout"
    return f"its {len(own)} joints are not those of {which}: {' and '.join(parts)}{advice}"
