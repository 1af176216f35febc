"""`DatasetWriter`: streams clips into a dataset folder that appears only when complete."""

from __future__ import annotations

import csv
import dataclasses
import os
import pathlib
import re
import shutil
import tempfile
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.checksums import FileRecord, record_file
from ms2l_tf.data.clip_dataset import CLIP_COLUMNS, FORMAT_VERSION
from ms2l_tf.data.pose_writer import PoseWriter
from ms2l_tf.data.records import UNITS, Axes, Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames, check_split
from ms2l_tf.errors import InputError
from ms2l_tf.files import write_json
from ms2l_tf.skeletons.layout import SkeletonLayout

_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


class DatasetWriter:
    """Writes a `ClipDataset`, frame by frame, so that size is bounded by the disk alone.

    Everything goes to a hidden folder beside `out`, which is renamed when the `with` block ends
    without an exception and removed when it doesn't.

    ```
    with DatasetWriter("data/mine", name="mine", label_names=("wave", "nod")) as writer:
        writer.add_layout(layout, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "right"))
        writer.add_clip(Clip("a", label=0, subject="1"), {layout.name: ClipPoses(coords)})
        writer.add_split("by_subject", train=["a"], test=["b"])
    ```

    Args:
        out: the folder to make; it must not exist or be empty.
        name, label_names, source, licence: see `ClipDataset`.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        *,
        name: str,
        label_names: Sequence[str],
        source: str = "",
        licence: str = "",
    ) -> None:
        self.out = pathlib.Path(out)
        self.name = name
        self.label_names = tuple(label_names)
        self.source = source
        self.licence = licence
        if len(set(self.label_names)) != len(self.label_names):
            raise InputError(f"dataset {name!r}: two classes have the same name")
        self._layouts: dict[str, PoseWriter] = {}
        self._clips: dict[str, Clip] = {}
        self._splits: dict[str, SplitNames] = {}
        self._documents: dict[str, Any] = {}
        self._folder: pathlib.Path | None = None

    def __enter__(self) -> DatasetWriter:
        check_output(self.out)
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self._folder = pathlib.Path(
                tempfile.mkdtemp(prefix=f".{self.out.name}.", dir=self.out.parent)
            )
        except OSError as error:
            raise InputError(f"{self.out}: cannot be written ({error.strerror})") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        folder = self._open_folder()
        try:
            for layout in self._layouts.values():
                layout.close()
            if kind is None:
                self._commit(folder)
            elif isinstance(error, OSError):
                raise error  # a full disk gets the same readable line as a failing commit
        except OSError as failure:
            reason = failure.strerror or failure
            raise InputError(f"{self.out}: cannot be written ({reason})") from failure
        finally:
            self._folder = None
            shutil.rmtree(folder, ignore_errors=True)

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
        _check_file_name("layout", layout.name)
        if layout.name in self._layouts or self._clips:
            raise InputError(f"layout {layout.name}: declare every layout once, before the clips")
        if unit not in UNITS:
            raise InputError(f"layout {layout.name}: unit {unit!r} is not one of {UNITS}")
        if num_coords not in (2, 3) or num_persons < 1 or not 0 < frame_rate < np.inf:
            raise InputError(
                f"layout {layout.name}: needs 2 or 3 coordinates, a person and a frame rate; got "
                f"{num_coords}, {num_persons}, {frame_rate}"
            )
        if (axes is None) != (num_coords == 2):
            raise InputError(f"layout {layout.name}: 3-D poses have axes, 2-D poses have none")
        header = {
            "frame_rate": float(frame_rate),
            "unit": unit,
            "axes": None if axes is None else axes.to_json(),
            "layout": layout.to_json(),
        }
        folder = self._open_folder() / "poses" / layout.name
        shape = (num_persons, layout.num_joints, num_coords)
        self._layouts[layout.name] = PoseWriter(folder, header, shape, confidence)

    def add_clip(self, clip: Clip, poses: Mapping[str, ClipPoses]) -> None:
        """Appends a clip; a refused one leaves the dataset as it was.

        Joints with a NaN coordinate become missing as a whole, and so do the joints of absent
        persons. Layouts that `poses` leaves out get zero frames.

        Raises:
            InputError: a repeated or empty name, a label out of range, an unknown layout, a wrong
                shape, an infinite coordinate, no frame in any layout.
        """
        where = f"clip {clip.name!r}"
        if not clip.name or clip.name != clip.name.strip() or not clip.name.isprintable():
            raise InputError(f"{where}: a name needs printable characters and no outer blanks")
        if clip.name in self._clips:
            raise InputError(f"{where}: the name occurs twice; clip names must be unique")
        if not -1 <= clip.label < len(self.label_names):
            raise InputError(
                f"{where}: label {clip.label} is out of range; there are {len(self.label_names)} "
                "classes, counted from 0, and -1 for unlabelled"
            )
        unknown = set(poses) - set(self._layouts)
        if unknown:
            raise InputError(f"{where}: layout {min(unknown)!r} was not declared")
        checked = {layout: self._layouts[layout].check(poses[layout], where) for layout in poses}
        if not any(len(one.coords) for one in checked.values()):
            raise InputError(f"{where}: is empty (no frame in any layout)")
        for name, layout in self._layouts.items():
            layout.append(checked.get(name))
        self._clips[clip.name] = clip

    def add_split(
        self, name: str, *, train: Sequence[str], test: Sequence[str], description: str = ""
    ) -> None:
        """Adds a split of clips that are already written, given by name."""
        _check_file_name("split", name)
        if name in self._splits:
            raise InputError(f"split {name!r}: is there already")
        split = SplitNames(name, tuple(train), tuple(test), description)
        check_split(split, self._clips, where=f"split {name!r}")
        self._splits[name] = split

    def add_document(self, name: str, content: Mapping[str, Any]) -> None:
        """Adds a JSON file for people (a report); it is no part of the checksums."""
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
        _publish(folder, self.out)

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


def check_output(out: pathlib.Path) -> None:
    """Refuses an output folder that holds something already."""
    if out.is_dir():
        if any(out.iterdir()):
            raise InputError(f"{out}: is not empty; name a new folder or remove this one")
    elif out.exists() or out.is_symlink():
        raise InputError(f"{out}: exists and is not a folder; name a new one")


def _check_file_name(kind: str, name: str) -> None:
    if not _FILE_NAME.fullmatch(name):
        raise InputError(f"{kind} {name!r}: names a file; use letters, digits, '_', '-' and '.'")


def _publish(folder: pathlib.Path, out: pathlib.Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    folder.chmod(0o777 & ~umask)  # mkdtemp made it private
    check_output(out)
    if out.is_dir():
        out.rmdir()
    folder.rename(out)
