"""Readings beyond one layout's probes: ensembles, layouts across, unseen layouts, fused streams."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ms2l_tf.config import UNSUPERVISED
from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import finished_run
from ms2l_tf.skeletons.layout import SkeletonLayout
from msclr.config import ClrConfig
from msclr.cross import bridged_metrics, cross_metrics
from msclr.data import ClrData, open_clr_data
from msclr.ensemble import ensemble_metrics, linear_logits, stream_metrics
from msclr.evaluation import LayoutFeatures, check_run, common_rows, layout_features
from msclr.initial import recorded_layouts


@dataclasses.dataclass(frozen=True)
class Readings:
    """What to read beside the probes of each layout.

    Attributes:
        test_on: ``test`` or ``validation``.
        cross: probes trained in one layout and tested in another.
        single: run folders of one layout each, whose encoders read the other layouts bridged.
        unseen: layouts the run has not learnt, read bridged to its first one.
        streams: run folders of other streams to fuse with the run.
        adapted: settings of another run with this evaluation's choices put in.
    """

    test_on: str = "test"
    cross: bool = True
    single: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    adapted: Callable[[ClrConfig], ClrConfig] = lambda config: config

    def check(self, config: ClrConfig) -> dict[str, Any]:
        """Opens the other runs before minutes are spent on this one.

        Args:
            config: settings of the run.

        Returns:
            For ``result.json``: what is read beside the run, each with its folder's name and seed.

        Raises:
            InputError: a run is missing, unfinished, or not of the kind its flag names.
        """
        streams = {config.network.stream: ""}
        for path in self.streams:
            its = finished_run(path, ClrConfig, "--streams").config().network.stream
            if its in streams:
                raise InputError(f"--streams: {path} is another run of the {its} stream")
            streams[its] = path
        for path in self.single:
            self._open_single(path)
        return {
            "fused_streams": {stream: _source(path) for stream, path in streams.items() if path},
            "single": [_source(path) for path in self.single],
            "unseen": list(self.unseen),
        }

    def metrics(
        self,
        folder: RunFolder[ClrConfig],
        config: ClrConfig,
        data: ClrData,
        found: Sequence[LayoutFeatures],
    ) -> dict[str, float]:
        """Everything asked for, in percent.

        Args:
            folder: the run.
            config: its settings.
            data: its clips.
            found: its features in each layout.

        Raises:
            InputError: another run does not fit this one.
        """
        self.check(config)
        metrics: dict[str, float] = {}
        several = len(found) > 1
        logits: dict[str, np.ndarray] = {}
        rows = {
            one.name: mine for one, mine in zip(found, common_rows(found), strict=True) if len(mine)
        }
        if self.streams or (several and rows):
            classes = len(data.dataset.label_names)
            logits = {one.name: linear_logits(one, config, classes) for one in found}
        if several and rows:
            common = {name: logits[name][mine] for name, mine in rows.items()}
            labels = found[0].test.labels[rows[found[0].name]]
            metrics.update(ensemble_metrics(common, labels))
        if several and self.cross:
            metrics.update(cross_metrics(found, config, data))
        for path in self.single:
            metrics.update(self._single(path, data.of([data.index(one.name) for one in found])))
        if self.unseen:
            metrics.update(self._unseen(folder, config, data))
        if self.streams:
            metrics.update(self._fused(config, logits, found, rows))
        return metrics

    def _open_single(
        self, path: str
    ) -> tuple[RunFolder[ClrConfig], ClrConfig, tuple[SkeletonLayout, ...]]:
        single = finished_run(path, ClrConfig, "--single")
        config = self.adapted(single.config())
        layouts = recorded_layouts(single)
        if config.protocol.protocol != UNSUPERVISED or len(layouts) > 1:
            raise InputError(
                f"--single: {path} is a run of protocol {config.protocol.protocol} on "
                f"{', '.join(one.name for one in layouts)}; name one without labels on one layout"
            )
        return single, config, layouts

    def _single(self, path: str, read: ClrData) -> dict[str, float]:
        single, config, layouts = self._open_single(path)
        check_run(single, read.of([read.index(layouts[0].name)]), "--single")
        return bridged_metrics(single, config, read, self.test_on, "floor/single/cross")

    def _unseen(
        self, folder: RunFolder[ClrConfig], config: ClrConfig, data: ClrData
    ) -> dict[str, float]:
        if config.protocol.protocol != UNSUPERVISED:
            raise InputError(
                f"--unseen: {folder.path} is a run of protocol {config.protocol.protocol}; only "
                "encoders trained without labels read other layouts"
            )
        home = (config.data.layouts or data.names)[0]
        layouts = dataclasses.replace(config.data, layouts=(home, *self.unseen))
        more = open_clr_data(dataclasses.replace(config, data=layouts))
        more = dataclasses.replace(more, mappings=(*more.mappings, *data.mappings))
        return bridged_metrics(folder, config, more, self.test_on, "unseen")

    def _fused(
        self,
        config: ClrConfig,
        logits: dict[str, np.ndarray],
        found: Sequence[LayoutFeatures],
        rows: dict[str, np.ndarray],
    ) -> dict[str, float]:
        names = [one.name for one in found]
        streams = {config.network.stream: logits}
        for path in self.streams:
            stream, its, tests = self._stream(finished_run(path, ClrConfig, "--streams"), names)
            if any(tests[one.name] != _names(one) for one in found):
                raise InputError(f"--streams: {path} has other test clips; fuse runs of one split")
            streams[stream] = its
        return stream_metrics(streams, names[0], found[0].test, rows)

    def _stream(
        self, folder: RunFolder[ClrConfig], layouts: Sequence[str]
    ) -> tuple[str, dict[str, np.ndarray], dict[str, list[str]]]:
        """Stream of a run; by layout, logits of its linear heads and names of the test clips."""
        config = self.adapted(folder.config())
        data = open_clr_data(config)
        check_run(folder, data, "--streams")
        found = layout_features(folder, config, data, layouts, self.test_on)
        classes = len(data.dataset.label_names)
        logits = {one.name: linear_logits(one, config, classes) for one in found}
        return config.network.stream, logits, {one.name: _names(one) for one in found}


def _source(path: str) -> dict[str, Any]:
    folder = RunFolder(path, ClrConfig)
    # The folder's name alone: where it lies on this machine is nobody's business.
    return {"run": folder.path.name, "seed": folder.config().training.seed}


def _names(one: LayoutFeatures) -> list[str]:
    found: list[str] = np.asarray(one.test.names).tolist()
    return found
