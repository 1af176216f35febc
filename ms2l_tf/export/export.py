"""A finished run as a folder that leaves the laboratory."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf import files
from ms2l_tf.api.loaded import LoadedRun, globals_kept, load_run
from ms2l_tf.data.new_folder import check_output, new_folder
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.features import encoder_features
from ms2l_tf.evaluation.layout_features import check_run
from ms2l_tf.evaluation.sides import clip_features
from ms2l_tf.export.card import write_card
from ms2l_tf.export.checking import Sample, compare, live_sample
from ms2l_tf.export.converted import NotConvertedError
from ms2l_tf.export.formats import FORMATS, SAVED_MODEL, Format
from ms2l_tf.export.head_fit import Head, fit_head
from ms2l_tf.export.known import write_known
from ms2l_tf.export.manifest import NAME, Manifest, read_manifest, write_manifest
from ms2l_tf.export.served import ServedModel
from ms2l_tf.export.values import manifest_values
from ms2l_tf.methods.recogniser import Recogniser
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.labels import read_labelled

HEADS = ("auto", "none", "network", "ridge", "linear", "knn")
Progress = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class ExportChoices:
    """What is wanted of a run.

    Attributes:
        head: one of `HEADS`; ``auto`` is the run's own classifier or, of one without, ``ridge``;
            none where there are no labels at hand.
        formats: out of `FORMATS`, beside the SavedModel.
        data: folder of the run's dataset, if it is no longer where it was.
        layout: of the poses, see `load_run`; empty: the run's reference.
        k: neighbours of ``knn``.
    """

    head: str = "auto"
    formats: tuple[str, ...] = ()
    data: str = ""
    layout: str = ""
    k: int = 5

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise InputError(f"--head: '{self.head}' is not one of {', '.join(HEADS)}")
        if unknown := [name for name in self.formats if name not in FORMATS]:
            raise InputError(f"--formats: '{unknown[0]}' is not one of {', '.join(FORMATS)}")
        if self.k < 1:
            raise InputError(f"--k={self.k}: must be at least 1")


def export_run(
    workdir: str | os.PathLike[str],
    out: str | os.PathLike[str],
    choices: ExportChoices,
    progress: Progress = lambda _: None,
) -> Manifest:
    """Writes a finished run as a SavedModel, with what is known of it and a card.

    Args:
        workdir: of the run.
        out: folder to write; it appears when all is there.
        choices: see `ExportChoices`.
        progress: called with a line for each step done.

    Raises:
        InputError: the run is unfinished or damaged, the dataset is another one, the folder holds
            something, or what was written differs from the live model.
    """
    target = pathlib.Path(out)
    check_output(target)
    wanted = _wanted(choices.formats)
    for each in wanted:
        each.check_installed()
    with globals_kept():
        run = load_run(workdir, layout=choices.layout or None)
        data, reason = _opened(run, choices)
        store = _store(run, data)
        head = _head(run, data, choices, reason, progress)
        model = served_model(run, head)
        sample = live_sample(run, store, head)
        values = manifest_values(run, model, head, data, store)
        with new_folder(target) as folder, tempfile.TemporaryDirectory() as aside:
            metadata = pathlib.Path(aside) / NAME
            files.write_json(metadata, values)
            formats: dict[str, dict[str, Any]] = {}
            for each in wanted:
                formats[each.name] = _written(each, run, model, folder, metadata, sample)
                progress(_told(each, formats[each.name]))
            if head is not None and head.known is not None:
                write_known(folder, head.known)
            written = {**values, "formats": formats}
            write_card(folder, written)
            write_manifest(folder, written)
    return read_manifest(target)


def served_model(run: LoadedRun, head: Head | None) -> ServedModel:
    """The whole chain of a run as one model, built."""
    model = ServedModel(
        run.normaliser,
        run.network,
        shape=(run.layout.num_joints, run.coords),
        layout=run.number,
        pooling=run.pooling,
        head=None if head is None else head.layer,
        temperature=1.0 if head is None else head.temperature,
    )
    model.build()
    return model


def _wanted(names: Sequence[str]) -> list[Format]:
    """The SavedModel first, which every folder is."""
    return [FORMATS[name] for name in dict.fromkeys([SAVED_MODEL.name, *names])]


def _written(
    each: Format,
    run: LoadedRun,
    model: ServedModel,
    folder: pathlib.Path,
    metadata: pathlib.Path,
    sample: Sample,
) -> dict[str, Any]:
    """Writes a format and compares it; what the manifest says of it."""
    try:
        runner = each.write(model, folder, metadata)
    except NotConvertedError as error:
        (folder / each.file).unlink(missing_ok=True)
        return {"reason": str(error)}
    clips = sample.fitting(each.frames, run.persons)
    tolerance = each.crossing if run.network.counts_crossings else each.tolerance
    return compare(clips, runner, each.name, tolerance, run.network.compute_dtype)


def _told(each: Format, record: Mapping[str, Any]) -> str:
    if "reason" in record:
        return f"{each.name}: cannot be written: {record['reason']}"
    difference = record["largest_difference"]
    return f"{each.name}: as the live model, largest difference {difference:.1e} of a feature"


def _opened(run: LoadedRun, choices: ExportChoices) -> tuple[RunData | None, str]:
    """The run's clips and, where they are not at hand, the reason."""
    config = changed(run.config, data=choices.data) if choices.data else run.config
    try:
        data = open_data(config)
        check_run(run.folder, data, "--data" if choices.data else "--workdir")
    except InputError as error:
        if choices.data or choices.head not in ("auto", "none", "network"):
            raise
        return None, str(error)
    return data, ""


