"""Sources packed into archives, whole and with members of odd names, kinds and sizes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable, Mapping

ZIP = b"PK\x03\x04"
NAMES = (
    *("../x", "/etc/x", "C:\\x", "a\\..\\b", "x\n y", "\x1b[31m", "é ü.json", ".", "a//b", "a/./b"),
    *("x" * 300, "", " ", "CON", "a/../../b", "-rf", "\udcff", "a" + "/b" * 200),
)


_PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    "gz": lambda content: gzip.compress(content, mtime=0),
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


def pack(files: Mapping[str, bytes], random_: random.Random) -> tuple[str, bytes]:
    """Name and content of an archive of these files, now and then an odd one."""
    odd = random_.choice(NAMES) if random_.random() < 0.3 else None
    members = dict(files)
    if odd is not None:
        name = random_.choice(list(members))
        members[odd] = members.pop(name)
    if random_.random() < 0.5:
        return "packed.zip", zip_bytes(members, random_)
    ending = random_.choice(("", ".gz", ".xz", ".bz2"))
    return f"packed.tar{ending}", _tar(members, ending.removeprefix("."), random_)


def zip_bytes(members: Mapping[str, bytes], random_: random.Random) -> bytes:
    """An archive of these members, packed in one of the usual ways."""
    file = io.BytesIO()
    packing = random_.choice((0, 8, 12, 14))
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            # Of its own it would take the time of now, and a case would not come again.
            member = zipfile.ZipInfo(name.encode("utf-8", "replace").decode() or "_")
            archive.writestr(member, content, packing)
    return file.getvalue()


def _tar(members: Mapping[str, bytes], packing: str, random_: random.Random) -> bytes:
    file = io.BytesIO()
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
    with tarfile.open(fileobj=file, mode="w:") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if random_.random() < 0.03:
                member.type, member.linkname = random_.choice(kinds), "/etc/passwd"
                member.size = 0
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return _PACKED[packing](file.getvalue())
