"""What is built, what it needs, and that the documented commands are the commands there are."""

from __future__ import annotations

import configparser
import email.parser
import functools
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
DATA_FILES = sorted(
    path.relative_to(ROOT)
    for ending in ("json", "css", "js")
    for path in (ROOT / "ms2l_tf").rglob(f"*.{ending}")
)
RECIPES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "flags").rglob("*.cfg"))
COMMANDS = {  # console scripts and their modules
    "ms2l-prepare": "ms2l_tf.cli.prepare",
    "ms2l-train": "ms2l_tf.cli.train",
    "ms2l-evaluate": "ms2l_tf.cli.evaluate",
    "ms2l-export": "ms2l_tf.cli.export",
    "ms2l-predict": "ms2l_tf.cli.predict",
    "ms2l-search": "ms2l_tf.cli.search",
    "ms2l-report": "ms2l_tf.cli.report",
    "msclr-train": "msclr.cli.train",
    "msclr-evaluate": "ms2l_tf.cli.evaluate",
}
SCRIPTS = {module: script for script, module in reversed(COMMANDS.items())}

# A command of the project inside a line of shell, however it is started.
COMMAND = re.compile(
    r"(?:(?P<script>(?:ms2l|msclr)-\w+)|-m (?P<module>\w+\.cli\.\w+)"
    r"|(?P<tool>tools/\w+\.py)|-m (?P<package>tools\.\w+))"
    r"\s(?P<rest>.*)"
)
FLAG = re.compile(r"(?<![\w-])--(?P<name>[a-z]\w*)")


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Output of a command; its error output is the failure message."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source archive and the wheel, the wheel built from the source archive."""
    source = tmp_path_factory.mktemp("source") / "project"
    shutil.copytree(ROOT, source, ignore=_not_source)
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source)
    return out


def _not_source(folder: str, names: list[str]) -> set[str]:
    made = {"build", "data", "dist", "runs"} if Path(folder) == ROOT else set()
    return {
        name
        for name in names
        if name in made or name.startswith((".", "__pycache__")) or name.endswith(".egg-info")
    }


@pytest.fixture(scope="session")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="session")
def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return email.parser.Parser().parsestr(wheel.read(name).decode())


