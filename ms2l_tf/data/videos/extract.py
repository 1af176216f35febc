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
from ms2l_tf.data.label_table import LabelTable, label_clips
from ms2l_tf.data.new_folder import check_output
from ms2l_tf.data.prepare import MAX_BAD
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.videos.detector import PoseDetector
from ms2l_tf.data.videos.report import REPORT, ExtractReport
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
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

# A camera's frame: x to the right, y down, z into the picture.
CAMERA = Axes(up="-y", forward="+z", handedness="right")
CUT_SHORT = 0.9  # share of the frames the header promises


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
    files = find_videos(videos)
    rows = [Clip(video.name, source=video.file) for video in files]
    table = label_clips(rows, labels, what="videos", flag="--video")
    # Without the path: datasets are passed on.
    report = ExtractReport(pathlib.Path(model).resolve().name, unused_labels=list(table.unused))
    extraction = _Extraction(report, table, persons, batch, fps, strict)
    headers = extraction.headers(files)
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
        written = extraction.write(writer, headers, detector, progress=progress)
        if split := table.split(written):  # nothing written: the writer says so
            writer.add_split(
                split.name, train=split.train, test=split.test, description=split.description
            )
        report.clips = writer.num_clips
        writer.add_document(REPORT, dataclasses.asdict(report))
    return ClipDataset.open(out), report


@dataclasses.dataclass(frozen=True)
class _Extraction:
    """Reads videos one after the other; notes what it meets in the report."""

    report: ExtractReport
    table: LabelTable
    persons: int
    batch: int
    fps: float
    strict: bool

    def headers(self, videos: Sequence[Video]) -> dict[Video, VideoHeader]:
        """What the videos say of themselves; those that can't be read are skipped."""
        headers = {}
        for video in videos:
            try:
                header = read_header(video.path)
                if self.fps > header.frame_rate * (1 + SAME_RATE):
                    raise BadVideo(
                        f"{video.file}: has {header.frame_rate:g} frames a second, fewer than "
                        f"--fps={self.fps:g}; ask for fewer"
                    )
            except BadVideo as error:
                self._skip(video, error)
            else:
                headers[video] = header
        return headers

    def write(
        self,
        writer: DatasetWriter,
        headers: Mapping[Video, VideoHeader],
        detector: PoseDetector,
        *,
        progress: bool,
    ) -> list[str]:
        """Writes the clips of the videos, and which are written; blank ones do not count."""
        written = []
        total = sum(map(self._promised, headers.values()))
        with tqdm(total=total or None, unit="frame", disable=not progress) as bar:
            for video, header in headers.items():
                bar.set_description(video.name)
                try:
                    poses, tracked = self._clip_poses(video, detector, bar.update)
                except BadVideo as error:
                    self._skip(video, error)
                    continue
                writer.add_clip(self.table.clips[video.name], poses)
                self._note(video, header, poses, tracked)
                written.append(video.name)
        self._blank_tests(writer, detector.layouts)
        return written

    def _skip(self, video: Video, error: BadVideo) -> None:
        """Notes a video that can't be used, and stops at once when they are too many."""
        if self.strict:
            raise InputError(f"--strict: {error}") from None
        skipped, videos = self.report.skipped, len(self.table.clips)
        skipped[video.name] = str(error)
        if len(skipped) > MAX_BAD * videos:  # test videos are moved to `blanked` at the end
            raise InputError(
                f"--video: {len(skipped)} of {videos} videos can't be used (more than "
                f"{MAX_BAD:.0%}), the first: {next(iter(skipped.values()))}"
            ) from None

    def _clip_poses(
        self, video: Video, detector: PoseDetector, advance: Callable[[int], object]
    ) -> tuple[dict[str, ClipPoses], int]:
        """Poses of a video in all layouts, and how many persons were tracked."""
        first = detector.layouts[0]
        tracker = Tracker(self.report.frame_rate)
        frames: list[dict[str, np.ndarray]] = []
        numbers: list[np.ndarray] = []
        for images in read_batches(video.path, self.batch, self.fps):
            for frame in detector.detect(images):
                numbers.append(tracker.update(root_points(frame[first.name], first)))
                frames.append(frame)
            advance(len(images))
        ranking = rank_persons(numbers, [frame[first.name] for frame in frames])
        if not ranking:
            raise BadVideo(f"{video.file}: no person found in its {len(frames)} frames")
        rows = {number: row for row, number in enumerate(ranking[: self.persons])}
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

    def _promised(self, header: VideoHeader) -> int:
        """Frames the clip of a video should have."""
        return round(header.num_frames * self.report.frame_rate / header.frame_rate)

    def _note(
        self, video: Video, header: VideoHeader, poses: Mapping[str, ClipPoses], tracked: int
    ) -> None:
        if tracked > self.persons:
            self.report.more_persons[video.name] = tracked
        frames, promised = len(next(iter(poses.values())).coords), self._promised(header)
        if frames < CUT_SHORT * promised:
            self.report.cut_short[video.name] = f"{frames} of {promised} frames"

    def _blank_tests(self, writer: DatasetWriter, layouts: Sequence[SkeletonLayout]) -> None:
        """Test videos that can't be used stay test clips, as one frame without anybody."""
        skipped, table = self.report.skipped, self.table
        for name in [name for name in skipped if table.sides.get(name) == "test"]:
            self.report.blanked[name] = skipped.pop(name)
            blank = {
                layout.name: ClipPoses.blank(self.persons, layout.num_joints) for layout in layouts
            }
            writer.add_clip(table.clips[name], blank)


def _layouts(names: Sequence[str]) -> list[SkeletonLayout]:
    layouts = [load_layout(name) for name in names]
    ids = [layout.name for layout in layouts]
    if not ids:
        raise InputError("--layouts: name at least one")
    if len(set(ids)) != len(ids):
        raise InputError(f"--layouts={','.join(names)}: a layout is named twice")
    return layouts


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


def summary(dataset: ClipDataset) -> dict[str, Any]:
    """Labels of a dataset and how many clips have them, for the terminal."""
    names = (*dataset.label_names, "unlabelled")
    counts = [int((dataset.labels == label).sum()) for label in [*range(len(names) - 1), -1]]
    return {name: count for name, count in zip(names, counts, strict=True) if count}
