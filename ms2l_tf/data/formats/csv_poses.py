"""Tables of poses as CSV: one row a joint (long) or one row a frame (wide).

Columns are found by their names, in any order and spelling of capitals and signs:

- long: `clip, frame, person, joint, x, y, z, confidence`, of which clip, person, z and confidence
  may be missing;
- wide: `clip, frame, person` and, of each joint, `head_x, head_y, head_z`, maybe `head_score`; also
  `head.x`, `x_head`, `headX`, or `x0`, `y0` where joints are numbers;
- with either `label, subject, camera, setup, group, split`, the same in all rows of a clip.

One file holds many clips, told apart by the column `clip`, or a file is a clip and gives it its
name. Columns are separated by commas, semicolons or tabs; decimal commas go with the latter two. An
empty cell, `nan` or `NA` is missing. The layout is the packaged one with joints of these names, or
that of `--layout`. Frames are in the order of their numbers; a number that is left out is a frame
without anybody. A table is gone through once to find its clips, and read clip by clip.
"""

from __future__ import annotations

import posixpath

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import DEFAULTS, DatasetHeader, ReadClip, ReaderOptions
from ms2l_tf.data.formats.clip_names import clip_names, folder_labels
from ms2l_tf.data.formats.csv_columns import TAGS, Columns, match_joints
from ms2l_tf.data.formats.csv_frames import poses_of
from ms2l_tf.data.formats.csv_index import ClipRows, TableIndex, index_table, rows_of
from ms2l_tf.data.formats.listed import (
    LICENCE,
    MOST_PERSONS,
    ListedReader,
    Listing,
    assumed,
    pose_header,
)
from ms2l_tf.data.label_table import GIVEN, SIDES, sorted_classes
from ms2l_tf.data.records import Clip
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError


class CsvReader(ListedReader):
    """Reads the tables of a folder or an archive, or one table."""

    suffixes = (".csv", ".tsv")
    named = "a clip of a table"
    layout = ""  # of joints that no option names

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._tables: dict[str, TableIndex] = {}
        self._rows: dict[str, tuple[str, ClipRows]] = {}
        self._places: dict[str, int] = {}

    def list_clips(self) -> Listing:
        """Every clip of every table."""
        names = [name for name in self.names() if not self._is_table_of_labels(name)]
        folders, own = folder_labels(names), clip_names(names)
        tags: dict[str, dict[str, str]] = {}
        clip_of: dict[str, str] = {}
        for name in names:
            table = self._tables[name] = index_table(self.files, name)
            for key, rows in table.clips.items():
                entry = f"{name}#{key}" if key else name
                self._rows[entry] = name, rows
                tags[entry] = {"label": folders[name], **_tags(table.columns, rows)}
                clip_of[entry] = key or own[name]
        classes = sorted_classes(each["label"] for each in tags.values())
        numbers = {label: number for number, label in enumerate(classes)}
        clips = {
            entry: Clip(
                clip_of[entry],
                numbers.get(each["label"], -1),
                each.get("subject", ""),
                each.get("camera", ""),
                each.get("setup", ""),
                each.get("group", ""),
                source=self._rows[entry][0],
            )
            for entry, each in tags.items()
        }
        sides = {clip_of[entry]: each["split"] for entry, each in tags.items() if each.get("split")}
        return Listing(clips, self._dataset_header(names, classes), _split(sides, names[0]))

    def _is_table_of_labels(self, name: str) -> bool:
        """Whether it is the table that `--labels` names, lying among the others."""
        labels = self.options.labels
        return bool(labels) and posixpath.basename(name) == posixpath.basename(labels)

    def _dataset_header(self, names: list[str], classes: tuple[str, ...]) -> DatasetHeader:
        first = self._tables[names[0]]
        layout, self._places = match_joints(
            first.joints, self.options.layout or self.layout, names[0]
        )
        for name, table in self._tables.items():
            if (
                set(table.joints) != set(first.joints)
                or table.columns.present != first.columns.present
            ):
                raise InputError(f"{name}: has other joints or coordinates than {names[0]}")
        persons = [len(rows.persons) for _, rows in self._rows.values()]
        poses = pose_header(
            self.options,
            layout,
            unit="unknown",
            num_persons=max([1, *(count for count in persons if count <= MOST_PERSONS)]),
            num_coords=3 if "z" in first.columns.present else 2,
            confidence="confidence" in first.columns.present,
        )
        others = {other for table in self._tables.values() for other in table.columns.others}
        unread = (f"columns that are not read: {', '.join(sorted(others))}",) if others else ()
        return DatasetHeader(
            name=self.files.path.resolve().stem,
            label_names=classes,
            source=f"tables {', '.join(names[:3])}{', ...' * (len(names) > 3)}",
            licence=LICENCE,
            poses=(poses,),
            notes=(*assumed(self.options, poses), *unread),
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """The rows of a clip."""
        header = self.header.poses[0]
        name, rows = self._rows[entry]
        table = self._tables[name]
        cells, lines = [], []
        with self.files.open(name) as file:
            for start, end, line in rows.runs:
                file.seek(start)
                for _, _, number, row in rows_of(
                    file, table.width, table.separator, name, end, line
                ):
                    cells.append(row)
                    lines.append(number)
        _check_tags(table.columns, cells, lines, name)
        poses, repairs = poses_of(cells, lines, table, self._places, name)
        return ReadClip(clip, {header.layout: poses}, repairs)


def _tags(columns: Columns, rows: ClipRows) -> dict[str, str]:
    return {tag: rows.first[columns.roles[tag]].strip() for tag in TAGS if tag in columns.roles}


def _check_tags(columns: Columns, cells: list[list[str]], lines: list[int], name: str) -> None:
    for tag in TAGS:
        if tag not in columns.roles:
            continue
        place = columns.roles[tag]
        for row, line in zip(cells, lines, strict=True):
            if row[place].strip() != cells[0][place].strip():
                raise InputError(
                    f"{name}, line {line}: {tag} {row[place].strip()!r}, the clip began with "
                    f"{cells[0][place].strip()!r}"
                )


def _split(sides: dict[str, str], where: str) -> list[SplitNames]:
    for clip, side in sides.items():
        if side not in SIDES:
            raise InputError(f"{where}: clip {clip}: split {side!r}; write train, test or nothing")
    if not sides:
        return []
    train, test = (tuple(clip for clip, own in sides.items() if own == side) for side in SIDES)
    return [SplitNames(GIVEN, train, test, "by the table's column split")]
