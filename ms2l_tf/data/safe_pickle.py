"""Pickles read as data: plain containers, texts, numbers and NumPy arrays, and nothing is called.

A pickle is a program for a machine with a stack; `pickle.Unpickler` runs it, and a harmful one
calls what it likes. Here the operations of the program are listed by `pickletools`, which runs
nothing, and followed by a machine that knows only those that build containers. Names it meets stay
names: a list of exactly those that NumPy writes for its arrays means "an array comes now", every
other one ends the reading. Arrays are not copied either: they are found in the file when they are
asked for, so a file of many gigabytes needs memory for its containers alone.
"""

from __future__ import annotations

import mmap
import pickletools
from collections.abc import Callable, Iterable
from typing import IO, Any, cast

from ms2l_tf.data.checks import shown
from ms2l_tf.data.pickled_array import Content, PickledArray, StoredText, ValueType
from ms2l_tf.data.pose_store import release
from ms2l_tf.errors import InputError, one_line

# Far beyond the largest annotation file there is (NTU RGB+D 120: nine millions).
MAX_OPERATIONS = 100_000_000
_PAGES = 1 << 18  # operations after which the pages of a mapped file are given back
_LAZY = 256  # bytes from which on a text stays in the file
_PLAIN = (
    *("NONE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "SHORT_BINSTRING", "SHORT_BINBYTES", "SHORT_BINUNICODE", "UNICODE"),
)
# Bytes between the operation and its data, and whether the data are UTF-8.
_LONG = {
    "BINSTRING": (5, False),
    "BINBYTES": (5, False),
    "BINBYTES8": (9, False),
    "BYTEARRAY8": (9, False),
    "BINUNICODE": (5, True),
    "BINUNICODE8": (9, True),
}
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
    "EMPTY_TUPLE": tuple,
}
# As NumPy 2, Python 3 and their ancestors spell them.
_NAMES = {
    f"{module}.{name}": name
    for name, modules in {
        "ndarray": ("numpy",),
        "dtype": ("numpy",),
        "_reconstruct": ("numpy.core.multiarray", "numpy._core.multiarray"),
        "scalar": ("numpy.core.multiarray", "numpy._core.multiarray"),
        "_frombuffer": ("numpy.core.numeric", "numpy._core.numeric"),
        "encode": ("_codecs",),
        "bytes": ("builtins", "__builtin__"),
        "set": ("builtins", "__builtin__"),
        "frozenset": ("builtins", "__builtin__"),
        "OrderedDict": ("collections",),
    }.items()
    for module in modules
}


