"""Readers of published formats: one file a format, listed in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import ClipReader, DatasetHeader, PoseHeader, ReadClip
from ms2l_tf.data.formats.nw_ucla import NwUclaReader

__all__ = ["FORMATS", "ClipReader", "DatasetHeader", "PoseHeader", "ReadClip"]

FORMATS: Mapping[str, Callable[[SourceFiles], ClipReader]] = {
    "nw_ucla": NwUclaReader,
}
