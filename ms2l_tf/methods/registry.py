"""The methods there are: one entry each, by the name that ``--method`` takes; settings of a run.

TensorFlow is imported when something is built: commands check their flags before that.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ms2l_tf.errors import InputError
from ms2l_tf.networks.registry import NETWORKS, NetworkKind, network_kind
from ms2l_tf.settings.config import (
    FRAME_METHODS,
    SEGMENTS,
    SHARED,
    STEPPING_METHODS,
    ModelConfig,
    ProtocolConfig,
    RunConfig,
)
from ms2l_tf.settings.options import Group, group_from

if TYPE_CHECKING:
    from ms2l_tf.data.run_data import RunData
    from ms2l_tf.methods.base import Learner, RunShape
    from ms2l_tf.methods.batches import Batches


Fit = Callable[["RunConfig", "RunData", "Learner"], dict[str, float]]


def _nothing(config: RunConfig) -> None:
    """Refuses no settings."""


def _unchanged(config: RunConfig, shape: RunShape) -> None:
    """Clips are learnt from as they are."""


def _clip_batches(config: RunConfig, data: RunData, replicas: int) -> Batches:
    """The training clips, in the reference layout."""
    from ms2l_tf.methods.batches import ClipBatches

    clips, contrasted = data.reference.trained(config.data.train_on), contrasts_clips(config)
    return ClipBatches(config, data, clips, replicas=replicas, contrasted=contrasted)


def _ready(config: RunConfig, data: RunData, learner: Learner) -> None:
    """A learner begins as it was built."""


def _never(config: RunConfig) -> bool:
    """No run does."""
    return False


@dataclasses.dataclass(frozen=True)
class Method:
    """One way to make features.

    Attributes:
        name: for ``--method``.
        summary: half a line for whoever chooses.
        settings: groups of its own.
        build: the learner of the pre-training, without weights yet; None: it learns from labels
            only.
        begin: makes a learner ready on the clips before its first step, such as by fitting what
            it is taught by.
        fit: measures the weights of a learner on the clips in closed form, and returns what to log;
            None: it is trained by steps.
        batches: from settings, clips and number of replicas to what it is trained on.
        contrasts: whether its losses tell the clips of a batch from each other, so that a copy of
            a clip would be its negative.
        defaults: settings whose defaults differ from what the groups say, by flag.
        labelled_view: from settings to the augmentation of labelled clips, (poses, random) ->
            poses, or None.
        check: refuses settings that contradict each other.
        carried: those of `settings` that a run with labels takes over from the run it starts from.
        has_tasks: its losses can be trained beside those of labels.
        several_layouts: whether a run learns from all its layouts rather than the first.
        needs_frames: the network has to tell frames apart.
        one_vector: its features are one vector a clip, whatever its network gives.
    """

    name: str
    summary: str
    build: Callable[[RunConfig, RunShape], Learner] | None = None
    settings: tuple[type[Group], ...] = ()
    begin: Callable[[RunConfig, RunData, Learner], None] = _ready
    fit: Fit | None = None
    batches: Callable[[RunConfig, RunData, int], Batches] = _clip_batches
    contrasts: Callable[[RunConfig], bool] = _never
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    labelled_view: Callable[[RunConfig, RunShape], Any] = _unchanged
    check: Callable[[RunConfig], None] = _nothing
    carried: tuple[type[Group], ...] = ()
    has_tasks: bool = False
    several_layouts: Callable[[RunConfig], bool] = _never
    needs_frames: bool = False
    one_vector: bool = False


METHODS: dict[str, Method] = {}
# What a command takes where nothing is said that belongs to a method: the best numbers in the least
# time on every set that was measured (docs/choosing.md).
RECOMMENDED = "kernels"
# Where the methods of the project register themselves, in the order of --help.
_MODULES = (
    "ms2l_tf.methods.ms2l",
    "msclr",
    "ms2l_tf.methods.longt_gan",
    "ms2l_tf.methods.kernels",
    "ms2l_tf.methods.pointing",
    "ms2l_tf.methods.supervised",
)


def register_method(method: Method) -> None:
    """Makes a method known to ``--method``.

    Raises:
        ValueError: another one has its name.
    """
    if METHODS.get(method.name, method) != method:
        raise ValueError(f"a method called '{method.name}' is registered already")
    METHODS[method.name] = method
    if method.fit is None:
        STEPPING_METHODS.add(method.name)
    if not method.one_vector:
        FRAME_METHODS.add(method.name)


def methods() -> Mapping[str, Method]:
    """All methods by name."""
    for module in _MODULES:
        register_method(importlib.import_module(f"{module}.method").METHOD)
    return METHODS


def method_named(name: str) -> Method:
    """The method of this name.

    Raises:
        InputError: there is none.
    """
    known = methods()
    if name not in known:
        raise InputError(f"--method: '{name}' is not one of {', '.join(known)}")
    return known[name]


def method_of(config: RunConfig) -> Method:
    """The method of a run."""
    return method_named(config.model.method)


def closed_form(config: RunConfig) -> Fit | None:
    """What measures the weights of a run that takes no step; None: it is trained by steps."""
    return None if config.reads_labels else method_of(config).fit


def groups_for(values: Mapping[str, Any]) -> dict[str, type[Group]]:
    """The groups of a run with the method and network of these settings, see `all_settings`."""
    method, kind = _chosen(values)
    return {**SHARED, **_groups_of(method), f"network={kind.name}": kind.settings}


def _chosen(values: Mapping[str, Any]) -> tuple[Method, NetworkKind]:
    defaults = ModelConfig()
    method = method_named(values.get("method", defaults.method))
    network = method.defaults.get("network", defaults.network)
    return method, network_kind(values.get("network", network))


def run_config(values: Mapping[str, Any] | None = None) -> RunConfig:
    """The settings of a run from those that are chosen; the method and network give the others.

    Args:
        values: flat {setting: value}.

    Raises:
        InputError: a setting is unknown or out of its bounds, or two contradict each other.
    """
    given = {} if values is None else dict(values)
    method, kind = _chosen(given)
    settings = {**method.defaults, **given}
    config = RunConfig(
        **{name: group_from(group, settings) for name, group in SHARED.items()},  # type: ignore[arg-type]
        network=group_from(kind.settings, settings),
        own=tuple(group_from(group, settings) for group in method.settings),
    )
    if unknown := sorted(set(given) - set(config.to_json())):
        raise InputError(
            f"--{unknown[0]}: is no setting of --method={method.name} with --network={kind.name}"
        )
    _check(config, method)
    return config


def changed(config: RunConfig, **values: Any) -> RunConfig:
    """The same settings but for those given by flag name."""
    return run_config({**config.to_json(), **values})


def _check(config: RunConfig, method: Method) -> None:
    protocol, kind = config.protocol, network_kind(config.model.network)
    if not config.reads_labels and method.build is None:
        raise InputError(f"--method={method.name}: learns from labels only: --protocol=supervised")
    if protocol.has_tasks and not method.has_tasks:
        raise InputError(
            f"--method={method.name}: has no task losses; use --schedule=plain without "
            "--watch_tasks"
        )
    if method.needs_frames and not kind.has_frames and trains_losses_of(method, config):
        raise InputError(
            f"--method={method.name}: needs the features of frames, which --network={kind.name} "
            "does not give; choose another network"
        )
    if not kind.trained and method.fit is None and trains_losses_of(method, config):
        raise InputError(
            f"--method={method.name}: trains by gradients, which --network={kind.name} does not "
            "follow; choose another network, or --method=kernels"
        )
    _check_epochs(protocol, config.training.epochs)
    _check_parts(config)
    _check_pooling(config, kind)
    method.check(config)


def _check_epochs(protocol: ProtocolConfig, epochs: int) -> None:
    if protocol.schedule == "moving" and protocol.moving_epochs > epochs:
        raise InputError(
            f"--moving_epochs={protocol.moving_epochs:g}: more than --epochs={epochs}, so theta "
            "would never reach 1"
        )


def _check_parts(config: RunConfig) -> None:
    batch, parts = config.training.batch, config.training.accumulate
    if batch % parts:
        raise InputError(f"--accumulate={parts}: --batch={batch} has no so many equal parts")
    if parts > 1 and contrasts_clips(config):
        from ms2l_tf.methods.batches import check_parts_tell_apart

        check_parts_tell_apart(batch, parts)
    if parts > 1 and closed_form(config) is not None:
        raise InputError(
            f"--accumulate={parts}: --method={config.model.method} takes no steps; leave it out"
        )


def _check_pooling(config: RunConfig, kind: NetworkKind) -> None:
    frames, pooling = config.normaliser.frames, config.probes.pooling
    if kind.has_frames and pooling.startswith("segments") and frames < SEGMENTS:
        raise InputError(
            f"--pooling={pooling}: needs at least {SEGMENTS} frames; --frames={frames}"
        )


def trains_losses_of(method: Method, config: RunConfig) -> bool:
    """Whether a run computes the losses of the method itself, beside those of labels or alone."""
    return not config.reads_labels or (method.has_tasks and config.protocol.has_tasks)


def contrasts_clips(config: RunConfig) -> bool:
    """Whether a run tells the clips of a batch from each other."""
    method = method_of(config)
    return trains_losses_of(method, config) and method.contrasts(config)


def all_settings() -> dict[str, type[Group]]:
    """Every group there is, by owner: ``data``, ``method=ms2l TaskSettings``, ``network=gru``."""
    groups: dict[str, type[Group]] = dict(SHARED)
    for method in methods().values():
        groups |= _groups_of(method)
    return groups | {f"network={kind.name}": kind.settings for kind in NETWORKS.values()}


def _groups_of(method: Method) -> dict[str, type[Group]]:
    return {f"method={method.name} {group.__name__}": group for group in method.settings}
