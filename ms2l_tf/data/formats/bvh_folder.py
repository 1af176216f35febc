"""BVH files of any source, one file a clip.

All files have the joints of the first one, whatever a program writes before their names; end sites
are left out. Poses come in metres at one frame rate (30, or `--frame_rate`); unit and axes are
guessed from the recorded bodies, see `body_facts`, and said.
"""

from __future__ import annotations

import numpy as np

from ms2l_tf.data.formats.bvh import joint_points, parse_bvh
from ms2l_tf.data.formats.hierarchy_folder import HierarchyFolder, Recording
from ms2l_tf.data.formats.mocap import read_text
from ms2l_tf.data.kinematics import world_points
from ms2l_tf.skeletons.joint_names import stripped


class BvhFolderReader(HierarchyFolder):
    """Reads the BVH files of a folder or archive, wherever they lie in it."""

    suffix = ".bvh"
    named = "that of a .bvh file"
    kind = "bvh"

    def record(self, entry: str) -> Recording:
        """One file, moved."""
        motion = parse_bvh(read_text(self.files, entry), entry)
        return Recording(
            entry,
            stripped(motion.joints),
            motion.parents,
            joint_points(motion),
            1 / motion.frame_time,
            world_points(motion.parents, motion.offsets[np.newaxis])[0],
        )
