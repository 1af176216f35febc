"""Skeleton conventions as data: layouts, mappings between them, and drawing."""

from ms2l_tf.skeletons.layout import (
    ANCHORS,
    PARTS,
    SkeletonLayout,
    layout_names,
    load_layout,
)
from ms2l_tf.skeletons.mapping import (
    JointMapping,
    load_mapping,
    mapping_names,
)
from ms2l_tf.skeletons.semantic import SEMANTIC

__all__ = [
    "ANCHORS",
    "PARTS",
    "SEMANTIC",
    "JointMapping",
    "SkeletonLayout",
    "layout_names",
    "load_layout",
    "load_mapping",
    "mapping_names",
]
