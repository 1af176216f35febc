"""Recipes and flag files: what takes their place, what overrides what, and how faults are told."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.methods.ms2l.settings import TaskSettings
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings import flag_files
from ms2l_tf.settings.flag_files import expanded, recipe_names
from tests.cli.conftest import Command
from tests.helpers import TINY, TrainedRun

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def recipes(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Three recipes of a set, one of which reads the others; the working folder has none."""
    folder = tmp_path / "package" / "flags" / "mine"
    folder.mkdir(parents=True)
    (folder / "base.cfg").write_text("# Base.\n#\n#  ms2l-train --recipe=mine/base\n--epochs=3\n")
    (folder / "more.cfg").write_text("# ms2l-train\n// also a comment\n\n --epochs=5 \n--batch=2")
    nested = (
        "# Both.\n# ms2l-train\n--flagfile=flags/mine/base.cfg\n--flagfile=flags/mine/more.cfg\n"
    )
    (folder / "both.cfg").write_text(nested + "--units=7\n")
    (folder / "other.cfg").write_text("# Other.\n#  msclr-train --recipe=mine/other\n--width=3\n")
    monkeypatch.setattr(flag_files, "recipes_folder", lambda: folder.parent)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["--recipe=mine/base"], ["--epochs=3"]),
        (["--units=1", "--recipe=mine/base"], ["--epochs=3", "--units=1"]),
        (["--epochs=9", "--recipe=mine/base"], ["--epochs=3", "--epochs=9"]),
        (["--recipe", "mine/base", "--epochs=9"], ["--epochs=3", "--epochs=9"]),
        (["-recipe=mine/base"], ["--epochs=3"]),
        (["--recipe=flags/mine/base.cfg"], ["--epochs=3"]),
        (["--recipe=mine/both"], ["--epochs=3", "--epochs=5", "--batch=2", "--units=7"]),
        (
            ["--recipe=mine/more", "--units=1", "--recipe=mine/base"],
            ["--epochs=5", "--batch=2", "--epochs=3", "--units=1"],
        ),
        (["--", "--recipe=mine/base"], ["--", "--recipe=mine/base"]),
        (["--recipe"], ["--recipe"]),
    ],
)
def test_a_recipe_stands_before_what_is_given(
    recipes: pathlib.Path, given: list[str], wanted: list[str]
) -> None:
    assert expanded(["ms2l-train", *given], recipes=True) == ["ms2l-train", *wanted]


def test_a_flag_file_is_read_where_it_stands(tmp_path: pathlib.Path) -> None:
    inner, outer = tmp_path / "inner.cfg", tmp_path / "outer.cfg"
    inner.write_text("--batch=2\n", encoding="utf-8-sig")
    outer.write_text(f"# Comment.\n--epochs=1\n--flagfile={inner}\n", encoding="utf-8-sig")
    given = ["--units=1", f"--flagfile={outer}", "--units=2", "--flagfile", str(inner)]
    wanted = ["--units=1", "--epochs=1", "--batch=2", "--units=2", "--batch=2"]
    assert expanded(["x", *given]) == ["x", *wanted]
    assert expanded(["x", "--flagfile=", "--a=1"]) == ["x", "--a=1"]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--recipe=mine/bose", "--recipe=mine/bose: no such recipe; did you mean mine/base"),
        ("--recipe=base", "did you mean mine/base?"),
        ("--recipe=basee", "did you mean mine/base?"),
        ("--recipe=mine", "did you mean mine/base, mine/both, mine/more, mine/other?"),
        ("--recipe=zzzzz", "--recipe=zzzzz: no such recipe; --recipe=help lists them"),
        ("--recipe=", "--recipe=: no such recipe; --recipe=help lists them"),
        ("--recipe=../mine/base", "--recipe=../mine/base: no such recipe"),
        ("--recipe=my own.cfg", "is a file of your own; --flagfile='my own.cfg' reads it"),
        ("--flagfile=none.cfg", "--flagfile=none.cfg: cannot be read (No such file or directory)"),
        ("--flagfile=flags/mine/base.cfg", "it is packaged: --recipe=mine/base"),
        ("--flagfile=loop.cfg", "--flagfile=loop.cfg: reads itself; take the line out"),
        ("--flagfile=utf16.cfg", "--flagfile=utf16.cfg: is UTF-16 text; save it as UTF-8"),
        ("--flagfile=.", "--flagfile=.: cannot be read"),
    ],
)
def test_faults(recipes: pathlib.Path, flag: str, message: str) -> None:
    pathlib.Path("my own.cfg").write_text("--epochs=1")
    pathlib.Path("loop.cfg").write_text("--flagfile=loop.cfg\n")
    pathlib.Path("utf16.cfg").write_text("--epochs=1", encoding="utf-16")
    with pytest.raises(InputError) as caught:
        expanded(["ms2l-train", flag], recipes=True)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_installation_without_recipes_says_so(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flag_files, "recipes_folder", lambda: tmp_path)
    with pytest.raises(InputError, match=r"there are no recipes in .*; install the package anew"):
        expanded(["ms2l-train", "--recipe=a/b"], recipes=True)


