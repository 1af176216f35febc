"""The run folder: what it records, and whom it turns away."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import pytest

from ms2l_tf import files
from ms2l_tf.errors import InputError
from ms2l_tf.runs.checkpoint_files import CheckpointFiles
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.lock import locked
from ms2l_tf.runs.starting import start_run
from tests.helpers import tiny_config


def start(path: pathlib.Path, fingerprint: str = "abc", **changes: Any) -> RunFolder:
    folder = RunFolder(path)
    start_run(
        folder,
        {
            "protocol": "unsupervised",
            "dataset": "tiny",
            "fingerprint": fingerprint,
            "settings": tiny_config(**changes).to_json(),
        },
    )
    return folder


def test_a_new_run_is_recorded(tmp_path: pathlib.Path) -> None:
    folder = start(tmp_path / "deep" / "run", seed=3)
    record = json.loads((tmp_path / "deep" / "run" / "flags.json").read_text())
    assert record["protocol"] == "unsupervised"
    assert record["dataset"] == "tiny"
    assert record["fingerprint"] == "abc"
    assert record["settings"]["seed"] == 3
    assert folder.config() == tiny_config(seed=3)
    assert not folder.finished
    assert folder.read_history() == []
    assert folder.timing() == {}


def test_the_same_flags_go_on(tmp_path: pathlib.Path) -> None:
    start(tmp_path / "run")
    before = (tmp_path / "run" / "flags.json").read_bytes()
    start(tmp_path / "run")
    assert (tmp_path / "run" / "flags.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 5}, "was started with --units=4, now --units=5"),
        ({"tasks": ["jigsaw"]}, "--tasks=prediction,jigsaw,contrastive, now --tasks=jigsaw"),
        ({"epochs": 3}, "told to train --epochs=4, now --epochs=3; a run can be prolonged, not sh"),
        ({"seed": 1}, "--seed=0, now --seed=1"),
        ({"split": "other"}, "--split=, now --split=other"),
    ],
)
def test_other_flags_are_refused_by_name(
    tmp_path: pathlib.Path, changes: dict[str, Any], message: str
) -> None:
    start(tmp_path / "run")
    with pytest.raises(InputError, match=message):
        start(tmp_path / "run", **changes)


def checkpoint(folder: RunFolder, epoch: int) -> None:
    """Files of the names that a checkpoint of this epoch has."""
    folder.checkpoint.mkdir()
    for ending in ("index", "data-00000-of-00001"):
        (folder.checkpoint / f"ckpt-{epoch}.{ending}").touch()


def test_more_epochs_prolong_a_run(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = start(tmp_path / "run")
    checkpoint(folder, 4)
    folder.weights.touch()
    before = folder.flags.read_bytes()
    assert folder.trained_to(4)
    assert not folder.trained_to(9)
    start(tmp_path / "run", epochs=9)
    assert folder.finished, "nothing happens before the run is locked"
    folder.prolong(9)
    assert "goes on to epoch 9; schedules stay those of the 4 planned" in capsys.readouterr().out
    assert not folder.finished
    assert folder.config() == tiny_config(epochs=9)
    assert folder.planned_epochs(9) == 4
    assert folder.flags.read_bytes() == before
    folder.prolong(9)
    assert capsys.readouterr().out == ""
    with pytest.raises(InputError, match="was told to train --epochs=9, now --epochs=4"):
        start(tmp_path / "run")
    folder.weights.touch()
    assert folder.trained_to(9)
    shutil.rmtree(folder.checkpoint)
    start(tmp_path / "run", epochs=9)
    with pytest.raises(InputError, match="has no checkpoint any more to go on from to --epochs=10"):
        start(tmp_path / "run", epochs=10)


def test_a_run_that_was_never_started_is_planned_as_told(tmp_path: pathlib.Path) -> None:
    assert RunFolder(tmp_path).planned_epochs(7) == 7


@pytest.mark.parametrize("content", ["", "{}", '{"epochs": "many"}', '{"epochs": 0}', None])
def test_a_damaged_record_of_more_epochs(
    tmp_path: pathlib.Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The checkpoints tell how far the run was told to go at least."""
    folder = start(tmp_path / "run")
    checkpoint(folder, 9)
    if content is not None:
        folder.prolonged.write_text(content)
    assert folder.config() == tiny_config(epochs=9)
    assert ("prolonged.json" in capsys.readouterr().err) == (content is not None)


