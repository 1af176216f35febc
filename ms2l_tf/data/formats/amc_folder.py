"""ASF/AMC files of any source, one AMC file a clip.

An AMC file is moved by the ASF file whose name it begins with, as `01.asf` and `01_02.amc`, or by
the only one there is, in its own folder first, then in the folders above, then anywhere. Lengths
are the ASF file's, which are inches in its unit. AMC files do not tell their frame rate: it is
`--frame_rate`, else the number at the end of a file's name (`..._001_120.amc`), else 120, as in CMU
and HDM05. Poses come at 30 frames a second.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.asf import AcclaimSkeleton, parse_asf
from ms2l_tf.data.formats.asf_amc import joint_points, parse_amc
from ms2l_tf.data.formats.base import DEFAULTS, ReaderOptions
from ms2l_tf.data.formats.hierarchy_folder import FRAME_RATE, HierarchyFolder, Recording
from ms2l_tf.data.formats.mocap import check_recorded_rate, read_text, stem
from ms2l_tf.data.kinematics import world_points
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.joint_names import BONE_ENDS, stripped

RECORDED_RATE = 120.0
_RATE = re.compile(r".*_([1-9]\d{1,2})")
_RATES = range(20, 501)  # what a number at the end of a name may mean


class AmcFolderReader(HierarchyFolder):
    """Reads the AMC files of a folder or archive, wherever they lie in it."""

    suffix = ".amc"
    named = "that of an .amc file"
    kind = "amc"
    synonyms = BONE_ENDS

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._parsed: dict[str, AcclaimSkeleton] = {}

    @property
    def output_rate(self) -> float:
        """Frames a second of the poses; the option is the recordings' rate."""
        return FRAME_RATE

    def rate_notes(self) -> tuple[str, ...]:
        """What stands in for a frame rate."""
        rates = sorted({self._recorded_rate(entry) for entry in self._names})
        told = ", ".join(f"{rate:g}" for rate in rates[:3])
        return (
            ()
            if self.options.frame_rate
            else (
                f"frame rate of the files: {told}, by their names or {RECORDED_RATE:g} "
                "(--frame_rate overrides)",
            )
        )

    def record(self, entry: str) -> Recording:
        """One file, moved by its skeleton."""
        path = self._skeleton_path(entry)
        if path not in self._parsed:
            self._parsed[path] = parse_asf(read_text(self.files, path), path)
        skeleton = self._parsed[path]
        motion = parse_amc(read_text(self.files, entry), skeleton, entry)
        points = joint_points(skeleton, motion)
        if self.options.unit:
            points = points / skeleton.metres  # as the file has them
        rest = world_points(skeleton.parents, skeleton.offsets[np.newaxis])[0]
        joints, rate = stripped(skeleton.joints), self._recorded_rate(entry)
        return Recording(entry, joints, skeleton.parents, points, rate, rest)

    def _recorded_rate(self, entry: str) -> float:
        match = _RATE.fullmatch(stem(entry))
        named = int(match[1]) if match and int(match[1]) in _RATES else RECORDED_RATE
        if self.options.frame_rate:
            check_recorded_rate(
                self.options.frame_rate, f"--frame_rate={self.options.frame_rate:g}"
            )
        return self.options.frame_rate or float(named)

    @functools.cached_property
    def _skeletons(self) -> tuple[str, ...]:
        return tuple(name for name in self.files.names if name.lower().endswith(".asf"))

    def _skeleton_path(self, entry: str) -> str:
        folder = posixpath.dirname(entry)
        while True:
            near = [path for path in self._skeletons if posixpath.dirname(path) == folder]
            if (path := _fitting(entry, near)) is not None:
                return path
            if not folder:
                break
            folder = posixpath.dirname(folder)
        if (path := _fitting(entry, self._skeletons)) is not None:
            return path
        if not self._skeletons:
            raise InputError(f"{entry}: its skeleton, an .asf file, is missing")
        raise InputError(
            f"{entry}: none of the {len(self._skeletons)} .asf files has a name that it begins "
            "with; call its skeleton like it"
        )


def _fitting(entry: str, paths: Sequence[str]) -> str | None:
    """The skeleton with the longest name that the motion's name begins with, or the only one."""
    motion = stem(entry).lower()
    fitting = [path for path in paths if motion.startswith(stem(path).lower())]
    if fitting:
        return max(fitting, key=lambda path: len(stem(path)))
    return paths[0] if len(paths) == 1 else None
