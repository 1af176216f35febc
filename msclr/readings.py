"""Readings beyond one layout's probes: ensembles, layouts across, unseen layouts, fused streams."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ms2l_tf.config import UNSUPERVISED
from ms2l_tf.errors import InputError
from ms2l_tf.runs.data import RunData
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import finished_run
from ms2l_tf.skeletons.layout import SkeletonLayout
from msclr.config import ClrConfig
from msclr.cross import PROBES, bridged_metrics, cross_metrics
from msclr.data import ClrData, open_clr_data
from msclr.ensemble import ensemble_metrics, linear_logits, stream_metrics
from msclr.evaluation import LayoutFeatures, check_run, common_rows, layout_features
from msclr.initial import recorded_layouts


@dataclasses.dataclass(frozen=True)
class Readings:
    """What to read beside the probes of each layout.

    Attributes:
        test_on: ``test`` or ``validation``.
        probes: those asked for: without ``linear`` there is no ensemble of linear heads, and
            layouts are crossed by no other.
        cross: probes trained in one layout and tested in another.
        single: run folders of one layout each, whose encoders read the other layouts bridged.
        unseen: layouts the run has not learnt, read bridged to its first one.
        streams: run folders of other streams to fuse with the run.
        adapted: settings of another run with this evaluation's choices put in.
    """

    test_on: str = "test"
    probes: tuple[str, ...] = PROBES
    cross: bool = True
    single: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    adapted: Callable[[ClrConfig], ClrConfig] = lambda config: config

    def check(
        self,
        folder: RunFolder[ClrConfig],
        config: ClrConfig,
        data: ClrData,
        layouts: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Opens the other runs and layouts before minutes are spent on this one.

        Args:
            folder: the run.
            config: its settings.
            data: its clips.
            layouts: those read; none: all.

        Returns:
            For ``result.json``: what is read beside the run, each with its folder's name and seed.

        Raises:
            InputError: a run is missing, unfinished, not of the kind its flag names, of other data,
                or without a layout that is read; or an unseen layout cannot be made.
        """
        read = data.of([data.index(name) for name in layouts or data.names])
        streams = {config.network.stream: ""}
        for path in self.streams:
            its = self._open_stream(path, read)[1].network.stream
            if its in streams:
                raise InputError(f"--streams: {path} is another run of the {its} stream")
            streams[its] = path
        for path in self.single:
            self._open_single(path, read, config.network.stream)
        if self.unseen:
            self._open_unseen(folder, config, data)
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
            InputError: another run does not fit this one; `check` says so earlier.
        """
        read = data.of([data.index(one.name) for one in found])
        metrics: dict[str, float] = {}
        several = len(found) > 1
        logits: dict[str, np.ndarray] = {}
        rows = {
            one.name: mine
            for one, mine in zip(found, common_rows(found), strict=True)
            if one.test.labelled[mine].any()
        }
        ensemble = several and bool(rows) and "linear" in self.probes
        if self.streams or ensemble:
            classes = len(data.dataset.label_names)
            logits = {one.name: linear_logits(one, config, classes) for one in found}
        if ensemble:
            common = {name: logits[name][mine] for name, mine in rows.items()}
            labels = found[0].test.labels[rows[found[0].name]]
            metrics.update(ensemble_metrics(common, labels))
        if several and self.cross:
            probes = [probe for probe in PROBES if probe in self.probes]
            metrics.update(cross_metrics(folder, found, config, data, probes))
        for path in self.single:
            single, its, _ = self._open_single(path, read, config.network.stream)
            metrics.update(bridged_metrics(single, its, read, self.test_on, "floor/single/cross"))
        if self.unseen:
            more = self._open_unseen(folder, config, data)
            metrics.update(bridged_metrics(folder, config, more, self.test_on, "unseen", raw=True))
        if self.streams:
            metrics.update(self._fused(config, logits, found, rows, read))
        return metrics

    def _open_single(
        self, path: str, read: ClrData, stream: str
    ) -> tuple[RunFolder[ClrConfig], ClrConfig, tuple[SkeletonLayout, ...]]:
        single = finished_run(path, ClrConfig, "--single")
        config = self.adapted(single.config())
        layouts = recorded_layouts(single)
        if config.protocol.protocol != UNSUPERVISED or len(layouts) > 1:
            raise InputError(
                f"--single: {path} is a run of protocol {config.protocol.protocol} on "
                f"{', '.join(one.name for one in layouts)}; name one without labels on one layout"
            )
        if layouts[0].name not in read.names:
            raise InputError(
                f"--single: {path} is a run on {layouts[0].name}, which is not among the layouts "
                f"read ({', '.join(read.names)})"
            )
        data = read.of([read.index(layouts[0].name)])
        check_run(single, data, "--single")
        its, part = open_clr_data(config).parts[0], data.parts[0]
        same_clips = _read_names(its, self.test_on) == _read_names(part, self.test_on)
        if its.split != part.split or not same_clips:
            raise InputError(
                f"--single: {path} has another split ('{its.split}', here '{part.split}') or other "
                f"{self.test_on} clips and may have been trained on these; name a run of the same"
            )
        if config.network.stream != stream:
            raise InputError(
                f"--single: {path} is a run of the {config.network.stream} stream; name one of "
                f"the {stream} stream"
            )
        return single, config, layouts

    def _open_unseen(
        self, folder: RunFolder[ClrConfig], config: ClrConfig, data: ClrData
    ) -> ClrData:
        if config.protocol.protocol != UNSUPERVISED:
            raise InputError(
                f"--unseen: {folder.path} is a run of protocol {config.protocol.protocol}; only "
                "encoders trained without labels read other layouts"
            )
        home = (config.data.layouts or data.names)[0]
        layouts = dataclasses.replace(config.data, layouts=(home, *self.unseen))
        try:
            more = open_clr_data(dataclasses.replace(config, data=layouts))
        except InputError as error:  # the flag that was given, not the one they stand in for
            raise InputError(str(error).replace("--layouts:", "--unseen:")) from None
        return dataclasses.replace(more, mappings=(*more.mappings, *data.mappings))

    def _fused(
        self,
        config: ClrConfig,
        logits: dict[str, np.ndarray],
        found: Sequence[LayoutFeatures],
        rows: dict[str, np.ndarray],
        read: ClrData,
    ) -> dict[str, float]:
        streams = {config.network.stream: logits}
        classes = len(read.dataset.label_names)
        for path in self.streams:
            folder, its, data = self._open_stream(path, read)
            features = layout_features(folder, its, data, read.names, self.test_on)
            streams[its.network.stream] = {
                one.name: linear_logits(one, its, classes) for one in features
            }
        return stream_metrics(streams, read.names[0], found[0].test, rows)

    def _open_stream(
        self, path: str, read: ClrData
    ) -> tuple[RunFolder[ClrConfig], ClrConfig, ClrData]:
        """A run of another stream, its settings, and its clips, which are those of `read`."""
        folder = finished_run(path, ClrConfig, "--streams")
        config = self.adapted(folder.config())
        data = open_clr_data(config)
        check_run(folder, data, "--streams")
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
        for part in read.parts:
            its = data.parts[data.index(part.layout)]
            if _read_names(its, self.test_on) != _read_names(part, self.test_on):
                raise InputError(f"--streams: {path} has other test clips; fuse runs of one split")
        return folder, config, data


def _source(path: str) -> dict[str, Any]:
    folder = RunFolder(path, ClrConfig)
    # The folder's name alone: where it lies on this machine is nobody's business.
    return {"run": folder.path.name, "seed": folder.config().training.seed}


def _read_names(part: RunData, test_on: str) -> list[str]:
    clips = part.test if test_on == "test" else part.validation
    found: list[str] = part.dataset.names[clips].tolist()
    return found
