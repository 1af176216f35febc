"""Lists of clips to leave out, such as that of the samples of NTU RGB+D without skeletons."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable

from ms2l_tf.errors import InputError
from ms2l_tf.files import read_text


class Exclusions:
    """Clips to leave out, by name; which of them there are is remembered.

    Args:
        names: of clips, or of their files with an ending.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._found = dict.fromkeys(names, False)
        self._stems = {posixpath.splitext(name)[0]: name for name in self._found}

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Exclusions:
        """From a text file with one name a line.

        Published lists have a heading and blank lines: a line of several words is taken for a
        sentence and left out, as is whatever follows a ``#``.

        Raises:
            InputError: the file cannot be read or holds no name.
        """
        lines = (line.partition("#")[0].split() for line in read_text(path).split("\n"))
        names = [words[0] for words in lines if len(words) == 1]
        if not names:
            raise InputError(f"--exclude: {path} holds no clip name; write one a line")
        return cls(names)

    def __contains__(self, clip: str) -> bool:
        name = clip if clip in self._found else self._stems.get(clip)
        if name is None:
            return False
        self._found[name] = True
        return True

    @property
    def not_found(self) -> list[str]:
        """Names on the list that were never asked for."""
        return [name for name, found in self._found.items() if not found]
