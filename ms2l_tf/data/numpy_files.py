"""`.npy` and `.npz` files as arrays that stay in their file; nothing is unpickled."""

from __future__ import annotations

import ast
import math
import mmap
import os
import posixpath
import shutil
import struct
import tempfile
import tokenize
import zipfile
from typing import Literal

import numpy as np

from ms2l_tf.data.archives import DAMAGE, MAX_GROWTH, MIN_TOTAL_BYTES, SourceFiles
from ms2l_tf.errors import InputError, one_line
from ms2l_tf.files import opened

# What NumPy raises for `.npy` and `.npz` files that are damaged, whatever is wrong with them.
NUMPY_DAMAGE = (*DAMAGE, SyntaxError, tokenize.TokenError, TypeError, KeyError, MemoryError)
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 12
_LOCAL_HEADER = 30  # bytes before the name of a member in a zip file


class ArrayHeader:
    """What the first bytes of a `.npy` file say.

    Attributes:
        shape, dtype: of the array; `dtype` is never of Python objects.
        fortran: whether the first axis runs fastest.
        start: of the values, in bytes.
    """

    def __init__(self, head: bytes, where: str) -> None:
        self.shape, self.dtype, self.fortran, self.start = _parsed(head, where)

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.start + math.prod(self.shape) * self.dtype.itemsize


def npy_header(files: SourceFiles, name: str) -> ArrayHeader:
    """The header of a file; its values are not read.

    Raises:
        InputError: it is no `.npy` file, or one of Python objects.
    """
    return ArrayHeader(files.head(name, _LONGEST_HEADER), name)


def npy_array(content: bytes | mmap.mmap, where: str) -> np.ndarray:
    """The array of a `.npy` file as a view of it, not writable.

    Args:
        content: of the file, mapped or in memory.
        where: names it in errors.

    Raises:
        InputError: it is no `.npy` file, cut short, or one of Python objects.
    """
    return _viewed(content, ArrayHeader(content[:_LONGEST_HEADER], where), 0, len(content), where)


def mapped_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """The array of a `.npy` file that this package wrote, mapped from the disk, not writable.

    Raises:
        InputError: it cannot be read, is no complete `.npy` file, or one of Python objects.
    """
    try:
        with opened(path) as file:
            header = ArrayHeader(file.read(_LONGEST_HEADER), str(path))
            _check_size(header, os.fstat(file.fileno()).st_size, str(path))
            if not math.prod(header.shape):  # nothing to map
                return np.zeros(header.shape, header.dtype)
            order: Literal["F", "C"] = "F" if header.fortran else "C"
            return np.memmap(file, header.dtype, "r", header.start, header.shape, order)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


class NpzFile:
    """The arrays of a `.npz` file by name, each as a view of the file where it is stored plainly.

    A compressed one is inflated into a nameless scratch file, within bounds, when it is asked for.

    Args:
        files: the source.
        name: of the file in it.
    """

    def __init__(self, files: SourceFiles, name: str) -> None:
        self._files, self._name, self._content = files, name, files.mapped(name)
        try:
            with files.open(name) as file, zipfile.ZipFile(file) as archive:
                members = archive.infolist()
        except DAMAGE as error:
            raise InputError(f"{name}: is no complete .npz file ({one_line(error)})") from None
        self._members = {posixpath.splitext(each.filename)[0]: each for each in members}
        self._inflated: dict[str, np.ndarray] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the arrays."""
        return tuple(self._members)

    def array(self, name: str) -> np.ndarray:
        """An array, not writable.

        Raises:
            InputError: there is none of this name, it is damaged, unpacks to far too much, or
                holds Python objects.
        """
        where = f"{self._name}, array {name}"
        if name not in self._members:
            raise InputError(f"{self._name}: lacks the array {name}; it has {self._known()}")
        member = self._members[name]
        try:
            if member.compress_type == zipfile.ZIP_STORED:
                return self._stored(member, where)
            if name not in self._inflated:
                self._inflated[name] = npy_array(self._inflate(member, where), where)
        except InputError:
            raise
        except DAMAGE as error:
            raise InputError(f"{where}: cannot be read ({one_line(error)})") from None
        return self._inflated[name]

    def _known(self) -> str:
        return ", ".join(list(self._members)[:8]) or "none"

    def _stored(self, member: zipfile.ZipInfo, where: str) -> np.ndarray:
        local = self._content[member.header_offset : member.header_offset + _LOCAL_HEADER]
        name, extra = struct.unpack("<26x2H", local)
        start = member.header_offset + _LOCAL_HEADER + name + extra
        head = self._content[start : start + min(member.file_size, _LONGEST_HEADER)]
        return _viewed(
            self._content, ArrayHeader(head, where), start, start + member.file_size, where
        )

    def _inflate(self, member: zipfile.ZipInfo, where: str) -> bytes | mmap.mmap:
        limit = max(MIN_TOTAL_BYTES, MAX_GROWTH * member.compress_size)
        if member.file_size > limit:
            raise InputError(
                f"{where}: refused, it unpacks to {member.file_size:,} bytes (limit {limit:,})"
            )
        with (
            tempfile.TemporaryFile() as scratch,
            self._files.open(self._name) as packed,
            zipfile.ZipFile(packed) as archive,
            archive.open(member) as file,
        ):
            shutil.copyfileobj(file, scratch, 1 << 20)
            scratch.flush()
            return mmap.mmap(scratch.fileno(), 0, access=mmap.ACCESS_READ)


def _viewed(
    content: bytes | mmap.mmap, header: ArrayHeader, first: int, end: int, where: str
) -> np.ndarray:
    """The array in the bytes from `first` to `end`."""
    _check_size(header, min(end, len(content)) - first, where)
    count = math.prod(header.shape)
    if not count * header.dtype.itemsize:
        return np.zeros(header.shape, header.dtype)
    flat = np.frombuffer(content, header.dtype, count, first + header.start)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _check_size(header: ArrayHeader, size: int, where: str) -> None:
    if header.size != size:
        raise InputError(
            f"{where}: has {size:,} bytes, an array of shape {header.shape} has {header.size:,}"
        )


def _parsed(head: bytes, where: str) -> tuple[tuple[int, ...], np.dtype, bool, int]:
    """Shape, type, order and length of a header; it is a dictionary in Python's spelling."""
    if not head.startswith(_MAGIC) or len(head) < 12 or head[6] not in (1, 2, 3):
        raise InputError(f"{where}: is no .npy file")
    words = 2 if head[6] == 1 else 4
    start = 8 + words + int.from_bytes(head[8 : 8 + words], "little")
    try:
        said = ast.literal_eval(head[8 + words : start].decode("latin-1").strip())
        shape, fortran, descr = said["shape"], said["fortran_order"], said["descr"]
        if isinstance(descr, str) and "O" in descr:
            raise InputError(f"{where}: refused, it is an array of Python objects (a pickle)")
        if not isinstance(descr, str) or not isinstance(shape, tuple):
            raise ValueError("an array of records")
        if start > len(head) or any(type(size) is not int or size < 0 for size in shape):
            raise ValueError("sizes")
        return shape, np.dtype(descr), bool(fortran), start
    except InputError:
        raise
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        raise InputError(f"{where}: is no .npy file of plain numbers") from None
