"""What a user is told: the one exception that means "the input is at fault", and warnings."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator

RUN_AGAIN_STATUS = 75  # EX_TEMPFAIL of sysexits.h
_BEGINNING, _END = 800, 200  # characters that are kept of a line that is longer


class InputError(ValueError):
    """A file, folder or flag of the user is wrong.

    The message is one readable line that names the file or flag, the place in it and the fix.
    Commands print it as ``error: <message>`` and exit with status 2. What cannot be printed in it,
    such as a line feed or the codes of a terminal in the name of a file, is escaped, and of a line
    that is too long to be read the beginning and the end are kept.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(_of_some_length(printable(str(message))))


class RunAgainError(Exception):
    """Something outside ended the command, no input is at fault, and the same command goes on.

    Commands print it as ``error: <message>`` and exit with status 75, as after SIGTERM.
    """


@contextlib.contextmanager
def found_in(where: str | os.PathLike[str]) -> Iterator[None]:
    """Puts a file, or a place in one, in front of what is refused in the block and came of it.

    Raises:
        InputError: what was raised, with the place.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{os.fspath(where)}: {error}") from None


def printable(text: str) -> str:
    """The text on one line, with escapes for the characters that cannot be printed."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _of_some_length(text: str) -> str:
    """The text without its midst, if it is long: a name in a damaged file may have any length."""
    if len(text) <= _BEGINNING + _END:
        return text
    return f"{text[:_BEGINNING]} [...] {text[-_END:]}"


def warn(text: str) -> None:
    """Says on stderr what may not be as the user believes."""
    print(f"warning: {_of_some_length(printable(text))}", file=sys.stderr)


def inform(text: str) -> None:
    """Says on stderr what is going on."""
    print(printable(text), file=sys.stderr)


def one_line(error: BaseException, longest: int = 300) -> str:
    """An error's message on one line, cut to its beginning; its kind, if it has no message.

    Of an error of the system it is the reason alone, of one of TensorFlow what is not the name of
    an operation, ``{{...}}`` or ``[Op:...]``.
    """
    reason = error.strerror if isinstance(error, OSError) else None
    message = re.sub(r"\{\{.*?\}\}|\[Op:.*?\]", " ", reason or str(error))
    text = " ".join(message.split()) or type(error).__name__
    return text if len(text) <= longest else text[:longest] + " ..."
