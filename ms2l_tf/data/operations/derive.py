"""`derive`: poses in other layouts, by mappings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ms2l_tf.data.formats.base import PoseHeader
from ms2l_tf.data.formats.derived import NATIVE, packaged_mapping
from ms2l_tf.data.formats.layout_map import LayoutMap
from ms2l_tf.data.operations.stream import ClipStream
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.json_files import is_path
from ms2l_tf.skeletons.mapping import JointMapping


def derive(stream: ClipStream, layouts: Sequence[str], layout_map: str = "") -> ClipStream:
    """The clips in some layouts, in this order.

    Args:
        stream: the clips.
        layouts: names of layouts: those of the stream (``native`` is all of them), targets of
            packaged mappings from one of them, or `.json` files of mappings.
        layout_map: ``auto`` suggests mappings by joint names where none is packaged, see
            `LayoutMap`.

    Raises:
        InputError: a layout cannot be derived, or is named twice.
    """
    natives = {poses.layout: poses for poses in stream.header.poses}
    chosen = LayoutMap(layout_map, list(natives.values()))
    mappings: dict[str, JointMapping] = {}
    headers: dict[str, PoseHeader] = {}
    for wanted in _wanted(layouts, list(natives)):
        if wanted in natives:
            _add(headers, natives[wanted])
            continue
        mapping = _mapping(wanted, natives, chosen)
        mappings[mapping.target] = mapping
        _add(
            headers,
            dataclasses.replace(
                natives[mapping.source], layout=mapping.target, own=mapping.target_layout
            ),
        )

    def read(index: int) -> dict[str, ClipPoses]:
        poses = stream.read(index)
        return {name: own for name in headers if (own := _in_layout(name, poses, mappings))}

    lines = [
        f"--derive: {name} from {mapping.source}"
        + (f", without {', '.join(mapping.absent)}" if mapping.absent else "")
        for name, mapping in mappings.items()
    ]
    header = dataclasses.replace(
        stream.header,
        poses=tuple(headers.values()),
        documents={**stream.header.documents, **chosen.documents},
    )
    return dataclasses.replace(stream, header=header, read=read).noting(*lines, *chosen.notes)


def mapped(poses: ClipPoses, mapping: JointMapping) -> ClipPoses:
    """Poses in the target of a mapping, with presence and confidence."""
    confidence = poses.confidence
    if confidence is not None:
        confidence = mapping.apply_confidence(confidence)
    return ClipPoses(mapping.apply(poses.coords), poses.present, confidence)


def _wanted(layouts: Sequence[str], natives: Sequence[str]) -> list[str]:
    return [name for layout in layouts for name in (natives if layout == NATIVE else [layout])]


def _mapping(wanted: str, natives: Mapping[str, PoseHeader], chosen: LayoutMap) -> JointMapping:
    if is_path(wanted):
        given = LayoutMap(wanted, list(natives.values()), flag="--derive")
        (target,) = given.targets
        return given.mapping_to(target)  # type: ignore[return-value]  # it has this one
    return chosen.mapping_to(wanted) or packaged_mapping(list(natives), wanted, "--derive")


def _add(headers: dict[str, PoseHeader], poses: PoseHeader) -> None:
    if poses.layout in headers:
        raise InputError(f"--derive: names {poses.layout} twice")
    headers[poses.layout] = poses


def _in_layout(
    name: str, poses: Mapping[str, ClipPoses], mappings: Mapping[str, JointMapping]
) -> ClipPoses | None:
    if name not in mappings:
        return poses.get(name)
    source = poses.get(mappings[name].source)
    return None if source is None else mapped(source, mappings[name])
