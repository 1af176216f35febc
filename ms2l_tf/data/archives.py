"""The files of a source: a folder, a `.zip`, a (compressed) `.tar` or one file, read alike.

Nothing is ever unpacked under a name that an archive chose: members are read into memory one at a
time, and a compressed tar is decompressed into one nameless scratch file first.

Hidden files, and all in hidden folders, are no part of a source: the twins `._x` that a Mac packs
beside every file, in `__MACOSX` even, and copies in `.git`, `.ipynb_checkpoints` and the like.
"""

from __future__ import annotations

import abc
import bz2
import gzip
import hashlib
import io
import lzma
import mmap
import os
import pathlib
import posixpath
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from typing import IO, TypeVar

from ms2l_tf.errors import InputError

# A decompression bomb grows without end; real skeleton archives shrink about tenfold.
MAX_MEMBER_BYTES = 1 << 30
MAX_GROWTH = 200
MIN_TOTAL_BYTES = 1 << 30
MAX_MEMBERS = 1_000_000  # NTU RGB+D 120 has some 114,000

# What the standard library's readers of archives raise at damage, of each kind of these.
DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, struct.error, EOFError),
    *(OSError, ValueError, IndexError, OverflowError, NotImplementedError, RuntimeError),
)
_OPENERS: dict[str, Callable[[pathlib.Path], io.BufferedIOBase]] = {
    ".xz": lzma.LZMAFile,
    ".gz": gzip.GzipFile,
    ".tgz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
}
Member = TypeVar("Member")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")