def test_wheel_has_every_layout_and_no_test(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert len([name for name in DATA_FILES if name.parent.name == "layouts"]) >= 10
    assert {path.as_posix() for path in DATA_FILES} <= names
    assert {name.split("/")[0] for name in names} <= {
        "ms2l_tf",
        "msclr",
        next(name.split("/")[0] for name in names if ".dist-info/" in name),
    }


def test_wheel_has_every_recipe(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if name.endswith(".cfg")}
    assert names == {f"ms2l_tf/recipes/{name.removeprefix('flags/')}" for name in RECIPES}
    for name in RECIPES:
        packed = wheel.read(f"ms2l_tf/recipes/{name.removeprefix('flags/')}")
        assert packed == (ROOT / name).read_bytes()


@pytest.mark.slow
def test_recipes_of_the_wheel_are_found_without_a_checkout(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """Unpacked as an installer would, and run from a folder that has no flags/."""
    wheel.extractall(tmp_path / "site")
    start = "from {0} import entry; import {1} as p; print(p.__file__, flush=True); entry()"
    either = [("ms2l_tf", "nw_ucla/aimclr"), ("msclr", "nw_ucla/unsupervised_wide")]
    for module, recipe in (("ms2l_tf", "nw_ucla/semi_1"), ("msclr", "nw_ucla/aimclr"), *either):
        code = start.format(f"{module}.cli.train", module)
        for flags, status, said in (
            (["--recipe=help"], 0, recipe),
            ([f"--recipe={recipe}", "--workdir=run", "--data=none"], 2, "none: no such dataset"),
        ):
            done = subprocess.run(
                [sys.executable, "-c", code, *flags],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
                capture_output=True,
                text=True,
            )
            assert str(tmp_path / "site" / module) in done.stdout
            assert done.returncode == status, done.stderr
            assert said in done.stdout + done.stderr


def test_wheel_has_every_module(wheel: zipfile.ZipFile) -> None:
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in ("ms2l_tf", "msclr")
        for path in (ROOT / package).rglob("*.py")
    }
    assert modules <= set(wheel.namelist())


def test_source_archive_has_what_a_checkout_has(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    expected = {path.as_posix() for path in DATA_FILES} | set(RECIPES)
    expected |= {"LICENSE", "README.md", "Makefile", "requirements.lock", "requirements-video.lock"}
    expected |= {"tools/benchmarks/__main__.py", "results/nw_ucla/unsupervised_wide.json"}
    expected |= {"setup.py", "setup.cfg", "pyproject.toml", "CONTRIBUTING.md", "docs/limits.md"}
    expected |= {"examples/own_data.py"}
    assert expected | {"tests/test_packaging.py"} <= names


def test_metadata(metadata: email.message.Message, wheel: zipfile.ZipFile) -> None:
    assert metadata["Name"] == "ms2l-tf"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Apache-2.0" in (metadata["License-Expression"] or metadata["License"])
    extras = {"cuda", "dask", "search", "umap", "video", "onnx", "dev"}
    assert extras == set(metadata.get_all("Provides-Extra", []))
    assert any(name.endswith("LICENSE") for name in wheel.namelist())


def test_dependencies_have_floors_and_no_caps(metadata: email.message.Message) -> None:
    for line in metadata.get_all("Requires-Dist", []):
        operators = [part.operator for part in Requirement(line).specifier]
        assert operators == [">="], line


def test_cuda_extra_is_tensorflow_with_cuda(metadata: email.message.Message) -> None:
    wanted = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    cuda = [one for one in wanted if one.marker and one.marker.evaluate({"extra": "cuda"})]
    assert [(one.name, one.extras) for one in cuda] == [("tensorflow", {"and-cuda"})]


def test_lock_pins_every_dependency(metadata: email.message.Message) -> None:
    locked = locked_versions("requirements.lock")
    assert not [name for name in locked if name.startswith("nvidia")], "CPU environment"
    for line in metadata.get_all("Requires-Dist", []):
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": "dev"}):
            continue
        assert Version(locked[requirement.name]) in requirement.specifier, line


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-video.lock"])
def test_locked_files_have_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    for pin in re.split(r"\n(?=\S)", text.strip()):
        if not pin.startswith("#"):
            assert re.fullmatch(r"\S.* \\(\n    --hash=sha256:[0-9a-f]{64}( \\)?)+", pin), pin


def locked_versions(lock: str) -> dict[str, str]:
    """Exact versions by name; which of them a system needs, its markers say."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line.strip() and not line.startswith(("#", "    --hash="))]
    found = [re.match(r"([\w.-]+)==([\w.]+)( ; .*)? \\$", line) for line in pins]
    assert all(found), "only exact versions"
    return {match[1].lower().replace("_", "-"): match[2] for match in found if match}


def test_console_scripts_and_modules_are_the_same_commands(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    parser = configparser.ConfigParser()
    parser.read_string(wheel.read(name).decode())
    scripts = dict(parser["console_scripts"])
    assert scripts == {name: f"{module}:entry" for name, module in COMMANDS.items()}
    for target in scripts.values():
        module, function = target.split(":")
        # A process each: two commands may define a flag of the same name.
        run(sys.executable, "-c", f"import {module}; assert callable({module}.{function})")


@functools.cache
def help_of(command: str, option: str = "--helpfull", *, script: bool = False) -> str:
    """Help text of "ms2l-train" (as a module or script), "tools/knn_eval.py" or "tools.results"."""
    start = [command] if command.endswith(".py") else ["-m", COMMANDS.get(command, command)]
    if script:  # what the installed console script does
        start = ["-c", f"from {COMMANDS[command]} import entry; entry()"]
    done = subprocess.run(
        [sys.executable, *start, option], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    return done.stdout


@functools.cache
def flags_of(command: str) -> frozenset[str]:
    """Flag names a command knows, `no...` forms included."""
    names = re.findall(r"--(\[no\])?([a-z]\w*)", help_of(command))
    negated = {f"no{name}" for no, name in names if no}
    return frozenset({name for _, name in names} | negated | {"flagfile", "help"})


@pytest.mark.parametrize("started_as", ["module", "script"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_the_flags_of_the_command(command: str, started_as: str) -> None:
    text = help_of(command, "--help", script=started_as == "script")
    own = {
        "ms2l-prepare": ("--format:", "--source:", "--out:"),
        "ms2l-train": ("--workdir:", "--epochs:", "--learning_rate:", "--observed:"),
        "ms2l-evaluate": ("--workdir:", "--probes:", "--pooling:"),
        "ms2l-report": ("--workdir:", "--out:", "--data:"),
        "ms2l-predict": ("--model:", "--input:", "--windows:", "--stream:"),
        "ms2l-search": ("--model:", "--data:", "--input:", "--top_k:"),
        "ms2l-export": ("--workdir:", "--out:", "--head:", "--formats:", "--show:"),
        "msclr-train": ("--workdir:", "--layouts:", "--pairs:", "--queue:"),
        "msclr-evaluate": ("--workdir:", "--layouts:", "--single:", "--streams:"),
    }
    assert not [flag for flag in own[command] if flag not in text]
    assert "default:" in text
    if command.endswith("evaluate"):
        for flag in ("pooling", "linear_c", "svm_c", "raw_frames", "k"):
            said = " ".join(text.split(f"--{flag}:")[1].split("--")[0].split())
            assert "Default: as the run was trained." in said


def commands_in(text: str) -> list[tuple[str, list[str]]]:
    """(command, flag names) of every command line of the project in a text."""
    joined = re.sub(r"\\\n[#\s]*", " ", text)
    found = []
    for line in joined.splitlines():
        for match in COMMAND.finditer(line):
            command = (
                match["tool"] or match["package"] or match["script"] or SCRIPTS[match["module"]]
            )
            found.append((command, FLAG.findall(match["rest"].split("`")[0].split(" # ")[0])))
    return found


def test_demo_runs_the_commands_with_flags_they_have() -> None:
    plan = commands_in(run("make", "--dry-run", "--always-make", "demo"))
    wanted = ("prepare", "train", "evaluate", "export", "report")
    assert [command for command, _ in plan] == [f"ms2l-{name}" for name in wanted]
    for command, names in plan:
        assert set(names) <= flags_of(command)


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe_has_only_flags_of_train_and_says_how_to_run_it(recipe: str) -> None:
    lines = (ROOT / recipe).read_text(encoding="utf-8").splitlines()
    settings = [line for line in lines if line.strip() and not line.startswith("#")]
    names = [FLAG.match(line) for line in settings]
    assert all(names), f"{recipe}: every line is a flag or a comment"
    header = "\n".join(line for line in lines if line.startswith("#"))
    (command,) = {name for name, _ in commands_in(header) if name.endswith("-train")}
    assert {match["name"] for match in names if match} <= flags_of(command)


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    machine = re.compile(r"/(home|root|work|tmp|Users)/\w")
    for name in listed:
        path = ROOT / name
        if path.suffix in {".png", ".npz", ".npy", ".keras", ".h5", ".xz"} or not path.is_file():
            continue
        # Files that a reader failed on may hold any bytes.
        errors = "replace" if "tests/fuzz/corpus" in name else "strict"
        match = machine.search(path.read_text(encoding="utf-8", errors=errors))
        assert match is None, f"{name}: {match}"


@pytest.mark.slow
def test_wheel_and_source_archive_install_in_a_clean_environment(
    built: Path, tmp_path: Path
) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    (wheel_path,) = built.glob("*.whl")
    (source_path,) = built.glob("*.tar.gz")
    check = "from ms2l_tf.skeletons import *; assert load_layout('kinect_v1_20').num_joints == 20"
    versions = locked_versions("requirements.lock").items()
    pins = tmp_path / "pins.txt"  # without hashes, which pip asks of the wheel too
    pins.write_text("\n".join(f"{name}=={version}" for name, version in versions))
    run(*pip, "--constraint", pins, wheel_path)
    run(python, "-c", check, cwd=tmp_path)
    for command in COMMANDS:
        done = subprocess.run(
            [python.parent / command, "--help"], cwd=tmp_path, capture_output=True
        )
        assert b"--" in done.stdout
        assert b"Traceback" not in done.stderr
    assert "nw_ucla/unsupervised_wide" in run(
        python.parent / "ms2l-train", "--recipe=help", cwd=tmp_path
    )
    run(*pip, "--no-deps", "--force-reinstall", source_path)
    run(python, "-c", check, cwd=tmp_path)
