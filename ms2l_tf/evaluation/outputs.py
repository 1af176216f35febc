"""The files of an evaluation: its result, and what stands beside it."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from ms2l_tf.errors import InputError, one_line, warn
from ms2l_tf.evaluation.result import EvaluationResult


class Extras:
    """Figures and tables beside a result: one that fails costs only itself, and a line.

    What an earlier evaluation drew is removed where it is not drawn again: it would be taken for a
    picture of the new numbers.

    Args:
        folder: where they go, that of the run as a rule.
        wrote: called with the path of each file.
    """

    def __init__(self, folder: pathlib.Path, wrote: Callable[[pathlib.Path], None]) -> None:
        self._folder = folder
        self._wrote = wrote

    def add(self, name: str, write: Callable[[pathlib.Path], object]) -> None:
        """Calls `write` with the path of the file `name`, which may lie in a subfolder."""
        path = self._folder / name
        try:
            path.parent.mkdir(exist_ok=True)
            write(path)
        except Exception as error:  # the numbers are worth more than any picture of them
            self.leave_out(name, _reason(error).removeprefix(f"{path}: "))
        else:
            self._wrote(path)

    def leave_out(self, name: str, reason: str) -> None:
        """Says why there is no such file, and sees to it that none is there."""
        path = self._folder / name
        warn(f"{path} is left out: {reason}{self._removed(path)}")

    def forget(self, name: str) -> None:
        """Removes a file of an earlier evaluation that this one has no use for."""
        path = self._folder / name
        if self._is_there(path):
            warn(f"{path} is not of this evaluation{self._removed(path)}")

    def _removed(self, path: pathlib.Path) -> str:
        if not self._is_there(path):
            return ""
        try:
            path.unlink()
        except OSError:
            return "; what lies there is of an earlier evaluation"
        return "; the earlier evaluation's is removed"

    def _is_there(self, path: pathlib.Path) -> bool:
        try:
            return path.exists()
        except OSError:  # a folder that cannot be looked into
            return False


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}"
    return one_line(error)


def write_result(
    result: EvaluationResult, path: pathlib.Path, unsaved: InputError | None = None
) -> None:
    """Writes ``result.json``, whose numbers have been shown.

    Args:
        result: to write.
        path: of the file.
        unsaved: why another file could not be written, which is said if this one cannot either.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        result.save(path)
    except (InputError, OSError) as error:
        if unsaved is not None:
            warn(str(unsaved))
        raise InputError(
            f"{error}; no number above is in a file: free space or make the folder writable, "
            "then evaluate again"
        ) from error
