"""Settings of a run: frozen, typed, validated; the command lines build their flags from them.

Every field carries its help text, unit and closed choices, so a flag, its default and its check are
written once. `RunConfig.to_json` is what a run folder keeps as ``flags.json``.
"""

from __future__ import annotations

import dataclasses

from ms2l_tf.errors import InputError
from ms2l_tf.options import Checked, Settings, option

TASKS = ("prediction", "jigsaw", "contrastive")
METHODS = ("ms2l", "longt_gan", "lstm", "blstm")
UNSUPERVISED = "unsupervised"
PROTOCOLS = (UNSUPERVISED, "semi", "supervised", "transfer")
RANDOM_INIT = "random"
SEGMENTS = 5  # of --pooling=segments
POOLINGS = ("mean", "max", "last", "mean_max", "segments", "segments_max")


@dataclasses.dataclass(frozen=True)
class ClipsConfig(Checked):
    """Which clips."""

    data: str = option("", "Folder of the prepared dataset (see ms2l-prepare).")
    split: str = option("", "Split to train and test on; empty: the dataset's first.")
    validation: str = option(
        "subject",
        "What is held out whole to cut the validation clips from the training clips; 'none': no "
        "validation clips.",
        choices=("subject", "camera", "setup", "group", "clip", "none"),
    )
    train_on: str = option(
        "all",
        "'all': train on every training clip; 'fit': leave the validation clips out, to rank "
        "settings on them without touching the test clips.",
        choices=("all", "fit"),
    )


@dataclasses.dataclass(frozen=True)
class DataConfig(ClipsConfig):
    """Which clips, in which layout."""

    layout: str = option("", "Skeleton layout to read; empty: the dataset's first.")
    mapping: str = option(
        "",
        "Mapping (packaged id or path of a .json file) that turns the poses into another layout "
        "as they are read; empty: they stay as they are.",
    )


@dataclasses.dataclass(frozen=True)
class NormaliserConfig(Checked):
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
        "clip on average, about the vertical only, none; in_plane for 2-D poses.",
        choices=("first", "clip", "vertical", "none", "in_plane"),
    )
    scale: str = option(
        "torso", "Unit of length: the main person's torso, or none.", choices=("torso", "none")
    )
    persons: int = option(0, "Persons M a clip is padded or cut to; 0: the dataset's.", least=0)


@dataclasses.dataclass(frozen=True)
class EncoderConfig(Checked):
    """What is trained: MS2L's shared encoder, or one of the methods it is compared with."""

    method: str = option(
        "ms2l",
        "Method: ms2l; longt_gan (re-generation of masked clips with an adversary, Zheng et al. "
        "2018); lstm, blstm (plain classifiers, which need labels).",
        choices=METHODS,
    )
    inputs: tuple[str, ...] = option(
        ("joint",),
        "Streams fed to the encoder side by side: joint coordinates, motion (difference to the "
        "next frame), bone (joint minus its parent).",
        choices=("joint", "motion", "bone"),
    )
    cell: str = option("gru", "Recurrent cell.", choices=("gru", "lstm"))
    layers: int = option(
        1, "Recurrent layers; bidirectional ones, but for longt_gan and lstm.", least=1
    )
    units: int = option(
        30,
        "Units of a layer and direction; features D = 2 x units, one way (longt_gan, lstm) D = "
        "units.",
        least=1,
    )


