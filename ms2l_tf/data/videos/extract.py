"""Videos in, `ClipDataset` out: detect, track, and write the poses of every video."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.prepare import MAX_BAD
from ms2l_tf.data.records import Axes, ClipPoses
from ms2l_tf.data.videos.detector import PoseDetector
from ms2l_tf.data.videos.labels import ClipTable, label_clips
from ms2l_tf.data.videos.tracking import Tracker, rank_persons, root_points
from ms2l_tf.data.videos.video import (
    SAME_RATE,
    BadVideo,
    Video,
    VideoHeader,
    find_videos,
    read_batches,
    read_header,
)
from ms2l_tf.data.writer import DatasetWriter, check_output
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

REPORT = "extract_report.json"
# A camera's frame: x to the right, y down, z into the picture.
CAMERA = Axes(up="-y", forward="+z", handedness="right")
# Splits: by the table's column, or of training clips alone. Commands take the first in the alphabet
# unless told, so a user's own usually goes before the latter.
GIVEN, TRAIN_ONLY = "given", "train_only"
CUT_SHORT = 0.9  # share of the frames the header promises


@dataclasses.dataclass
class ExtractReport:
    """What happened to the videos; `extract_report.json` holds the same.

    Attributes:
        model: name of the model's folder.
        frame_rate: of the dataset.
        clips: how many were written.
        skipped: videos left out, each with the reason.
        blanked: test videos kept as a frame without anybody, so that they count, each with the
            reason.
        more_persons: clips in which more persons were tracked than kept, and how many.
        cut_short: clips with clearly fewer frames than their file promises, and both numbers.
        unused_labels: rows of the table of labels that name no video.
    """

    model: str
    frame_rate: float = 0.0
    clips: int = 0
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    blanked: dict[str, str] = dataclasses.field(default_factory=dict)
    more_persons: dict[str, int] = dataclasses.field(default_factory=dict)
    cut_short: dict[str, str] = dataclasses.field(default_factory=dict)
    unused_labels: list[str] = dataclasses.field(default_factory=list)

    def lines(self) -> list[str]:
        """A summary for the terminal; every skipped video with its reason."""
        counts: tuple[tuple[str, Mapping[str, object] | list[str]], ...] = (
            ("with more persons than --persons, those that move most kept", self.more_persons),
            ("with fewer frames than their file promises, kept", self.cut_short),
            ("rows of --labels that name no video", self.unused_labels),
        )
        lines = [f"{self.clips} clips written, {self.frame_rate:g} frames a second"]
        if self.skipped:
            lines.append(f"{len(self.skipped)} videos skipped:")
            lines += [f"  {reason}" for reason in self.skipped.values()]
        if self.blanked:
            lines.append(f"{len(self.blanked)} test videos kept without poses:")
            lines += [f"  {reason}" for reason in self.blanked.values()]
        lines += [
            f"{len(some)} {text}: {', '.join(list(some)[:3])}" for text, some in counts if some
        ]
        return lines


def extract_poses(
    videos: Sequence[str],
    model: str | os.PathLike[str],
    layouts: Sequence[str],
    out: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    persons: int = 2,
    batch: int = 8,
    fps: float = 0.0,
    strict: bool = False,
    progress: bool = True,
) -> tuple[ClipDataset, ExtractReport]:
    """Writes the poses of videos as a dataset in metres and the camera's axes.

    A clip is as long as its video. Persons keep their row over the frames, the main one is row 0
    (see `tracking.rank_persons`), and are absent where they are not seen. The table's split is
    called ``given``; without one all clips are training clips of the split ``train_only``.

    Args:
        videos: files and folders.
        model: folder of the SavedModel; see `PoseDetector`.
        layouts: ids of packaged layouts or files of own ones.
        out: the dataset folder to make.
        labels: see `label_clips`.
        persons: M, how many to keep of a clip.
        batch: frames the model gets at once.
        fps: frames a second to pick from the videos; 0 keeps their own, which must be one.
        strict: stop at the first video that can't be used.
        progress: show a progress bar.

    Raises:
        InputError: something as a whole can't be used, or more than 5 % of the videos (with
            `strict`: any) can't; then nothing is written.
    """
    out = pathlib.Path(out)
    check_output(out)
    skeletons = _layouts(layouts)
    found = find_videos(videos)
    table = label_clips(found, None if labels is None else pathlib.Path(labels))
    # Without the path: datasets are passed on.
    report = ExtractReport(pathlib.Path(model).resolve().name, unused_labels=list(table.unused))
    skip = _skipper(report, len(found), strict)
    headers = _headers(found, fps, skip)
    report.frame_rate = fps or _common_rate(headers)
    detector = PoseDetector(model, skeletons)
    writer = DatasetWriter(
        out,
        name=out.resolve().name,
        label_names=table.label_names,
        source=f"videos, poses detected by the model {report.model}",
        licence="what the videos and the pose model allow",
    )
    with writer:
        for layout in skeletons:
            writer.add_layout(
                layout, frame_rate=report.frame_rate, unit="m", axes=CAMERA, num_persons=persons
            )
        total = sum(_promised(header, report.frame_rate) for header in headers.values())
        written: list[str] = []
        with tqdm(total=total or None, unit="frame", disable=not progress) as bar:
            for video, header in headers.items():
                bar.set_description(video.name)
                try:
                    poses, tracked = _clip_poses(
                        video, detector, report.frame_rate, persons, batch, fps, bar.update
                    )
                except BadVideo as error:
                    skip(video, error)
                    continue
                writer.add_clip(table.clips[video.name], poses)
                _note(video, header, poses, tracked, persons, report)
                written.append(video.name)
        _blank_tests(writer, table, skeletons, persons, report)
        _add_split(writer, written, table)
        report.clips = writer.num_clips
        writer.add_document(REPORT, dataclasses.asdict(report))
    return ClipDataset.open(out), report


def _blank_tests(
    writer: DatasetWriter,
    table: ClipTable,
    skeletons: Sequence[SkeletonLayout],
    persons: int,
    report: ExtractReport,
) -> None:
    """Test videos that can't be used stay test clips, as one frame without anybody."""
    for name in [name for name in report.skipped if table.sides.get(name) == "test"]:
        report.blanked[name] = report.skipped.pop(name)
        blank = {layout.name: ClipPoses.blank(persons, layout.num_joints) for layout in skeletons}
        writer.add_clip(table.clips[name], blank)


