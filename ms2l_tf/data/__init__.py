"""Skeleton clips on disk and in memory: `ClipDataset`, its writer, readers, splits, pipeline."""

from ms2l_tf.data.clip_dataset import Axes, Clip, ClipDataset, ClipPoses, PoseStore
from ms2l_tf.data.splits import Split, label_fraction, validation_split
from ms2l_tf.data.writer import DatasetWriter

__all__ = [
    "Axes",
    "Clip",
    "ClipDataset",
    "ClipPoses",
    "DatasetWriter",
    "PoseStore",
    "Split",
    "label_fraction",
    "validation_split",
]
