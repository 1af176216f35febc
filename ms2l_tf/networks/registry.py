"""The networks there are: one entry each, by the name that ``--network`` takes.

TensorFlow is imported when a network is built: commands check their flags before that.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ms2l_tf.errors import InputError
from ms2l_tf.settings.config import FRAME_NETWORKS, RunConfig
from ms2l_tf.settings.options import Group, option
from ms2l_tf.skeletons.canonical import canonical_layout
from ms2l_tf.skeletons.layout import SkeletonLayout

if TYPE_CHECKING:
    from ms2l_tf.networks.base import Network


_LAYERS = "Recurrent layers; of a tcn, blocks, each of which looks twice as far as the one before."
_UNITS = (
    "Units of a layer and direction: features D = 2 x units of networks that read both ways, D = "
    "units of the others."
)


@dataclasses.dataclass(frozen=True)
class RecurrentSettings(Group):
    """Size of a recurrent network."""

    layers: int = option(1, _LAYERS, least=1)
    units: int = option(30, _UNITS, least=1)


@dataclasses.dataclass(frozen=True)
class ConvolutionSettings(Group):
    """Size of a temporal convolutional network."""

    layers: int = option(4, _LAYERS, least=1, most=8)
    units: int = option(256, _UNITS, least=1)


@dataclasses.dataclass(frozen=True)
class GraphSettings(Group):
    """Size and graph of an ST-GCN."""

    partition: str = option(
        "spatial",
        "Partitions of a joint's neighbourhood: one for all, by distance, by the graph's centre, "
        "so with the published code's distance, or in and out.",
        choices=("uniform", "distance", "spatial", "spatial_original", "in_out"),
    )
    width: int = option(16, "Channels of the first blocks; features D = 16 x width.", least=1)
    blocks: int = option(10, "Graph convolution blocks.", least=2, most=10)
    temporal_kernel: int = option(9, "Frames of a temporal convolution; odd.", least=1)
    dropout: float = option(0.5, "Dropout in every block but the first.", least=0, most=0.9)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temporal_kernel % 2 == 0:
            raise InputError(
                f"--temporal_kernel={self.temporal_kernel}: must be odd, to be centred"
            )


@dataclasses.dataclass(frozen=True)
class KernelSettings(Group):
    """Size of the closed-form encoder."""

    mixes: int = option(
        2000,
        "Random sums of channels; each is filtered at 3 dilations: 3 x mixes kernels.",
        least=1,
    )
    mixed_channels: int = option(3, "Channels in a random sum.", least=1)
    dims: int = option(
        512,
        "Features D, the best directions of instance discrimination; 0: all the numbers of the "
        "kernels, 6 x mixes for one person.",
        least=0,
    )


@dataclasses.dataclass(frozen=True)
class NetworkKind:
    """One kind of network.

    Attributes:
        name: for ``--network``.
        summary: half a line for whoever chooses.
        settings: of its size; what `build` takes by these names.
        build: (layouts, inputs=, coords=, name=, and the settings) -> network, without weights
            yet: its class, or what imports it.
        has_frames: whether the features of single frames can be told apart.
        gives_frames: whether features are one vector a frame rather than one a clip.
        trained: whether it has weights that follow gradients.
    """

    name: str
    summary: str
    settings: type[Group]
    build: Callable[..., Network]
    has_frames: bool = True
    gives_frames: bool = False
    trained: bool = True


NETWORKS: dict[str, NetworkKind] = {}


def register_network(kind: NetworkKind) -> None:
    """Makes a network known to ``--network``.

    Raises:
        ValueError: another one has its name.
    """
    if NETWORKS.get(kind.name, kind) != kind:
        raise ValueError(f"a network called '{kind.name}' is registered already")
    NETWORKS[kind.name] = kind
    if kind.gives_frames:
        FRAME_NETWORKS.add(kind.name)


def network_kind(name: str) -> NetworkKind:
    """The network of this name.

    Raises:
        InputError: there is none.
    """
    if name not in NETWORKS:
        raise InputError(f"--network: '{name}' is not one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def _frame_encoder(layouts: Sequence[SkeletonLayout], **kwargs: Any) -> Network:
    from ms2l_tf.networks.frame_encoder import FrameEncoder

    return FrameEncoder(layouts, **kwargs)


def _clip_encoder(layouts: Sequence[SkeletonLayout], **kwargs: Any) -> Network:
    from ms2l_tf.networks.clip_encoder import ClipEncoder

    return ClipEncoder(layouts, **kwargs)


def _stgcn(layouts: Sequence[SkeletonLayout], **kwargs: Any) -> Network:
    from ms2l_tf.networks.stgcn import STGCN

    return STGCN(layouts, **kwargs)


def _tcn(layouts: Sequence[SkeletonLayout], **kwargs: Any) -> Network:
    from ms2l_tf.networks.tcn import TCN

    return TCN(layouts, **kwargs)


def _kernels(layouts: Sequence[SkeletonLayout], **kwargs: Any) -> Network:
    from ms2l_tf.networks.kernels import KernelEncoder

    return KernelEncoder(layouts, **kwargs)


for _kind in (
    NetworkKind(
        "gru",
        "GRU read both ways, features of every frame (MS2L)",
        RecurrentSettings,
        functools.partial(_frame_encoder, cell="gru"),
        gives_frames=True,
    ),
    NetworkKind(
        "lstm",
        "the same of LSTM cells",
        RecurrentSettings,
        functools.partial(_frame_encoder, cell="lstm"),
        gives_frames=True,
    ),
    NetworkKind(
        "gru_last",
        "GRU read forwards, its last state (LongT GAN)",
        RecurrentSettings,
        functools.partial(_clip_encoder, cell="gru"),
        has_frames=False,
    ),
    NetworkKind(
        "lstm_last",
        "LSTM read forwards, its last state",
        RecurrentSettings,
        functools.partial(_clip_encoder, cell="lstm"),
        has_frames=False,
    ),
    NetworkKind(
        "blstm_last",
        "LSTM read both ways, its last states",
        RecurrentSettings,
        functools.partial(_clip_encoder, cell="lstm", bidirectional=True),
        has_frames=False,
    ),
    NetworkKind("stgcn", "graph convolution over joints and time (MS-CLR)", GraphSettings, _stgcn),
    NetworkKind(
        "tcn",
        "residual convolutions over time, features of every frame",
        ConvolutionSettings,
        _tcn,
        gives_frames=True,
    ),
    NetworkKind(
        "kernels",
        "random temporal kernels, fitted in closed form",
        KernelSettings,
        _kernels,
        has_frames=False,
        trained=False,
    ),
):
    register_network(_kind)


def build_network(
    config: RunConfig, layouts: Sequence[SkeletonLayout], *, coords: int, name: str = "encoder"
) -> Network:
    """The network of a run, without weights yet.

    Args:
        config: settings of the run.
        layouts: that it reads.
        coords: C.
        name: of the network.
    """
    kind = network_kind(config.model.network)
    settings = {
        "inputs": config.model.inputs,
        "coords": coords,
        "name": name,
        **dataclasses.asdict(config.network),
    }
    if config.model.joints == "own":
        return kind.build(layouts, **settings)
    from ms2l_tf.networks.semantic import SemanticNetwork

    return SemanticNetwork(kind.build([canonical_layout()], **settings), layouts, name=name)
