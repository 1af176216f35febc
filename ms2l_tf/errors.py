"""The one exception that means "the input is at fault, not the program"."""

from __future__ import annotations


class InputError(ValueError):
    """A file, folder or flag of the user is wrong.

    The message is one readable line that names the file or flag, the place in it and the fix.
    Commands print it as ``error: <message>`` and exit with status 2.
    """
