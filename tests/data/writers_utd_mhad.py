"""`.mat` files of UTD-MHAD as MATLAB writes them: format 5, packed."""

from __future__ import annotations

import io
import pathlib

import numpy as np
from scipy.io import savemat  # type: ignore[import-untyped]


def mat_bytes(poses: np.ndarray, name: str = "d_skel", *, packed: bool = True) -> bytes:
    """A file of one array, from poses [T, 20, 3]."""
    file = io.BytesIO()
    savemat(file, {name: poses.transpose(1, 2, 0)}, do_compression=packed)
    return file.getvalue()


def poses(frames: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal((0, 0, 3), 0.5, (frames, 20, 3))


def write_clip(folder: pathlib.Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_skeleton.mat").write_bytes(content)
