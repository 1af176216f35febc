"""A folder that appears only when all that belongs into it is there."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from ms2l_tf.errors import InputError


def check_output(out: pathlib.Path) -> None:
    """Refuses an output folder that holds something already."""
    if out.is_dir():
        if any(out.iterdir()):
            raise InputError(f"{out}: is not empty; name a new folder or remove this one")
    elif out.exists() or out.is_symlink():
        raise InputError(f"{out}: exists and is not a folder; name a new one")


@contextlib.contextmanager
def new_folder(out: pathlib.Path, grows_in: pathlib.Path | None = None) -> Iterator[pathlib.Path]:
    """A hidden folder that is renamed to `out` when the block ends well, else removed.

    Args:
        out: to be made.
        grows_in: where the hidden folder is; by default beside `out`.

    Raises:
        InputError: `out` holds something already, or the disk takes no more.
    """
    check_output(out)
    folder: pathlib.Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=grows_in or out.parent))
        yield folder
        _publish(folder, out)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{out}: cannot be written ({reason})") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _publish(folder: pathlib.Path, out: pathlib.Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    folder.chmod(0o777 & ~umask)  # mkdtemp made it private
    check_output(out)
    if out.is_dir():
        out.rmdir()
    folder.rename(out)