@dataclasses.dataclass(frozen=True)
class TaskConfig(Checked):
    """The self-supervised tasks, their heads and their weights."""

    tasks: tuple[str, ...] = option(
        TASKS, "Self-supervised tasks, any non-empty subset.", choices=TASKS
    )
    prediction_view: str = option(
        "temporal",
        "What prediction hides: the frames after --observed, or whole body parts in all frames.",
        choices=("temporal", "spatial"),
    )
    masked_parts: int = option(
        2, "Body parts hidden by --prediction_view=spatial, drawn anew each time.", least=1, most=4
    )
    jigsaw_view: str = option(
        "temporal",
        "What the jigsaw shuffles: segments of time, or the five body parts.",
        choices=("temporal", "spatial"),
    )
    spatial_orders: str = option(
        "slots",
        "Answer to --jigsaw_view=spatial: which part sits in each slot (5 x 5-way), or which of "
        "the 120 orders it is.",
        choices=("slots", "orders"),
    )
    prediction_weight: float = option(1.0, "Weight of motion prediction.", least=0)
    jigsaw_weight: float = option(1.0, "Weight of the jigsaw.", least=0)
    contrastive_weight: float = option(1.0, "Weight of the contrastive task.", least=0)
    observed: float = option(
        50.0, "T', what motion prediction sees: frames, or a fraction of T when below 1.", least=0
    )
    noise: float = option(
        0.05, "Standard deviation of the noise on the observed frames (torso lengths).", least=0
    )
    prediction_reduction: str = option(
        "mean",
        "Squared errors over frames and coordinates: mean, or sum as Eq. 1 is written.",
        choices=("mean", "sum"),
    )
    decoder: str = option(
        "frame",
        "Motion prediction head: one layer on every frame's features, or a recurrent decoder.",
        choices=("frame", "gru"),
    )
    segments: int = option(3, "Jigsaw segments S; S! orders are told apart.", least=2, most=6)
    temperature: float = option(
        1.0, "Temperature of the contrastive softmax (the paper has none: 1).", least=1e-3
    )
    head: str = option(
        "fc",
        "Jigsaw and contrastive heads: one fully connected layer, or an MLP with batch norm.",
        choices=("fc", "mlp"),
    )
    head_hidden: tuple[int, ...] = option((512,), "Hidden sizes of the MLP heads.", least=1)
    projection: int = option(60, "Size of the contrastive projection.", least=2)
    task_pooling: str = option(
        "mean", "How the jigsaw and contrastive heads pool frames.", choices=("mean", "max")
    )


@dataclasses.dataclass(frozen=True)
class AugmentConfig(Checked):
    """Clip augmentation before the views; every strength 0 (crop 1) leaves clips as they are."""

    shear: float = option(0.0, "Shear: off-diagonal entries are drawn from U(-s, s).", least=0)
    rotate: float = option(0.0, "Rotation: angle about each axis from U(-a, a), degrees.", least=0)
    crop: float = option(
        1.0, "Temporal crop-resize: the kept fraction is drawn from U(crop, 1).", least=0.1, most=1
    )
    joint_dropout: float = option(
        0.0, "Probability that a joint is set to the origin in all frames.", least=0, most=0.9
    )
    flip: float = option(
        0.0,
        "Probability of a mirrored clip; leave it 0 where classes differ in left and right.",
        least=0,
        most=1,
    )
    augment_each: bool = option(
        False, "Draw the augmentation anew for each version of a clip, not once per clip."
    )


@dataclasses.dataclass(frozen=True)
class OptimiserConfig(Checked):
    """Adam and its learning rate."""

    learning_rate: float = option(0.01, "Learning rate at the start.", least=0)
    final_learning_rate: float = option(1e-4, "Learning rate it never falls below.", least=0)
    decay: str = option(
        "step",
        "Learning rate: x0.1 every --decay_epochs, half a cosine over the run, or constant.",
        choices=("step", "cosine", "constant"),
    )
    decay_epochs: float = option(50.0, "Epochs between two steps of --decay=step.", least=1e-3)
    warmup_epochs: float = option(0.0, "Epochs of linear warm-up.", least=0)
    weight_decay: float = option(0.0, "Decoupled weight decay (AdamW); 0: Adam.", least=0)
    clip_norm: float = option(0.0, "Clip the global gradient norm at this value; 0: no.", least=0)