def load_pickle(content: Content, where: str) -> Any:
    """What a pickle holds, its arrays as `PickledArray`.

    Lists, tuples, dictionaries and sets of texts, bytes, numbers, True, False, None and NumPy's
    arrays and scalars, of any protocol; texts longer than a name that belong to no array are left
    in the file, as objects of no use.

    Args:
        content: of the file, mapped or in memory; it is needed as long as its arrays are.
        where: names the file in errors.

    Raises:
        InputError: it holds anything else, which is named, or is damaged.
    """
    try:
        return _Machine(content).run()
    except _Refused as error:
        raise InputError(
            f"{where}: refused, it holds {error}; only plain containers, numbers, texts and NumPy "
            "arrays are read from a pickle"
        ) from None
    except (
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        raise InputError(f"{where}: is no complete pickle ({one_line(error, 80)})") from None


class _Name:
    """A name that NumPy or Python writes before plain values."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Refused(Exception):
    """What the pickle holds that is not read."""


class _Machine:
    """Follows the operations of one pickle."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._known = _operations(self)

    def run(self) -> Any:
        """The value that the program leaves on its stack."""
        known, push = self._known, self._push
        program = self._content
        if isinstance(program, mmap.mmap):
            program.seek(0)
        operations = pickletools.genops(cast(IO[bytes], program))
        for count, (operation, given, position) in enumerate(operations):
            if not count % _PAGES:
                release(program)
            name = operation.name
            if name in known:
                known[name](given)
            elif name in _LONG:
                push(self._text(name, given, position or 0))
            elif name == "STOP":
                return self._stack.pop()
            else:
                raise _Refused(f"an object ({name}{f' {shown(given)}' if given else ''})")
            if count > MAX_OPERATIONS:
                raise _Refused(f"more than {MAX_OPERATIONS:,} operations")
        raise ValueError("it does not end")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _text(self, name: str, given: Any, position: int) -> Any:
        if len(given) < _LAZY:
            return bytes(given) if isinstance(given, bytearray) else given
        head, text = _LONG[name]
        size = int.from_bytes(self._content[position + 1 : position + head], "little")
        return StoredText(self._content, position + head, size, text)

    def mark(self, _: Any) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marked.pop()
        return items

    def pop(self, _: Any) -> None:
        self._stack.pop()

    def copy(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def pop_mark(self, _: Any) -> None:
        self._since_mark()

    def remember(self, number: Any) -> None:
        self._memo[len(self._memo) if number is None else int(number)] = self._stack[-1]

    def recall(self, number: Any) -> None:
        self._stack.append(self._memo[int(number)])

    def make(self, kind: Callable[[list[Any]], Any]) -> Callable[[Any], None]:
        """The operation that makes a container of what follows the mark."""

        def operation(_: Any) -> None:
            self._push(kind(self._since_mark()))

        return operation

    def make_tuple(self, size: int) -> Callable[[Any], None]:
        """The operation that makes a tuple of the last values."""

        def operation(_: Any) -> None:
            items = tuple(self._stack[-size:])
            if len(items) != size:
                raise ValueError("too few values for a tuple")
            self._stack[-size:] = [items]

        return operation

    def append(self, _: Any) -> None:
        value = self._stack.pop()
        self._target(list).append(value)

    def extend(self, _: Any) -> None:
        items = self._since_mark()
        self._target(list).extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._target(dict)[_checked_key(key)] = value

    def set_items(self, _: Any) -> None:
        items = self._since_mark()
        self._target(dict).update(_dictionary(items))

    def add_items(self, _: Any) -> None:
        items = self._since_mark()
        self._target(set).update(map(_checked_key, items))

    def _target(self, kind: type) -> Any:
        """The container that is filled, the last value of the stack."""
        if type(self._stack[-1]) is not kind:
            raise ValueError(f"a value for a {kind.__name__} that is none")
        return self._stack[-1]

    def name(self, given: Any) -> None:
        self._push(_known_name(*given.split(" ", 1)))

    def name_of_stack(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._push(_known_name(module, name))

    def instance(self, given: Any) -> None:
        _known_name(*given.split(" ", 1))
        raise _Refused(f"an object of {shown(given)}")

    def reduce(self, _: Any) -> None:
        """Where a pickle calls a function: a name known to stand for a value becomes the value."""
        given, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, _Name) or not isinstance(given, tuple):
            raise _Refused("a call of something that is no name")
        try:
            self._push(self._value(function.name, given))
        except ValueError as error:
            raise _Refused(str(error)) from None

    def _value(self, name: str, given: tuple[Any, ...]) -> Any:
        if name == "_reconstruct":
            if not isinstance(given[0], _Name) or given[0].name != "ndarray":
                raise ValueError("an array of a class of its own")
            return PickledArray(self._content)
        if name == "_frombuffer":
            return self._array(*given)
        if name == "dtype":
            return ValueType(given[0])
        if name == "scalar" and len(given) == 2:
            array = PickledArray(self._content)
            array.fill((), given[0], "C", given[1])
            return array.read().item()
        if name == "encode" and len(given) == 2 and given[1] in ("latin1", "latin-1"):
            return given[0] if isinstance(given[0], StoredText) else given[0].encode("latin-1")
        if name == "bytes" and given == ():
            return b""
        if name in ("set", "frozenset") and len(given) == 1 and isinstance(given[0], list):
            return set(map(_checked_key, given[0]))
        if name == "OrderedDict" and given == ():
            return {}
        raise ValueError(f"a call of {name}")

    def _array(self, data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> Any:
        """An array of protocol 5; of order K are those whose axes are turned."""
        array = PickledArray(self._content)
        array.fill(shape, dtype, "F" if order == "F" else "C", data)
        if order == "K":
            array.turn(axes)
        elif order not in ("C", "F"):
            raise ValueError("an array without an order")
        return array

    def build(self, _: Any) -> None:
        """Where a pickle sets the state of an object: of an array or its type."""
        state, target = self._stack.pop(), self._stack[-1]
        try:
            if isinstance(target, ValueType):
                target.set_state(state)
            elif isinstance(target, PickledArray) and isinstance(state, tuple) and len(state) == 5:
                target.fill(state[1], state[2], "F" if state[3] else "C", state[4])
            else:
                raise ValueError("the state of an object")
        except ValueError as error:
            raise _Refused(str(error)) from None


def _operations(machine: _Machine) -> dict[str, Callable[[Any], None]]:
    """What to do at the operations that need no more than their argument."""
    known: dict[str, Callable[[Any], None]] = dict.fromkeys(_PLAIN, machine._push)
    for name, kind in _EMPTY.items():
        known[name] = lambda _, kind=kind: machine._push(kind())  # type: ignore[misc]
    for size in (1, 2, 3):
        known[f"TUPLE{size}"] = machine.make_tuple(size)
    known["NEWTRUE"] = lambda _: machine._push(True)
    known["NEWFALSE"] = lambda _: machine._push(False)
    known |= dict.fromkeys(("PROTO", "FRAME"), lambda _: None)
    known |= dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), machine.remember)
    known |= dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), machine.recall)
    return known | {
        "MARK": machine.mark,
        "POP": machine.pop,
        "POP_MARK": machine.pop_mark,
        "DUP": machine.copy,
        "LIST": machine.make(list),
        "TUPLE": machine.make(tuple),
        "DICT": machine.make(_dictionary),
        "FROZENSET": machine.make(lambda items: set(map(_checked_key, items))),
        "APPEND": machine.append,
        "APPENDS": machine.extend,
        "SETITEM": machine.set_item,
        "SETITEMS": machine.set_items,
        "ADDITEMS": machine.add_items,
        "GLOBAL": machine.name,
        "STACK_GLOBAL": machine.name_of_stack,
        "INST": machine.instance,
        "REDUCE": machine.reduce,
        "BUILD": machine.build,
    }


def _known_name(module: Any, name: Any) -> _Name:
    full = f"{module}.{name}"
    if not isinstance(module, str) or not isinstance(name, str) or full not in _NAMES:
        raise _Refused(f"the name {shown(full)}")
    return _Name(_NAMES[full])


def _dictionary(items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise ValueError("a key without a value")
    return dict(zip(map(_checked_key, items[::2]), items[1::2], strict=True))


def _checked_key(key: Any) -> Any:
    """A key or a member of a set: plain, or a tuple of what is plain.

    Python hashes a tuple that is nested without end until its stack overflows.
    """
    parts: Iterable[Any] = key if isinstance(key, tuple) else (key,)
    if not all(part is None or isinstance(part, (str, bytes, int, float)) for part in parts):
        raise ValueError("a key that is no text or number")
    return key
