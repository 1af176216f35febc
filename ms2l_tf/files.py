"""Reading text and JSON with one-line errors; writing files so that a crash loses nothing."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import json
import os
import pathlib
import re
import stat
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import numpy as np

from ms2l_tf.errors import InputError, one_line

# What files of other encodings begin with; that of UTF-32 begins with one of UTF-16.
_FOREIGN_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_LEADING_BYTES = 64  # that tell UTF-16 without a mark: every other one of them is zero


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends well.

    After an exception nothing is left behind, and a file that was there before is untouched. The
    temporary name keeps the ending, which some writers go by, and holds the process id, which
    keeps two runs apart that write the same file.

    Raises:
        InputError: the file cannot be written.
    """
    target = pathlib.Path(path)
    if not target.name:
        raise InputError(f"{target}: is a folder; name a file in it")
    if target.exists() and not target.is_file() and not target.is_dir():
        raise InputError(f"{target}: is a device or a pipe, which a file would take the place of")
    temporary = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        yield temporary
        flush(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(unwritable(target, error)) from error
    finally:
        # What cannot be removed either (on a disk gone read-only) hides no first error.
        with contextlib.suppress(OSError):
            temporary.unlink()


def leftovers(path: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Temporary files of processes that write `path`, or that were killed while they did."""
    target = pathlib.Path(path)
    pattern = re.compile(rf"\.\d+\.{re.escape(target.name)}")
    if not target.parent.is_dir():
        return []
    return [beside for beside in target.parent.iterdir() if pattern.fullmatch(beside.name)]


def flush(path: str | os.PathLike[str]) -> None:
    """Has a file that was written brought to the disk, lest a power failure leave it empty."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_room(path: str | os.PathLike[str], size: int) -> None:
    """Makes sure that so many bytes can be written to a new file, which is empty afterwards.

    For writers that a full disk ends worse than with an exception.

    Raises:
        OSError: they cannot: the disk, a quota or a limit of the system is too small.
    """
    with open(path, "wb") as file:
        if hasattr(os, "posix_fallocate"):  # not on Windows and macOS
            os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(0)


def unwritable(path: str | os.PathLike[str], error: OSError) -> str:
    """One line on a file that cannot be written: which, why, and what to do."""
    remedies = {
        errno.ENOSPC: "free some space on the disk",
        errno.EDQUOT: "free some space: your quota is used up",
        errno.EFBIG: "the system allows no file that large (ulimit -f)",
        errno.EISDIR: "a folder is in its place, move it away",
    }
    remedy = remedies.get(error.errno or 0, "check the folder")
    return f"{path}: cannot be written ({one_line(error)}); {remedy}"


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a UTF-8 text file, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes indented JSON, all or nothing; NumPy values are allowed, NaN is not."""
    # Encoded before the file is opened: a value that JSON cannot hold leaves no file at all.
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    # Half of a character, as in a file's name of another encoding, is an escape of JSON's.
    write_text(path, text.encode(errors="backslashreplace").decode() + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def opened(path: str | os.PathLike[str]) -> io.BufferedReader:
    """A regular file, open for reading: a pipe would be waited for, a device may have no end.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    # Not blocking: the open call itself waits for whoever writes into a pipe.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError:  # a zero byte or half of a character
        raise OSError(errno.EINVAL, "no name that a file can have", os.fspath(path)) from None
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "a pipe or a device, no regular file", os.fspath(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def opened_table(path: str | os.PathLike[str]) -> TextIO:
    """The same for the readers of module `csv`: text with its line ends, UTF-8 with a mark or not.

    Raises:
        OSError: see `opened`.
    """
    return io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="")


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: see `opened`; or it cannot be read.
    """
    with opened(path) as file:
        return file.read()


def read_text(path: str | os.PathLike[str]) -> str:
    """A UTF-8 text file of the user's, see `decode_text`; every line ends in a line feed.

    Raises:
        InputError: it cannot be read, or is no UTF-8.
    """
    where = pathlib.Path(path)
    try:
        content = read_bytes(where)
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    return decode_text(content, str(where)).replace("\r\n", "\n").replace("\r", "\n")


def decode_text(content: bytes, where: str, *, errors: str = "strict") -> str:
    """UTF-8 text, with or without the byte order mark that editors on Windows put before it.

    Args:
        content: of the file.
        where: names the file in errors.
        errors: of `bytes.decode`: ``replace`` keeps what is no UTF-8 as a sign that fits nowhere.

    Raises:
        InputError: it is UTF-16 or UTF-32, or (with ``strict``) no UTF-8.
    """
    encoding = _foreign_encoding(content)
    if encoding:
        raise InputError(f"{where}: is {encoding} text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig", errors=errors)
    except UnicodeDecodeError:
        raise InputError(f"{where}: is not UTF-8 text; save it as UTF-8") from None


def _foreign_encoding(content: bytes) -> str:
    """``UTF-16`` or ``UTF-32`` of a text in it, with or without its mark; else empty."""
    for mark, name in _FOREIGN_MARKS:
        if content.startswith(mark):
            return name
    beginning = content[:_LEADING_BYTES]
    for zeros, letters in ((beginning[::2], beginning[1::2]), (beginning[1::2], beginning[::2])):
        if len(zeros) > 1 and not any(zeros) and all(letters):
            return "UTF-16"
    return ""


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A JSON object.

    Raises:
        InputError: the file is missing, is not JSON, or holds something else than an object.
    """
    return parse_object(read_text(path), str(path))


def parse_object(text: str | bytes, where: str) -> dict[str, Any]:
    """A JSON object from its text; `where` names it in errors.

    Raises:
        InputError: it is not JSON, or something else than an object.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"{where}: is not valid JSON ({error})") from None
    except RecursionError:
        raise InputError(f"{where}: is not valid JSON (nested too deeply)") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: must hold a JSON object")
    return value


def check_version(values: Mapping[str, Any], known: int, where: object, remedy: str) -> None:
    """Refuses a file whose ``format_version`` is not the one this program reads.

    Args:
        values: of the file.
        known: the version that is read.
        where: names the file in errors.
        remedy: what to do about a file of an earlier version, or of none.

    Raises:
        InputError: it has another version, or none.
    """
    version = values.get("format_version")
    if type(version) is int and version == known:
        return
    if type(version) is int and version > known:
        remedy = f"install the newer version of ms2l-tf that wrote it, or {remedy}"
    raise InputError(f"{where}: format_version {version!r}, this program reads {known}; {remedy}")
