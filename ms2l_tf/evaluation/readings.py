"""Readings beyond one layout's probes: ensembles, across layouts, unseen layouts, fusion."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.run_data import LayoutClips, RunData, open_run_data
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.cross import PROBES, bridged_metrics, cross_metrics
from ms2l_tf.evaluation.ensemble import (
    check_stream,
    ensemble_metrics,
    linear_logits,
    stream_metrics,
)
from ms2l_tf.evaluation.layout_features import (
    LayoutFeatures,
    check_run,
    common_rows,
    layout_features,
    open_run,
)
from ms2l_tf.evaluation.unseen import unseen_metrics
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import finished_run
from ms2l_tf.runs.record import read_alone, recorded_layouts
from ms2l_tf.settings.config import RunConfig


@dataclasses.dataclass(frozen=True)
class Readings:
    """What is read beside the probes of each layout, as `Choices` asks for it.

    Attributes:
        folder: the run.
        config: its settings.
        data: its clips.
        test_on: ``test`` or ``validation``.
        adapted: settings of another run with this evaluation's choices put in.
    """

    folder: RunFolder
    config: RunConfig
    data: RunData
    test_on: str = "test"
    adapted: Callable[[RunConfig], RunConfig] = lambda config: config

    def check(self, choices: Choices) -> dict[str, Any]:
        """Opens the other runs and layouts before minutes are spent on this one.

        Returns:
            For ``result.json``: what is read beside the run, each with its folder's name and seed.

        Raises:
            InputError: a run is missing, unfinished, not of the kind its flag names, of other data,
                or without a layout that is read; or an unseen layout cannot be made.
        """
        data = self.data
        read = data.of([data.index(name) for name in choices.layouts or data.names])
        streams = {_stream(self.config): ""}
        if choices.streams:
            check_stream(self.folder.path, _stream(self.config))
        for path in choices.streams:
            stream = _stream(self._open_stream(path, read)[1])
            check_stream(path, stream)
            if stream in streams:
                raise InputError(f"--streams: {path} is another run of the {stream} stream")
            streams[stream] = path
        for path in choices.single:
            self._open_single(path, read)
        if choices.unseen:
            self._open_unseen(choices.unseen)
        fused = {stream: _source(path) for stream, path in streams.items() if path}
        single = [_source(path) for path in choices.single]
        others = {"fused_streams": fused, "single": single, "unseen": list(choices.unseen)}
        return {name: value for name, value in others.items() if value}

    def metrics(self, choices: Choices, features: Sequence[LayoutFeatures]) -> dict[str, float]:
        """Everything asked for, in percent.

        Args:
            choices: what is asked for.
            features: of the run in each layout.

        Raises:
            InputError: another run does not fit this one; `check` says so earlier.
        """
        config, data = self.config, self.data
        read = data.of([data.index(layout.name) for layout in features])
        metrics: dict[str, float] = {}
        several = len(features) > 1
        logits: dict[str, np.ndarray] = {}
        rows = {
            layout.name: common
            for layout, common in zip(features, common_rows(features), strict=True)
            if layout.test.labelled[common].any()
        }
        ensemble = several and bool(rows) and "linear" in choices.probes
        if choices.streams or ensemble:
            classes = len(data.dataset.label_names)
            logits = {layout.name: linear_logits(layout, config, classes) for layout in features}
        if ensemble:
            on_common = {name: logits[name][common] for name, common in rows.items()}
            labels = features[0].test.labels[rows[features[0].name]]
            metrics.update(ensemble_metrics(on_common, labels))
        if several and choices.cross:
            probes = [probe for probe in PROBES if probe in choices.probes]
            metrics.update(cross_metrics(self.folder, features, config, data, probes))
        for path in choices.single:
            single, single_config = self._open_single(path, read)
            prefix = "floor/single/cross"
            metrics.update(bridged_metrics(single, single_config, read, self.test_on, prefix))
        if choices.unseen:
            metrics.update(self._unseen(self._open_unseen(choices.unseen)))
        if choices.streams:
            metrics.update(self._fused(choices.streams, logits, features, rows, read))
        return metrics

    def _unseen(self, more: RunData) -> dict[str, float]:
        where = (self.folder, self.config, more, self.test_on)
        if self.config.model.joints == "semantic":
            return unseen_metrics(*where)
        return bridged_metrics(*where, "unseen", raw=True)

    def _open_single(self, path: str, read: RunData) -> tuple[RunFolder, RunConfig]:
        single = finished_run(path, "--single")
        config = read_alone(single, self.adapted(single.config()))
        layouts = recorded_layouts(single)
        if config.reads_labels or len(layouts) > 1:
            raise InputError(
                f"--single: {path} is a run of protocol {config.protocol.protocol} on "
                f"{', '.join(layout.name for layout in layouts)}; name one without labels on one "
                "layout"
            )
        if layouts[0].name not in read.names:
            raise InputError(
                f"--single: {path} is a run on {layouts[0].name}, which is not among the layouts "
                f"read ({', '.join(read.names)})"
            )
        data = read.of([read.index(layouts[0].name)])
        check_run(single, data, "--single")
        trained_clips, clips = open_data(config).reference, data.reference
        same_clips = _read_names(trained_clips, self.test_on) == _read_names(clips, self.test_on)
        if trained_clips.split != clips.split or not same_clips:
            raise InputError(
                f"--single: {path} has another split ('{trained_clips.split}', here "
                f"'{clips.split}') or other {self.test_on} clips and may have been trained on "
                "these; name a run of the same"
            )
        if _stream(config) != _stream(self.config):
            raise InputError(
                f"--single: {path} is a run of the {_stream(config)} stream; name one of the "
                f"{_stream(self.config)} stream"
            )
        return single, config

    def _open_unseen(self, unseen: Sequence[str]) -> RunData:
        config, data = self.config, self.data
        if config.reads_labels:
            raise InputError(
                f"--unseen: {self.folder.path} is a run of protocol {config.protocol.protocol}; "
                "only encoders trained without labels read other layouts"
            )
        home = (config.data.layouts or data.names)[0]
        settings = dataclasses.replace(config.data, layouts=(home, *unseen))
        try:
            more = open_run_data(settings, config.normaliser)
        except InputError as error:  # the flag that was given, not the one they stand in for
            raise InputError(str(error).replace("--layouts:", "--unseen:")) from None
        return dataclasses.replace(more, mappings=(*more.mappings, *data.mappings))

    def _fused(
        self,
        paths: Sequence[str],
        logits: dict[str, np.ndarray],
        features: Sequence[LayoutFeatures],
        rows: dict[str, np.ndarray],
        read: RunData,
    ) -> dict[str, float]:
        streams = {_stream(self.config): logits}
        classes = len(read.dataset.label_names)
        for path in paths:
            folder, config, data = self._open_stream(path, read)
            of_stream = layout_features(folder, config, data, read.names, self.test_on)
            streams[_stream(config)] = {
                layout.name: linear_logits(layout, config, classes) for layout in of_stream
            }
        return stream_metrics(streams, read.names[0], features[0].test, rows)

    def _open_stream(self, path: str, read: RunData) -> tuple[RunFolder, RunConfig, RunData]:
        """A run of another stream, its settings, and its clips, which are those of `read`."""
        folder = finished_run(path, "--streams")
        config, data = open_run(folder, self.adapted(folder.config()), "--streams")
        if data.dataset.fingerprint != read.dataset.fingerprint:
            raise InputError(
                f"--streams: {path} reads {data.dataset.path}, which is not {read.dataset.path}; "
                "fuse runs of one dataset"
            )
        missing = [name for name in read.names if name not in data.names]
        if missing:
            raise InputError(
                f"--streams: {path} has not learnt {', '.join(missing)}; it has "
                f"{', '.join(data.names)}: read those alone with --layouts"
            )
        for clips in read.parts:
            stream_clips = data.parts[data.index(clips.layout)]
            if _read_names(stream_clips, self.test_on) != _read_names(clips, self.test_on):
                raise InputError(f"--streams: {path} has other test clips; fuse runs of one split")
        return folder, config, data


def _stream(config: RunConfig) -> str:
    """What a network is fed with, as one word."""
    return "+".join(config.model.inputs)


def _source(path: str) -> dict[str, Any]:
    folder = RunFolder(path)
    # The folder's name alone: where it lies on this machine is nobody's business.
    return {"run": folder.path.name, "seed": folder.config().training.seed}


def _read_names(clips: LayoutClips, test_on: str) -> list[str]:
    rows = clips.test if test_on == "test" else clips.validation
    names: list[str] = clips.dataset.names[rows].tolist()
    return names
