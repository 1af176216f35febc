"""`LayoutMap`: what ``--layout_map`` says of the layouts a source comes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ms2l_tf.data.formats.base import PoseHeader
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout
from ms2l_tf.skeletons.mapping import JointMapping, load_mapping, mapping_names
from ms2l_tf.skeletons.suggestion import suggest_mapping

AUTO = "auto"


class LayoutMap:
    """Mappings from a source's own layouts that are not packaged.

    Args:
        given: the file of a mapping, `AUTO`, or empty for none.
        natives: the source's own layouts.
        flag: that gave it, for errors.

    Attributes:
        notes: what was suggested, a line each.
        documents: the suggested mappings as files, for people to mend and give back.

    Raises:
        InputError: the file cannot be read, or maps from another layout.
    """

    def __init__(
        self, given: str, natives: Sequence[PoseHeader], flag: str = "--layout_map"
    ) -> None:
        self.notes: list[str] = []
        self.documents: dict[str, dict[str, Any]] = {}
        self._natives = natives
        self._auto = given == AUTO
        self._mappings: dict[str, JointMapping] = {}
        if given and not self._auto:
            mapping = load_mapping(given, known=[poses.skeleton for poses in natives])
            names = [poses.layout for poses in natives]
            if mapping.source not in names:
                raise InputError(
                    f"{flag}={given}: maps from {mapping.source}, the source has {', '.join(names)}"
                )
            self._mappings[mapping.target] = mapping

    @property
    def targets(self) -> tuple[str, ...]:
        """Layouts of a mapping that was given."""
        return tuple(self._mappings)

    def mapping_to(self, layout: str) -> JointMapping | None:
        """The mapping to a layout, if there is one; with `AUTO`, where none is packaged."""
        if self._auto and layout not in self._mappings and not self._is_packaged(layout):
            suggestion = suggest_mapping(self._natives[0].skeleton, load_layout(layout))
            self._mappings[layout] = suggestion.mapping
            name = f"{suggestion.mapping.name}.json"
            self.documents[name] = suggestion.content
            self.notes += [f"{line}; kept as {name}" for line in suggestion.lines]
        return self._mappings.get(layout)

    def _is_packaged(self, layout: str) -> bool:
        return any(f"{poses.layout}_to_{layout}" in mapping_names() for poses in self._natives)
