"""Flags of the commands that read recordings for an exported model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from absl import flags

from ms2l_tf.data.formats import FORMATS, ReaderOptions
from ms2l_tf.data.formats.guess import AUTO
from ms2l_tf.data.records import UNITS
from ms2l_tf.errors import InputError

if TYPE_CHECKING:
    from ms2l_tf.export.manifest import Manifest
    from ms2l_tf.prediction.inputs import InputChoices

flags.disclaim_key_flags()  # they are flags of the command that has them defined

_OPTIONS = ("layout", "frame_rate", "unit", "axes", "layout_map")


@dataclasses.dataclass(frozen=True)
class InputFlags:
    """The flags, once they are defined."""

    model: flags.FlagHolder[Any]
    input: flags.FlagHolder[Any]
    format: flags.FlagHolder[Any]
    map: flags.FlagHolder[Any]
    layout: flags.FlagHolder[Any]
    frame_rate: flags.FlagHolder[Any]
    unit: flags.FlagHolder[Any]
    axes: flags.FlagHolder[Any]
    layout_map: flags.FlagHolder[Any]

    def choices(self) -> InputChoices:
        """How the input is read."""
        from ms2l_tf.prediction.inputs import InputChoices

        given = {name: getattr(self, name).value for name in _OPTIONS}
        options = ReaderOptions(**{name: value for name, value in given.items() if value})
        return InputChoices(self.format.value or AUTO, options, bool(self.map.value))

    def of_stream(self, model: Manifest) -> dict[str, Any]:
        """How frames come that have no header, as `FrameStream` takes it."""
        from ms2l_tf.data.formats.listed import parse_axes
        from ms2l_tf.prediction.layouts import chosen_layout
        from ms2l_tf.skeletons.layout import load_layout

        layout = load_layout(self.layout.value) if self.layout.value else model.layout
        _, mapping = chosen_layout(
            f"--layout={layout.name}",
            [(layout, model.coords)],
            model,
            layout_map=self.layout_map.value or "",
            mapped=self.map.value,
        )
        axes = parse_axes(self.axes.value or "")
        if axes is not None and model.coords == 2:
            raise InputError("--axes: belongs to poses in 3-D; the model reads 2-D")
        rate, unit = self.frame_rate.value, self.unit.value
        return {"frame_rate": rate, "unit": unit, "axes": axes, "mapping": mapping}

    def check(self, *, stream: bool = False) -> None:
        """Refuses a command line that names no model or, without a stream, no input."""
        if not self.model.value:
            raise InputError("--model is missing: name a folder that ms2l-export wrote")
        if not stream and not self.input.value:
            raise InputError("--input is missing: name a file or folder of recordings")


def define() -> InputFlags:
    """Defines the flags, as those of the module that calls."""
    return InputFlags(
        model=flags.DEFINE_string("model", None, "Folder that ms2l-export wrote."),
        input=flags.DEFINE_string(
            "input",
            None,
            "File, folder or archive of recordings in any format that ms2l-prepare reads, or a "
            "prepared dataset.",
        ),
        format=flags.DEFINE_string(
            "format", None, f"What to read: {', '.join(FORMATS)}; by default what the input holds."
        ),
        map=flags.DEFINE_bool(
            "map", False, "Map poses of another layout by the packaged mapping to the model's."
        ),
        layout=flags.DEFINE_string(
            "layout", None, "Layout of the joints where files do not say: packaged, or its file."
        ),
        frame_rate=flags.DEFINE_float(
            "frame_rate", None, "Frames a second where files do not say.", lower_bound=0.01
        ),
        unit=flags.DEFINE_enum("unit", None, UNITS, "Unit of coordinates where files do not say."),
        axes=flags.DEFINE_string(
            "axes",
            None,
            "Where up and forward are, and the handedness, where files do not say: such as "
            "+y,+z,right.",
        ),
        layout_map=flags.DEFINE_string(
            "layout_map",
            None,
            "How joints become those of the model's layout: the .json file of a mapping, or auto "
            "to map them by their names.",
        ),
    )
