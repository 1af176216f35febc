"""UTD-MHAD: Kinect v1 skeletons, one MATLAB file a clip.

A file `aA_sS_tT_skeleton.mat` (action, subject, take) holds one array `d_skel`, 20 joints x 3
coordinates x frames, in the sensor's metres and axes (`kinect.AXES`), 30 frames a second. Joints at
the origin or without a finite coordinate are missing.

SciPy reads the files: format 5 of MATLAB is data alone, nothing in it is run. It is asked for that
one array, after its size and the size of what is packed were found to be those of a clip.
"""

from __future__ import annotations

import io
import posixpath
import re
import zlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ms2l_tf.data.formats.base import (
    ClipReader,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    split_by,
)
from ms2l_tf.data.formats.class_names import class_names
from ms2l_tf.data.formats.kinect import AXES, FRAME_RATE, one_person
from ms2l_tf.data.formats.mocap import stem
from ms2l_tf.data.records import Clip
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError, one_line

LAYOUT = "kinect_v1_20"
NUM_JOINTS = 20
ARRAY = "d_skel"
MAX_BYTES = 1 << 24  # of a file, packed or not; published clips have less than 100 kB
EVEN = tuple(str(subject) for subject in range(0, 100, 2))
_NAME = re.compile(r"a(\d{1,2})_s(\d{1,2})_t(\d{1,2})_skeleton")
_HEADER = 128  # bytes before the first element of a file
_PACKED = 15  # type of an element that zlib packed


class UtdMhadReader(ClipReader):
    """Reads the `.mat` files of a folder or archive, wherever they lie in it."""

    header = DatasetHeader(
        name="utd_mhad",
        label_names=class_names("utd_mhad"),
        source=(
            "UTD-MHAD (Chen et al., UTD-MHAD: A Multimodal Dataset for Human Action Recognition "
            "Utilizing a Depth Camera and a Wearable Inertial Sensor, ICIP 2015), skeletons"
        ),
        licence="research use, cite the paper; the publisher gives no licence text",
        poses=(PoseHeader(LAYOUT, FRAME_RATE, "m", AXES),),
        published_clips=861,
    )
    suffix = ".mat"
    named = "aA_sS_tT_skeleton with an action from 1 to 27, such as a1_s1_t1_skeleton"

    def identify(self, entry: str) -> Clip | None:
        """Action, subject and take (as the group) from the file's name."""
        match = _NAME.fullmatch(stem(entry))
        if match is None or not 1 <= int(match[1]) <= len(self.header.label_names):
            return None
        action, subject, take = (int(number) for number in match.groups())
        return Clip(
            name=stem(entry).removesuffix("_skeleton"),
            label=action - 1,
            subject=str(subject),
            group=str(take),
            source=posixpath.basename(entry),
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """One file."""
        array = _read_array(self.files.read(entry), entry)
        poses, repairs = one_person(array.transpose(2, 0, 1), entry)
        return ReadClip(clip, {LAYOUT: poses}, repairs)

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """`cross_subject`, the published division."""
        text = "Cross-subject: train on subjects 1, 3, 5, 7, test on subjects 2, 4, 6, 8."
        return split_by("subject", EVEN, clips, "cross_subject", text)


def _read_array(content: bytes, entry: str) -> np.ndarray:
    """`d_skel` as float64 [20, 3, T]."""
    _check_size(content, entry)
    arrays = {name: (shape, kind) for name, shape, kind in _scipy("whosmat", content, entry)}
    shape, kind = arrays.get(ARRAY, ((), ""))
    if kind not in ("double", "single"):
        held = ", ".join(list(arrays)[:3]) or "none"
        raise InputError(f"{entry}: holds no array {ARRAY} of numbers (it holds {held})")
    if len(shape) == 2:
        shape = (*shape, 1)  # MATLAB drops the last axis of a clip of one frame
    if len(shape) != 3 or shape[:2] != (NUM_JOINTS, 3) or not shape[2]:
        raise InputError(f"{entry}: {ARRAY} has shape {shape}, expected ({NUM_JOINTS}, 3, frames)")
    array = _scipy("loadmat", content, entry, variable_names=[ARRAY])[ARRAY]
    if np.iscomplexobj(array):
        raise InputError(f"{entry}: {ARRAY} holds complex numbers")
    return np.asarray(array, np.float64).reshape(shape)


def _scipy(function: str, content: bytes, entry: str, **settings: Any) -> Any:
    """What a function of `scipy.io` reads in a file."""
    # Slow to import.
    import scipy.io  # type: ignore[import-untyped]

    try:
        return getattr(scipy.io, function)(io.BytesIO(content), **settings)
    except Exception as error:  # of any kind: SciPy has none of its own for damaged files
        raise InputError(
            f"{entry}: is no MATLAB file of format 5 or is damaged ({one_line(error)}); save it "
            "with '-v7' in MATLAB"
        ) from None


def _check_size(content: bytes, entry: str) -> None:
    """Refuses a file that is, or unpacks to, more than a clip can be."""
    order: Literal["big", "little"] = "big" if content[126:128] == b"MI" else "little"
    size, position = len(content), _HEADER
    while position + 8 <= len(content) and size <= MAX_BYTES:
        kind = int.from_bytes(content[position : position + 4], order)
        length = int.from_bytes(content[position + 4 : position + 8], order)
        position += 8
        if kind == _PACKED:
            packed = content[position : position + length]
            try:
                size += len(zlib.decompressobj().decompress(packed, MAX_BYTES))
            except zlib.error:  # SciPy will say so
                return
        position += length
    if size > MAX_BYTES:
        raise InputError(
            f"{entry}: is larger than {MAX_BYTES:,} bytes when unpacked; that is no clip"
        )
