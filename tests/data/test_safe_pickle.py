"""Pickles and NumPy files of strangers: values come back exactly, and nothing runs."""

from __future__ import annotations

import collections
import io
import mmap
import os
import pathlib
import pickle
import pickletools
import struct
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data.archives import open_source
from ms2l_tf.data.numpy_files import NpzFile, npy_array, npy_header
from ms2l_tf.data.pickled_array import PickledArray
from ms2l_tf.data.safe_pickle import load_pickle
from ms2l_tf.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
ARRAYS: list[np.ndarray] = [
    np.arange(600, dtype=np.float16).reshape(3, 100, 2),
    np.asfortranarray(np.arange(600, dtype=np.float64).reshape(3, 200)),
    np.arange(400, dtype=">i4")[::2],
    np.arange(600).reshape(3, 100, 2).swapaxes(0, 1),
    np.zeros((0, 3), np.float32),
    np.array(2.5),
    np.array(["nod", "wave"]),
    np.array([b"a", b"bc"]),
    np.array([True, False]),
]
PLAIN = {
    "text": ["wave", "grüßen", ""],
    "numbers": (1, -(2**70), 2.5, float("inf"), True, False, None, 255, 70000),
    "sets": [{1, 2}, frozenset({"a"}), set()],
    "bytes": [b"", b"\xff\x00"],
    (1, "a"): [[], (), {}, ((),)],
    "ordered": collections.OrderedDict(a=1),
    "scalars": [np.int64(3), np.float32(0.5), np.bool_(True)],
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_come_back(protocol: int) -> None:
    assert load_pickle(pickle.dumps(PLAIN, protocol), "x.pkl") == PLAIN
    shared = [1]
    first, second = load_pickle(pickle.dumps([shared, shared], protocol), "x.pkl")
    assert first is second


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_come_back_with_type_and_shape(protocol: int) -> None:
    read = load_pickle(pickle.dumps(ARRAYS, protocol), "x.pkl")
    for array, wanted in zip(read, ARRAYS, strict=True):
        assert isinstance(array, PickledArray)
        values = array.read()
        assert (array.dtype, array.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_array_equal(values, wanted)
        assert not values.flags.writeable or not values.size


def test_names_of_numpy_1() -> None:
    content = pickle.dumps(ARRAYS[0], 4)
    old = content.replace(b"\x16numpy._core.multiarray", b"\x15numpy.core.multiarray")
    # The frame is a byte shorter then.
    size = struct.unpack("<Q", old[3:11])[0] - 1
    old = old[:3] + struct.pack("<Q", size) + old[11:]
    assert old != content
    np.testing.assert_array_equal(load_pickle(old, "x.pkl").read(), ARRAYS[0])


def test_python_2_wrote_texts_of_bytes() -> None:
    data = np.arange(3, dtype="<f4").tobytes()
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x03\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(data)]) + data + b"tb."
    )
    np.testing.assert_array_equal(load_pickle(content, "x.pkl").read(), [0, 1, 2])


def test_arrays_stay_in_the_file(tmp_path: pathlib.Path) -> None:
    big = [np.full(1_000_000, number, np.float32) for number in range(16)]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(big, 4))
    tracemalloc.start()
    with open_source(tmp_path) as files:
        content = files.mapped("a.pkl")
        assert isinstance(content, mmap.mmap)
        read = load_pickle(content, "a.pkl")
        assert [array.read()[-1] for array in read] == list(range(16))
    assert tracemalloc.get_traced_memory()[1] < 12_000_000, "64 MB on disk, one array at a time"
    tracemalloc.stop()


class Call:
    """Pickles as a call of what it is given."""

    def __init__(self, function: Callable[..., Any], *given: Any) -> None:
        self.call = (function, given)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


class Mine:
    """A class of a program that isn't there."""


HARMFUL: dict[str, tuple[object, str]] = {
    "system": (Call(os.system, "touch harm"), "the name 'posix.system'"),
    "popen": (Call(subprocess.Popen, ["touch", "harm"]), r"the name '\w+.Popen'"),
    "eval": (Call(eval, "open('harm', 'w')"), "the name '[a-z_]+.eval'"),
    "open": (Call(open, "harm", "w"), "the name '[a-z_]+.open'"),
    "getattr": (Call(getattr, [], "append"), "the name '[a-z_]+.getattr'"),
    "load": (Call(np.load, "harm", None, True), "the name 'numpy.*load'"),
    "object": (Mine(), r"the name '(.*Mine|copy_?reg._reconstructor)'"),
    "objects": (np.array([Call(os.system, "touch harm")], object), "the name|Python objects"),
    "plain objects": (np.array([[1], "a"], object), "an array of Python objects"),
    "records": (np.zeros(2, [("a", "f4")]), "type 'V4'|records"),
    "masked": (np.ma.masked_array([1], [True]), "the name"),
    "a type": (np.float32, "the name 'numpy.float32'"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "type 'M8'"),
}


