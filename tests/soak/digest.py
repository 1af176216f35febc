"""What two runs of a command that did the same have in common."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import h5py  # type: ignore[import-untyped]

Digest = dict[str, str]
# Of these only what stands in them was computed: when, how long, and how often it was begun. A
# revision changes while somebody works in the checkout, and nothing that is computed with it.
_LEFT_OUT = ("tensorboard", "checkpoint", "timing.json", "weights.json")
_OF_TIME = ("seconds", "timing", "date", "kept_floors", "sha256", "files", "revision")


def digest(folder: pathlib.Path) -> Digest:
    """Checksums of the files of a folder, but hidden ones and those that tell of time.

    Of JSON without its times, of HDF5 of its arrays.
    """
    found: Digest = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not hidden and not set(parts) & set(_LEFT_OUT):
            found["/".join(parts)] = hashlib.sha256(_content(path)).hexdigest()
    return found


def _content(path: pathlib.Path) -> bytes:
    if path.suffix == ".json":
        return json.dumps(_without_time(json.loads(path.read_bytes()))).encode()
    if path.suffix == ".h5":
        arrays: list[bytes] = []
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: (
                    arrays.append(name.encode() + item[()].tobytes())
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
        return b"".join(arrays)
    return path.read_bytes()


def _without_time(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_time(each)
            for key, each in value.items()
            if not any(word in key for word in _OF_TIME)
        }
    return [_without_time(each) for each in value] if isinstance(value, list) else value


def differences(one: Digest, other: Digest) -> list[str]:
    """Files that two digests do not share."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
