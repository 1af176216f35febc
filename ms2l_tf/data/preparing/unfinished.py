"""`Unfinished`: what was read so far, kept beside a dataset until that is complete."""

from __future__ import annotations

import concurrent.futures
import contextlib
import fcntl
import os
import pathlib
import shutil
from typing import IO

from ms2l_tf.data.preparing.reading import Reading, unpack
from ms2l_tf.errors import InputError, inform
from ms2l_tf.files import unwritable

_OF_THE_MACHINE = (OSError, concurrent.futures.BrokenExecutor, concurrent.futures.CancelledError)


class Unfinished:
    """The folder ``.<out>.parts`` beside `out`, with one file for some entries that were read.

    A context manager. The folder goes when the block ends well or the input is at fault; it stays
    after an interrupt, a crash, a full disk, and `begin` finds in it what was read. A process that
    is killed leaves it, too: every part appears as a whole, under a name that tells of what.

    Args:
        out: the dataset folder to be made.

    Raises:
        InputError: the folder cannot be made, or another process uses it.
    """

    def __init__(self, out: pathlib.Path) -> None:
        out = out.absolute()
        self.folder = out.with_name(f".{out.name}.parts")
        self._parts = self.folder
        self._lock_path = self.folder / "lock"
        self._lock: IO[bytes] | None = None
        self._new_parents = [parent for parent in out.parents if not parent.exists()]

    def __enter__(self) -> Unfinished:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._lock_path.open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{self.folder}: another ms2l-prepare writes the same dataset now; wait for it, or "
                "name another --out"
            ) from None
        except OSError as error:
            raise InputError(unwritable(self.folder, error)) from None
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not self._is_worth_keeping(error):
            shutil.rmtree(self.folder, ignore_errors=True)
            for parent in self._new_parents:
                with contextlib.suppress(OSError):  # it holds the dataset
                    parent.rmdir()
        assert self._lock is not None
        self._lock.close()
        if isinstance(error, KeyboardInterrupt) and self.folder.exists():
            error.args = (
                f"what was read is kept in {self.folder}, and the same command goes on there",
            )

    def _is_worth_keeping(self, error: BaseException | None) -> bool:
        input_at_fault = isinstance(error, InputError) and not isinstance(
            error.__cause__, _OF_THE_MACHINE
        )
        return error is not None and not input_at_fault and any(self.folder.glob("*/*.part"))

    def scratch(self, source: pathlib.Path) -> pathlib.Path:
        """Where a compressed tar is unpacked to; it is called after that tar's size and time."""
        with contextlib.suppress(OSError):
            stamp = source.stat()
            return self.folder / f"{stamp.st_size}-{stamp.st_mtime_ns}.tar"
        return self.folder / "source.tar"

    def begin(self, key: str, scratch: pathlib.Path) -> None:
        """Keeps the parts of this key and drops what was read for another one, with a line.

        Args:
            key: tells sources, options and versions apart whose clips may differ.
            scratch: stays as well.
        """
        self._parts = self.folder / key
        kept = {self._parts, scratch, self._lock_path}
        others = [path for path in self.folder.iterdir() if path not in kept]
        if any(next(path.glob("*.part"), None) for path in others):
            inform(
                f"{self.folder}: the source, an option or the package has changed since these "
                "clips were read; starting anew"
            )
        for path in others:  # datasets that a killed process left half-written are among them
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        self._parts.mkdir(exist_ok=True)

    def holds(self, number: int) -> bool:
        """Whether a part is there."""
        return self._path(number).exists()

    def load(self, number: int) -> list[Reading] | None:
        """A part; None: it was damaged, by a power failure perhaps."""
        try:
            return unpack(self._path(number).read_bytes())
        except (OSError, ValueError):
            return None

    def save(self, number: int, packed: bytes) -> None:
        """Keeps a part."""
        path = self._path(number)
        temporary = path.with_suffix(".new")
        try:
            temporary.write_bytes(packed)
            os.replace(temporary, path)
        except OSError as error:
            raise InputError(unwritable(path, error)) from error

    def _path(self, number: int) -> pathlib.Path:
        return self._parts / f"{number:06}.part"
