"""A folder that is not as it was written is refused in one line, and nothing of it is loaded."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from ms2l_tf import load_model
from ms2l_tf.errors import InputError
from ms2l_tf.export.manifest import read_manifest

DATA = "variables/variables.data-00000-of-00001"


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[pathlib.Path], None]:
    """Changes the manifest, which is no checksum of itself."""

    def edit(folder: pathlib.Path) -> None:
        values = json.loads((folder / "ms2l.json").read_text())
        change(values)
        (folder / "ms2l.json").write_text(json.dumps(values))

    return edit


def flipped(folder: pathlib.Path) -> None:
    content = bytearray((folder / DATA).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / DATA).write_bytes(content)


def truncated(folder: pathlib.Path) -> None:
    content = (folder / "saved_model.pb").read_bytes()
    (folder / "saved_model.pb").write_bytes(content[: len(content) // 2])


def second_graph(folder: pathlib.Path) -> None:
    shutil.copy(folder / "saved_model.pb", folder / "saved_model.cpb")


def linked(folder: pathlib.Path) -> None:
    (folder / "more").symlink_to(folder / "variables")


def swapped(values: dict[str, Any]) -> None:
    values["output"]["label_names"].reverse()


DAMAGE: dict[str, tuple[Callable[[pathlib.Path], Any], str]] = {
    "a bit": (flipped, f"{DATA}: the content does not match its checksum"),
    "cut off": (truncated, "saved_model.pb: the content does not match"),
    "lost": (lambda folder: (folder / DATA).unlink(), f"{DATA}: is missing"),
    "another graph": (second_graph, "saved_model.cpb: is no file of this model"),
    "a link": (linked, "more: is no file of this model"),
    "labels swapped": (edited(swapped), "differs from its copy"),
    "no manifest": (lambda f: (f / "ms2l.json").unlink(), "is no exported model"),
    "no JSON": (lambda f: (f / "ms2l.json").write_text("{"), "is not valid JSON"),
    "a list": (lambda f: (f / "ms2l.json").write_text("[]"), "must hold a JSON object"),
    "foreign JSON": (lambda f: (f / "ms2l.json").write_text("{}"), "is not of a model that"),
    "version": (edited(lambda v: v.update(format_version=9)), "format_version 9, this program"),
    "no input": (edited(lambda v: v.pop("input")), "missing or damaged entry"),
    "no files": (edited(lambda v: v.pop("files")), "entry 'files' is missing"),
    "files empty": (edited(lambda v: v.update(files={})), "entry 'files' lacks"),
    "files a list": (edited(lambda v: v.update(files=[1])), "entry 'files' is missing"),
    "labels": (edited(lambda v: v["output"].update(label_names=[1])), "'label_names' is damaged"),
    "matrix": (edited(lambda v: v["input"].update(to_metres=[[1]])), "'to_metres' is damaged"),
    "layout": (edited(lambda v: v["input"].update(layout={})), "ms2l.json"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_folder_runs_nothing(
    kind: str,
    exported: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    damage, message = DAMAGE[kind]
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    damage(folder)
    monkeypatch.setattr(tf.saved_model, "load", lambda *_: pytest.fail("was loaded"))
    with pytest.raises(InputError) as caught:
        load_model(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_foreign_folder_is_told(tmp_path: pathlib.Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "foreign"))
    for path, message in (("foreign", "is no exported model"), ("none", "no such folder")):
        with pytest.raises(InputError, match=message):
            load_model(tmp_path / path)


def test_the_card_may_be_edited_and_the_folder_moved(
    exported: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(exported, tmp_path / "moved")
    (tmp_path / "moved" / "README.md").write_text("# Mine\n")
    assert read_manifest(tmp_path / "moved").values == read_manifest(exported).values
