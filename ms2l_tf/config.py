"""Settings of a run: frozen, typed, validated; the command lines build their flags from them.

Every field carries its help text, unit and closed choices, so a flag, its default and its check are
written once. `RunConfig.to_json` is what a run folder keeps as ``flags.json``.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from ms2l_tf.errors import InputError

TASKS = ("prediction", "jigsaw", "contrastive")
POOLINGS = ("mean", "max", "last", "mean_max", "segments", "segments_max")


def option(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] | None = None,
    least: float | None = None,
    most: float | None = None,
) -> Any:
    """A dataclass field that is also a flag: default, help text, closed choices, bounds."""
    return dataclasses.field(
        default=default, metadata={"help": text, "choices": choices, "least": least, "most": most}
    )


@dataclasses.dataclass(frozen=True)
class _Checked:
    """Checks every field against the choices and bounds its `option` states."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if "help" in field.metadata:
                _check(field, getattr(self, field.name))


def _check(field: dataclasses.Field[Any], value: Any) -> None:
    choices, least, most = (field.metadata[key] for key in ("choices", "least", "most"))
    if value == ():
        raise InputError(f"--{field.name}: name at least one")
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, float) and not math.isfinite(one):
            raise InputError(f"--{field.name}: {one} is not a finite number")
        if choices and one not in choices:
            raise InputError(f"--{field.name}: '{one}' is not one of {', '.join(choices)}")
        if least is not None and one < least:
            raise InputError(f"--{field.name}: {one} is below the smallest allowed value, {least}")
        if most is not None and one > most:
            raise InputError(f"--{field.name}: {one} is above the largest allowed value, {most}")


@dataclasses.dataclass(frozen=True)
class DataConfig(_Checked):
    """Which clips, which poses."""

    data: str = option("", "Folder of the prepared dataset (see ms2l-prepare).")
    layout: str = option("", "Skeleton layout to read; empty: the dataset's first.")
    split: str = option("", "Split to train and test on; empty: the dataset's first.")
    validation: str = option(
        "subject",
        "How the validation clips are cut from the training clips: whole subjects or whole "
        "cameras are held out; 'none': no validation clips.",
        choices=("subject", "camera", "none"),
    )
    train_on: str = option(
        "all",
        "'all': pre-train on every training clip; 'fit': leave the validation clips out, to rank "
        "settings on them without touching the test clips.",
        choices=("all", "fit"),
    )


@dataclasses.dataclass(frozen=True)
class NormaliserConfig(_Checked):
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
class EncoderConfig(_Checked):
    """The shared encoder."""

    inputs: tuple[str, ...] = option(
        ("joint",),
        "Streams fed to the encoder side by side: joint coordinates, motion (difference to the "
        "next frame), bone (joint minus its parent).",
        choices=("joint", "motion", "bone"),
    )
    cell: str = option("gru", "Recurrent cell.", choices=("gru", "lstm"))
    layers: int = option(1, "Bidirectional recurrent layers.", least=1)
    units: int = option(30, "Units of a layer and direction; features D = 2 x units.", least=1)


@dataclasses.dataclass(frozen=True)
class TaskConfig(_Checked):
    """The self-supervised tasks, their heads and their weights."""

    tasks: tuple[str, ...] = option(
        TASKS, "Self-supervised tasks, any non-empty subset.", choices=TASKS
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
class AugmentConfig(_Checked):
    """Clip augmentation before the views; every strength 0 (crop 1) leaves clips as they are."""

    shear: float = option(0.0, "Shear: off-diagonal entries are drawn from U(-s, s).", least=0)
    rotate: float = option(0.0, "Rotation: angle about each axis from U(-a, a), degrees.", least=0)
    crop: float = option(
        1.0, "Temporal crop-resize: the kept fraction is drawn from U(crop, 1).", least=0.1, most=1
    )
    joint_dropout: float = option(
        0.0, "Probability that a joint is set to the origin in all frames.", least=0, most=0.9
    )
    augment_each: bool = option(
        False, "Draw the augmentation anew for each version of a clip, not once per clip."
    )


@dataclasses.dataclass(frozen=True)
class OptimiserConfig(_Checked):
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
class TrainingConfig(_Checked):
    """The loop."""

    epochs: int = option(100, "Epochs.", least=1)
    batch: int = option(32, "Clips a batch, over all replicas.", least=1)
    seed: int = option(0, "Seed of weights, order of clips and views.", least=0)
    precision: str = option(
        "float32",
        "Arithmetic: float32, or mixed precision.",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
    )
    monitor_epochs: int = option(
        10, "Epochs between two readings of the kNN and collapse monitors; 0: never.", least=0
    )


@dataclasses.dataclass(frozen=True)
class ProbeConfig(_Checked):
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
class RunConfig:
    """Everything that decides what a run computes."""

    data: DataConfig = DataConfig()
    normaliser: NormaliserConfig = NormaliserConfig()
    encoder: EncoderConfig = EncoderConfig()
    tasks: TaskConfig = TaskConfig()
    augment: AugmentConfig = AugmentConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    training: TrainingConfig = TrainingConfig()
    probes: ProbeConfig = ProbeConfig()

    def __post_init__(self) -> None:
        frames, observed = self.normaliser.frames, self.observed_frames
        tasks = set(self.tasks.tasks)  # the contrastive task reads the views of the other two
        if tasks & {"prediction", "contrastive"} and not 1 <= observed < frames:
            raise InputError(
                f"--observed: {self.tasks.observed:g} leaves {observed} of --frames={frames} "
                "observed; it must be at least 1 and less than --frames"
            )
        if tasks & {"jigsaw", "contrastive"} and self.tasks.segments > frames:
            raise InputError(
                f"--segments: {self.tasks.segments} segments do not fit into --frames={frames}"
            )

    @property
    def observed_frames(self) -> int:
        """T' in frames."""
        value = self.tasks.observed
        return round(value * self.normaliser.frames) if value < 1 else round(value)

    def to_json(self) -> dict[str, Any]:
        """A flat {flag: value} mapping."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._items()
        }

    def _items(self) -> Iterator[tuple[str, Any]]:
        for group in dataclasses.fields(self):
            settings = getattr(self, group.name)
            for field in dataclasses.fields(settings):
                yield field.name, getattr(settings, field.name)

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> RunConfig:
        """The inverse of `to_json`; names that are not given keep their defaults.

        Raises:
            InputError: a value is out of its bounds, or two values contradict each other.
        """
        groups = {}
        for name, group in groups_of(cls).items():
            given = {
                field.name: _as_declared(values[field.name])
                for field in dataclasses.fields(group)
                if field.name in values
            }
            groups[name] = group(**given)
        return cls(**groups)


def groups_of(config: type) -> dict[str, type]:
    """The dataclass of each group of a run's settings, by attribute name."""
    hints = typing.get_type_hints(config)
    return {field.name: hints[field.name] for field in dataclasses.fields(config)}


def declared_type(group: type, name: str) -> tuple[type, bool]:
    """(element type, is a list) of a setting."""
    hint = typing.get_type_hints(group)[name]
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    assert not isinstance(hint, types.UnionType), f"{name}: flags have one type"
    return hint, False


def _as_declared(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
