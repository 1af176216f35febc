"""`CutReader`: a reader whose clips are cut out of longer recordings, told by lines of labels."""

from __future__ import annotations

import abc

from ms2l_tf.data.formats.base import ClipReader, ReadClip
from ms2l_tf.data.records import Clip
from ms2l_tf.errors import InputError


class CutReader(ClipReader):
    """Reads entries such as ``0002-L.txt#7``: the file of the recording and the line of its labels.

    What is wrong with a line is told when its clip is read.
    """

    def identify(self, entry: str) -> Clip | None:
        """The clip's row, from the name of the file and the line; of a file what its name says."""
        try:
            return self.located(entry)
        except InputError:
            return None

    def read(self, entry: str) -> ReadClip:
        """One clip, cut from its recording."""
        return self.read_clip(entry, self.located(entry))

    @abc.abstractmethod
    def located(self, entry: str) -> Clip:
        """The clip's row.

        Raises:
            InputError: the name is not one of this format, or there is no such line, or it is bad.
        """