@dataclasses.dataclass(frozen=True)
class ProtocolConfig(Checked):
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
    )
    schedule: str = option(
        "plain",
        "Mix of losses: plain: L_cls; moving: theta L_cls + (1 - theta) L_self, theta rising from "
        "0 to 1 over --moving_epochs (Eq. 4); joint: L_cls + omega L_self (Eq. 5).",
        choices=("plain", "moving", "joint"),
    )
    moving_epochs: float = option(10.0, "Epochs over which theta rises to 1.", least=1e-3)
    omega: float = option(1.0, "Weight of L_self in --schedule=joint.", least=0)
    watch_tasks: bool = option(
        False, "With --schedule=plain: also log the task losses, which are then not trained."
    )
    classifier_units: int = option(
        60, "GRU units of the classifier; 0: none, the mean over frames.", least=0
    )
    classifier_hidden: tuple[int, ...] = option(
        (60,),
        "Hidden sizes of the classifier's MLP; empty: one linear layer.",
        least=1,
        may_be_empty=True,
    )
    classifier_dropout: float = option(
        0.0, "Dropout before each layer of the classifier's MLP.", least=0, most=0.9
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
        if self.train == "classifier" and self.schedule != "plain":
            raise InputError(
                f"--train=classifier: leaves the encoder as it is, so --schedule={self.schedule} "
                "has nothing to train; use --schedule=plain"
            )

    @property
    def has_tasks(self) -> bool:
        """Whether the self-supervised tasks run beside the classification."""
        return self.schedule != "plain" or self.watch_tasks


@dataclasses.dataclass(frozen=True)
class TrainingConfig(Checked):
    """The loop."""

    epochs: int = option(
        100,
        "Epochs. More of them than a run was started with prolong it under its first schedule.",
        least=1,
    )
    batch: int = option(32, "Clips a batch, over all replicas.", least=1)
    seed: int = option(
        0, "Seed of weights, labels drawn, order of clips and views.", least=0, most=2**31 - 2
    )
    precision: str = option(
        "float32",
        "Arithmetic: float32, or mixed precision.",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
    )
    monitor_epochs: int = option(
        10, "Epochs between two readings of the kNN and collapse monitors; 0: never.", least=0
    )


@dataclasses.dataclass(frozen=True)
class ProbeConfig(Checked):
    """How frozen features are made and probed."""

    pooling: str = option(
        "mean",
        "Frames to one feature vector: mean, max, last, mean and max side by side, or the means "
        "(maxima) of five equal segments side by side.",
        choices=POOLINGS,
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
class AnyRunConfig(Settings):
    """What the settings of every run have, whatever is trained."""

    protocol: ProtocolConfig = ProtocolConfig()
    training: TrainingConfig = TrainingConfig()
    probes: ProbeConfig = ProbeConfig()


@dataclasses.dataclass(frozen=True)
class RunConfig(AnyRunConfig):
    """Settings of a run of MS2L or of a method it is compared with."""

    data: DataConfig = DataConfig()
    normaliser: NormaliserConfig = NormaliserConfig()
    encoder: EncoderConfig = EncoderConfig()
    tasks: TaskConfig = TaskConfig()
    augment: AugmentConfig = AugmentConfig()
    optimiser: OptimiserConfig = OptimiserConfig()

    def __post_init__(self) -> None:
        self._check_views()
        self._check_protocol()
        frames, pooling = self.normaliser.frames, self.probes.pooling
        if self.encoder.method == "ms2l" and pooling.startswith("segments") and frames < SEGMENTS:
            raise InputError(
                f"--pooling={pooling}: needs at least {SEGMENTS} frames; --frames={frames}"
            )

    @property
    def has_tasks(self) -> bool:
        """Whether the run computes the self-supervised tasks at all."""
        if self.protocol.protocol == UNSUPERVISED:
            return self.encoder.method == "ms2l"
        return self.protocol.has_tasks

    def _check_views(self) -> None:
        if not self.has_tasks:
            return
        frames, observed, settings = self.normaliser.frames, self.observed_frames, self.tasks
        tasks = set(settings.tasks)  # the contrastive task reads the views of the other two
        masks = tasks & {"prediction", "contrastive"} and settings.prediction_view == "temporal"
        if masks and not 1 <= observed < frames:
            raise InputError(
                f"--observed: {settings.observed:g} leaves {observed} of --frames={frames} "
                "observed; it must be at least 1 and less than --frames"
            )
        shuffles = tasks & {"jigsaw", "contrastive"} and settings.jigsaw_view == "temporal"
        if shuffles and settings.segments > frames:
            raise InputError(
                f"--segments: {settings.segments} segments do not fit into --frames={frames}"
            )

    def _check_protocol(self) -> None:
        protocol, method = self.protocol, self.encoder.method
        if protocol.protocol == UNSUPERVISED:
            if method in ("lstm", "blstm"):
                raise InputError(
                    f"--method={method} learns from labels only: --protocol=supervised"
                )
            return
        if protocol.schedule == "moving" and protocol.moving_epochs > self.training.epochs:
            raise InputError(
                f"--moving_epochs={protocol.moving_epochs:g}: more than --epochs="
                f"{self.training.epochs}, so theta would never reach 1"
            )
        if method != "ms2l" and protocol.has_tasks:
            raise InputError(
                f"--method={method}: has no task losses; use --schedule=plain without --watch_tasks"
            )

    @property
    def observed_frames(self) -> int:
        """T' in frames."""
        value = self.tasks.observed
        return round(value * self.normaliser.frames) if value < 1 else round(value)
