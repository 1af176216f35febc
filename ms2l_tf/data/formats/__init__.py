"""Readers of published formats: one file a format, listed in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.amc_folder import AmcFolderReader
from ms2l_tf.data.formats.bandai_namco import BandaiNamcoReader
from ms2l_tf.data.formats.base import (
    ClipReader,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    ReaderOptions,
)
from ms2l_tf.data.formats.bvh_folder import BvhFolderReader
from ms2l_tf.data.formats.derived import DerivedLayouts
from ms2l_tf.data.formats.hdm05 import Hdm05Reader
from ms2l_tf.data.formats.nw_ucla import NwUclaReader
from ms2l_tf.data.formats.pyskl import PysklReader

__all__ = [
    "FORMATS",
    "ClipReader",
    "DatasetHeader",
    "DerivedLayouts",
    "PoseHeader",
    "ReadClip",
    "ReaderOptions",
]

FORMATS: Mapping[str, Callable[[SourceFiles, ReaderOptions], ClipReader]] = {
    "nw_ucla": NwUclaReader,
    "hdm05": lambda *given: DerivedLayouts(Hdm05Reader(*given)),
    "bandai_namco": lambda *given: DerivedLayouts(BandaiNamcoReader(*given)),
    "bvh": BvhFolderReader,
    "amc": AmcFolderReader,
    "pyskl": PysklReader,
}
