"""From settings to the self-supervised tasks and their views."""

from __future__ import annotations

from ms2l_tf.config import RunConfig
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.tasks import Contrastive, Jigsaw, MotionPrediction, SpatialPrediction, Task
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
    settings = config.tasks
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
    settings = config.tasks
    if settings.prediction_view == "spatial":
        return SpatialMask(body_parts(layout), settings.masked_parts, settings.noise)
    return TemporalMask(config.observed_frames, settings.noise)


def _jigsaw(config: RunConfig, layout: SkeletonLayout) -> TemporalJigsaw | SpatialJigsaw:
    if config.tasks.jigsaw_view == "spatial":
        return SpatialJigsaw(body_parts(layout))
    return TemporalJigsaw(config.tasks.segments)


def body_parts(layout: SkeletonLayout) -> tuple[tuple[int, ...], ...]:
    """Joints of the layout's body parts that have any."""
    return tuple(tuple(joints) for joints in layout.parts.values() if joints)
