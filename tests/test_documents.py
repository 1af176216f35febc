"""What the documents say is so: flags exist, links lead somewhere, code runs as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.skeletons import load_layout, load_mapping
from tests.test_packaging import COMMANDS, RECIPES, ROOT, commands_in, flags_of

PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
DATA, SKELETONS = "docs/data.md", "docs/skeletons.md"
# Small enough for a test; everything else is as the document says.
SMALL_MSCLR = ["--epochs=1", "--batch=8", "--width=2", "--blocks=2", "--frames=8", "--projection=4"]


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def code(page: str, language: str, number: int = 0) -> str:
    """A code block of a language in a page, by its number among them."""
    pattern = rf"^ *```{language}\n(.*?)^ *```"
    blocks: list[str] = re.findall(pattern, read(page), re.DOTALL | re.MULTILINE)
    return textwrap.dedent(blocks[number])


def run_code(page: str, number: int = 0) -> None:
    exec(compile(code(page, "python", number), page, "exec"), {})


def anchors(page: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, *RECIPES])
def test_documented_flags_exist(page: str) -> None:
    for command, names in commands_in(read(page)):
        unknown = set(names) - flags_of(command)
        assert not unknown, f"{page}: {command} has no flag {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", read(page)):
        path, _, anchor = target.partition("#")
        file = os.path.normpath(Path(page).parent / path) if path else page
        assert (ROOT / file).exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(file), f"{page}: {target} has no such heading"


def test_every_page_is_linked_from_the_readme() -> None:
    assert not [page for page in PAGES[1:] if f"]({page})" not in read("README.md")]


def test_readme_shows_every_command_and_is_short() -> None:
    shown = {command for command, _ in commands_in(read("README.md"))}
    assert set(COMMANDS) <= shown
    assert len(read("README.md").split()) < 1300


@pytest.mark.slow
def test_readme_python_runs_after_its_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare, train, _ = code("README.md", "").splitlines()
    run_command(f"{prepare} --clips=96")
    run_command(train)
    run_code("README.md")
    assert Path("runs/demo/result.json").is_file()
    run_command(re.findall("^ms2l-export .*", read("README.md"), re.MULTILINE)[0])
    run_code("README.md", 2)


@pytest.mark.parametrize("page", ["README.md", DATA])
def test_dataset_example_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_code(page, 1 if page == "README.md" else 0)
    dataset = ClipDataset.open("data/mine")
    assert len(dataset.split("by_subject").train) == 40
    assert len(dataset.clips) == 60


def test_layout_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "upper_body.json"
    path.write_text(code(SKELETONS, "json"), encoding="utf-8")
    assert load_layout(path).num_joints == 9


def write_skeletons(folder: Path) -> None:
    for number, name in enumerate(("upper_body", "my_mapping", "arms")):
        (folder / f"{name}.json").write_text(code(SKELETONS, "json", number), encoding="utf-8")


def test_mapping_fits_the_layouts_beside_it(tmp_path: Path) -> None:
    write_skeletons(tmp_path)
    mapping = load_mapping(str(tmp_path / "my_mapping.json"))
    assert (mapping.source, mapping.target) == ("upper_body_9", "arms_4")


def write_bvh(path: Path, random: np.random.Generator) -> None:
    """Joints of the page's skeleton, each turning at random on a bone of 10 cm."""
    layout = json.loads(code(SKELETONS, "json"))
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


def run_command(text: str) -> None:
    name, *flags = text.split()
    done = subprocess.run(
        [sys.executable, "-m", COMMANDS[name], *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{text}\n{done.stderr}"


@pytest.mark.slow
def test_an_odd_skeleton_is_taken_from_raw_files_to_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_skeletons(tmp_path)
    (tmp_path / "recordings").mkdir()
    for number in range(16):
        write_bvh(tmp_path / "recordings" / f"take{number}.bvh", np.random.default_rng(number))
    run_code(SKELETONS)
    assert ClipDataset.open("data/mocap").poses("upper_body_9").lengths.tolist() == [12] * 16
    section = read(SKELETONS).split("## From raw files")[1]
    commands = re.findall(r"`((?:ms2l|msclr)-[^`]*=[^`]*)`", section)[:3]
    assert [text.split()[0] for text in commands] == [
        "ms2l-prepare",
        "msclr-train",
        "msclr-evaluate",
    ]
    for text in commands:
        small = SMALL_MSCLR if text.startswith("msclr-train") else []
        run_command(" ".join([text, *small]))
    with np.load("mine.npz") as features:
        assert features["train_features"].shape[0] == 16