class SourceFiles(abc.ABC):
    """Read-only files known by relative names with forward slashes; a context manager.

    Attributes:
        path: the folder or archive.
        names: of all files, sorted, so that folder and archive give the same order.
    """

    def __init__(self, path: pathlib.Path, names: Iterable[str]) -> None:
        self.path = path
        self.names = tuple(sorted(names))

    def __enter__(self) -> SourceFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, name: str) -> bytes:
        """The content of one file; damage is an `InputError` naming it."""
        return self._guarded(name, -1)

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of one file, to tell what it is without reading it whole."""
        return self._guarded(name, size)

    def open(self, name: str) -> IO[bytes]:
        """One file, to be read in any order; damage is an `InputError` naming it."""
        return io.BytesIO(self.read(name))

    def mapped(self, name: str) -> bytes | mmap.mmap:
        """The content of one file, mapped where it lies in a folder: only what is used is read."""
        return self.read(name)

    def _guarded(self, name: str, size: int) -> bytes:
        try:
            return self._read(name, size)
        except DAMAGE as error:
            raise InputError(f"{self.path}: {name} cannot be read ({error})") from None

    @abc.abstractmethod
    def size(self, name: str) -> int:
        """Bytes of one file."""

    def stamp(self) -> str:
        """Changes when the content does, as far as sizes and times tell."""
        return _stamp(self.path)

    @abc.abstractmethod
    def _read(self, name: str, size: int) -> bytes:
        """The first `size` bytes of the content; -1: all."""

    @abc.abstractmethod
    def close(self) -> None:
        """Releases the archive."""


def open_source(path: str | os.PathLike[str], scratch: pathlib.Path | None = None) -> SourceFiles:
    """Opens a folder, an archive or a single file, which is then the only one of the source.

    Args:
        path: of the source.
        scratch: the file that a compressed tar is unpacked to, and that whoever opens it next
            takes as it is. By default a nameless one, which goes when the source is closed.

    Raises:
        InputError: missing, no file or folder, damaged, or an archive with a member that is no
            plain file inside it (absolute, `..`, link, device) or far too large.
    """
    source = pathlib.Path(path)
    if source.is_dir():
        return _FolderFiles(source)
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    if not source.is_file():
        raise InputError(f"{source}: is neither a file nor a folder")
    if not source.name.lower().endswith(ARCHIVE_SUFFIXES):
        return _OneFile(source)
    try:
        if source.suffix.lower() == ".zip":
            return _ZipFiles(source)
        return _TarFiles(source, scratch)
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{source}: is damaged or no archive ({error})") from None


class _FolderFiles(SourceFiles):
    def __init__(self, path: pathlib.Path) -> None:
        files = (file for file in path.rglob("*") if file.is_file())
        super().__init__(path, _visible(file.relative_to(path).as_posix() for file in files))

    def size(self, name: str) -> int:
        return self._file(name).stat().st_size

    def stamp(self) -> str:
        names = (f"{name}:{_stamp(self._file(name))}" for name in self.names)
        return hashlib.sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()

    def _read(self, name: str, size: int) -> bytes:
        with self._file(name).open("rb") as file:
            return file.read(size)

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._file(name).open("rb")
        except OSError as error:
            raise InputError(f"{self.path}: {name} cannot be read ({error})") from None

    def mapped(self, name: str) -> bytes | mmap.mmap:
        with self.open(name) as file:
            empty = not os.fstat(file.fileno()).st_size  # which cannot be mapped
            return b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _file(self, name: str) -> pathlib.Path:
        return self.path / name

    def close(self) -> None:
        """Nothing to release."""


class _OneFile(_FolderFiles):
    """A file that is no archive, as if it lay alone in its folder."""

    def __init__(self, path: pathlib.Path) -> None:
        SourceFiles.__init__(self, path, (path.name,))

    def _file(self, name: str) -> pathlib.Path:
        return self.path


class _ZipFiles(SourceFiles):
    def __init__(self, path: pathlib.Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self._members: dict[str, zipfile.ZipInfo] = {}
        try:
            for member in self._archive.infolist():
                kind = stat.S_IFMT(member.external_attr >> 16)  # 0 unless made on Unix
                plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
                _check_member(path, member.filename, plain, member.file_size)
                if not member.is_dir():
                    _add_member(path, self._members, member.filename, member)
            _check_total(path, sum(member.file_size for member in self._members.values()))
        except InputError:
            self._archive.close()
            raise
        super().__init__(path, _visible(self._members))

    def size(self, name: str) -> int:
        return self._members[name].file_size

    def _read(self, name: str, size: int) -> bytes:
        # ZipFile stops at the declared size, which has been checked.
        with self._archive.open(self._members[name]) as file:
            return file.read(size)

    def close(self) -> None:
        self._archive.close()


class _TarFiles(SourceFiles):
    def __init__(self, path: pathlib.Path, scratch: pathlib.Path | None) -> None:
        self._file = _plain_tar(path, scratch)
        try:
            self._archive = tarfile.TarFile(fileobj=self._file)
            self._members: dict[str, tarfile.TarInfo] = {}
            for member in self._archive:
                plain = member.isreg() or member.isdir()
                _check_member(path, member.name, plain, member.size)
                if member.isreg():
                    _add_member(path, self._members, member.name, member)
        except BaseException:
            self._file.close()
            raise
        super().__init__(path, _visible(self._members))

    def size(self, name: str) -> int:
        return self._members[name].size

    def _read(self, name: str, size: int) -> bytes:
        member = self._members[name]
        file = self._archive.extractfile(member)
        content = b"" if file is None else file.read(size)
        if len(content) != (member.size if size < 0 else min(size, member.size)):
            raise EOFError("cut short")
        return content

    def close(self) -> None:
        self._archive.close()
        self._file.close()


def _plain_tar(path: pathlib.Path, scratch: pathlib.Path | None) -> IO[bytes]:
    """The tar itself; a compressed one is decompressed once, to be read in any order."""
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        return path.open("rb")
    if scratch is None:
        nameless = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            _decompress(path, opener, nameless)
        except BaseException:
            nameless.close()
            raise
        nameless.seek(0)
        return nameless
    if not scratch.exists():
        temporary = scratch.with_suffix(".new")
        with temporary.open("wb") as file:
            _decompress(path, opener, file)
        os.replace(temporary, scratch)
    return scratch.open("rb")


def _decompress(
    path: pathlib.Path, opener: Callable[[pathlib.Path], io.BufferedIOBase], target: IO[bytes]
) -> None:
    with opener(path) as compressed:
        total = 0
        while chunk := compressed.read(1 << 20):
            total += len(chunk)
            _check_total(path, total)
            target.write(chunk)


def _visible(names: Iterable[str]) -> list[str]:
    hidden = (".", "__MACOSX")
    return [name for name in names if not any(p.startswith(hidden) for p in name.split("/"))]


def _stamp(path: pathlib.Path) -> str:
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _add_member(path: pathlib.Path, members: dict[str, Member], name: str, member: Member) -> None:
    name = posixpath.normpath(name)
    if name in members:
        raise InputError(f"{path}: holds {name} twice")
    if len(members) >= MAX_MEMBERS:
        raise InputError(
            f"{path}: refused, it holds more than {MAX_MEMBERS:,} files; unpack it yourself and "
            "name the folder"
        )
    members[name] = member


def _check_member(path: pathlib.Path, name: str, plain: bool, size: int) -> None:
    parts = name.replace("\\", "/").split("/")
    if not name:
        raise InputError(f"{path}: refused, it holds a member without a name")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        raise InputError(f"{path}: refused, member {name!r} points outside the archive")
    if not plain:
        raise InputError(f"{path}: refused, member {name!r} is a link or a device, not a file")
    if size > MAX_MEMBER_BYTES:
        raise InputError(
            f"{path}: refused, member {name!r} unpacks to {size:,} bytes "
            f"(limit {MAX_MEMBER_BYTES:,}); unpack it yourself and name the folder"
        )


def _check_total(path: pathlib.Path, total: int) -> None:
    limit = max(MIN_TOTAL_BYTES, MAX_GROWTH * path.stat().st_size)
    if total > limit:
        raise InputError(
            f"{path}: refused, it unpacks to more than {limit:,} bytes; "
            "unpack it yourself and name the folder"
        )
