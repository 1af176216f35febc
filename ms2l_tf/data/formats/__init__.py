"""Readers of published formats: one file a format, listed in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.amc_folder import AmcFolderReader
from ms2l_tf.data.formats.arrays import ArraysReader
from ms2l_tf.data.formats.bandai_namco import BandaiNamcoReader
from ms2l_tf.data.formats.base import (
    ClipReader,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    ReaderOptions,
)
from ms2l_tf.data.formats.bvh_folder import BvhFolderReader
from ms2l_tf.data.formats.coco import CocoReader
from ms2l_tf.data.formats.csv_poses import CsvReader
from ms2l_tf.data.formats.ctrgcn import CtrgcnReader
from ms2l_tf.data.formats.derived import DerivedLayouts
from ms2l_tf.data.formats.hdm05 import Hdm05Reader
from ms2l_tf.data.formats.media_pipe import media_pipe
from ms2l_tf.data.formats.msr_action3d import MsrAction3dReader
from ms2l_tf.data.formats.msrc12 import Msrc12Reader
from ms2l_tf.data.formats.ntu import NtuReader
from ms2l_tf.data.formats.nw_ucla import NwUclaReader
from ms2l_tf.data.formats.openpose import OpenposeReader
from ms2l_tf.data.formats.pku_mmd import PkuMmdReader
from ms2l_tf.data.formats.pyskl import PysklReader
from ms2l_tf.data.formats.stgcn import StgcnReader
from ms2l_tf.data.formats.utd_mhad import UtdMhadReader
from ms2l_tf.data.formats.utkinect import UtKinectReader

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
    "pyskl": PysklReader,
    "stgcn": StgcnReader,
    "ctrgcn": CtrgcnReader,
    "arrays": ArraysReader,
    "csv": CsvReader,
    "openpose": OpenposeReader,
    "coco": CocoReader,
    "mediapipe": media_pipe,
    "ntu": NtuReader,
    "bvh": BvhFolderReader,
    "amc": AmcFolderReader,
    "pku_mmd": PkuMmdReader,
    "utd_mhad": UtdMhadReader,
    "msr_action3d": MsrAction3dReader,
    "utkinect": UtKinectReader,
    "msrc12": Msrc12Reader,
}