def test_where_the_data_lies_and_how_it_is_probed_may_change(tmp_path: pathlib.Path) -> None:
    start(tmp_path / "run")
    folder = start(
        tmp_path / "run", data="elsewhere", pooling="max", k=(3,), raw_frames=9, linear_c=(2.0,)
    )
    assert folder.config() == tiny_config(), "the record stays what the run was started with"


def test_a_run_of_a_version_with_fewer_settings_goes_on(tmp_path: pathlib.Path) -> None:
    folder = start(tmp_path / "run", protocol="semi")
    record = json.loads(folder.flags.read_text())
    del record["settings"]["omega"]
    folder.flags.write_text(json.dumps(record))
    start(tmp_path / "run", protocol="semi")
    with pytest.raises(InputError, match=r"--omega=1\.0, now --omega=2\.0"):
        start(tmp_path / "run", protocol="semi", omega=2.0)


def test_another_dataset_is_refused(tmp_path: pathlib.Path) -> None:
    start(tmp_path / "run")
    with pytest.raises(InputError, match="started on dataset 'tiny' with other contents"):
        start(tmp_path / "run", fingerprint="abd")


def test_a_folder_of_something_else_is_refused_and_untouched(tmp_path: pathlib.Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match=f"--workdir: {tmp_path} is not empty and holds no run"):
        start(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_is_fine(tmp_path: pathlib.Path) -> None:
    assert start(tmp_path).flags.is_file()


def test_a_folder_that_cannot_be_made(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(InputError, match=r"--workdir: .* cannot be made"):
            start(path)


def test_no_run_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"holds no run \(no flags\.json\); train one first"):
        RunFolder(tmp_path).config()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "flags.json: is not valid JSON"),
        ("{}", "flags.json: entry 'protocol' is missing"),
        (
            '{"protocol": "semi", "dataset": "a", "fingerprint": "b", "settings": 3}',
            "flags.json: entry 'settings' is damaged",
        ),
        (
            '{"protocol": "semi", "dataset": "a", "fingerprint": "b", "settings": {}, "poses": {}}',
            "flags.json: entry 'poses' is damaged",
        ),
    ],
)
def test_damaged_record(tmp_path: pathlib.Path, content: str, message: str) -> None:
    (tmp_path / "flags.json").write_text(content)
    with pytest.raises(InputError, match=message):
        RunFolder(tmp_path).record()
    with pytest.raises(InputError, match=message):
        start(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"units": "abc"}, "--units: .abc. is not a whole number"),
        ({"units": 1.5}, "--units: 1.5 is not a whole number"),
        ({"units": True}, "--units: True is not a whole number"),
        ({"units": [1]}, "--units: .* is not a whole number"),
        ({"units": 0}, "--units: 0 is below"),
        ({"method": "skeletonclr"}, "--method: 'skeletonclr' is not one of"),
        ({"method": ["ms2l"]}, "a setting has the wrong type"),
        ({"cell": "gru"}, "--cell: is no setting of --method=ms2l .*; a run of another version"),
        ({"momentum": 0.9}, "--momentum: is no setting of --method=ms2l with --network=gru; a run"),
    ],
)
def test_damaged_settings_name_the_file(
    tmp_path: pathlib.Path, settings: dict[str, Any], message: str
) -> None:
    folder = start(tmp_path / "run")
    record = json.loads(folder.flags.read_text())
    folder.flags.write_text(json.dumps({**record, "settings": settings}))
    with pytest.raises(InputError, match=f"flags.json: {message}"):
        folder.config()


def test_what_a_kill_left_is_removed(tmp_path: pathlib.Path) -> None:
    folder = start(tmp_path / "run")
    state = CheckpointFiles(folder.checkpoint).state
    state.parent.mkdir()
    texts = (folder.flags, folder.origin, folder.labelled, folder.history, folder.timing_file)
    for path in (*texts, folder.weights, folder.path / "weights.json", state):
        left = path.with_name(f".123.{path.name}")
        left.write_text("half")
        assert left in files.leftovers(path)
    folder.remove_leftovers()
    assert list(folder.path.rglob(".*")) == []


def test_one_command_at_a_time_trains_a_run(tmp_path: pathlib.Path) -> None:
    folder = start(tmp_path / "run")
    refused = pytest.raises(InputError, match="another command is training")
    with locked(folder), refused, locked(RunFolder(folder.path)):
        pass
    with locked(RunFolder(folder.path)):  # free again
        pass