def _store(run: LoadedRun, data: RunData | None) -> PoseStore | None:
    """The poses of the dataset in the layout that the model reads."""
    if data is None or run.layout.name not in data.names:
        return None
    return data.parts[data.index(run.layout.name)].store


def _head(
    run: LoadedRun,
    data: RunData | None,
    choices: ExportChoices,
    reason: str,
    progress: Progress,
) -> Head | None:
    if choices.head == "none":
        return None
    if choices.head in ("auto", "network") and isinstance(run.learner, Recogniser):
        names = _recorded_labels(run, data)
        known = None if data is None else _labelled(run, data)[0]
        return Head("network", run.learner.classifier, names, known=known)
    if choices.head == "network":
        raise InputError(
            f"--head=network: {run.folder.path} has learned no classifier; use "
            "--head=ridge, linear or knn, or train it on with --protocol=supervised"
        )
    if data is None:
        progress(f"without head: {reason}")
        return None
    kind = "ridge" if choices.head == "auto" else choices.head
    return _probe(run, data, kind, choices, progress)


def _probe(
    run: LoadedRun, data: RunData, kind: str, choices: ExportChoices, progress: Progress
) -> Head | None:
    """A probe of features of labelled training clips."""
    clips, names = _labelled(run, data)
    if choices.head == "auto" and len(np.unique(clips.labels)) < 2:
        progress("without head: the training clips have no two classes")
        return None
    head = fit_head(kind, clips, names, k=choices.k, c=run.config.probes.linear_c)
    progress(f"head: {kind}, fitted on {len(clips)} labelled training clips")
    return dataclasses.replace(head, known=clips)


def _labelled(run: LoadedRun, data: RunData) -> tuple[ClipFeatures, tuple[str, ...]]:
    """Features of labelled training clips, in the model's layout if they have it, and classes."""
    known = run.layout.name in data.names
    number = data.index(run.layout.name) if known else 0
    part, reader = data.parts[number], run
    if not known:
        reader = load_run(run.folder.path)
    fitted = read_labelled(run.folder, part.dataset) if run.config.reads_labels else part.train
    rows = fitted[(part.dataset.labels[fitted] >= 0) & (part.store.lengths[fitted] > 0)]
    features = encoder_features(
        reader.network,
        part.store,
        rows,
        data.normalisers[number],
        pooling=reader.pooling,
        layout=reader.number,
    )
    return clip_features(part, features, rows, "training features"), part.dataset.label_names


def _recorded_labels(run: LoadedRun, data: RunData | None) -> tuple[str, ...]:
    """Names of the classes that a run with labels has learned."""
    if data is not None:
        return tuple(data.dataset.label_names)
    names = files.read_json(run.folder.labelled).get("by_class")
    if not isinstance(names, dict) or len(names) != run.folder.entry("classes"):
        raise InputError(f"{run.folder.labelled}: entry 'by_class' is missing or damaged")
    return tuple(names)