def test_every_recipe_is_found_and_complete() -> None:
    files = sorted((ROOT / "flags").glob("*/*.cfg"))
    assert recipe_names() == [f"{file.parent.name}/{file.stem}" for file in files]
    for name in recipe_names():
        lines = expanded(["ms2l-train", f"--recipe={name}"], recipes=True)[1:]
        assert lines
        assert not [line for line in lines if not line.startswith("--") or "flagfile" in line]


@pytest.mark.parametrize("command", ["ms2l", "msclr"])
def test_the_list_of_either_command_has_the_first_line_of_each_recipe(
    command: str, tmp_path: pathlib.Path
) -> None:
    module = {"ms2l": "ms2l_tf", "msclr": "msclr"}[command]
    done = subprocess.run(
        [sys.executable, "-m", f"{module}.cli.train", "--recipe=help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for file in sorted((ROOT / "flags").glob("*/*.cfg")):
        text = file.read_text(encoding="utf-8")
        first = text.splitlines()[0].removeprefix("# ")
        assert f"{file.parent.name}/{file.stem} " in done.stdout
        assert first in done.stdout


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_names_its_method_so_that_either_command_takes_it(name: str) -> None:
    if name.partition("/")[2] in ("tables_recognise", "tables_supervised"):
        return  # read after another, or with the run that --init names
    lines = expanded(["msclr-train", f"--recipe={name}"], recipes=True)
    assert [line for line in lines if line.startswith("--method=")]


@pytest.mark.slow
@pytest.mark.parametrize("script", ["ms2l-train", "msclr-train"])
def test_flags_override_a_recipe_from_either_side(
    script: str,
    command: Command,
    trained_run: TrainedRun,
    recipes: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    tiny = [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in {**TINY, "epochs": 1, "monitor_epochs": 0}.items()
    ]
    (recipes / "base.cfg").write_text(
        "# Base.\n--method=ms2l\n--epochs=3\n--units=7\n--jigsaw_weight=0.5\n"
    )
    given = [*tiny, f"--data={trained_run.config.data.data}", f"--workdir={tmp_path / 'run'}"]
    assert command(script, *given[:3], "--recipe=mine/base", *given[3:]) == 0
    config = RunFolder(tmp_path / "run").config()
    assert config.training.epochs == 1
    assert config.network.to_json()["units"] == TINY["units"]
    assert config.of(TaskSettings).jigsaw_weight == 0.5


def test_commands_without_recipes_do_not_know_the_flag(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("evaluate", "--recipe=nw_ucla/aimclr") == 2
    assert "Unknown command line flag 'recipe'" in capsys.readouterr().err


def test_a_reader_of_the_list_that_has_had_enough_gets_no_traceback() -> None:
    code = "from ms2l_tf.cli import common; common._show('line\\n' * 100_000)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
