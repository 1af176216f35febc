"""Arrays in a pickle: where their values lie in its file, and what they are."""

from __future__ import annotations

import math
import mmap
import re
from typing import Any, Literal, cast

import numpy as np

from ms2l_tf.data.checks import shown
from ms2l_tf.errors import InputError

Content = bytes | mmap.mmap

_MAX_AXES = 32
_TYPE = re.compile(r"b1|[iu][1248]|f[248]|[SU]\d{1,6}")
_ORDERS = ("<", ">", "=", "|")


class StoredText:
    """A long text that stays in the file."""

    __slots__ = ("content", "size", "start", "text")

    def __init__(self, content: Content, start: int, size: int, text: bool) -> None:
        self.content, self.start, self.size, self.text = content, start, size, text

    def __len__(self) -> int:
        return self.size

    def encoded(self) -> bytes:
        """The bytes that Python before protocol 3 writes as a text of their numbers."""
        raw = self.content[self.start : self.start + self.size]
        return raw.decode("utf-8").encode("latin-1") if self.text else raw


class ValueType:
    """The type of an array's values, of little-endian order until it is said otherwise."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any) -> None:
        code = code.decode("latin-1") if isinstance(code, bytes) else code
        if isinstance(code, str) and code.startswith("O"):
            raise ValueError("an array of Python objects")
        if not isinstance(code, str) or not _TYPE.fullmatch(code):
            raise ValueError(f"an array of values of type {shown(code)}")
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        """Takes the order of bytes; fields and the like are refused."""
        if not isinstance(state, tuple) or len(state) < 5 or state[2:5] != (None, None, None):
            raise ValueError("an array of records")
        order = state[1].decode("latin-1") if isinstance(state[1], bytes) else state[1]
        if order not in _ORDERS:
            raise ValueError(f"an array of byte order {shown(order)}")
        self.dtype = self.dtype.newbyteorder(cast(Literal["<", ">", "=", "|"], order))


class PickledArray:
    """An array in a file that was read; `read` makes it one of NumPy's.

    Attributes:
        dtype: of its values, never of Python objects.
        shape: its size.
    """

    __slots__ = ("_axes", "_content", "_data", "_order", "_stored", "dtype", "shape")

    def __init__(self, content: Content) -> None:
        self._content = content
        self.dtype = np.dtype(np.uint8)
        self.shape: tuple[int, ...] = (0,)
        self._stored: tuple[int, ...] = (0,)
        self._order: Literal["C", "F"] = "C"
        self._axes: tuple[int, ...] | None = None
        self._data: StoredText | bytes = b""

    def turn(self, axes: Any) -> None:
        """Says in which order the axes of its values are wanted."""
        if not isinstance(axes, tuple) or sorted(axes) != list(range(len(self.shape))):
            raise ValueError("an array whose axes have no order")
        self._axes = axes
        self._stored = self.shape
        self.shape = tuple(self.shape[axis] for axis in axes)

    def fill(self, shape: Any, dtype: Any, order: Literal["C", "F"], data: Any) -> None:
        """Says what it is; `ValueError` if that is no array of plain values."""
        data = data.encode("latin-1") if isinstance(data, str) else data
        if not isinstance(dtype, ValueType) or not isinstance(data, (bytes, StoredText)):
            raise ValueError("an array of something else than plain values")
        sizes = shape if isinstance(shape, tuple) else (shape,)
        if len(sizes) > _MAX_AXES or any(type(size) is not int or size < 0 for size in sizes):
            raise ValueError("an array without a shape")
        self.dtype, self.shape, self._order, self._data = dtype.dtype, sizes, order, data
        self._stored = self.shape
        wanted, given = math.prod(sizes) * self.dtype.itemsize, len(data)
        # As a text of their numbers, bytes take up to two bytes each.
        most = 2 * wanted if isinstance(data, StoredText) and data.text else wanted
        if not wanted <= given <= most:
            raise ValueError(f"an array of shape {sizes} in {given} bytes")

    def read(self) -> np.ndarray:
        """The array, not writable: a view of the file where its values lie there as they are.

        Raises:
            InputError: the values aren't as many as its shape says.
        """
        if not math.prod(self.shape) * self.dtype.itemsize:
            return np.zeros(self.shape, self.dtype)
        try:
            array = self._flat().reshape(self._stored, order=self._order)
            return array if self._axes is None else array.transpose(self._axes)
        except ValueError:
            raise InputError(f"an array of shape {self.shape} has other values") from None

    def _flat(self) -> np.ndarray:
        if isinstance(self._data, StoredText) and not self._data.text:
            return np.frombuffer(self._content, self.dtype, math.prod(self.shape), self._data.start)
        data = self._data if isinstance(self._data, bytes) else self._data.encoded()
        return np.frombuffer(data, self.dtype)
