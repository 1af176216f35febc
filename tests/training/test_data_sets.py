"""Runs on several data sets: which clips, by turns, resumed, read one by one, refused."""

from __future__ import annotations

import itertools
import json
import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf import ClipDataset, load_encoder
from ms2l_tf.data import Axes, Clip, ClipPoses, DatasetWriter
from ms2l_tf.data.data_sets import settings_of_sets
from ms2l_tf.data.pipeline import WHOLE, Share
from ms2l_tf.data.run_data import RunData
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run, features_only
from ms2l_tf.methods.batches import Batches
from ms2l_tf.methods.mixed_batches import MixedBatches
from ms2l_tf.methods.registry import changed, method_of, run_config
from ms2l_tf.networks.kernels import KernelEncoder
from ms2l_tf.networks.semantic import SemanticPoints
from ms2l_tf.runs.build import build_learner, open_data, reads_points, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.settings.config import DataConfig, RunConfig
from ms2l_tf.skeletons.canonical import CANONICAL
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.training.train import train
from tests.helpers import fitting, motion, tiny_config, tiny_layout, write_dataset
from tests.training.test_train import assert_same_weights, interruption

SMALL: dict[str, Any] = {
    "frames": 8, "units": 3, "width": 1, "blocks": 2, "temporal_kernel": 3, "batch": 4,
    "epochs": 1, "monitor_epochs": 0, "k": (1,), "raw_frames": 4, "projection": 4, "queue": 8,
    "observed": 4.0, "mixes": 8, "dims": 4, "target_mixes": 8, "target_dims": 4,
    "validation": "none",
}  # fmt: skip
PROBES = Choices(("linear", "knn"), floors=("raw", "random"), figures=False)
NETWORKS = {"msclr": "stgcn", "longt_gan": "gru_last", "kernels": "kernels"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """48 clips in 25 and 24 joints, 24 others in 20."""
    root = tmp_path_factory.mktemp("data")
    told: list[tuple[str, int, tuple[str, ...]]] = [
        ("many", 48, ("kinect_v2_25", "smpl_24")), ("few", 24, ("kinect_v1_20",)),
    ]  # fmt: skip
    return [
        str(generate(root / name, clips=clips, seed=clips, layouts=layouts, progress=False).path)
        for name, clips, layouts in told
    ]


def config_of(folders: list[str], method: str = "ms2l", **changes: Any) -> RunConfig:
    values = {
        "method": method,
        "network": NETWORKS.get(method, "gru"),
        "data": ",".join(folders),
        "joints": "semantic",
        **changes,
    }
    return run_config({**fitting(SMALL, values), **values})


def mixed(config: RunConfig) -> MixedBatches:
    """As a run makes them."""
    data, make = open_data(config), method_of(config).batches
    points = reads_points(config, data)
    return MixedBatches(config, data, lambda own, one: make(own, one, 1), points=points)


@pytest.fixture(scope="module")
def run(folders: list[str], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("runs") / "run"
    config = config_of(folders, epochs=2, monitor_epochs=1, validation="clip")
    return train(config, str(path), strategy="one")


def halved(folder: pathlib.Path) -> list[ClipDataset]:
    """A dataset, and its clips written into two: six training clips in one, the rest in another."""
    whole = write_dataset(folder / "whole")
    split, store = whole.split("cross_subject"), whole.poses("tiny_5")
    parts = [whole]
    for number, train_clips in enumerate((split.train[:6], split.train[6:])):
        with DatasetWriter(folder / f"half_{number}", name="half", label_names=("a", "b")) as out:
            axes = Axes("+y", "+z", "left")
            out.add_layout(tiny_layout(), frame_rate=30.0, unit="m", axes=axes, num_persons=2)
            for row in (*train_clips, *split.test):
                poses = {"tiny_5": ClipPoses(store.poses(row).coords, store.poses(row).present)}
                out.add_clip(whole.clips[row], poses)
            sides = (whole.names[side].tolist() for side in (train_clips, split.test))
            out.add_split("cross_subject", **dict(zip(("train", "test"), sides, strict=True)))
        parts.append(ClipDataset.open(folder / f"half_{number}"))
    return parts


def write_other(
    out: pathlib.Path, layout: SkeletonLayout, coords: int = 3, name: str = "other"
) -> str:
    """Two subjects, a clip each, in poses cut to so many coordinates."""
    axes = Axes("+y", "+z", "left") if coords == 3 else None
    with DatasetWriter(out, name=name, label_names=("a",)) as writer:
        unit = "m" if axes else "px"
        writer.add_layout(layout, frame_rate=30.0, unit=unit, axes=axes, num_coords=coords)
        for number in range(2):
            poses = ClipPoses(motion(6, seed=number)[..., :coords])
            writer.add_clip(Clip(f"clip_{number}", 0, subject=str(number)), {layout.name: poses})
        writer.add_split("all", train=["clip_0", "clip_1"], test=[])
    return str(out)


def test_each_set_has_its_folder_and_split(tmp_path: pathlib.Path) -> None:
    def told(data: str, split: str = "") -> list[tuple[str, str]]:
        return [(one.data, one.split) for one in settings_of_sets(DataConfig(data, split=split))]

    assert told("a") == [("a", "")]
    assert told("a,b") == [("a", ""), ("b", "")]
    assert told("a,b", "all") == [("a", "all"), ("b", "all")]
    assert told("a,b", "x,y") == [("a", "x"), ("b", "y")]
    assert told("a,b", ",y") == [("a", ""), ("b", "y")]
    comma = tmp_path / "data, mine"
    comma.mkdir()
    assert told(str(comma)) == [(str(comma), "")], "one folder, whose name has a comma"
    with pytest.raises(InputError, match=r"^--split=x,y,z: names 3 splits of 2 data sets"):
        told("a,b", "x,y,z")
    with pytest.raises(InputError, match=r"^--data=a,: names no folder beside a comma"):
        told("a,")


def test_each_set_reads_its_layouts(folders: list[str]) -> None:
    def read(*layouts: str) -> list[tuple[str, ...]]:
        config = config_of(folders, "kernels", layouts=layouts)
        return [one.names for one in open_data(config).sets]

    assert read() == [("kinect_v2_25", "smpl_24"), ("kinect_v1_20",)]
    assert read("kinect_v1_20", "smpl_24") == [("smpl_24",), ("kinect_v1_20",)]
    assert read("h36m_15") == [("h36m_15",), ("h36m_15",)], "mapped where it is not stored"
    assert [one.names for one in open_data(config_of(folders)).sets] == [
        ("kinect_v2_25",),
        ("kinect_v1_20",),
    ]
    with pytest.raises(InputError, match=r"^--layouts: none of the data sets has 'penn_13'"):
        read("kinect_v1_20", "smpl_24", "penn_13")


def test_an_epoch_reads_each_clip_once_and_each_batch_one_set(folders: list[str]) -> None:
    config = config_of(folders)
    many, few = open_data(config).sets
    batches = mixed(config)
    counts = [len(one.reference.train) // 4 for one in (many, few)]
    assert batches.steps == sum(counts)
    assert counts[0] > counts[1] > 0
    first = len(many.dataset)
    expected = [*many.reference.train, *(few.reference.train + first)]
    assert batches.clips.tolist() == expected
    orders = []
    read = iter(batches.begin(0))
    for epoch in range(2):
        clips, order = [], []
        for _ in range(batches.steps):
            batch = next(read)
            rows = batch["clip"].numpy()
            assert batch["poses"].shape == (4, 8, many.persons, 11, 3)
            assert (rows < first).all() or (rows >= first).all()
            clips += rows.tolist()
            order.append(int(rows[0] >= first))
        assert order == batches.order(epoch).tolist()
        assert np.bincount(order).tolist() == counts
        assert len(set(clips)) == len(clips) == 4 * batches.steps
        assert set(clips) <= set(expected)
        orders.append(clips)
    assert orders[0] != orders[1]


def test_a_batch_holds_the_points_of_its_set(folders: list[str]) -> None:
    config = config_of(folders)
    data, batches = open_data(config), mixed(config)
    seen = set()
    for batch, number in zip(batches.begin(0), batches.order(0), strict=False):
        one = data.sets[number]
        rows = batch["clip"].numpy() - number * len(data.dataset)
        seen.add(int(number))
        raw = [one.reference.store.poses(row).coords for row in rows]
        expected = SemanticPoints(one.layouts)
        for row, (poses, coords) in enumerate(zip(batch["poses"], raw, strict=True)):
            lengths = np.array([len(coords)])
            native, _ = one.normalisers[0](coords[None], lengths)
            np.testing.assert_allclose(poses, expected(native)[0], atol=1e-4, err_msg=str(row))
    assert seen == {0, 1}


class Counted(Batches):
    """Batches of one clip each, numbered by the step that has them."""

    def __init__(self, data: RunData) -> None:
        self.clips, self.batch, self.steps = data.reference.train, 1, len(data.reference.train)

    def begin(self, first_step: int, share: Share = WHOLE) -> tf.data.Dataset:
        return tf.data.Dataset.counter(first_step).map(lambda step: {"clip": step[None]})


def test_batches_go_on_where_they_stopped(folders: list[str]) -> None:
    data = open_data(config_of(folders))
    batches = MixedBatches(config_of(folders), data, lambda _, one: Counted(one), points=False)
    count = 2 * batches.steps + 3

    def read(first_step: int) -> list[int]:
        taken = batches.begin(first_step).take(count - first_step)
        return [int(batch["clip"][0]) for batch in taken]

    told = read(0)
    many = len(data.dataset)
    steps = [sorted(step for step in told[: batches.steps] if (step >= many) == few)
             for few in (False, True)]  # fmt: skip
    assert steps[0] == list(range(batches._parts[0].steps)), "each set from its first step on"
    assert steps[1] == list(range(many, many + batches._parts[1].steps))
    for step in (1, batches.steps - 1, batches.steps, batches.steps + 2):
        assert read(step) == told[step:]


def test_batches_fit_the_smallest_set(folders: list[str]) -> None:
    batches = mixed(config_of(folders, batch=64))
    few = len(open_data(config_of(folders)).others[0].reference.train)
    assert batches.batch == few < 64
    (line,) = batches.warnings()
    assert line.startswith(f"--batch=64: is larger than the smallest data set; a batch is {few}")
    assert all(len(batch["clip"]) == few for batch in batches.begin(0).take(batches.steps))


def test_two_halves_are_the_whole(tmp_path: pathlib.Path) -> None:
    whole, *halves = halved(tmp_path)
    shared = {"method": "kernels", "mixes": 8, "dims": 4, "frames": 8, "validation": "none"}
    encoders = []
    for folders in ([whole], halves):
        config = run_config({**shared, "data": ",".join(str(one.path) for one in folders)})
        data = open_data(config)
        names = [one.dataset.names[one.reference.train].tolist() for one in data.sets]
        assert (
            sorted(itertools.chain(*names))
            == whole.names[whole.split("cross_subject").train].tolist()
        )
        learner = build_learner(config, run_shape(config, data))
        fit = method_of(config).fit
        assert fit is not None
        logs = fit(config, data, learner)
        assert logs["directions"] == 4
        assert isinstance(learner.encoder, KernelEncoder)
        encoders.append(learner.encoder)
    for one, other in zip(encoders[0].banks, encoders[1].banks, strict=True):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.scale, other.scale, rtol=1e-4, atol=1e-5)


def test_one_layout_needs_no_points(tmp_path: pathlib.Path) -> None:
    _, *halves = halved(tmp_path)
    data = ",".join(str(one.path) for one in halves)
    config = tiny_config(data=data, epochs=1, monitor_epochs=0, validation="none", batch=3)
    folder = train(config, str(tmp_path / "run"), strategy="one")
    assert [one["name"] for one in folder.record()["layouts"]] == ["tiny_5"]
    assert folder.record()["trained_clips"] == 12
    features = load_encoder(folder.path).transform(halves[1])
    assert features.shape == (len(halves[1]), 8)


def test_the_run_keeps_all_its_sets(run: RunFolder, folders: list[str]) -> None:
    record, sets = run.record(), [ClipDataset.open(folder) for folder in folders]
    assert record["poses"]["layout"] == CANONICAL
    names = [layout["name"] for layout in record["layouts"]]
    assert names == [CANONICAL, "kinect_v2_25", "kinect_v1_20"]
    for entry, dataset in zip(record["datasets"], sets, strict=True):
        assert entry["name"] == dataset.name
        assert entry["dataset_fingerprint"] == entry["fingerprint"] == dataset.fingerprint
        assert entry["split"] == dataset.split_names[0]
    assert record["fingerprint"] not in [dataset.fingerprint for dataset in sets]
    assert all(row["val_knn"] for row in run.read_history()), "read on the first set"


def test_it_is_read_on_each_set(run: RunFolder, folders: list[str]) -> None:
    first = evaluate_run(run, run.config(), PROBES).result
    assert (run.path / "result.json").is_file()
    for number, folder in enumerate(folders):
        config = changed(run.config(), data=folder)
        result = evaluate_run(run, config, PROBES).result
        assert result.dataset == ClipDataset.open(folder).name
        assert {"linear/top1", "floor/raw/linear/top1", "floor/random/knn/1/top1"} <= set(
            result.metrics
        )
        if not number:
            assert result.metrics == first.metrics
    written = json.loads((run.path / "data_2" / "result.json").read_text())
    assert written["metrics"] == result.metrics
    assert json.loads((run.path / "result.json").read_text())["metrics"] == first.metrics


def test_features_are_those_of_the_encoder(
    run: RunFolder, folders: list[str], tmp_path: pathlib.Path
) -> None:
    few = ClipDataset.open(folders[1])
    out = tmp_path / "features.npz"
    features_only(run, changed(run.config(), data=folders[1]), str(out))
    saved = np.load(out)
    rows = few.split(few.split_names[0]).train
    encoder = load_encoder(run.path, layout="kinect_v1_20")
    np.testing.assert_allclose(encoder.transform(few, rows), saved["train_features"], atol=1e-5)
    assert load_encoder(run.path).loaded().layout.name == "kinect_v2_25"
    unseen = load_encoder(run.path, layout="kinect_v1_18")  # the same points
    own = load_encoder(run.path).transform(ClipDataset.open(folders[0]))
    other = unseen.transform(ClipDataset.open(folders[0]))
    np.testing.assert_allclose(other, own, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kernels", "pointing", "msclr", "longt_gan"])
def test_every_method_learns_from_several_sets(
    method: str, folders: list[str], tmp_path: pathlib.Path
) -> None:
    folder = train(config_of(folders, method), str(tmp_path / "run"), strategy="one")
    for data in folders:
        result = evaluate_run(folder, changed(folder.config(), data=data), PROBES).result
        assert np.isfinite(list(result.metrics.values())).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ms2l", "msclr"])
def test_resumed_equals_uninterrupted(
    method: str, folders: list[str], tmp_path: pathlib.Path
) -> None:
    config = config_of(folders, method, epochs=2)
    whole = train(config, str(tmp_path / "whole"), strategy="one")
    with interruption(2), pytest.raises(KeyboardInterrupt):
        train(config, str(tmp_path / "parts"), strategy="one")
    assert_same_weights(whole, train(config, str(tmp_path / "parts"), strategy="one"))


@pytest.mark.slow
def test_two_devices_equal_one(folders: list[str], tmp_path: pathlib.Path) -> None:
    config = config_of(folders)
    one, two = (
        train(config, str(tmp_path / strategy), strategy=strategy)
        for strategy in ("one", "mirrored")
    )
    assert_same_weights(one, two, 1e-4)


def test_labels_of_one_set_follow(
    run: RunFolder, folders: list[str], tmp_path: pathlib.Path
) -> None:
    told = {"init": str(run.path), "data": folders[1], "protocol": "semi", "train": "classifier",
            "epochs": 1, "monitor_epochs": 0}  # fmt: skip
    config = run_config(with_initial_run(told))
    assert config.data.layouts == ("kinect_v1_20",)
    folder = train(config, str(tmp_path / "run"), strategy="one")
    few = ClipDataset.open(folders[1])
    theirs = load_encoder(run.path, layout="kinect_v1_20").transform(few)
    np.testing.assert_allclose(load_encoder(folder.path).transform(few), theirs, atol=1e-5)


def test_what_is_refused(folders: list[str], tmp_path: pathlib.Path) -> None:
    def refused(said: str, told: list[str], **changes: Any) -> None:
        with pytest.raises(InputError, match=said) as error:
            train(config_of(told, **changes), str(tmp_path / "run"), strategy="one")
        assert "\n" not in str(error.value)
        assert not (tmp_path / "run").exists()

    refused(r"^--data: .*many and .*many hold the same clips", [folders[0]] * 2)
    refused(
        r"^--data: .*many is read in kinect_v2_25, .*few in kinect_v1_20; use --joints=semantic",
        folders,
        joints="own",
    )
    refused("--protocol=supervised reads labels", folders, protocol="supervised")
    flat = write_other(tmp_path / "flat", tiny_layout(), coords=2)
    refused(
        r"^--data: kinect_v2_25 of .*many has 3 coordinates, tiny_5 of .*flat has 2",
        [folders[0], flat],
    )
    own = write_other(tmp_path / "own", tiny_layout())
    hip = {"root": (0,), "spine_top": (2,)}
    other = write_other(tmp_path / "renamed", tiny_layout(anchors=hip))
    refused(r"layout 'tiny_5' of .*renamed is another skeleton than that of .*own", [own, other])
    refused(r"names 3 splits of 2 data sets", folders, split="a,b,c")
    refused(r"few: .*split", folders, split="cross_subject,none_such")


def test_what_is_not_read(run: RunFolder, folders: list[str], tmp_path: pathlib.Path) -> None:
    other = write_dataset(tmp_path / "other")
    with pytest.raises(InputError, match=r"^--data: .*other is none of the data sets .*run was"):
        evaluate_run(run, changed(run.config(), data=str(other.path)), PROBES)
    backwards = ",".join(reversed(folders))
    with pytest.raises(InputError, match=r"^--data=.*: is read one data set at a time; name one"):
        evaluate_run(run, changed(run.config(), data=backwards), PROBES)
