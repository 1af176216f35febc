from __future__ import annotations

import io
import os
import pathlib
import stat
import tarfile
import zipfile

import pytest

from ms2l_tf.data import archives
from ms2l_tf.data.archives import open_source
from ms2l_tf.errors import InputError

FILES = {"set/b.json": b"second", "set/a.json": b"first", "note.txt": b""}


def make_archive(path: pathlib.Path, files: dict[str, bytes]) -> pathlib.Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files.items():
                packed.writestr(name, content)
    else:
        kind = {"xz": "w:xz", "gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2"}.get(path.suffix[1:], "w")
        with tarfile.open(path, kind) as tar:  # type: ignore[call-overload]
            for name, content in files.items():
                add_member(tar, tarfile.TarInfo(name), content)
    return path


def add_member(tar: tarfile.TarFile, member: tarfile.TarInfo, content: bytes = b"") -> None:
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("suffix", archives.ARCHIVE_SUFFIXES)
def test_every_archive_reads_like_the_folder(tmp_path: pathlib.Path, suffix: str) -> None:
    folder = tmp_path / "folder"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    packed = make_archive(tmp_path / f"packed{suffix}", FILES)
    for source in (folder, packed):
        with open_source(source) as files:
            assert files.names == ("note.txt", "set/a.json", "set/b.json")
            assert [files.read(name) for name in files.names] == [b"", b"first", b"second"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", packed.name]


@pytest.mark.parametrize("name", ["../x.json", "a/../../x.json", "/etc/x.json", "C:\\x", "..\\x"])
@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_members_that_point_outside_are_refused(
    tmp_path: pathlib.Path, name: str, suffix: str
) -> None:
    packed = make_archive(tmp_path / f"bad{suffix}", {"ok.json": b"", name: b""})
    with pytest.raises(InputError, match=r"refused, member .*x.* points outside the archive"):
        open_source(packed)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: pathlib.Path, kind: bytes) -> None:
    packed = tmp_path / "bad.tar"
    with tarfile.open(packed, "w") as tar:
        member = tarfile.TarInfo("innocent.json")
        member.type, member.linkname = kind, "/etc/passwd"
        add_member(tar, member)
    with pytest.raises(InputError, match=r"'innocent.json' is a link or a device"):
        open_source(packed)


def test_link_in_a_zip_is_refused(tmp_path: pathlib.Path) -> None:
    packed = tmp_path / "bad.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        member = zipfile.ZipInfo("innocent.json")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(InputError, match=r"'innocent.json' is a link or a device"):
        open_source(packed)


@pytest.mark.parametrize("suffix", [".zip", ".tar.xz", ".tar"])
def test_bombs_are_refused(
    tmp_path: pathlib.Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 10_000)
    packed = make_archive(tmp_path / f"bomb{suffix}", {"big.json": bytes(10_001)})
    with pytest.raises(InputError, match=r"'big.json' unpacks to 10,001 bytes"):
        open_source(packed)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_many_small_bombs_are_refused(
    tmp_path: pathlib.Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MIN_TOTAL_BYTES", 10_000)
    monkeypatch.setattr(archives, "MAX_GROWTH", 2)
    files = {f"{number}.json": bytes(5_000) for number in range(20)}
    packed = make_archive(tmp_path / f"bomb{suffix}", files)
    with pytest.raises(InputError, match="unpacks to more than"):
        open_source(packed)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_too_many_members_are_refused(
    tmp_path: pathlib.Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    packed = make_archive(tmp_path / f"many{suffix}", FILES)
    with pytest.raises(InputError, match="refused, it holds more than 2 files; unpack it"):
        open_source(packed)


@pytest.mark.parametrize("suffix", archives.ARCHIVE_SUFFIXES)
def test_what_is_known_of_files_and_when_they_change(tmp_path: pathlib.Path, suffix: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(b"first")
    packed = make_archive(tmp_path / f"packed{suffix}", {"a": b"first"})
    for source, changed in ((folder, folder / "a"), (packed, packed), (folder / "a", folder / "a")):
        with open_source(source) as files:
            assert files.size("a") == 5
            before = files.stamp()
            assert files.stamp() == before
        status = changed.stat()
        os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
        with open_source(source) as files:
            assert files.stamp() != before


def test_a_tar_is_unpacked_to_a_file_for_others(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, scratch = make_archive(tmp_path / "packed.tar.xz", FILES), tmp_path / "scratch.tar"
    with open_source(packed, scratch) as files:
        assert files.read("set/a.json") == b"first"
    monkeypatch.setattr(archives, "_decompress", pytest.fail)
    with open_source(packed, scratch) as files:
        assert files.read("set/b.json") == b"second"
    (tmp_path / "short.tar.xz").write_bytes(packed.read_bytes()[:100])
    monkeypatch.undo()
    with pytest.raises(InputError, match="is damaged or no archive"):
        open_source(tmp_path / "short.tar.xz", tmp_path / "short.tar")
    assert not (tmp_path / "short.tar").exists()


@pytest.mark.parametrize("suffix", archives.ARCHIVE_SUFFIXES)
def test_truncated_archives_are_one_line(tmp_path: pathlib.Path, suffix: str) -> None:
    packed = make_archive(tmp_path / f"short{suffix}", {"a.json": bytes(range(256)) * 100})
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    with (
        pytest.raises(InputError, match=f"short{suffix}: .*(damaged|cannot be read)"),
        open_source(packed) as files,
    ):
        files.read("a.json")


def test_damaged_member_is_named(tmp_path: pathlib.Path) -> None:
    packed = tmp_path / "damaged.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.json", b"payload")
    packed.write_bytes(packed.read_bytes().replace(b"payload", b"pAyload"))
    with open_source(packed) as files, pytest.raises(InputError, match=r"a\.json cannot be read"):
        files.read("a.json")


def test_missing_and_foreign_sources(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        open_source(tmp_path / "nowhere.zip")
    (tmp_path / "text.txt").write_text("x")
    with open_source(tmp_path / "text.txt") as files:
        assert files.names == ("text.txt",)
        assert files.read("text.txt") == b"x"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        open_source(tmp_path / "pipe")
    (tmp_path / "text.zip").write_text("x")
    with pytest.raises(InputError, match="is damaged or no archive"):
        open_source(tmp_path / "text.zip")


def test_member_that_occurs_twice_is_refused(tmp_path: pathlib.Path) -> None:
    with tarfile.open(tmp_path / "twice.tar", "w") as tar:
        add_member(tar, tarfile.TarInfo("a.json"))
        add_member(tar, tarfile.TarInfo("./a.json"))
    with pytest.raises(InputError, match=r"holds a\.json twice"):
        open_source(tmp_path / "twice.tar")