@pytest.mark.parametrize("name", HARMFUL)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_else_is_read_and_nothing_runs(
    name: str, protocol: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value, message = HARMFUL[name]
    for nested in (value, [{"annotations": [(1, value)]}]):
        content = pickle.dumps(nested, protocol)
        with pytest.raises(InputError, match=f"^bad.pkl: refused, it holds .*({message})") as said:
            load_pickle(content, "bad.pkl")
        assert "\n" not in str(said.value)
    assert not list(tmp_path.iterdir())


CRAFTED: dict[str, bytes] = {
    "a name in another spelling": b"cos\nsystem\n(S'touch harm'\ntR.",
    "a class by its old operation": b"(S'touch harm'\nios\nsystem\n.",
    "an object of a known name": b"\x80\x02cnumpy\nndarray\n)\x81.",
    "the state of a known name": b"\x80\x02cnumpy\ndtype\n}(X\x01\x00\x00\x00aK\x01ub.",
    "the state of a list": b"\x80\x02](X\x01\x00\x00\x00aK\x01tb.",
    "a call of a type": b"\x80\x02cnumpy\nndarray\nK\x05\x85R.",
    "a call of a text": b"\x80\x02X\x01\x00\x00\x00a)R.",
    "a name of no text": b"\x80\x04K\x01K\x02\x93.",
    "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__new__\x93.",
    "another encoding": b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00hextR.",
    "an id of somebody": b"Pharm\n.",
    "an extension": b"\x82\x01.",
    "buffers from elsewhere": b"\x80\x05\x97.",
    "a huge memo": b"\x80\x02Nr\xff\xff\xff\x7fj\xff\xff\xff\xff.",
    "an array of the universe": b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R0"
    b"cnumpy.core.numeric\n_frombuffer\n(X\x00\x00\x00\x00cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R"
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x0f\x85X\x01\x00\x00\x00CtR.",
    "a long text that is cut": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc",
    "a key without an end": b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"Ns.",
    "a set without an end": b"\x80\x04\x8f(" + b")" + b"\x85" * 100_000 + b"\x90.",
    "a shape without an end": b"\x80\x02cnumpy.core.numeric\n_frombuffer\n(U\x00cnumpy\ndtype\n"
    b"U\x02f8\x85R)" + b"\x85" * 100_000 + b"U\x01CtR.",
    "a key that changes": b"\x80\x02}]Ns.",
    "values for no list": b"\x80\x02}(K\x01e.",
    "nothing": b"",
    "no end": b"\x80\x02]",
    "no stack": b"\x80\x02.",
    "no mark": b"\x80\x02t.",
    "an unknown operation": b"\x80\x02\xfe.",
    "a text": b"frame_dir,label\nS001,1\n",
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_pickles_are_refused_in_a_line(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^bad.pkl: (refused|is no complete pickle)") as said:
        load_pickle(CRAFTED[name], "bad.pkl")
    assert "\n" not in str(said.value)
    assert len(str(said.value)) < 400
    assert not list(tmp_path.iterdir())


def test_what_is_deep_or_shared_without_end_is_a_value() -> None:
    deep = load_pickle(b"\x80\x02]" + b"\x85" * 200_000 + b".", "x.pkl")
    assert len(deep) == 1
    lists: list[Any] = []
    for _ in range(60):
        lists = [lists] * 10
    assert len(load_pickle(pickle.dumps(lists), "x.pkl")) == 10


def test_too_many_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ms2l_tf.data.safe_pickle.MAX_OPERATIONS", 10)
    with pytest.raises(InputError, match="holds more than 10 operations"):
        load_pickle(pickle.dumps(list(range(20))), "x.pkl")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_is_one_line_or_a_value(data: st.DataObject) -> None:
    content = bytearray(pickle.dumps([ARRAYS, PLAIN], data.draw(st.sampled_from(list(PROTOCOLS)))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    said = ""
    try:
        load_pickle(bytes(content[:cut]), "x.pkl")
    except InputError as error:
        said = str(error)
    assert "\n" not in said


def test_every_operation_is_known_or_refused() -> None:
    """None slips through as something that does nothing."""
    silent = {"PROTO", "FRAME", "STOP"}
    for operation in pickletools.opcodes:
        if operation.name in silent or operation.arg is not None:
            continue
        with pytest.raises(InputError):
            load_pickle(b"\x80\x02" + operation.code.encode("latin-1"), "x.pkl")


def saved(array: np.ndarray, **how: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **how)
    return file.getvalue()


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy(array: np.ndarray, version: tuple[int, int], tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.npy").write_bytes(saved(array, version=version))
    with open_source(tmp_path) as files:
        header = npy_header(files, "a.npy")
        read = npy_array(files.mapped("a.npy"), "a.npy")
    assert (header.shape, header.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(read, array)
    assert not read.flags.writeable or not read.size


def bad_npy() -> dict[str, tuple[bytes, str]]:
    whole = saved(np.ones((2, 3)))
    return {
        "objects": (saved(np.array([[1], "a"], object)), "an array of Python objects"),
        "records": (saved(np.zeros(2, [("a", "f4")])), "no .npy file of plain numbers"),
        "cut": (whole[:-8], r"has 168 bytes, an array of shape \(2, 3\) has 176"),
        "longer": (whole + b"\0", "has 177 bytes"),
        "cut header": (whole[:40], "no .npy file of plain numbers"),
        "empty": (b"", "is no .npy file"),
        "code": (whole.replace(b"(2, 3)", b"exit()"), "no .npy file of plain numbers"),
        "a huge array": (whole.replace(b"(2, 3)", b"(9**9)"), "no .npy file of plain numbers"),
        "a negative array": (whole.replace(b"(2, 3)", b"(-2,3)"), "of plain numbers"),
        "a type that is none": (whole.replace(b"<f8", b"<q8"), "of plain numbers"),
        "a text": (b"1,2,3\n4,5,6\n", "is no .npy file"),
    }


@pytest.mark.parametrize("name", bad_npy())
def test_bad_npy(name: str) -> None:
    content, message = bad_npy()[name]
    with pytest.raises(InputError, match=rf"^a\.npy: .*{message}"):
        npy_array(content, "a.npy")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("packed", [False, True])
def test_npz(save: Callable[..., None], packed: bool, tmp_path: pathlib.Path) -> None:
    arrays = {"x_train": ARRAYS[0], "y": ARRAYS[1]}
    save(tmp_path / "a.npz", **arrays)
    source = tmp_path / "a.npz"
    if packed:
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            archive.write(source, "a.npz")
        source = tmp_path / "b.zip"
    with open_source(source) as files:
        npz = NpzFile(files, "a.npz")
        assert npz.names == ("x_train", "y")
        for name, array in arrays.items():
            np.testing.assert_array_equal(npz.array(name), array)
        with pytest.raises(InputError, match=r"a.npz: lacks the array z; it has x_train, y"):
            npz.array("z")


def test_bad_npz(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "o.npz", x=np.array([Call(os.system, "touch harm")], object))
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(1_000_000))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "o.npz").read_bytes()[:-30])
    whole = (tmp_path / "bomb.npz").read_bytes()
    (tmp_path / "damaged.npz").write_bytes(whole[:200] + b"\xff" * 60 + whole[260:])
    monkeypatch.setattr("ms2l_tf.data.numpy_files.MIN_TOTAL_BYTES", 1000)
    with open_source(tmp_path) as files:
        with pytest.raises(InputError, match=r"o.npz, array x: refused, .* Python objects"):
            NpzFile(files, "o.npz").array("x")
        with pytest.raises(InputError, match=r"bomb.npz, array x: refused, it unpacks to 8,000"):
            NpzFile(files, "bomb.npz").array("x")
        with pytest.raises(InputError, match=r"cut.npz: is no complete .npz file"):
            NpzFile(files, "cut.npz")
        monkeypatch.setattr("ms2l_tf.data.numpy_files.MIN_TOTAL_BYTES", 1 << 30)
        with pytest.raises(InputError, match=r"damaged.npz, array x: "):
            NpzFile(files, "damaged.npz").array("x")


def test_nothing_in_the_package_unpickles() -> None:
    """By the source: no unpickler is named, and NumPy is never allowed to."""
    words = (
        "pickle.load",
        "Unpickler(",
        "allow_pickle=True",
        "joblib",
        "dill",
        "marshal",
        "shelve",
    )
    for package in ("ms2l_tf", "msclr", "tools"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not [word for word in words if word in text], path
