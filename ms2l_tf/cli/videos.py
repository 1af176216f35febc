"""`ms2l-prepare --format=video`: the flags that choose a pose model, and the call they make."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError

if TYPE_CHECKING:
    from ms2l_tf.data.videos.detectors import PoseDetector

MEDIAPIPE, METRABS = "mediapipe", "metrabs"

_DETECTOR = flags.DEFINE_enum(
    "detector",
    MEDIAPIPE,
    [MEDIAPIPE, METRABS],
    "Video: MediaPipe Pose follows one person, as blazepose_33; a model like MeTRAbs finds "
    "several persons, in several --layouts.",
)
_VIDEO_ENV = flags.DEFINE_string(
    "video_env",
    None,
    "MediaPipe: the environment it is in (default: .venv-video of the checkout, which "
    "`make setup-video` makes).",
)
_MIN_VISIBILITY = flags.DEFINE_float(
    "min_visibility",
    0.0,
    "MediaPipe: joints that are less visible become missing joints; 0 keeps its guesses about what "
    "is hidden or out of the picture.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_MODEL = flags.DEFINE_string(
    "model",
    None,
    "MeTRAbs: folder of the SavedModel. It is a program that runs with your rights: only one you "
    "trust. Mind the licence of its weights.",
)
_PERSONS = flags.DEFINE_integer(
    "persons", None, "MeTRAbs: persons to keep of a clip (default 2).", lower_bound=1
)
_BATCH = flags.DEFINE_integer("batch", 8, "Video: frames the model gets at once.", lower_bound=1)

_OF_MEDIAPIPE = (_VIDEO_ENV, _MIN_VISIBILITY)
_OF_METRABS = (_MODEL, _PERSONS)
FLAGS: tuple[flags.FlagHolder[Any], ...] = (_DETECTOR, _BATCH, *_OF_MEDIAPIPE, *_OF_METRABS)


def extract(
    source: str,
    out: str,
    layouts: Sequence[str] | None,
    *,
    labels: str | None,
    frame_rate: float,
    strict: bool,
) -> None:
    """Makes a dataset of the poses in videos and says what came out; see `extract_poses`."""
    metrabs = _DETECTOR.value == METRABS
    open_detector = _metrabs(layouts) if metrabs else _mediapipe(layouts)
    from ms2l_tf.data.videos.extract import extract_poses, summary
    from ms2l_tf.data.videos.report import REPORT

    dataset, report = extract_poses(
        source,
        open_detector,
        out,
        labels=labels,
        persons=(_PERSONS.value or 2) if metrabs else 1,
        batch=_BATCH.value,
        frame_rate=frame_rate,
        strict=strict,
    )
    for line in report.lines():
        print(line)
    counts = ", ".join(f"{count} {name}" for name, count in summary(dataset).items())
    print(f"labels by {'the table' if labels else 'folder'}: {counts}")
    print(f"dataset: {dataset.path}")
    print(f"report:  {dataset.path / REPORT}")


def _mediapipe(layouts: Sequence[str] | None) -> Callable[[], PoseDetector]:
    from ms2l_tf.data.videos import mediapipe

    _only_with(METRABS, _OF_METRABS)
    if layouts not in (None, [mediapipe.LAYOUT]):
        raise InputError(f"--layouts: MediaPipe Pose gives {mediapipe.LAYOUT} alone; leave it out")
    return functools.partial(
        mediapipe.MediaPipeDetector,
        _VIDEO_ENV.value or mediapipe.ENVIRONMENT,
        min_visibility=_MIN_VISIBILITY.value,
    )


def _metrabs(layouts: Sequence[str] | None) -> Callable[[], PoseDetector]:
    _only_with(MEDIAPIPE, _OF_MEDIAPIPE)
    if not _MODEL.value:
        raise InputError("--model is missing; name the folder of the pose model")
    if not layouts:
        raise InputError(
            "--layouts is missing; name the skeleton layouts to write, e.g. smpl_24,kinect_v2_25"
        )
    if len(set(layouts)) != len(layouts):
        raise InputError(f"--layouts={','.join(layouts)}: a layout is named twice")
    common.quiet_tensorflow()
    from ms2l_tf.data.videos.metrabs import MetrabsDetector
    from ms2l_tf.skeletons.layout import load_layout

    return functools.partial(MetrabsDetector, _MODEL.value, [load_layout(n) for n in layouts])


def _only_with(detector: str, unwanted: Sequence[flags.FlagHolder[Any]]) -> None:
    for flag in unwanted:
        if flag.present:
            raise InputError(f"--{flag.name} belongs to --detector={detector}; leave it out")
