import dataclasses
import json
import pathlib

import numpy as np
import pytest

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.records import Axes
from ms2l_tf.data.synthetic import Preset, generate, load_preset, preset_names
from ms2l_tf.data.synthetic.joints import joint_weights
from ms2l_tf.data.synthetic.sensor import KINECT_AXES, NO_NOISE, axes_matrix
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import load_layout

LAYOUTS = ("kinect_v1_20", "kinect_v2_25", "smpl_24", "h36m_17", "coco_17")
TWO_PERSONS = {"pat on back", "shake hands"}  # those without "other" in their name
PUBLISHED_NTU_TRAIN = {1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("synthetic") / "demo"
    return generate(out, clips=16 * 12, seed=5, progress=False)


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    """Every performance from all three cameras of one subject, without noise."""
    preset = load_preset("demo")
    quiet = dataclasses.replace(preset, noise=NO_NOISE, subjects=("1",), splits={})
    out = tmp_path_factory.mktemp("synthetic") / "exact"
    return generate(out, preset=quiet, clips=16 * 3, progress=False)


def in_metres(dataset: ClipDataset, layout: str, clip: int) -> np.ndarray:
    """[T, J, 3] of the main person in Kinect axes, metres."""
    store = dataset.poses(layout)
    assert isinstance(store.axes, Axes)
    scale = {"m": 1.0, "mm": 1000.0}[store.unit]
    return np.asarray(store.poses(clip).coords[:, 0] @ axes_matrix(store.axes).T / scale)


def test_demo_has_the_promised_shape(demo: ClipDataset) -> None:
    assert len(demo) == 192
    assert set(demo.layouts) == set(LAYOUTS)
    assert len(demo.label_names) >= 12
    assert set(demo.labels) == set(range(len(demo.label_names)))
    assert len(set(demo.subjects)) == 12
    assert len(set(demo.cameras)) == 3
    assert demo.source == "synthetic (preset demo, seed 5)"
    assert {clip.source for clip in demo.clips} == {"synthetic"}
    lengths = demo.poses("kinect_v2_25").lengths
    assert lengths.min() >= 30
    assert lengths.max() <= 81
    assert lengths.std() > 5
    demo.verify(force=True)


def test_layouts_keep_their_own_rates_units_and_axes(demo: ClipDataset) -> None:
    kinect, h36m = demo.poses("kinect_v2_25"), demo.poses("h36m_17")
    assert (kinect.frame_rate, kinect.unit, kinect.axes) == (30.0, "m", KINECT_AXES)
    assert (h36m.frame_rate, h36m.unit) == (25.0, "mm")
    assert h36m.axes == Axes("-y", "+z", "right")
    np.testing.assert_allclose(h36m.lengths / kinect.lengths, 25 / 30, atol=0.03)


def test_people_stand_upright_in_front_of_the_camera(demo: ClipDataset) -> None:
    for layout, top, bottom in (("kinect_v2_25", "head", "left foot"), ("smpl_24", "head", "ltoe")):
        store = demo.poses(layout)
        index = store.layout.index
        for clip in range(0, len(demo), 7):
            points = in_metres(demo, layout, clip)
            tall = points[:, index(top), 1] - points[:, index(bottom), 1]
            assert 0.2 < np.nanmedian(tall) < 2.1
            assert np.nanmin(points[..., 2]) > 0.5


def test_same_seed_same_bytes(tmp_path: pathlib.Path) -> None:
    prints = [
        generate(tmp_path / str(i), clips=20, seed=seed, progress=False).fingerprint
        for i, seed in enumerate((3, 3, 4))
    ]
    assert prints[0] == prints[1] != prints[2]


def test_clip_depends_on_its_own_attributes_only(demo: ClipDataset, tmp_path: pathlib.Path) -> None:
    few = generate(tmp_path / "few", clips=23, seed=5, layouts=["kinect_v2_25"], progress=False)
    names = list(demo.names)
    for index, name in enumerate(few.names):
        one = few.poses("kinect_v2_25").poses(index)
        same = demo.poses("kinect_v2_25").poses(names.index(name))
        np.testing.assert_array_equal(one.coords, same.coords)


@pytest.mark.parametrize("count", [16, 17, 31, 100])
def test_any_number_of_clips_has_all_actions(count: int, tmp_path: pathlib.Path) -> None:
    dataset = generate(tmp_path / "d", clips=count, layouts=["coco_17"], progress=False)
    assert len(dataset) == count
    counts = np.bincount(dataset.labels)
    assert len(counts) == 16
    assert counts.max() - counts.min() <= 1


def test_splits_share_no_subject_and_no_camera(demo: ClipDataset) -> None:
    for name, values in (("cross_subject", demo.subjects), ("cross_view", demo.cameras)):
        split = demo.split(name)
        assert not set(values[split.train]) & set(values[split.test])
        assert len(split.train) + len(split.test) == len(demo)
        assert set(demo.labels[split.test]) == set(demo.labels[split.train])


def test_two_rounds_of_all_actions_are_enough_for_both_splits(tmp_path: pathlib.Path) -> None:
    dataset = generate(tmp_path / "d", clips=32, layouts=["coco_17"], progress=False)
    assert dataset.split_names == ("cross_subject", "cross_view")


def test_missing_joints_are_the_declared_ones_only(demo: ClipDataset, exact: ClipDataset) -> None:
    for layout in LAYOUTS:
        assert np.isfinite(exact.poses(layout).coords[:]).all()
        assert exact.poses(layout).present.all()
    store = demo.poses("kinect_v2_25")
    missing = np.isnan(store.coords[:]).any(axis=-1)
    assert missing[~store.present].all()
    assert 0 < missing[store.present].mean() < 0.02
    assert 0 < (~store.present).mean() < 0.02


def test_layouts_of_a_clip_agree_where_joints_coincide(exact: ClipDataset) -> None:
    pairs = {
        "smpl_24": {"lelb": "left elbow", "rwri": "right wrist", "lkne": "left knee"},
        "coco_17": {"left_elbow": "left elbow", "right_ankle": "right ankle"},
        "kinect_v1_20": {"elbow_left": "left elbow", "foot_right": "right foot"},
        "h36m_17": {"lelb": "left elbow", "rkne": "right knee", "head": "head"},
    }
    kinect = load_layout("kinect_v2_25")
    for layout, same in pairs.items():
        rows = [load_layout(layout).index(name) for name in same]
        expected_rows = [kinect.index(name) for name in same.values()]
        # 25 and 30 frames a second meet every fifth of a second.
        steps = (5, 6) if layout == "h36m_17" else (1, 1)
        for clip in range(0, len(exact), 5):
            other = in_metres(exact, layout, clip)[:: steps[0], rows]
            expected = in_metres(exact, "kinect_v2_25", clip)[:: steps[1], expected_rows]
            shared = min(len(other), len(expected))
            np.testing.assert_allclose(other[:shared], expected[:shared], atol=1e-4)


def test_noisy_layouts_of_a_clip_agree_within_the_noise(demo: ClipDataset) -> None:
    left, right = in_metres(demo, "kinect_v2_25", 0), in_metres(demo, "smpl_24", 0)
    elbow = load_layout("kinect_v2_25").index("left elbow"), load_layout("smpl_24").index("lelb")
    error = np.nanmedian(np.linalg.norm(left[:, elbow[0]] - right[:, elbow[1]], axis=-1))
    assert 0.005 < error < 0.15


def test_cameras_see_the_same_performance(exact: ClipDataset) -> None:
    assert len({clip.group for clip in exact.clips}) == 16
    by_group: dict[str, list[int]] = {}
    for index, clip in enumerate(exact.clips):
        by_group.setdefault(clip.group, []).append(index)
    for views in by_group.values():
        assert len(views) == 3
        shapes = [in_metres(exact, "kinect_v2_25", index) for index in views]
        distances = [np.linalg.norm(s[:, :, None] - s[:, None], axis=-1) for s in shapes]
        np.testing.assert_allclose(distances[0], distances[1], atol=1e-5)
        np.testing.assert_allclose(distances[0], distances[2], atol=1e-5)
        assert np.abs(shapes[0] - shapes[1]).max() > 0.05


@pytest.mark.parametrize(("name", "classes"), [("ntu60", 60), ("pku_mmd", 51)])
def test_benchmark_presets_have_their_shape(
    name: str, classes: int, tmp_path: pathlib.Path
) -> None:
    dataset = generate(tmp_path / name, preset=name, clips=2 * classes, progress=False)
    store = dataset.poses("kinect_v2_25")
    assert store.coords.shape[1:] == (2, 25, 3)
    assert len(dataset.label_names) == classes
    assert set(dataset.labels) == set(range(classes))
    assert store.lengths.min() >= 30
    assert store.lengths.max() <= 151
    assert {"cross_subject", "cross_view"} <= set(dataset.split_names)
    pairs = [label for label, text in enumerate(dataset.label_names) if "other" in text]
    for index, label in enumerate(dataset.labels):
        frames = slice(store.offsets[index], store.offsets[index + 1])
        second = store.present[frames, 1]
        assert second.any() == (label in pairs or dataset.label_names[label] in TWO_PERSONS)


def test_ntu_names_and_published_rules() -> None:
    preset = load_preset("ntu60")
    train = {int(subject) for subject in preset.splits["cross_subject"].train}
    assert train == PUBLISHED_NTU_TRAIN
    assert len(preset.subjects) == 40
    assert set(preset.splits["cross_view"].train) == {"2", "3"}
    assert all(int(setup) % 2 == 0 for setup in preset.splits["cross_setup"].train)


def test_ntu_clip_names_carry_the_attributes(tmp_path: pathlib.Path) -> None:
    dataset = generate(tmp_path / "ntu", preset="ntu60", clips=180, progress=False)
    for clip in dataset.clips:
        numbers = [int(clip.name[i : i + 3]) for i in (1, 5, 9, 17)]
        expected = [int(clip.setup), int(clip.camera), int(clip.subject), clip.label + 1]
        assert numbers == expected
    assert "cross_setup" in dataset.split_names


def test_every_packaged_preset_loads_and_alternates_its_splits() -> None:
    assert set(preset_names()) >= {"demo", "ntu60", "pku_mmd"}
    for name in preset_names():
        preset = load_preset(name)
        rule = preset.splits["cross_subject"]
        assert len({subject in rule.train for subject in preset.subjects[:2]}) == 2
        view = preset.splits["cross_view"]
        assert len({camera.name in view.train for camera in preset.cameras[:2]}) == 2


@pytest.mark.parametrize("name", [*LAYOUTS, "h36m_25", "openpose_25", "smplx_42", "coco_19"])
def test_joint_weights_are_means(name: str) -> None:
    weights = joint_weights(load_layout(name))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert len({row.tobytes() for row in weights}) == len(weights)  # no joint twice


def own_preset(tmp_path: pathlib.Path, **changes: object) -> pathlib.Path:
    content = {
        "name": "mine", "clips": 4, "persons": 1, "seconds": [1, 1.5],
        "actions": ["sit down", "stand up"], "subjects": ["a", "b"],
        "cameras": [{"name": "front"}], "layouts": {"coco_17": {}},
    }  # fmt: skip
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_users_own_preset_file(tmp_path: pathlib.Path) -> None:
    dataset = generate(tmp_path / "d", preset=own_preset(tmp_path), progress=False)
    assert list(dataset.names) == [
        "a01_s01_e01_v01", "a02_s01_e01_v01", "a01_s02_e01_v01", "a02_s02_e01_v01",
    ]  # fmt: skip
    assert dataset.split_names == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": ["sit dwn"]}, r"mine\.json: unknown action 'sit dwn' \(did you mean"),
        ({"actions": ["hug other person"]}, "needs 2 persons"),
        ({"actions": []}, "at least one action"),
        ({"seconds": [2, 1]}, "seconds must be"),
        ({"clip": 3}, "unknown field 'clip'"),
        ({"cameras": [{"name": "x", "zoom": 2}]}, "invalid entry"),
        ({"noise": {"white": 1, "pink": 2}}, "invalid entry"),
        ({"layouts": {"coco_17": {"unit": "px"}}}, "unit is one of"),
        ({"splits": {"s": {"by": "weather", "train": []}}}, "'by' is one of"),
    ],
)
def test_faulty_preset_file_is_refused(
    changes: dict[str, object], message: str, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(InputError, match=message):
        load_preset(own_preset(tmp_path, **changes))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "dmo"}, r"unknown preset 'dmo' \(did you mean 'demo'\?\)"),
        ({"preset": "missing.json"}, "missing.json: no such file"),
        ({"layouts": ["kinect_v9"]}, "kinect_v9"),
        ({"layouts": ["berkeley_mhad_43"]}, "has no joint"),
        ({"layouts": ["coco_17", "coco_17"]}, "coco_17"),
        ({"clips": 15}, "15 is too few.*16 classes"),
        ({"clips": 0}, "too few"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_leave_nothing_behind(
    arguments: dict[str, object], message: str, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(InputError, match=message):
        generate(tmp_path / "d", progress=False, **arguments)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_folder_in_use_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        generate(tmp_path, clips=16, progress=False)


def test_preset_object_is_accepted(exact: ClipDataset) -> None:
    assert isinstance(load_preset("demo"), Preset)
    assert set(exact.subjects) == {"1"}
