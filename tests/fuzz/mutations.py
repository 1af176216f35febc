"""Damage to the content of files, by what they are: bytes, text, JSON, pickles, arrays, archives.

A mutation takes bytes and a generator of random numbers and gives other bytes. Which ones fit is
told by the content itself, so that a damaged file can be damaged again.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Sequence

from tests.fuzz.archive_mutations import NAMES, ZIP, zip_bytes
from tests.fuzz.json_mutations import edit_json, is_json
from tests.fuzz.pickle_mutations import edit_pickle, is_pickle
from tests.fuzz.text_mutations import TEXT, is_text

Mutation = Callable[[bytes, random.Random], bytes]
_NPY = b"\x93NUMPY"
_LONGEST = 1 << 20  # bytes that a file may grow to
# Of a header, at the same length and shorter.
_SHAPES = (
    *("(9999999999999,)", "(-1, 3)", "(0,)", "()", "(2, 0, 3)", "(1.5,)", "(True, 2)", "(3", "1"),
    *("(4294967296, 4294967296, 4294967296)", "('a',)", "((1,),)", "(1" + "," * 40, "[" * 200),
)
_TYPES = (
    "|O",
    "<c8",
    "<U4",
    "<M8[ns]",
    ">f4",
    "<f2",
    "|V9",
    "<i8",
    "|b1",
    "<f99",
    "é",
    "",
    "f8,f8",
)


def mutate(content: bytes, random_: random.Random) -> bytes:
    """The content after a mutation that fits it."""
    changed = random_.choice(fitting(content))(content, random_)
    return changed if len(changed) <= _LONGEST else content[: len(content) // 2]


def fitting(content: bytes) -> Sequence[Mutation]:
    """Mutations for what the content is; those of its own kind are the more likely ones."""
    own: Sequence[Mutation] = ()
    if content.startswith(ZIP):
        own = (damage_zip,)
    elif content.startswith(_NPY):
        own = (_edit_header,)
    elif is_pickle(content):
        own = (edit_pickle,)
    elif is_text(content):
        own = (*TEXT, edit_json, edit_json) if is_json(content) else TEXT
    return (*BYTES, *own, *own, *([*own] * (len(BYTES) // max(1, len(own)))))


def flip(content: bytes, random_: random.Random) -> bytes:
    """Other values of some bytes."""
    changed = bytearray(content)
    for _ in range(random_.choice((1, 1, 2, 8))):
        if changed:
            place = random_.randrange(len(changed))
            changed[place] = random_.choice((0, 255, changed[place] ^ 1 << random_.randrange(8)))
    return bytes(changed)


def cut(content: bytes, random_: random.Random) -> bytes:
    """Without its end, or its beginning."""
    place = random_.randint(0, len(content))
    return content[:place] if random_.random() < 0.8 else content[place:]


def remove(content: bytes, random_: random.Random) -> bytes:
    """Without a block."""
    start, end = _block(content, random_)
    return content[:start] + content[end:]


def repeat(content: bytes, random_: random.Random) -> bytes:
    """With a block twice."""
    start, end = _block(content, random_)
    return content[:end] + content[start:]


def zero(content: bytes, random_: random.Random) -> bytes:
    """With a block of zeros, as a disk leaves that lost power."""
    start, end = _block(content, random_)
    return content[:start] + bytes(end - start) + content[end:]


def overwrite(content: bytes, random_: random.Random) -> bytes:
    """With a block in the place of another."""
    start, end = _block(content, random_)
    other = random_.randint(0, len(content))
    return content[:start] + content[other : other + end - start] + content[end:]


def insert(content: bytes, random_: random.Random) -> bytes:
    """With random bytes in its midst."""
    place = random_.randint(0, len(content))
    return content[:place] + random_.randbytes(random_.choice((1, 2, 16))) + content[place:]


def empty(content: bytes, random_: random.Random) -> bytes:
    """Nothing, or next to nothing."""
    return random_.choice((b"", b"\n", b" ", b"\0", content[:1], bytes(len(content))))


BYTES: Sequence[Mutation] = (flip, flip, cut, remove, repeat, zero, overwrite, insert, empty)


def _block(content: bytes, random_: random.Random) -> tuple[int, int]:
    start = random_.randint(0, len(content))
    longest = random_.choice((1, 4, 64, len(content)))
    return start, min(len(content), start + random_.randint(0, longest))


def _edit_header(content: bytes, random_: random.Random) -> bytes:
    """Another header of an array."""
    start = 10 + int.from_bytes(content[8:10], "little")
    header = content[10:start].decode("latin-1")
    field = random_.choice(("shape", "descr", "fortran_order", "shape"))
    value = {
        "shape": random_.choice(_SHAPES),
        "descr": repr(random_.choice(_TYPES)),
        "fortran_order": random_.choice(("True", "2", "None", "__import__('os')")),
    }[field]
    parts = header.partition(f"'{field}': ")
    rest = parts[2][parts[2].find("), " if field == "shape" else ", ") + (field == "shape") :]
    edited = f"{parts[0]}{parts[1]}{value}{rest}".rstrip().encode("utf-8")
    size = start - 10 if random_.random() < 0.5 else len(edited) + 1
    edited = edited[: size - 1].ljust(size - 1) + b"\n"
    return content[:8] + (size % 65536).to_bytes(2, "little") + edited + content[start:]


def damage_zip(content: bytes, random_: random.Random) -> bytes:
    """An archive (an `.npz` file, say) packed anew with one member changed, gone or twice."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # what is damaged already is left to the other mutations
        return content
    if not members:
        return content
    place = random_.randrange(len(members))
    name, inner = members[place]
    changes: tuple[Callable[[], object], ...] = (
        lambda: members.pop(place),
        lambda: members.append((f"{name}x", inner)),
        lambda: members.__setitem__(place, (random_.choice(NAMES[5:13]), inner)),
        lambda: members.__setitem__(place, (name, mutate(inner, random_))),
        lambda: members.__setitem__(place, (name, mutate(inner, random_))),
        lambda: members.__setitem__(place, (name, members[place - 1][1])),
    )
    random_.choice(changes)()
    return zip_bytes(dict(members), random_)
