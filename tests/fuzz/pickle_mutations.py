"""Damage to pickles, operation by operation: some go, come twice, or call what must not run."""

from __future__ import annotations

import contextlib
import pickle
import pickletools
import random

# Programs that an unpickler would run; `trap` tells if one did.
_HARMFUL = (
    b"ctests.fuzz.trap\nspring\n(tR",
    b"\x80\x04\x8c\x0ftests.fuzz.trap\x8c\x06spring\x93)R",
    b"cposix\nsystem\n(S'true'\ntR",
    b"cbuiltins\neval\n(S'1'\ntR",
    b"(itests.fuzz.trap\nspring\n",
    b"ctests.fuzz.trap\nspring\n)\x81",
    b"cnumpy\nndarray\n)\x81}b",
    b"\x82\x01",
    b"Pmine\n",
    b"cnumpy\ndtype\n(S'O8'\nI00\nI01\ntR",
    b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR",
)
_OPERATIONS = tuple(operation.code.encode("latin-1") for operation in pickletools.opcodes)
_VALUES: tuple[object, ...] = (
    *(
        None,
        True,
        -1,
        0,
        1,
        2**31,
        2**63,
        2**64,
        10**40,
        1 << 20_000,
        1.5,
        float("nan"),
        "",
        "x",
        b"x",
        (),
        [],
    ),
    *(
        {},
        (1, 2),
        (-1, 2),
        ("<f4",),
        "<f4",
        "O",
        "S" * 300,
        (2**62, 2**62),
        (0,),
        (1,) * 40,
        {1: 2},
    ),
)


def is_pickle(content: bytes) -> bool:
    """Whether it begins like a pickle of one of the protocols."""
    return content[:1] == b"\x80" or content[:2] in (b"(d", b"(l", b"(S", b"(V", b"]q", b"(c")


def edit_pickle(content: bytes, random_: random.Random) -> bytes:
    """Some operations changed."""
    pieces = _pieces(content)
    for _ in range(random_.choice((1, 1, 2, 5))):
        if len(pieces) < 2:
            return content
        place, kind = random_.randrange(len(pieces)), random_.randrange(7)
        if kind == 0:
            del pieces[place]
        elif kind == 1:
            pieces[place:place] = [pieces[place]] * random_.choice((1, 3))
        elif kind == 2:
            other = random_.randrange(len(pieces))
            pieces[place], pieces[other] = pieces[other], pieces[place]
        elif kind == 3:
            pieces.insert(place, random_.choice(_HARMFUL))
        elif kind == 4:
            pieces.insert(place, random_.choice(_OPERATIONS))
        elif kind == 5:
            value = pickle.dumps(random_.choice(_VALUES), protocol=2)
            pieces[place] = value[2:-1]  # without the number of the protocol and the end
        else:  # another operation with the same argument
            pieces[place] = random_.choice(_OPERATIONS) + pieces[place][1:]
    return b"".join(pieces)


def _pieces(content: bytes) -> list[bytes]:
    """The operations as they lie in the file; what is no operation is the last piece."""
    starts: list[int] = []
    with contextlib.suppress(Exception):  # what is damaged already is cut where it can be
        for _, _, position in pickletools.genops(content):
            starts.append(position or 0)
    starts = starts or [0]
    ends = [*starts[1:], len(content)]
    return [content[start:end] for start, end in zip(starts, ends, strict=True)]
