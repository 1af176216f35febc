"""Synthetic motions in the layouts of a run, for runs without data of their own."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError

DATA_SEED = 1  # of the motions; the seed of a run decides its training alone
LAYOUTS = ("kinect_v2_25", "h36m_17", "smpl_24")


def synthetic_data(folder: str, wanted: Sequence[str], clips: int) -> str:
    """The folder, with a synthetic dataset in the run's layouts; made if it is not there.

    Args:
        folder: where it lies or is put.
        wanted: its layouts; none: the packaged three.
        clips: how many.

    Raises:
        InputError: the folder holds something else, or other clips; or a layout cannot be made.
    """
    path, layouts = pathlib.Path(folder), list(wanted or LAYOUTS)
    if (path / "dataset.json").is_file():
        made = ClipDataset.open(path)
        if (len(made), set(made.layouts)) != (clips, set(layouts)):
            raise InputError(
                f"--synthetic_clips={clips}: {path} has {len(made)} clips in "
                f"{', '.join(sorted(made.layouts))}, this run wants {clips} in "
                f"{', '.join(layouts)}; delete it, or name another --workdir"
            )
        return str(made.path)
    print(f"making {clips} clips of synthetic motions in {path}")
    return str(generate(path, clips=clips, seed=DATA_SEED, layouts=layouts).path)
