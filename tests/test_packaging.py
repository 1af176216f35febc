"""What is built, what it needs, and that the documented commands are the commands there are."""

from __future__ import annotations

import configparser
import email.parser
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from ms2l_tf.data import ClipDataset
from ms2l_tf.skeletons import load_layout, load_mapping

ROOT = Path(__file__).resolve().parent.parent
DATA_FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "ms2l_tf").rglob("*.json"))
RECIPES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "flags").rglob("*.cfg"))
COMMANDS = {  # console scripts and their modules
    "ms2l-prepare": "ms2l_tf.cli.prepare",
    "ms2l-train": "ms2l_tf.cli.train",
    "ms2l-evaluate": "ms2l_tf.cli.evaluate",
    "msclr-train": "msclr.cli.train",
    "msclr-evaluate": "msclr.cli.evaluate",
}
SCRIPTS = {module: script for script, module in COMMANDS.items()}
DOCUMENTS = ("README.md", "docs/architecture.md", "docs/benchmarks.md", *RECIPES)

# A command of the project inside a line of shell, however it is started.
COMMAND = re.compile(
    r"(?:(?P<script>(?:ms2l|msclr)-\w+)|-m (?P<module>\w+\.cli\.\w+)|(?P<tool>tools/\w+\.py))"
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


def test_recipes_of_the_wheel_are_found_without_a_checkout(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """Unpacked as an installer would, and run from a folder that has no flags/."""
    wheel.extractall(tmp_path / "site")
    start = "from {0} import entry; import {1} as p; print(p.__file__, flush=True); entry()"
    for module, recipe in (("ms2l_tf", "nw_ucla/semi_1"), ("msclr", "nw_ucla/aimclr")):
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
    expected |= {"LICENSE", "README.md", "Makefile", "requirements.lock", "tools/benchmark.py"}
    expected |= {"setup.py", "setup.cfg", "pyproject.toml"}
    assert expected | {"tests/test_packaging.py"} <= names


def test_metadata(metadata: email.message.Message, wheel: zipfile.ZipFile) -> None:
    assert metadata["Name"] == "ms2l-tf"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Apache-2.0" in (metadata["License-Expression"] or metadata["License"])
    assert {"cuda", "umap", "video", "dev"} == set(metadata.get_all("Provides-Extra", []))
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
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pins), "only exact versions"
    locked = {name.lower().replace("_", "-"): version for name, version in map(_pin, pins)}
    assert not [name for name in locked if name.startswith("nvidia")], "CPU environment"
    for line in metadata.get_all("Requires-Dist", []):
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": "dev"}):
            continue
        assert Version(locked[requirement.name]) in requirement.specifier, line


def _pin(line: str) -> tuple[str, str]:
    name, version = line.split("==")
    return name, version


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
    """Help text of "ms2l-train" (started as a module or script) or "tools/benchmark.py"."""
    start = [command] if command.endswith(".py") else ["-m", COMMANDS[command]]
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
            command = match["tool"] or match["script"] or SCRIPTS[match["module"]]
            found.append((command, FLAG.findall(match["rest"].split("`")[0].split(" # ")[0])))
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documented_flags_exist(document: str) -> None:
    for command, names in commands_in((ROOT / document).read_text(encoding="utf-8")):
        unknown = set(names) - flags_of(command)
        assert not unknown, f"{document}: {command} has no flag {', '.join(sorted(unknown))}"


def test_readme_shows_every_command() -> None:
    shown = {command for command, _ in commands_in((ROOT / "README.md").read_text("utf-8"))}
    assert set(COMMANDS) <= shown


def readme_block(language: str, number: int = 0) -> str:
    """A code block of a language in the README, by its number among them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = rf"^ *```{language}\n(.*?)^ *```"
    blocks: list[str] = re.findall(block, text, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(blocks[number])


def test_readme_layout_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "upper_body.json"
    path.write_text(readme_block("json"), encoding="utf-8")
    assert load_layout(path).num_joints == 9


def write_readme_skeletons(folder: Path) -> None:
    for number, name in enumerate(("upper_body", "my_mapping", "arms")):
        (folder / f"{name}.json").write_text(readme_block("json", number), encoding="utf-8")


def test_readme_mapping_fits_the_layouts_beside_it(tmp_path: Path) -> None:
    write_readme_skeletons(tmp_path)
    mapping = load_mapping(str(tmp_path / "my_mapping.json"))
    assert (mapping.source, mapping.target) == ("upper_body_9", "arms_4")


def write_bvh(path: Path, random: np.random.Generator) -> None:
    """Joints of the README's skeleton, each turning at random on a bone of 10 cm."""
    layout = json.loads(readme_block("json"))
    children: dict[str, list[str]] = {}
    for child, parent in layout["bones"]:
        children.setdefault(parent, []).append(child)
    lines = ["HIERARCHY"]

    def joint(name: str, word: str, x: float) -> None:
        turns = "3 Zrotation Xrotation Yrotation"
        channels = turns if word == "JOINT" else f"6 Xposition Yposition Zposition {turns[2:]}"
        lines.extend([f"{word} {name}", "{", f"OFFSET {x} 10 0", f"CHANNELS {channels}"])
        below = children.get(name, [])
        for number, child in enumerate(below):
            joint(child, "JOINT", 10.0 * (1 - number))
        if not below:
            lines.extend(["End Site", "{", "OFFSET 0 5 0", "}"])
        lines.append("}")

    joint("pelvis", "ROOT", 0.0)
    frames = random.normal(scale=20.0, size=(24, 3 + 3 * len(layout["joints"])))
    lines += ["MOTION", "Frames: 24", "Frame Time: 0.016667"]
    lines += [" ".join(f"{value:.3f}" for value in frame) for frame in frames]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_readme_takes_an_odd_skeleton_from_raw_files_to_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_readme_skeletons(tmp_path)
    (tmp_path / "recordings").mkdir()
    for number in range(16):
        write_bvh(tmp_path / "recordings" / f"take{number}.bvh", np.random.default_rng(number))
    exec(compile(readme_block("python", 1), "README.md", "exec"), {})
    assert ClipDataset.open("data/mocap").poses("upper_body_9").lengths.tolist() == [12] * 16
    section = (ROOT / "README.md").read_text("utf-8").split("**From a skeleton of your own")[1]
    said = re.findall(r"`((?:ms2l|msclr)-[^`]*=[^`]*)`", section)[:3]
    assert [text.split()[0] for text in said] == ["ms2l-prepare", "msclr-train", "msclr-evaluate"]
    modules = ("ms2l_tf.cli.prepare", "msclr.cli.train", "msclr.cli.evaluate")
    small = ["--epochs=1", "--batch=8", "--width=2", "--blocks=2", "--frames=8", "--projection=4"]
    for module, text in zip(modules, said, strict=True):
        extra = small if module == "msclr.cli.train" else []
        command = [sys.executable, "-m", module, *text.split()[1:], *extra]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{text}\n{done.stderr}"
    with np.load("mine.npz") as features:
        assert features["train_features"].shape[0] == 16


def test_readme_dataset_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(readme_block("python"), "README.md", "exec"), {})
    dataset = ClipDataset.open("data/mine")
    assert len(dataset.split("by_subject").train) == 40
    assert len(dataset.clips) == 60


def test_demo_runs_the_three_commands_with_flags_they_have() -> None:
    plan = commands_in(run("make", "--dry-run", "--always-make", "demo"))
    assert [command for command, _ in plan] == ["ms2l-prepare", "ms2l-train", "ms2l-evaluate"]
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
        if path.suffix in {".png", ".npz", ".npy", ".keras", ".h5"} or not path.is_file():
            continue
        match = machine.search(path.read_text(encoding="utf-8"))
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
    run(*pip, "--constraint", ROOT / "requirements.lock", wheel_path)
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
