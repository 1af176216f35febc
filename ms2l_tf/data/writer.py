"""`DatasetWriter`: streams clips into a dataset folder that appears only when complete."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ms2l_tf.data.checks import (
    check_axes,
    check_file_name,
    checked_clip,
    checked_label_names,
    checked_rate,
    free_text,
    is_missing,
    shown,
    whole_number,
)
from ms2l_tf.data.checksums import FileRecord, record_file, verify_files
from ms2l_tf.data.clip_dataset import CLIP_COLUMNS, FORMAT_VERSION, ClipDataset
from ms2l_tf.data.new_folder import new_folder
from ms2l_tf.data.pose_store import read_header
from ms2l_tf.data.pose_writer import CheckedPoses, PoseChecks, PoseWriter
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.repairs import RepairLog
from ms2l_tf.data.splits import SplitNames, checked_split
from ms2l_tf.errors import InputError, warn
from ms2l_tf.files import write_json
from ms2l_tf.skeletons.layout import SkeletonLayout

MAX_PERSONS = 1000  # every clip is padded to them


class DatasetWriter:
    """Writes a `ClipDataset`, frame by frame, so that size is bounded by the disk alone.

    When the `with` block ends without an exception, the folder is opened and verified as a reader
    would; when it doesn't, or the reader refuses the folder, there is none (see `new_folder`).
    What was changed in the poses (see `add_clip`) is counted in `repairs` and said as warnings at
    the end.

    ```
    with DatasetWriter("data/mine", name="mine", label_names=("wave", "nod")) as writer:
        writer.add_layout(layout, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "right"))
        writer.add_clip(Clip("a", label=0, subject="1"), {layout.name: ClipPoses(coords)})
        writer.add_split("by_subject", train=["a"], test=["b"])
    ```

    Args:
        out: the folder to make; it must not exist or be empty.
        name, label_names, source, licence: see `ClipDataset`.
        keep_zeros: whether a person whose joints are all zero stays; by default this is a gap.
        grows_in: the folder, on the disk of `out`, in which the dataset is until it is complete;
            by default that of `out`.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        *,
        name: str,
        label_names: Sequence[str],
        source: str = "",
        licence: str = "",
        keep_zeros: bool = False,
        grows_in: pathlib.Path | None = None,
    ) -> None:
        self.out = pathlib.Path(out)
        self.grows_in = grows_in
        self.name = free_text(name, "dataset: name")
        where = f"dataset {name!r}"
        self.label_names = checked_label_names(label_names, where)
        self.source = free_text(source, f"{where}: source")
        self.licence = free_text(licence, f"{where}: licence")
        self.keep_zeros = keep_zeros
        self.repairs = RepairLog()
        self._blank: set[str] = set()
        self._layouts: dict[str, PoseWriter] = {}
        self._clips: dict[str, Clip] = {}
        self._splits: dict[str, SplitNames] = {}
        self._documents: dict[str, Any] = {}
        self._folder: pathlib.Path | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> DatasetWriter:
        self._folder = self._stack.enter_context(new_folder(self.out, self.grows_in))
        self._stack.push(self._finish)
        return self

    def __exit__(self, *exception: Any) -> None:
        try:
            self._stack.__exit__(*exception)
        finally:
            self._folder = None
        if exception[0] is None:
            for line in [*self.repairs.lines(), *self._blank_sides()]:
                warn(f"{self.out}: {line}")

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        for layout in self._layouts.values():
            layout.close()
        if kind is None:
            self._commit(self._open_folder())

    def add_layout(
        self,
        layout: SkeletonLayout,
        *,
        frame_rate: float,
        unit: str = "unknown",
        axes: Axes | None = None,
        num_persons: int = 1,
        num_coords: int = 3,
        confidence: bool = False,
    ) -> None:
        """Declares a layout before the first clip.

        Args:
            layout: its id names the folder.
            frame_rate: frames per second.
            unit: of the coordinates, one of `UNITS`.
            axes: of 3-D coordinates; None for 2-D image coordinates.
            num_persons: M, the most persons a clip may have.
            num_coords: C, 2 or 3.
            confidence: whether clips come with a confidence per joint.
        """
        if not isinstance(layout, SkeletonLayout):
            raise InputError(f"add_layout: got {shown(layout)}; expected a SkeletonLayout")
        check_file_name("layout", layout.name)
        where = f"layout {layout.name}"
        if layout.name in self._layouts or self._clips:
            raise InputError(f"layout {layout.name}: declare every layout once, before the clips")
        persons = whole_number(num_persons, f"{where}: num_persons")
        coords = whole_number(num_coords, f"{where}: num_coords")
        if not 1 <= persons <= MAX_PERSONS:
            raise InputError(
                f"{where}: needs a person and at most {MAX_PERSONS}; got num_persons {persons}"
            )
        if axes is not None and not isinstance(axes, Axes):
            raise InputError(f"{where}: axes are {shown(axes)}; expected Axes")
        check_axes(axes, coords, where)
        header = _checked_header(layout, frame_rate, unit, axes, where)
        folder = self._open_folder() / "poses" / layout.name
        checks = PoseChecks(
            layout,
            float(header["frame_rate"]),
            persons,
            coords,
            confidence=bool(confidence),
            keep_zeros=self.keep_zeros,
        )
        self._layouts[layout.name] = PoseWriter(folder, header, checks)

    def add_clip(self, clip: Clip, poses: Mapping[str, ClipPoses | CheckedPoses]) -> None:
        """Appends a clip; a refused one leaves the dataset as it was.

        `checked_clip` says which values a row may have. Joints with a NaN coordinate become missing
        as a whole, and so do the joints of absent persons, persons whose joints are all zero and
        joints far from their body, see `repair_poses`. Layouts that `poses` leaves out get zero
        frames.

        Raises:
            InputError: a repeated or empty name, a label out of range or with a fraction, an
                unknown layout, a wrong shape, coordinates that are infinite or no real numbers,
                no frame in any layout.
        """
        row = checked_clip(clip, len(self.label_names))
        where = f"clip {row.name!r}"
        if row.name in self._clips:
            raise InputError(f"{where}: the name occurs twice; clip names must be unique")
        if not isinstance(poses, Mapping):
            raise InputError(f"{where}: poses are {shown(poses)}; expected {{layout: ClipPoses}}")
        unknown = [layout for layout in poses if layout not in self._layouts]
        if unknown:
            raise InputError(f"{where}: layout {shown(unknown[0])} was not declared")
        checked = {layout: self._layouts[layout].check(poses[layout], where) for layout in poses}
        if not any(len(of_layout.poses.coords) for of_layout in checked.values()):
            raise InputError(f"{where}: is empty (no frame in any layout)")
        for name, layout in self._layouts.items():
            layout.append(checked.get(name))
        self._clips[row.name] = row
        for name, of_layout in checked.items():
            self.repairs.add(row.name, of_layout.repairs, name)
        blank = not any(of_layout.seen for of_layout in checked.values())
        if blank:
            self._blank.add(row.name)
        self.repairs.add(row.name, {"blank": blank, "unlabelled": is_missing(clip.label)})

    def add_split(
        self, name: str, *, train: Sequence[str], test: Sequence[str], description: str = ""
    ) -> None:
        """Adds a split of clips that are already written, given by name."""
        check_file_name("split", name)
        if name in self._splits:
            raise InputError(f"split {name!r}: is there already")
        self._splits[name] = checked_split(
            str(name), train, test, description, self._clips, where=f"split {name!r}"
        )

    def add_document(self, name: str, content: Mapping[str, Any]) -> None:
        """Adds a JSON file for people (a report); it is no part of the checksums."""
        check_file_name("document", name)
        if name in ("dataset.json", "clips.csv", "splits", "poses"):
            raise InputError(f"document {name!r}: is a name of the dataset itself; take another")
        self._documents[name] = content

    @property
    def num_clips(self) -> int:
        """Clips written so far."""
        return len(self._clips)

    def _open_folder(self) -> pathlib.Path:
        if self._folder is None:
            raise RuntimeError("DatasetWriter is used outside its `with` block")
        return self._folder

    def _commit(self, folder: pathlib.Path) -> None:
        if not self._clips:
            raise InputError(f"{self.out}: not written, there is no clip to write")
        for name, layout in self._layouts.items():
            if layout.offsets[-1] == 0:
                raise InputError(f"layout {name}: no clip has poses in it; leave it out")
            if not layout.seen:
                raise InputError(
                    f"layout {name}: all {len(self._clips)} clips are blank, no joint of anyone is "
                    "seen (zeros count as missing without keep_zeros); leave it out"
                )
        with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(CLIP_COLUMNS)
            table.writerows(dataclasses.astuple(clip) for clip in self._clips.values())
        (folder / "splits").mkdir()
        for split in self._splits.values():
            content = dataclasses.asdict(split)
            del content["name"]  # the file is called like the split; one truth is enough
            write_json(folder / "splits" / f"{split.name}.json", content)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): record_file(path) for path in paths}
        for name, document in self._documents.items():
            write_json(folder / name, document)
        write_json(folder / "dataset.json", self._header(files))
        self._read_back(folder)

    def _read_back(self, folder: pathlib.Path) -> None:
        """Nothing is published that a reader would refuse or read as something else."""
        try:
            dataset = ClipDataset.open(folder)
            verify_files(folder, dataset.files, force=True, remember=False)
            for name in self._splits:
                dataset.split(name)
        except InputError as error:
            reason = str(error).replace(str(folder), self.out.name)
            raise InputError(f"{self.out}: not written, it could not be read ({reason})") from error
        if dataset.clips != tuple(self._clips.values()):
            raise InputError(f"{self.out}: not written, its clip table reads as something else")

    def _blank_sides(self) -> list[str]:
        return [
            f"split {split.name}: all {len(names)} {side} clips are blank (no joint of anyone)"
            for split in self._splits.values()
            for side, names in (("training", split.train), ("test", split.test))
            if names and self._blank.issuperset(names)
        ]

    def _header(self, files: Mapping[str, FileRecord]) -> dict[str, Any]:
        return {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "num_clips": len(self._clips),
            "label_names": list(self.label_names),
            "source": self.source,
            "licence": self.licence,
            "files": {name: dataclasses.asdict(record) for name, record in files.items()},
        }


def _checked_header(
    layout: SkeletonLayout, frame_rate: float, unit: str, axes: Axes | None, where: str
) -> dict[str, Any]:
    """The content of `layout.json`, after the reader has said yes to it."""
    header = {
        "frame_rate": checked_rate(frame_rate, where),
        "unit": unit,
        "axes": None if axes is None else axes.to_json(),
        "layout": layout.to_json(),
    }
    try:
        text = free_text(json.dumps(header, ensure_ascii=False), where)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: cannot be written as JSON ({error})") from None
    read, *_ = read_header(json.loads(text), where)
    if read.to_json() != header["layout"]:
        raise InputError(f"{where}: would be read as another layout; use plain texts and ints")
    return header
