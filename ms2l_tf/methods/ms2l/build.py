"""From settings to the self-supervised tasks and their views."""

from __future__ import annotations

from ms2l_tf.errors import InputError
from ms2l_tf.methods.augmentation import AugmentSettings, build_augmentation
from ms2l_tf.methods.base import RunShape
from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.methods.ms2l.settings import TaskSettings, observed_frames
from ms2l_tf.methods.ms2l.tasks import (
    Contrastive,
    Jigsaw,
    MotionPrediction,
    SpatialPrediction,
    Task,
)
from ms2l_tf.networks.registry import build_network
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import Plain, SpatialJigsaw, SpatialMask, TemporalJigsaw, TemporalMask


def build_tasks(config: RunConfig, layout: SkeletonLayout) -> list[Task]:
    """The chosen tasks, in the order prediction, jigsaw, contrastive.

    The contrastive task reads the plain clip and the inputs of the other two tasks, whether those
    are trained or not; so temporal and spatial ones make its four pairings.

    Args:
        config: settings of a run.
        layout: of its poses; the body parts are those of it that have joints.

    Raises:
        InputError: the layout has too few body parts for a spatial view.
    """
    settings = config.of(TaskSettings)
    contrast = "contrastive" in settings.tasks
    try:
        if contrast or "prediction" in settings.tasks:
            mask = _mask(config, layout)
        if contrast or "jigsaw" in settings.tasks:
            jigsaw = _jigsaw(config, layout)
    except InputError as error:  # views know parts, not whose
        raise InputError(f"{error} (layout {layout.name!r})") from None
    tasks: list[Task] = []
    if "prediction" in settings.tasks:
        kind = SpatialPrediction if isinstance(mask, SpatialMask) else MotionPrediction
        tasks.append(
            kind(
                mask,
                reduction=settings.prediction_reduction,
                decoder=settings.decoder,
                weight=settings.prediction_weight,
            )
        )
    if "jigsaw" in settings.tasks:
        tasks.append(
            Jigsaw(
                jigsaw,
                answer="orders" if settings.jigsaw_view == "temporal" else settings.spatial_orders,
                head=settings.head,
                hidden=settings.head_hidden,
                pooling=settings.task_pooling,
                weight=settings.jigsaw_weight,
            )
        )
    if contrast:
        tasks.append(
            Contrastive(
                [Plain(), mask, jigsaw],
                projection=settings.projection,
                temperature=settings.temperature,
                head=settings.head,
                hidden=settings.head_hidden,
                pooling=settings.task_pooling,
                weight=settings.contrastive_weight,
            )
        )
    return tasks


def _mask(config: RunConfig, layout: SkeletonLayout) -> TemporalMask | SpatialMask:
    settings = config.of(TaskSettings)
    if settings.prediction_view == "spatial":
        return SpatialMask(body_parts(layout), settings.masked_parts, settings.observed_noise)
    return TemporalMask(observed_frames(config), settings.observed_noise)


def _jigsaw(config: RunConfig, layout: SkeletonLayout) -> TemporalJigsaw | SpatialJigsaw:
    settings = config.of(TaskSettings)
    if settings.jigsaw_view == "spatial":
        return SpatialJigsaw(body_parts(layout))
    return TemporalJigsaw(settings.segments)


def body_parts(layout: SkeletonLayout) -> tuple[tuple[int, ...], ...]:
    """Joints of the layout's body parts that have any."""
    return tuple(tuple(joints) for joints in layout.parts.values() if joints)


def build_ms2l(config: RunConfig, shape: RunShape) -> MS2L:
    """The learner of the three tasks around the run's network, not built yet."""
    layout = shape.layouts[shape.layout]
    settings = config.of(AugmentSettings)
    return MS2L(
        build_network(config, shape.layouts, coords=shape.coords),
        build_tasks(config, layout),
        augmentation=build_augmentation(settings, layout),
        augment_each=settings.augment_each,
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )
