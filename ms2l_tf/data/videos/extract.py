"""Videos in, `ClipDataset` out: detect, track, and write the poses of every video."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.label_table import LabelTable, label_clips
from ms2l_tf.data.new_folder import check_output
from ms2l_tf.data.prepare import MAX_BAD
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.videos.detectors import PoseDetector
from ms2l_tf.data.videos.report import REPORT, ExtractReport
from ms2l_tf.data.videos.tracking import rank_persons, root_points
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

# A camera's frame: x to the right, y down, z into the picture.
CAMERA = Axes(up="-y", forward="+z", handedness="right")
CUT_SHORT = 0.9  # share of the frames the header promises


def extract_poses(
    source: str | os.PathLike[str],
    open_detector: Callable[[], PoseDetector],
    out: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    persons: int = 2,
    batch: int = 8,
    frame_rate: float = 0.0,
    strict: bool = False,
    progress: bool = True,
) -> tuple[ClipDataset, ExtractReport]:
    """Writes the poses of videos as a dataset in metres and the camera's axes.

    A clip is as long as its video. Persons keep their row over the frames, the main one is row 0
    (see `tracking.rank_persons`), and are absent where they are not seen. The table's split is
    called ``given``; without one all clips are training clips of the split ``train_only``. Without
    a table videos in folders below `source` are labelled by the name of the folder they lie in.

    Args:
        source: a video, or a folder that is searched for videos.
        open_detector: loads the pose model, once all that can be checked without it was.
        out: the dataset folder to make.
        labels: see `label_clips`.
        persons: M, how many to keep of a clip.
        batch: frames the model gets at once.
        frame_rate: frames a second to pick from the videos; 0 keeps their own, which must be one.
        strict: stop at the first video that can't be used.
        progress: show a progress bar.

    Raises:
        InputError: something as a whole can't be used, or more than 5 % of the videos (with
            `strict`: any) can't; then nothing is written.
    """
    out = pathlib.Path(out)
    check_output(out)
    files = find_videos(source)
    clips, classes = _by_folder(files)
    table = label_clips(clips, labels, classes, what="videos")
    report = ExtractReport(unused_labels=list(table.unused))
    extraction = _Extraction(report, table, persons, batch, frame_rate, strict)
    headers = extraction.headers(files)
    report.frame_rate = frame_rate or _common_rate(headers)
    with contextlib.closing(open_detector()) as detector:
        report.model = detector.name
        _write(out, detector, extraction, headers, progress=progress)
    return ClipDataset.open(out), report


def _write(
    out: pathlib.Path,
    detector: PoseDetector,
    extraction: _Extraction,
    headers: Mapping[Video, VideoHeader],
    *,
    progress: bool,
) -> None:
    report, table = extraction.report, extraction.table
    writer = DatasetWriter(
        out,
        name=pathlib.Path(os.path.realpath(out)).name,
        label_names=table.label_names,
        source=f"videos, poses detected by {detector.name}",
        licence="what the videos and the pose model allow",
    )
    with writer:
        for layout in detector.layouts:
            writer.add_layout(
                layout,
                frame_rate=report.frame_rate,
                unit="m",
                axes=CAMERA,
                num_persons=extraction.persons,
                confidence=detector.confidence,
            )
        written = extraction.write(writer, headers, detector, progress=progress)
        if split := table.split(written):  # nothing written: the writer says so
            writer.add_split(
                split.name, train=split.train, test=split.test, description=split.description
            )
        report.clips = writer.num_clips
        writer.add_document(REPORT, dataclasses.asdict(report))


@dataclasses.dataclass(frozen=True)
class _Extraction:
    """Reads videos one after the other; notes what it meets in the report."""

    report: ExtractReport
    table: LabelTable
    persons: int
    batch: int
    rate: float
    strict: bool

    def headers(self, videos: Sequence[Video]) -> dict[Video, VideoHeader]:
        """What the videos say of themselves; those that can't be read are skipped."""
        headers = {}
        for video in videos:
            try:
                header = read_header(video.path)
                if self.rate > header.frame_rate * (1 + SAME_RATE):
                    raise BadVideo(
                        f"{video.file}: has {header.frame_rate:g} frames a second, fewer than "
                        f"--frame_rate={self.rate:g}; ask for fewer"
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
        self._blank_tests(writer, detector)
        return written

    def _skip(self, video: Video, error: BadVideo) -> None:
        """Notes a video that can't be used, and stops at once when they are too many."""
        if self.strict:
            raise InputError(f"--strict: {error}") from None
        skipped, videos = self.report.skipped, len(self.table.clips)
        skipped[video.name] = str(error)
        if len(skipped) > MAX_BAD * videos:  # test videos are moved to `blanked` at the end
            raise InputError(
                f"--source: {len(skipped)} of {videos} videos can't be used (more than "
                f"{MAX_BAD:.0%}), the first: {next(iter(skipped.values()))}"
            ) from None

    def _clip_poses(
        self, video: Video, detector: PoseDetector, advance: Callable[[int], object]
    ) -> tuple[dict[str, ClipPoses], int]:
        """Poses of a video in all layouts, and how many persons were tracked."""
        first = detector.layouts[0].name
        follower = detector.follow(self.report.frame_rate)
        frames: list[dict[str, np.ndarray]] = []
        numbers: list[np.ndarray] = []
        for images in read_batches(video.path, self.batch, self.rate):
            for frame in detector.detect(images):
                points = root_points(frame[first][..., :3], detector.layouts[0])
                numbers.append(follower.update(points))
                frames.append(frame)
            advance(len(images))
        ranking = rank_persons(numbers, [frame[first][..., :3] for frame in frames])
        if not ranking:
            raise BadVideo(f"{video.file}: no person found in its {len(frames)} frames")
        rows = {number: row for row, number in enumerate(ranking[: self.persons])}
        poses = {
            layout.name: _in_rows(rows, numbers, [frame[layout.name] for frame in frames])
            for layout in detector.layouts
        }
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

    def _blank_tests(self, writer: DatasetWriter, detector: PoseDetector) -> None:
        """Test videos that can't be used stay test clips, as one frame without anybody."""
        skipped, table = self.report.skipped, self.table
        for name in [name for name in skipped if table.sides.get(name) == "test"]:
            self.report.blanked[name] = skipped.pop(name)
            blank = {
                layout.name: ClipPoses.blank(
                    self.persons, layout.num_joints, confidence=detector.confidence
                )
                for layout in detector.layouts
            }
            writer.add_clip(table.clips[name], blank)


def _in_rows(
    rows: Mapping[int, int], numbers: Sequence[np.ndarray], found: Sequence[np.ndarray]
) -> ClipPoses:
    """What was found in each frame [P, J, 3 or 4], each person in the row of its track."""
    values = np.full((len(found), len(rows), *found[0].shape[1:]), np.nan, np.float32)
    for frame, tracks, poses in zip(values, numbers, found, strict=True):
        for number, pose in zip(tracks.tolist(), poses, strict=True):
            if number in rows:
                frame[rows[number]] = pose
    confidence = np.nan_to_num(values[..., 3]) if values.shape[-1] > 3 else None
    return ClipPoses(values[..., :3], None, confidence)


def _by_folder(videos: Iterable[Video]) -> tuple[list[Clip], list[str]]:
    """Clips labelled by the folder a video lies in below the source, and the labels' names."""
    folders = {video: pathlib.PurePosixPath(video.file).parent.name for video in videos}
    names = sorted({*folders.values()} - {""})
    number = {name: label for label, name in enumerate(names)}
    clips = [
        Clip(video.name, number.get(folder, -1), source=video.file)
        for video, folder in folders.items()
    ]
    return clips, names


def _common_rate(headers: Mapping[Video, VideoHeader]) -> float:
    """The frame rate of all videos."""
    slowest = min(headers, key=lambda video: headers[video].frame_rate)
    fastest = max(headers, key=lambda video: headers[video].frame_rate)
    low, high = headers[slowest].frame_rate, headers[fastest].frame_rate
    if high > low * (1 + SAME_RATE):
        raise InputError(
            f"--frame_rate: {slowest.file} has {low:g} frames a second and {fastest.file} {high:g};"
            f" a dataset has one frame rate, choose it, e.g. --frame_rate={low:g}"
        )
    return next(iter(headers.values())).frame_rate


def summary(dataset: ClipDataset) -> dict[str, Any]:
    """Labels of a dataset and how many clips have them, for the terminal."""
    names = (*dataset.label_names, "unlabelled")
    counts = [int((dataset.labels == label).sum()) for label in [*range(len(names) - 1), -1]]
    return {name: count for name, count in zip(names, counts, strict=True) if count}
