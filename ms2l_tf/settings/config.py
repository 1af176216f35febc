"""Settings that every run has: frozen, typed, validated; the commands build their flags from them.

What a method or a network adds stands in its own folder (`ms2l_tf.methods.registry`,
`ms2l_tf.networks.registry`); `RunConfig` holds all of it. `RunConfig.to_json` is what a run folder
keeps as ``flags.json``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ms2l_tf.errors import InputError
from ms2l_tf.settings.options import AnyGroup, Group, option

UNSUPERVISED = "unsupervised"
WITH_LABELS = ("semi", "supervised", "transfer")
PROTOCOLS = (UNSUPERVISED, *WITH_LABELS)
RANDOM_INIT = "random"
SEGMENTS = 5  # of --pooling=segments
POOLINGS = ("mean", "max", "last", "mean_max", "segments", "segments_max")
LABELS_ARE_READ = f"protocol={','.join(WITH_LABELS)}"
CHANNELS = (
    *("joint", "motion", "bone", "relative", "path"),
    *("motion4", "bone_unit", "angle", "distance"),
)
# Networks whose features are one vector a frame; `register_network` adds them.
FRAME_NETWORKS: set[str] = set()
# Methods whose features are what the network gives, frames too; `register_method` adds them.
FRAME_METHODS: set[str] = set()
# Methods whose learner takes steps down a gradient; `register_method` adds them.
STEPPING_METHODS: set[str] = set()


def gives_frames() -> str:
    """The condition that the network gives frames."""
    return f"network={','.join(sorted(FRAME_NETWORKS))}"


def frames_are_features() -> str:
    """The condition that the frames of a network that gives them become features."""
    return f"{LABELS_ARE_READ} or method={','.join(sorted(FRAME_METHODS))}"


def takes_steps() -> str:
    """The condition that something is trained by gradients."""
    return f"{LABELS_ARE_READ} or method={','.join(sorted(STEPPING_METHODS))}"


@dataclasses.dataclass(frozen=True)
class DataConfig(Group):
    """Which clips, in which skeleton layouts."""

    data: str = option(
        "",
        "Folder of the prepared dataset (see ms2l-prepare); several, separated by commas, are "
        "learnt from together without labels, each batch from one of them.",
    )
    layouts: tuple[str, ...] = option(
        (),
        "Skeleton layouts to read, the reference first: layouts of the dataset, targets of "
        "packaged mappings from one of them, or mappings (packaged id or path of a .json file); "
        "empty: those of the dataset. A method that reads one layout takes the first. Of several "
        "data sets each reads those of them that it has; where it has none, all of them, mapped.",
        may_be_empty=True,
    )
    split: str = option(
        "",
        "Split to train and test on; empty: the dataset's first. Of several data sets: one that "
        "all have, or one for each, separated by commas.",
    )
    validation: str = option(
        "subject",
        "What is held out whole to cut the validation clips from the training clips; 'subject' is "
        "'group' where they name no two, else 'clip'; 'none': no validation clips.",
        choices=("subject", "camera", "setup", "group", "clip", "none"),
    )
    train_on: str = option(
        "all",
        "'all': train on every training clip; 'fit': leave the validation clips out, to rank "
        "settings on them without touching the test clips.",
        choices=("all", "fit"),
    )


@dataclasses.dataclass(frozen=True)
class NormaliserConfig(Group):
    """How raw poses become [T, M, J, C] (see `ms2l_tf.data.normaliser`)."""

    frames: int = option(200, "Frames T every clip is resampled to.", least=2)
    centre: str = option(
        "frame",
        "Origin: the root joint of each frame, of the clip on average, or none.",
        choices=("frame", "clip", "none"),
    )
    rotation: str = option(
        "first",
        "Body frame the poses are turned into: hip and spine axes of the first frames, of the "
        "clip on average, about the vertical only, none; in_plane for 2-D poses, of which first is "
        "the same.",
        choices=("first", "clip", "vertical", "none", "in_plane"),
    )
    scale: str = option(
        "torso", "Unit of length: the main person's torso, or none.", choices=("torso", "none")
    )
    persons: int = option(0, "Persons M a clip is padded or cut to; 0: the dataset's.", least=0)


@dataclasses.dataclass(frozen=True)
class ModelConfig(Group):
    """What is trained: which method, around which network, fed with what."""

    method: str = option(
        "ms2l",
        "What makes the features; msclr-train takes msclr where no flag names another; help: list "
        "them.",
    )
    network: str = option("gru", "The encoder; help: list them.")
    inputs: tuple[str, ...] = option(
        ("joint",),
        "Channels fed to the network side by side: joint coordinates, motion (difference to the "
        "next frame), bone (joint minus its parent), relative (joint minus the root of its frame), "
        "path (root minus that of the first frame; with --centre=clip or none), motion4 "
        "(difference over four frames), bone_unit (direction of each bone), angle (cosine between "
        "a bone and its parent's), distance (between head, neck, pelvis, hands, elbows, knees and "
        "ankles).",
        choices=CHANNELS,
    )
    joints: str = option(
        "own",
        "What the network reads poses by: the layout's own joints, or the eleven semantic points "
        "that layouts share (head, neck, pelvis, hands, elbows, knees, ankles), so that one set of "
        "weights reads every skeleton.",
        choices=("own", "semantic"),
    )


@dataclasses.dataclass(frozen=True)
class OptimiserConfig(Group):
    """What follows the gradients, and its learning rate."""

    only = (takes_steps,)

    optimiser: str = option(
        "adam", "Optimiser: Adam, or SGD with momentum 0.9.", choices=("adam", "sgd")
    )
    learning_rate: float = option(0.01, "Learning rate at the start.", least=0)
    final_learning_rate: float = option(1e-4, "Learning rate it never falls below.", least=0)
    decay: str = option(
        "step",
        "Learning rate: x0.1 every --decay_epochs, half a cosine over the run, or constant.",
        choices=("step", "cosine", "constant"),
    )
    decay_epochs: float = option(
        50.0, "Epochs between two steps of --decay=step.", least=1e-3, only=("decay=step",)
    )
    warmup_epochs: float = option(0.0, "Epochs of linear warm-up.", least=0)
    weight_decay: float = option(
        0.0,
        "Weight decay, decoupled from the learning rule; in pre-training with --method=msclr an L2 "
        "penalty added to the gradients, as published.",
        least=0,
    )
    clip_norm: float = option(0.0, "Clip the global gradient norm at this value; 0: no.", least=0)


@dataclasses.dataclass(frozen=True)
class ProtocolConfig(Group):
    """Which weights are trained on which labels with which mix of losses (sections 3.3, 4.2)."""

    protocol: str = option(
        UNSUPERVISED,
        "Protocol: unsupervised: L_self on all training clips; semi: some of them are labelled; "
        "supervised: all are; transfer: as supervised, --init names a run on another dataset.",
        choices=PROTOCOLS,
    )
    init: str = option(
        RANDOM_INIT,
        "Weights to start from: random, or the folder of a finished run, whose normaliser, "
        "encoder and task settings are taken over.",
    )
    train: str = option(
        "all",
        "What labels train: encoder and classifier, or the classifier only.",
        choices=("all", "classifier"),
    )
    label_fraction: float = option(
        1.0, "Fraction of the training clips whose labels are read.", least=1e-6, most=1
    )
    label_sampling: str = option(
        "balanced",
        "How --label_fraction is drawn: of every class (at least one clip), or of all clips.",
        choices=("balanced", "random"),
        only=(LABELS_ARE_READ, "label_fraction<1"),
    )
    classifier_start: str = option(
        "random",
        "Weights the classifier starts from: random, or those of a linear probe (logistic "
        "regression) of the encoder's mean frames of the labelled clips, so that the first step "
        "finds a classifier that fits the features and need not spoil them; for a linear "
        "classifier (--classifier_units=0 --classifier_hidden=).",
        choices=("random", "probe"),
        only=(LABELS_ARE_READ,),
    )
    encoder_rate: float = option(
        1.0,
        "Share of its step, learning rate and weight decay, that the encoder takes; 0: labels "
        "train the classifier only.",
        least=0,
        most=1,
        only=(LABELS_ARE_READ, "train=all"),
    )
    schedule: str = option(
        "plain",
        "Mix of losses: plain: L_cls; moving: theta L_cls + (1 - theta) L_self, theta rising from "
        "0 to 1 over --moving_epochs (Eq. 4); joint: L_cls + omega L_self (Eq. 5).",
        choices=("plain", "moving", "joint"),
    )
    moving_epochs: float = option(
        10.0, "Epochs over which theta rises to 1.", least=1e-3, only=("schedule=moving",)
    )
    omega: float = option(
        1.0, "Weight of L_self in --schedule=joint.", least=0, only=("schedule=joint",)
    )
    watch_tasks: bool = option(
        False, "With --schedule=plain: also log the task losses, which are then not trained."
    )
    classifier_units: int = option(
        60,
        "GRU units of the classifier, where the network gives frames; 0: none, their mean.",
        least=0,
        only=(LABELS_ARE_READ, gives_frames),
    )
    classifier_hidden: tuple[int, ...] = option(
        (60,),
        "Hidden sizes of the classifier's MLP; empty: one linear layer.",
        least=1,
        may_be_empty=True,
        only=(LABELS_ARE_READ,),
    )
    classifier_dropout: float = option(
        0.0,
        "Dropout before each layer of the classifier's MLP.",
        least=0,
        most=0.9,
        only=(LABELS_ARE_READ,),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        initialised = self.init != RANDOM_INIT
        if self.protocol == UNSUPERVISED:
            asked = (self.label_fraction, self.schedule, self.train)
            if asked != (1.0, "plain", "all") or self.watch_tasks:
                raise InputError(
                    "--protocol=unsupervised: reads no labels; --label_fraction, --schedule, "
                    "--train and --watch_tasks belong to --protocol=semi, supervised and transfer"
                )
            if initialised:
                raise InputError("--init: belongs to --protocol=semi, supervised and transfer")
        if self.protocol == "supervised" and self.label_fraction < 1:
            raise InputError(
                f"--label_fraction={self.label_fraction:g}: --protocol=supervised reads all "
                "labels; use --protocol=semi"
            )
        if self.schedule == "moving" and not initialised:
            raise InputError(
                "--schedule=moving: starts from a pre-trained encoder; name its run with --init"
            )
        if not self.trains_encoder and self.schedule != "plain":
            flag = "--train=classifier" if self.train == "classifier" else "--encoder_rate=0"
            raise InputError(
                f"{flag}: leaves the encoder as it is, so --schedule={self.schedule} "
                "has nothing to train; use --schedule=plain"
            )

    @property
    def trains_encoder(self) -> bool:
        """Whether labels change the encoder."""
        return self.train == "all" and self.encoder_rate > 0

    @property
    def has_tasks(self) -> bool:
        """Whether the self-supervised tasks run beside the classification."""
        return self.schedule != "plain" or self.watch_tasks


@dataclasses.dataclass(frozen=True)
class TrainingConfig(Group):
    """The loop."""

    epochs: int = option(
        100,
        "Epochs. More of them than a run was started with prolong it under its first schedule.",
        least=1,
    )
    batch: int = option(32, "Clips a batch, over all replicas.", least=1, only=(takes_steps,))
    accumulate: int = option(
        1,
        "Parts that each batch is computed in, one after the other, their gradients summed: memory "
        "for a part only, and the steps of the whole batch. Batch normalisation, and losses that "
        "tell the clips of a batch apart, see their part alone.",
        least=1,
        only=(takes_steps,),
    )
    seed: int = option(
        0, "Seed of weights, labels drawn, order of clips and views.", least=0, most=2**31 - 2
    )
    precision: str = option(
        "float32",
        "Arithmetic: float32, or mixed precision.",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
        only=(takes_steps,),
    )
    monitor_epochs: int = option(
        10,
        "Epochs between two readings of the kNN and collapse monitors; 0: never.",
        least=0,
        only=(takes_steps,),
    )


@dataclasses.dataclass(frozen=True)
class ProbeConfig(Group):
    """How frozen features are made and probed."""

    pooling: str = option(
        "mean",
        "Frames to one feature vector: mean, max, last, mean and max side by side, or the means "
        "(maxima) of five equal segments side by side.",
        choices=POOLINGS,
        only=(gives_frames, frames_are_features),
    )
    linear_c: tuple[float, ...] = option(
        (1.0,),
        "Inverse regularisation of the linear probe; several: chosen by cross-validation on the "
        "training clips.",
        least=1e-6,
    )
    svm_c: tuple[float, ...] = option((10.0,), "C of the RBF SVM; several: as above.", least=1e-6)
    k: tuple[int, ...] = option((1, 5, 20), "Neighbours of the kNN probe.", least=1)
    raw_frames: int = option(50, "Frames the raw floor resamples its coordinates to.", least=2)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run computes; `ms2l_tf.methods.registry.run_config` makes it.

    Attributes:
        network: settings of the network.
        own: settings of the method.
    """

    data: DataConfig
    normaliser: NormaliserConfig
    model: ModelConfig
    network: Group
    own: tuple[Group, ...]
    optimiser: OptimiserConfig
    protocol: ProtocolConfig
    training: TrainingConfig
    probes: ProbeConfig

    def __post_init__(self) -> None:
        if "path" in self.model.inputs and self.normaliser.centre == "frame":
            raise InputError(
                "--inputs=path: needs --centre=clip or none; --centre=frame takes the root's path "
                "away"
            )

        settings = self.protocol
        gru = settings.classifier_units > 0 and self.model.network in FRAME_NETWORKS
        if self.starts_from_probe and (gru or settings.classifier_hidden):
            raise InputError(
                "--classifier_start=probe: a probe is linear, and so must the classifier be; add "
                "--classifier_units=0 --classifier_hidden="
            )

    @property
    def starts_from_probe(self) -> bool:
        """Whether the classifier starts from the weights of a probe."""
        return self.reads_labels and self.protocol.classifier_start == "probe"

    @property
    def reads_labels(self) -> bool:
        """Whether labels are learnt from."""
        return self.protocol.protocol != UNSUPERVISED

    @property
    def groups(self) -> tuple[Group, ...]:
        """All settings, by group."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        nested = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(group for groups in nested for group in groups)

    def of(self, group: type[AnyGroup]) -> AnyGroup:
        """The settings of one group, such as those of a method.

        Raises:
            KeyError: the run has no such group.
        """
        for candidate in self.groups:
            if isinstance(candidate, group):
                return candidate
        raise KeyError(f"{group.__name__}: not among the settings of --method={self.model.method}")

    def to_json(self) -> dict[str, Any]:
        """A flat {flag: value} mapping."""
        return {name: value for group in self.groups for name, value in group.to_json().items()}


SHARED: dict[str, type[Group]] = {
    "data": DataConfig,
    "normaliser": NormaliserConfig,
    "model": ModelConfig,
    "optimiser": OptimiserConfig,
    "protocol": ProtocolConfig,
    "training": TrainingConfig,
    "probes": ProbeConfig,
}
