"""One command at a time trains a run."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from ms2l_tf import files
from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder


@contextlib.contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Keeps a second command from training the same, started run beside this one.

    The lock is the operating system's: it ends with the process, however that ends. On Windows
    there is none.

    Raises:
        InputError: another process holds it.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    try:
        lock = os.open(folder.flags, os.O_RDWR)  # for writing: network folders insist
    except OSError as error:
        raise InputError(files.unwritable(folder.flags, error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InputError(
            f"--workdir: another command is training {folder.path}; wait for it or stop it"
        ) from None
    except OSError as error:  # some network folders know no locks
        print(f"{folder.path}: cannot be locked ({error.strerror})", file=sys.stderr)
    try:
        yield
    finally:
        os.close(lock)
