"""An `.npy` file that grows along its first axis."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
from numpy.lib import format as npy_format


class NpyStream:
    """Appends blocks to an `.npy` file of unknown length.

    The header is written with length zero and rewritten on `close`; NumPy pads headers so that
    the length of the first axis may grow in place.

    Args:
        path: the file to make.
        dtype: of the elements.
        shape: of one row.
    """

    def __init__(self, path: pathlib.Path, dtype: Any, shape: tuple[int, ...]) -> None:
        self.dtype = np.dtype(dtype)
        self.shape = shape
        self.length = 0
        self._file = path.open("wb")
        self._write_header()
        self._start = self._file.tell()

    def append(self, block: np.ndarray) -> None:
        """Adds rows, [rows, *shape]."""
        if block.shape[1:] != self.shape:
            raise ValueError(f"rows of shape {block.shape[1:]}, expected {self.shape}")
        self._file.write(np.ascontiguousarray(block, self.dtype).tobytes())
        self.length += len(block)

    def close(self) -> None:
        """Completes the header and closes the file."""
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._start:
            raise RuntimeError(f"{self._file.name}: the header outgrew its place")
        self._file.close()

    def _write_header(self) -> None:
        npy_format.write_array_header_1_0(
            self._file,
            {
                "descr": npy_format.dtype_to_descr(self.dtype),
                "fortran_order": False,
                "shape": (self.length, *self.shape),
            },
        )