def _add_split(writer: DatasetWriter, written: Sequence[str], table: ClipTable) -> None:
    train = [name for name in written if table.sides.get(name) == "train"]
    test = [name for name in table.clips if table.sides.get(name) == "test"]
    if train or test:  # test videos never become training clips
        writer.add_split(GIVEN, train=train, test=test, description="by the table of labels")
    elif written:  # nothing written: the writer says so
        writer.add_split(TRAIN_ONLY, train=written, test=[], description="all clips, no test")


def _layouts(names: Sequence[str]) -> list[SkeletonLayout]:
    layouts = [load_layout(name) for name in names]
    ids = [layout.name for layout in layouts]
    if not ids:
        raise InputError("--layouts: name at least one")
    if len(set(ids)) != len(ids):
        raise InputError(f"--layouts={','.join(names)}: a layout is named twice")
    return layouts


def _skipper(
    report: ExtractReport, num_videos: int, strict: bool
) -> Callable[[Video, BadVideo], None]:
    """Notes skipped videos and stops at once when they are too many."""

    def skip(video: Video, error: BadVideo) -> None:
        if strict:
            raise InputError(f"--strict: {error}") from None
        report.skipped[video.name] = str(error)
        bad = len(report.skipped)  # test videos are moved to `blanked` at the end
        if bad > MAX_BAD * num_videos:
            first = next(iter(report.skipped.values()))
            raise InputError(
                f"--video: {bad} of {num_videos} videos can't be used (more than {MAX_BAD:.0%}), "
                f"the first: {first}"
            ) from None

    return skip


