"""Files that appear complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ms2l_tf.errors import InputError


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens a temporary file beside `path` that is renamed to it when the block ends well.

    After an exception nothing is left behind, and a file that was there before is untouched.
    """
    target = Path(path)
    # The process id keeps two runs apart that write the same file.
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        file = open(temporary, "wb")  # noqa: SIM115
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); check that the folder exists"
        ) from error
    try:
        with file:
            yield file
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
