"""What a run keeps of what it was built for, so that it can be built again without its dataset."""

from __future__ import annotations

from typing import Any

from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.methods.base import RunShape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout


def run_record(config: RunConfig, data: RunData, shape: RunShape) -> dict[str, Any]:
    """What ``flags.json`` keeps.

    Args:
        config: settings of the run.
        data: its clips.
        shape: what its learner is built for.
    """
    reference = data.reference
    return {
        "protocol": config.protocol.protocol,
        "dataset": data.dataset.name,
        "fingerprint": data.fingerprint,
        "classes": len(data.dataset.label_names),
        "dataset_fingerprint": data.dataset.fingerprint,
        "poses": {
            "layout": reference.layout,
            "shape": [shape.frames, shape.persons, reference.store.layout.num_joints, shape.coords],
            "joints": list(reference.store.layout.joints),
        },
        "layouts": [layout.to_json() for layout in shape.layouts],
        "normalisers": [normaliser.get_config() for normaliser in data.normalisers],
        "trained_clips": shape.clips,
        "settings": config.to_json(),
    }


def recorded_shape(folder: RunFolder) -> RunShape:
    """What the learner of a run was built for.

    Raises:
        InputError: an entry is missing or damaged.
    """
    poses, layouts = folder.entry("poses"), recorded_layouts(folder)
    frames, persons, _, coords = poses["shape"]
    return RunShape(
        layouts,
        frames=frames,
        persons=persons,
        coords=coords,
        classes=folder.entry("classes"),
        layout=recorded_number(folder, poses["layout"]),
        clips=folder.record().get("trained_clips", 0),
    )


def recorded_layouts(folder: RunFolder) -> tuple[SkeletonLayout, ...]:
    """The layouts of a run's network, as its ``flags.json`` keeps them.

    Raises:
        InputError: the entry is missing or damaged.
    """
    record = folder.record()
    if "layouts" not in record:  # a run of an earlier version, which read one packaged layout
        return (_packaged(folder, folder.entry("poses")),)
    if not record["layouts"]:
        raise InputError(f"{folder.flags}: entry 'layouts' is empty")
    return tuple(
        SkeletonLayout.from_json(entry, f"{folder.flags}: layouts[{number}]")
        for number, entry in enumerate(record["layouts"])
    )


def _packaged(folder: RunFolder, poses: dict[str, Any]) -> SkeletonLayout:
    layout = load_layout(poses["layout"])
    if list(layout.joints) != poses.get("joints", list(layout.joints)):
        raise InputError(
            f"{folder.flags}: entry 'layouts' is missing, and the packaged layout "
            f"'{layout.name}' has other joints"
        )
    return layout


def recorded_normalisers(folder: RunFolder) -> dict[str, Normaliser]:
    """What a run does to its poses before the network reads them, by layout, the reference first.

    Raises:
        InputError: an entry is missing or damaged.
    """
    configs, reference = folder.entry("normalisers"), folder.entry("poses")["layout"]
    names = [layout.name for layout in recorded_layouts(folder)]
    if len(configs) == 1:  # a run with labels reads one of the layouts that its network knows
        names = [reference]
    try:
        normalisers = [Normaliser.from_config(config) for config in configs]
        return dict(zip(names, normalisers, strict=True))
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder.flags}: entry 'normalisers' is damaged ({error})") from None


def recorded_number(folder: RunFolder, layout: str) -> int:
    """Which of the layouts of a run's network the one of this id is.

    Raises:
        InputError: none of them.
    """
    names = [known.name for known in recorded_layouts(folder)]
    if layout not in names:
        raise InputError(f"{folder.flags}: entry 'layouts' lacks '{layout}', which the run reads")
    return names.index(layout)