def _headers(
    videos: Sequence[Video], fps: float, skip: Callable[[Video, BadVideo], None]
) -> dict[Video, VideoHeader]:
    headers = {}
    for video in videos:
        try:
            header = read_header(video.path)
            if fps > header.frame_rate * (1 + SAME_RATE):
                raise BadVideo(
                    f"{video.file}: has {header.frame_rate:g} frames a second, fewer than "
                    f"--fps={fps:g}; ask for fewer"
                )
        except BadVideo as error:
            skip(video, error)
        else:
            headers[video] = header
    return headers


def _common_rate(headers: Mapping[Video, VideoHeader]) -> float:
    """The frame rate of all videos."""
    slowest = min(headers, key=lambda video: headers[video].frame_rate)
    fastest = max(headers, key=lambda video: headers[video].frame_rate)
    low, high = headers[slowest].frame_rate, headers[fastest].frame_rate
    if high > low * (1 + SAME_RATE):
        raise InputError(
            f"--fps: {slowest.file} has {low:g} frames a second and {fastest.file} {high:g}; a "
            f"dataset has one frame rate, choose it, e.g. --fps={low:g}"
        )
    return next(iter(headers.values())).frame_rate


def _clip_poses(
    video: Video,
    detector: PoseDetector,
    frame_rate: float,
    persons: int,
    batch: int,
    fps: float,
    advance: Callable[[int], object],
) -> tuple[dict[str, ClipPoses], int]:
    """Poses of a video in all layouts, and how many persons were tracked."""
    first = detector.layouts[0]
    tracker = Tracker(frame_rate)
    frames: list[dict[str, np.ndarray]] = []
    numbers: list[np.ndarray] = []
    for images in read_batches(video.path, batch, fps):
        for frame in detector.detect(images):
            numbers.append(tracker.update(root_points(frame[first.name], first)))
            frames.append(frame)
        advance(len(images))
    ranking = rank_persons(numbers, [frame[first.name] for frame in frames])
    if not ranking:
        raise BadVideo(f"{video.file}: no person found in its {len(frames)} frames")
    rows = {number: row for row, number in enumerate(ranking[:persons])}
    poses = {}
    for layout in detector.layouts:
        shape = (len(frames), len(rows), layout.num_joints, 3)
        coords = np.full(shape, np.nan, np.float32)
        for t, (frame_numbers, frame) in enumerate(zip(numbers, frames, strict=True)):
            for number, pose in zip(frame_numbers.tolist(), frame[layout.name], strict=True):
                if number in rows:
                    coords[t, rows[number]] = pose
        poses[layout.name] = ClipPoses(coords)
    return poses, len(ranking)


def _promised(header: VideoHeader, frame_rate: float) -> int:
    """Frames the clip of a video should have."""
    return round(header.num_frames * frame_rate / header.frame_rate)


def _note(
    video: Video,
    header: VideoHeader,
    poses: Mapping[str, ClipPoses],
    tracked: int,
    persons: int,
    report: ExtractReport,
) -> None:
    if tracked > persons:
        report.more_persons[video.name] = tracked
    frames = len(next(iter(poses.values())).coords)
    promised = _promised(header, report.frame_rate)
    if frames < CUT_SHORT * promised:
        report.cut_short[video.name] = f"{frames} of {promised} frames"


def summary(dataset: ClipDataset) -> dict[str, Any]:
    """Labels of a dataset and how many clips have them, for the terminal."""
    names = (*dataset.label_names, "unlabelled")
    counts = [int((dataset.labels == label).sum()) for label in [*range(len(names) - 1), -1]]
    return {name: count for name, count in zip(names, counts, strict=True) if count}
