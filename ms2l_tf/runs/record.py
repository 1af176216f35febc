"""What a run keeps of what it was built for, so that it can be built again without its dataset."""

from __future__ import annotations

from typing import Any

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.data_sets import own_layouts, settings_of_sets
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.methods.base import RunShape
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.folder import FORMAT_VERSION, RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.skeletons.canonical import CANONICAL
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout


def run_record(config: RunConfig, data: RunData, shape: RunShape) -> dict[str, Any]:
    """What ``flags.json`` keeps.

    Args:
        config: settings of the run.
        data: its clips.
        shape: what its learner is built for.
    """
    home = shape.layouts[shape.layout]
    record = {
        "format_version": FORMAT_VERSION,
        "protocol": config.protocol.protocol,
        "dataset": ", ".join(one.dataset.name for one in data.sets),
        "fingerprint": data.fingerprint,
        "classes": len(data.dataset.label_names),
        "dataset_fingerprint": data.dataset.fingerprint,
        "poses": {
            "layout": home.name,
            "shape": [shape.frames, shape.persons, home.num_joints, shape.coords],
            "joints": list(home.joints),
        },
        "layouts": [layout.to_json() for layout in shape.layouts],
        "normalisers": [normaliser.get_config() for _, normaliser in data.known_layouts.values()],
        "trained_clips": shape.clips,
        "settings": config.to_json(),
    }
    if data.others:
        record["datasets"] = [
            {
                "name": one.dataset.name,
                "split": one.reference.split,
                "layouts": list(one.names),
                "fingerprint": one.fingerprint,
                "dataset_fingerprint": one.dataset.fingerprint,
                "classes": len(one.dataset.label_names),
            }
            for one in data.sets
        ]
    return record


def recorded_fingerprints(folder: RunFolder, key: str = "fingerprint") -> list[str]:
    """Checksums of what a run was trained on: of all its data sets, or of the one it has.

    Args:
        folder: the run.
        key: ``fingerprint``, of what it reads, or ``dataset_fingerprint``, of the whole folders.
    """
    record = folder.record()
    try:
        return [str(one.get(key)) for one in record.get("datasets", [record])]
    except AttributeError:
        raise InputError(f"{folder.flags}: entry 'datasets' is damaged") from None


def read_alone(folder: RunFolder, config: RunConfig) -> RunConfig:
    """The settings by which one data set of a run is read: that of `config`, or else the first.

    Args:
        folder: the run.
        config: its settings; ``data`` is as it was trained, or the folder of one of its data sets.

    Raises:
        InputError: the run was trained on several data sets, and `config` names another one.
    """
    record, trained = folder.record(), folder.config().data
    if "datasets" not in record:
        return config
    several, told = settings_of_sets(trained), settings_of_sets(config.data)
    if len(told) > 1 and config.data.data != trained.data:
        raise InputError(f"--data={config.data.data}: is read one data set at a time; name one")
    dataset = ClipDataset.open(told[0].data)
    known = recorded_fingerprints(folder, "dataset_fingerprint")
    if dataset.fingerprint not in known:
        raise InputError(
            f"--data: {dataset.path} is none of the data sets {folder.path} was trained on "
            f"({record['dataset']}; the checksum of its files differs)"
        )
    own = several[known.index(dataset.fingerprint)]
    return changed(
        config,
        data=told[0].data,
        split=own.split,
        layouts=own_layouts(dataset, own.layouts),
        persons=folder.entry("poses")["shape"][1],
    )


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
    names = [layout.name for layout in recorded_layouts(folder) if layout.name != CANONICAL]
    if len(configs) == 1 and reference != CANONICAL:
        names = [reference]  # a run with labels reads one of the layouts that its network knows
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
