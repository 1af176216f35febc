"""What `dataset.json` says of a dataset folder, checked."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from ms2l_tf.data.checks import checked_label_names, free_text, shown, whole_number
from ms2l_tf.data.checksums import FileRecord
from ms2l_tf.errors import InputError
from ms2l_tf.files import check_version

FORMAT_VERSION = 1
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class FolderHeader:
    """The entries; see `ClipDataset`."""

    name: str
    label_names: tuple[str, ...]
    source: str
    licence: str
    files: Mapping[str, FileRecord]
    num_clips: int

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str) -> FolderHeader:
        """Reads the content of the file.

        Args:
            values: of it.
            where: names it in errors.

        Raises:
            InputError: it is of another version, or an entry is missing or invalid.
        """
        check_version(values, FORMAT_VERSION, where, "prepare the dataset again")
        for field in dataclasses.fields(cls):
            if field.name not in values:
                raise InputError(f"{where}: missing or invalid entry ('{field.name}')")
        texts = {
            name: free_text(values[name], f"{where}: {name}")
            for name in ("name", "source", "licence")
        }
        num_clips = whole_number(values["num_clips"], f"{where}: num_clips")
        labels = checked_label_names(values["label_names"], where)
        return cls(
            **texts,
            label_names=labels,
            files=_records(values["files"], where),
            num_clips=num_clips,
        )

    @property
    def layouts(self) -> list[str]:
        """Those that the folder has poses in, sorted."""
        parts = (name.split("/") for name in self.files)
        return sorted({path[1] for path in parts if path[0] == "poses" and len(path) > 2})


def _records(entries: Any, where: str) -> dict[str, FileRecord]:
    if not isinstance(entries, Mapping):
        raise InputError(f"{where}: missing or invalid entry ('files' is {shown(entries)})")
    return {name: _record(name, entry, f"{where}: files") for name, entry in entries.items()}


def _record(name: str, entry: Any, where: str) -> FileRecord:
    path = pathlib.PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name.isprintable():
        raise InputError(f"{where}: {shown(name)} lies outside the dataset")
    try:
        record = FileRecord(**entry)
    except TypeError:
        raise InputError(f"{where}: {shown(name)} has an invalid entry ({shown(entry)})") from None
    whole = type(record.bytes) is int and record.bytes >= 0
    if not whole or not isinstance(record.sha256, str) or not _SHA256.fullmatch(record.sha256):
        raise InputError(f"{where}: {shown(name)} has an invalid entry ({shown(entry)})")
    return record
