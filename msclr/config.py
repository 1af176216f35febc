"""Settings of an MS-CLR run; flags are made from them as for MS2L."""

from __future__ import annotations

import dataclasses

from ms2l_tf.config import (
    UNSUPERVISED,
    AnyRunConfig,
    ClipsConfig,
    DataConfig,
    NormaliserConfig,
    OptimiserConfig,
    TrainingConfig,
)
from ms2l_tf.errors import InputError
from ms2l_tf.options import Checked, option

AUTO_QUEUE = 0


@dataclasses.dataclass(frozen=True)
class LayoutsConfig(ClipsConfig):
    """Which clips, in which skeleton conventions."""

    layouts: tuple[str, ...] = option(
        (),
        "Skeleton layouts to learn from, the reference first: layouts of the dataset, targets of "
        "packaged mappings from one of them, or paths of mapping files; empty: all of the dataset.",
        may_be_empty=True,
    )

    def one(self, layout: str, mapping: str) -> DataConfig:
        """The core's settings for one of the layouts."""
        return DataConfig(
            data=self.data,
            layout=layout,
            mapping=mapping,
            split=self.split,
            validation=self.validation,
            train_on=self.train_on,
        )


@dataclasses.dataclass(frozen=True)
class ClrNormaliserConfig(NormaliserConfig):
    """As the core's; the published runs read 50 frames."""

    frames: int = option(50, "Frames T every clip is resampled to.", least=8)


@dataclasses.dataclass(frozen=True)
class NetworkConfig(Checked):
    """The ST-GCN that all layouts share."""

    stream: str = option(
        "joint",
        "What it reads: joint coordinates, motion (difference to the next frame), or bone (joint "
        "minus its parent).",
        choices=("joint", "motion", "bone"),
    )
    partition: str = option(
        "spatial",
        "How neighbours are told apart: all alike, self and others, self / as near or nearer to "
        "the centre / further by true distance, by the published code's distance, or in and out.",
        choices=("uniform", "distance", "spatial", "spatial_original", "in_out"),
    )
    width: int = option(16, "Channels of the first blocks; features D = 16 x width.", least=1)
    blocks: int = option(10, "Graph convolution blocks.", least=2, most=10)
    temporal_kernel: int = option(9, "Frames of a temporal convolution; odd.", least=1)
    dropout: float = option(0.5, "Dropout in every block but the first.", least=0, most=0.9)


@dataclasses.dataclass(frozen=True)
class ContrastConfig(Checked):
    """Contrastive learning with a momentum encoder and a queue."""

    method: str = option(
        "aimclr",
        "Method: skeletonclr (InfoNCE); aimclr (also strong views, attention drop and nearest "
        "neighbours); supervised (labels only: the same as --protocol=supervised).",
        choices=("skeletonclr", "aimclr", "supervised"),
    )
    pairs: str = option(
        "full_random",
        "Layouts of query and key: drawn independently, one side always the reference layout, or "
        "both the same.",
        choices=("full_random", "anchored", "same"),
    )
    queue: int = option(
        AUTO_QUEUE, "Keys in the queue; 0: half of the training clips, at most 32768.", least=0
    )
    momentum: float = option(
        0.99, "Momentum of the key encoder; published for long runs: 0.999.", least=0, most=1
    )
    temperature: float = option(0.07, "Temperature of the softmax.", least=1e-3)
    projection: int = option(128, "Size of the embedding that is compared.", least=2)
    mining_from: float = option(
        0.5, "Part of the run after which neighbours count as positives; 1: never.", least=0, most=1
    )
    attention_threshold: float = option(
        0.7,
        "Attention from which a joint or an entry is dropped; it is 0.62 at least and 1 at most.",
        least=0.625,
        most=1,
    )


@dataclasses.dataclass(frozen=True)
class ClrAugmentConfig(Checked):
    """Views of a clip. Weak: temporal crop and shear; strong: all of them."""

    shear: float = option(0.5, "Shear: off-diagonal entries are drawn from U(-s, s).", least=0)
    rotate: float = option(30.0, "Rotation about the main axis from U(0, a), degrees.", least=0)
    noise: float = option(
        0.02,
        "Standard deviation of the noise, torso lengths (0.02 is the published 1 cm for a torso of "
        "half a metre); with --scale=none in the unit of the poses, metres where it is known.",
        least=0,
    )
    flip: float = option(
        0.5,
        "Probability that a strong view is mirrored; 0 where classes differ in left and right.",
        least=0,
        most=1,
    )


@dataclasses.dataclass(frozen=True)
class ClrOptimiserConfig(OptimiserConfig):
    """Adam with a cosine, which learns from few clips in few steps; published runs take SGD."""

    optimiser: str = option(
        "adam",
        "Optimiser: SGD with momentum 0.9 (published for pre-training: at 0.1, x0.1 after 250 of "
        "300 epochs, weight decay 0.0001), or Adam.",
        choices=("sgd", "adam"),
    )
    learning_rate: float = option(0.001, "Learning rate at the start.", least=0)
    decay: str = option(
        "cosine",
        "Learning rate: x0.1 every --decay_epochs, half a cosine over the run, or constant.",
        choices=("step", "cosine", "constant"),
    )
    decay_epochs: float = option(250.0, "Epochs between two steps of --decay=step.", least=1e-3)
    weight_decay: float = option(
        0.0,
        "Weight decay: an L2 penalty added to the gradients in pre-training, as "
        "published; decoupled from them with labels.",
        least=0,
    )


@dataclasses.dataclass(frozen=True)
class ClrTrainingConfig(TrainingConfig):
    """As the core's; the published runs have batches of 128."""

    epochs: int = option(
        100,
        "Epochs; each has as many samples as clips times layouts. More of them than a run was "
        "started with prolong it under its first schedule.",
        least=1,
    )
    batch: int = option(64, "Clips a batch, over all replicas.", least=1)


@dataclasses.dataclass(frozen=True)
class ClrConfig(AnyRunConfig):
    """Everything that decides what an MS-CLR run computes."""

    data: LayoutsConfig = LayoutsConfig()
    normaliser: ClrNormaliserConfig = ClrNormaliserConfig()
    network: NetworkConfig = NetworkConfig()
    contrast: ContrastConfig = ContrastConfig()
    augment: ClrAugmentConfig = ClrAugmentConfig()
    optimiser: ClrOptimiserConfig = ClrOptimiserConfig()
    training: ClrTrainingConfig = ClrTrainingConfig()

    def __post_init__(self) -> None:
        if self.network.temporal_kernel % 2 == 0:
            raise InputError(
                f"--temporal_kernel={self.network.temporal_kernel}: must be odd, to be centred"
            )
        names = self.data.layouts
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"--layouts: names {twice} twice")
        protocol = self.protocol
        if protocol.has_tasks:
            raise InputError(
                f"--schedule={protocol.schedule}: belongs to ms2l-train; msclr-train learns from "
                "labels with --schedule=plain, without --watch_tasks"
            )
        if protocol.protocol == UNSUPERVISED and self.contrast.method == "supervised":
            raise InputError("--method=supervised: reads labels; add --protocol=supervised")
