"""Readings beyond one layout's probes: ensembles, layouts across, unseen layouts, fused streams."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder
from msclr.config import ClrConfig
from msclr.cross import bridged_metrics, cross_metrics
from msclr.data import ClrData, open_clr_data
from msclr.ensemble import ensemble_metrics, linear_logits, same_clips, stream_metrics
from msclr.evaluation import LayoutFeatures, check_run, layout_features


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
        metrics: dict[str, float] = {}
        several, alike = len(found) > 1, same_clips(found)
        logits: dict[str, np.ndarray] = {}
        if self.streams or (several and alike):
            classes = len(data.dataset.label_names)
            logits = {one.name: linear_logits(one, config, classes) for one in found}
        if several and alike:
            metrics.update(ensemble_metrics(logits, found[0].test))
        if several and self.cross:
            metrics.update(cross_metrics(found, config, data))
        read = data.of([data.index(one.name) for one in found])
        for path in self.single:
            single = RunFolder(path, ClrConfig)
            its = self.adapted(single.config())
            metrics.update(bridged_metrics(single, its, read, self.test_on, "floor/single/cross"))
        if self.unseen:
            layouts = dataclasses.replace(config.data, layouts=(data.names[0], *self.unseen))
            more = open_clr_data(dataclasses.replace(config, data=layouts))
            metrics.update(bridged_metrics(folder, config, more, self.test_on, "unseen"))
        if self.streams:
            metrics.update(self._fused(config, logits, found))
        return metrics

    def _fused(
        self,
        config: ClrConfig,
        logits: dict[str, np.ndarray],
        found: Sequence[LayoutFeatures],
    ) -> dict[str, float]:
        names = [one.name for one in found]
        streams = {config.network.stream: logits}
        for path in self.streams:
            stream, its, test = self._stream(RunFolder(path, ClrConfig), names)
            if stream in streams:
                raise InputError(f"--streams: {path} is another run of the {stream} stream")
            if not np.array_equal(test, np.asarray(found[0].test.names)):
                raise InputError(f"--streams: {path} has other test clips; fuse runs of one split")
            streams[stream] = its
        return stream_metrics(streams, names[0], found[0].test)

    def _stream(
        self, folder: RunFolder[ClrConfig], layouts: Sequence[str]
    ) -> tuple[str, dict[str, np.ndarray], np.ndarray]:
        """Stream of a run, logits of its linear heads in some layouts, names of the test clips."""
        config = self.adapted(folder.config())
        data = open_clr_data(config)
        check_run(folder, data)
        found = layout_features(folder, config, data, layouts, self.test_on)
        classes = len(data.dataset.label_names)
        logits = {one.name: linear_logits(one, config, classes) for one in found}
        return config.network.stream, logits, np.asarray(found[0].test.names)
