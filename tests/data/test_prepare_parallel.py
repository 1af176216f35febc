"""Preparing by several processes, interrupted and not: always the same dataset to the byte."""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from ms2l_tf.data import ClipPoses, archives
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.pose_writer import CheckedPoses
from ms2l_tf.data.prepare import prepare
from ms2l_tf.data.preparing import chunks, executors
from ms2l_tf.data.preparing.reading import Reading, pack, unpack
from ms2l_tf.data.preparing.unfinished import Unfinished
from ms2l_tf.data.records import Clip
from ms2l_tf.errors import InputError
from tests.data.conftest import nw_ucla_content
from tests.data.test_prepare import ROOT, run_command

CLIPS = 160  # five chunks
BAD = "a01_s02_e00_v03"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Many short clips: a broken one, two copies, two that share a frame, one of a foreign name."""
    folder = tmp_path_factory.mktemp("many") / "all_sqe"
    folder.mkdir()
    names = [
        f"a{action:02}_s{subject:02}_e{take:02}_v{view}"
        for action in (1, 12)
        for subject in range(1, 11)
        for take in range(3)
        for view in ("01", "02", "03")
    ]
    contents = {name: nw_ucla_content(name, frames=2) for name in names[:CLIPS]}
    contents["a01_s01_e00_v02"]["skeletons"] = contents["a01_s01_e00_v01"]["skeletons"]
    contents["a01_s02_e00_v02"]["skeletons"][1] = contents["a12_s03_e01_v03"]["skeletons"][0]
    contents["a12_s01_e00_v02"]["skeletons"][1][7] = [0, 0, 0]
    contents["notes"] = {}
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / f"{BAD}.json").write_text('{"skeletons": [[[0.1, ')
    return folder


@pytest.fixture(scope="module")
def reference(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the dataset as one process makes it at one go."""
    out = tmp_path_factory.mktemp("reference") / "out"
    dataset, report = prepare("nw_ucla", source, out, progress=False)
    assert (len(dataset), list(report.blanked), len(report.skipped)) == (CLIPS, [BAD], 1)
    assert report.copies == [["a01_s01_e00_v01", "a01_s01_e00_v02"]]
    split = json.loads((out / "splits" / "cross_view_3_no_copies.json").read_text())
    assert "a01_s02_e00_v02" not in split["train"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    return files_of(out)


def files_of(out: pathlib.Path) -> dict[str, bytes]:
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


def script(*lines: str, out: pathlib.Path, source: pathlib.Path, workers: int = 1) -> list[str]:
    """A program that does some things first, such as to prepare its death, and then prepares."""
    program = [
        "import os, signal, time",
        "from ms2l_tf.data import prepare as module, writer",
        "from ms2l_tf.data.preparing.unfinished import Unfinished",
        *lines,
        f"module.prepare('nw_ucla', {str(source)!r}, {str(out)!r}, workers={workers})",
    ]
    return [sys.executable, "-c", "\n".join(program)]


DIES = "die = lambda *_, **named: os.kill(os.getpid(), signal.SIGKILL)"


def test_processes_write_the_same(
    source: pathlib.Path, reference: dict[str, bytes], tmp_path: pathlib.Path
) -> None:
    prepare("nw_ucla", source, tmp_path / "out", workers=3, progress=False)
    assert files_of(tmp_path / "out") == reference
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("suffix", ["zip", "tar", "gztar"])
def test_an_executor_of_ones_own_and_a_tar_that_is_unpacked_once(
    source: pathlib.Path,
    reference: dict[str, bytes],
    tmp_path: pathlib.Path,
    suffix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed = shutil.make_archive(str(tmp_path / "all_sqe"), suffix, source)
    unpacked: list[pathlib.Path] = []
    decompress = archives._decompress

    def counted(path: pathlib.Path, *rest: object) -> None:
        unpacked.append(path)
        decompress(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(archives, "_decompress", counted)
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        prepare("nw_ucla", packed, tmp_path / "out", executor=executor, progress=False)
    assert len(unpacked) == (suffix == "gztar")
    made = files_of(tmp_path / "out")
    differ = {name for name in made if made[name] != reference[name]}
    assert differ == {"prepare_report.json"}, "which names the source"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["out", pathlib.Path(packed).name]
    )


@pytest.mark.parametrize(
    ("workers", "death", "parts"),
    [  # before the first part, in their midst, after the last, and of the dataset itself
        (1, "Unfinished.save = die", 0),
        (1, "Unfinished.save = lambda *given: die() if given[1] == 3 else save(*given)", 3),
        (2, "Unfinished.save = lambda *given: die() if given[1] == 3 else save(*given)", 3),
        (1, "writer.DatasetWriter.add_split = die", 6),
        (2, "writer.DatasetWriter._read_back = die", 6),
    ],
)
def test_killed_and_started_again(
    source: pathlib.Path,
    reference: dict[str, bytes],
    tmp_path: pathlib.Path,
    workers: int,
    death: str,
    parts: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    out, lines = tmp_path / "out", (DIES, "save = Unfinished.save", death)
    dead = subprocess.run(
        script(*lines, out=out, source=source, workers=workers), cwd=ROOT, check=False
    )
    assert dead.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".out.parts"]
    assert len(list(tmp_path.glob(".out.parts/*/*.part"))) == parts
    capfd.readouterr()
    prepare("nw_ucla", source, out, progress=False)
    said = capfd.readouterr().err
    clips = min(32 * parts, CLIPS + 1)
    assert (f"{clips} of 161 clips were read before, going on there" in said) == (parts > 0)
    assert files_of(out) == reference
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


SLOW = "save = Unfinished.save; Unfinished.save = lambda *given: (time.sleep(0.5), save(*given))"


@pytest.fixture
def started(source: pathlib.Path, tmp_path: pathlib.Path) -> Iterator[subprocess.Popen[str]]:
    """A command with two processes and a group of its own, which has read a part."""
    flags = [f"--source={source}", f"--out={tmp_path / 'out'}", "--workers=2"]
    program = [
        "import sys, time",
        "from ms2l_tf.cli import prepare",
        "from ms2l_tf.data.preparing.unfinished import Unfinished",
        SLOW,
        f"sys.argv[1:] = {flags!r}",
        "prepare.entry()",
    ]
    command = [sys.executable, "-c", "\n".join(program)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that starts the tests in the background has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(tmp_path.glob(".out.parts/*/*.part")):
        assert process.poll() is None
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()


def is_gone(group: int) -> bool:
    """Whether no process of a group runs any more after a while."""
    for _ in range(100):
        if not any(runs_in(group, path) for path in pathlib.Path("/proc").glob("[0-9]*")):
            return True
        time.sleep(0.05)
    return False


def runs_in(group: int, process: pathlib.Path) -> bool:
    """Whether a process is of a group and no mere entry that nobody has asked for its status."""
    try:
        state, _, of = (process / "stat").read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(of) == group and state != "Z"


def test_interrupted(
    started: subprocess.Popen[str],
    source: pathlib.Path,
    reference: dict[str, bytes],
    tmp_path: pathlib.Path,
) -> None:
    assert runs_in(started.pid, pathlib.Path(f"/proc/{started.pid}"))
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    _, said = started.communicate(timeout=30)
    assert started.returncode == 130
    parts = tmp_path / ".out.parts"
    assert f"interrupted; what was read is kept in {parts}, and the same command" in said
    assert "Traceback" not in said
    assert is_gone(started.pid)
    assert [path.name for path in tmp_path.iterdir()] == [".out.parts"]
    prepare("nw_ucla", source, tmp_path / "out", progress=False)
    assert files_of(tmp_path / "out") == reference


def test_no_process_outlives_the_one_that_started_it(started: subprocess.Popen[str]) -> None:
    os.kill(started.pid, signal.SIGKILL)
    started.communicate(timeout=30)
    assert is_gone(started.pid)


def test_a_process_that_is_killed_is_one_line(
    source: pathlib.Path,
    reference: dict[str, bytes],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save = Unfinished.save

    def save_and_kill(*given: object) -> None:
        save(*given)  # type: ignore[arg-type]
        for child in multiprocessing.active_children():
            child.kill()
            child.join()

    monkeypatch.setattr(Unfinished, "save", save_and_kill)
    monkeypatch.setattr(chunks, "MAX_ENTRIES", 8)
    with pytest.raises(InputError, match=r"ended from outside.*goes on where it was.*--workers=1"):
        prepare("nw_ucla", source, tmp_path / "out", workers=2, progress=False)
    assert list(tmp_path.glob(".out.parts/*/*.part"))
    monkeypatch.setattr(Unfinished, "save", save)
    prepare("nw_ucla", source, tmp_path / "out", workers=2, progress=False)
    assert files_of(tmp_path / "out") == reference


def interrupt(monkeypatch: pytest.MonkeyPatch, source: pathlib.Path, out: pathlib.Path) -> None:
    """Leaves two parts."""
    with monkeypatch.context() as patched:
        save = Unfinished.save

        def interrupted(self: Unfinished, number: int, packed: bytes) -> None:
            if number == 2:
                raise KeyboardInterrupt
            save(self, number, packed)

        patched.setattr(Unfinished, "save", interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"what was read is kept in .*out\.parts"):
            prepare("nw_ucla", source, out, progress=False)


def test_what_has_changed_is_read_anew(
    source: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy, out = tmp_path / "all_sqe", tmp_path / "out"
    shutil.copytree(source, copy)
    changes = (
        lambda: (copy / "a12_s01_e00_v01.json").touch(),
        lambda: (copy / "notes.json").unlink(),
        lambda: monkeypatch.setattr("ms2l_tf.data.prepare.__version__", "9.9"),
    )
    for change in changes:
        interrupt(monkeypatch, copy, out)
        change()
        capsys.readouterr()
        prepare("nw_ucla", copy, out, progress=False)
        said = capsys.readouterr().err
        assert "has changed since these clips were read; starting anew" in said
        assert "were read before" not in said
        shutil.rmtree(out)
    interrupt(monkeypatch, copy, out)
    prepare("nw_ucla", copy, out, keep_zeros=True, progress=False)
    assert "starting anew" in capsys.readouterr().err


def test_a_damaged_part_is_read_again(
    source: pathlib.Path,
    reference: dict[str, bytes],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    interrupt(monkeypatch, source, out)
    first, second = sorted(tmp_path.glob(".out.parts/*/*.part"))
    first.write_bytes(b"")
    second.write_bytes(second.read_bytes()[:-1] + b"\0")
    prepare("nw_ucla", source, out, progress=False)
    assert files_of(out) == reference


def test_faulty_input_leaves_nothing_and_a_full_disk_leaves_the_parts(
    source: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    interrupt(monkeypatch, source, out)
    for place in (out, tmp_path / "deep" / "er" / "out"):
        with pytest.raises(InputError, match="--strict: a01_s02_e00_v03"):
            prepare("nw_ucla", source, place, strict=True, progress=False)
    assert list(tmp_path.iterdir()) == []

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("ms2l_tf.data.npy_stream.NpyStream.append", full)
        with pytest.raises(InputError, match="No space left on device"):
            prepare("nw_ucla", source, out, progress=False)
    assert list(tmp_path.glob(".out.parts/*/000000.part"))


def test_two_at_a_time_are_told_apart(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with (
        Unfinished(tmp_path / "out"),
        pytest.raises(InputError, match="another ms2l-prepare writes the same dataset"),
    ):
        prepare("nw_ucla", source, tmp_path / "out", progress=False)


def test_no_process_loads_tensorflow() -> None:
    loads = "(__import__('ms2l_tf.data.prepare'), sorted(__import__('sys').modules))[1]"
    with executors.processes(1) as pool:
        modules = pool.submit(eval, loads).result()
    assert "ms2l_tf.data.preparing.work" in modules
    assert not {"tensorflow", "keras", "matplotlib", "sklearn"}.intersection(modules)


def test_chunks_are_few_and_small_and_keep_a_file_together(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "MAX_ENTRIES", 3)
    monkeypatch.setattr(chunks, "MAX_BYTES", 100)
    sizes = {"a": 10, "b": 20, "c": 80, "d": 200, "e#1": 1, "f": 1}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    entries = ["a", "b", "c", "d", "e#1", "f#1", "f#2", "f#3", "f#4"]
    with open_source(tmp_path) as files:
        assert chunks.in_chunks(entries, files) == [
            ("a", "b"),
            ("c",),
            ("d",),
            ("e#1",),
            ("f#1", "f#2", "f#3"),
            ("f#4",),
        ]
        assert chunks.in_chunks([], files) == []


def test_readings_survive_their_bytes() -> None:
    random = np.random.default_rng(0)
    poses = ClipPoses(
        random.normal(size=(3, 2, 4, 3)).astype(np.float32),
        random.random((3, 2)) < 0.5,
        random.random((3, 2, 4)).astype(np.float32),
    )
    poses.coords[0, 0, 0] = np.nan
    flat = ClipPoses(np.zeros((0, 1, 2, 2), np.float32), np.zeros((0, 1), np.bool_))
    checked = {
        "deep": CheckedPoses(poses, {"blank": 1}, True),
        "flat": CheckedPoses(flat, {}, False),
    }
    given = [
        Reading("b#1", "is no ü number"),
        Reading("a", "", Clip("a", 1, "3"), checked, ("x",), (2**64 - 1, 0), "00ff", 3, 1),
    ]
    bad, good = unpack(pack(given))
    assert bad == given[0]
    assert (good.clip, good.repairs, good.marks) == (given[1].clip, ("x",), (2**64 - 1, 0))
    assert list(good.poses) == ["deep", "flat"]
    assert (good.poses["deep"].repairs, good.poses["deep"].seen) == ({"blank": 1}, True)
    for layout, expected in checked.items():
        for name in ("coords", "present", "confidence"):
            np.testing.assert_array_equal(
                getattr(good.poses[layout].poses, name), getattr(expected.poses, name)
            )
    with pytest.raises(ValueError, match="checksum"):
        unpack(pack(given)[:-1])


def test_the_list_of_exclusions(
    source: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "missing.txt"
    names.write_text(
        "The following samples have missing skeletons\r\n\r\na01_s01_e00_v01\r\n"
        "a01_s01_e00_v02.json  # a copy\na01_s99_e00_v01\n"
    )
    dataset, report = prepare("nw_ucla", source, tmp_path / "out", exclude=names, progress=False)
    assert report.excluded == ["a01_s01_e00_v01", "a01_s01_e00_v02"]
    assert report.not_found == ["a01_s99_e00_v01"]
    assert not set(report.excluded) & set(dataset.names)
    assert len(dataset) == CLIPS - 2
    said = "\n".join(report.lines())
    assert "2 left out, as the list of exclusions says: a01_s01_e00_v01, a01_s01" in said
    assert "1 names on the list of exclusions are no clips of the source: a01_s99" in said
    names.write_text("No names here.\n")
    with pytest.raises(InputError, match=r"--exclude: .* holds no clip name"):
        prepare("nw_ucla", source, tmp_path / "o", exclude=names, progress=False)
    names.write_text("\n".join(path.name for path in source.iterdir() if path.stem != "notes"))
    (source / "notes.json").rename(tmp_path / "notes.json")
    try:
        with pytest.raises(InputError, match=f"--exclude: names all {CLIPS} clips of"):
            prepare("nw_ucla", source, tmp_path / "o", exclude=names, progress=False)
    finally:
        (tmp_path / "notes.json").rename(source / "notes.json")


def test_dask_is_asked_for_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "distributed", None)
        with (
            pytest.raises(InputError, match=r"pip install 'ms2l-tf\[dask\]'"),
            executors.dask_workers("tcp://127.0.0.1:1"),
        ):
            pass
    monkeypatch.setattr(executors, "_PATIENCE_S", 0.2)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        with (
            pytest.raises(InputError, match=f"--scheduler={address}: no scheduler answers"),
            executors.dask_workers(address),
        ):
            pass


@pytest.mark.slow
def test_the_workers_of_a_dask_cluster(
    source: pathlib.Path, reference: dict[str, bytes], tmp_path: pathlib.Path
) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        flags = [f"--source={source}", f"--scheduler={cluster.scheduler_address}"]
        done = run_command(*flags, f"--out={tmp_path / 'out'}")
        with distributed.Client(cluster) as client:
            loaded = client.run(lambda: "ms2l_tf.data.preparing.work" in sys.modules)
    assert done.returncode == 0, done.stderr
    assert list(loaded.values()) == [True, True]
    assert files_of(tmp_path / "out") == reference
