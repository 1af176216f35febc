from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.data.videos.metrabs import MetrabsDetector
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout
from tests.data.videos.fakes import (
    LAYOUTS,
    FakeModel,
    Person,
    draw,
    expected,
    save_model,
    skeletons,
)

BOTH = [load_layout(name) for name in LAYOUTS]
STILL = np.ones(1)
LEFT, RIGHT = Person(1, 100, 9 * STILL, 9 * STILL), Person(0, 250, 50 * STILL, 40 * STILL)


@pytest.mark.parametrize("model", ["pose_model", "joint_model", "single_model"])
def test_poses_are_in_metres_in_the_order_of_the_layout(
    model: str, request: pytest.FixtureRequest
) -> None:
    detector = MetrabsDetector(request.getfixturevalue(model), BOTH)
    images = np.concatenate([draw(LEFT, RIGHT), 0 * draw(LEFT), draw(RIGHT)])
    found = detector.detect(images)
    for frame, persons in zip(found, [[LEFT, RIGHT], [], [RIGHT]], strict=True):
        for layout in LAYOUTS:
            assert frame[layout].dtype == np.float32
            wanted = [expected(layout, person)[0] for person in persons]
            shape = (len(persons), load_layout(layout).num_joints, 3)
            np.testing.assert_allclose(frame[layout], np.reshape(wanted, shape), atol=1e-5)


class TwoMinds(FakeModel):
    """Sees the second layout's persons in another order, and not the one on the right."""

    def _many(
        self, images: tf.Tensor, default_fov_degrees: float = 55.0, skeleton: str = ""
    ) -> dict:
        found = super()._many(images, default_fov_degrees, skeleton)
        if skeleton != "smpl_24":
            found["poses3d"] = found["poses3d"][:, :1]
        else:
            found["poses3d"] = tf.RaggedTensor.from_tensor(found["poses3d"].to_tensor()[:, ::-1])
        return found


def test_persons_of_two_passes_are_matched_by_their_pelvis(tmp_path: Path) -> None:
    detector = MetrabsDetector(save_model(tmp_path / "model", TwoMinds()), BOTH)
    (frame,) = detector.detect(draw(LEFT, RIGHT))
    for row, person in enumerate((RIGHT, LEFT)):
        wanted = expected("smpl_24", person)[0]
        np.testing.assert_allclose(frame["smpl_24"][row], wanted, atol=1e-5)
    kinect = frame["kinect_v2_25"]
    assert np.isnan(kinect[0]).all()
    np.testing.assert_allclose(kinect[1], expected("kinect_v2_25", LEFT)[0], atol=1e-5)


def test_models_that_are_none(tmp_path: Path, pose_model: Path) -> None:
    with pytest.raises(InputError, match=r"--model=.*: is not a SavedModel \(no saved_model.pb"):
        MetrabsDetector(tmp_path, BOTH)
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(InputError, match=r"--model=.*: cannot be loaded"):
        MetrabsDetector(tmp_path, BOTH)
    (tmp_path / "saved_model.pb").write_bytes((pose_model / "saved_model.pb").read_bytes())
    with pytest.raises(InputError, match=r"--model=.*: cannot be loaded"):  # no variables
        MetrabsDetector(tmp_path, BOTH)


def test_python_files_beside_a_model_are_not_run(pose_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(pose_model, tmp_path / "model"))
    for name in ("__init__.py", "hubconf.py", "saved_model.py"):
        (folder / name).write_text(f"open({str(tmp_path / 'run')!r}, 'w').close()\n")
    MetrabsDetector(folder, BOTH)
    assert not (tmp_path / "run").exists()


def test_saved_model_without_the_signature(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a pose model like MeTRAbs: it needs detect_poses"):
        MetrabsDetector(save_model(tmp_path / "model", tf.Module()), BOTH)


def test_answers_without_poses(tmp_path: Path) -> None:
    detector = MetrabsDetector(save_model(tmp_path / "model", FakeModel(answer="poses")), BOTH)
    with pytest.raises(InputError, match=r"--model=.*poses3d fails: .*poses3d"):
        detector.detect(draw(LEFT))


class OtherArguments(FakeModel):
    def __init__(self) -> None:
        super().__init__()
        images = tf.TensorSpec((None, None, None, 3), tf.uint8)
        self.detect_poses_batched = tf.function(lambda x: {"poses3d": x}, input_signature=[images])


def test_other_arguments_than_those_of_the_signature(tmp_path: Path) -> None:
    detector = MetrabsDetector(save_model(tmp_path / "model", OtherArguments()), BOTH)
    with pytest.raises(InputError, match=r"skeleton='smpl_24'.* fails: ") as caught:
        detector.detect(draw(LEFT))
    assert "\n" not in str(caught.value)


def test_joints_of_another_number_than_named(tmp_path: Path) -> None:
    model = FakeModel()
    names = skeletons(("smpl_24",))["smpl_24"]
    model.rows = tf.constant([[0, 1, 2], [0, 1, 2]])
    assert len(names) == 24
    detector = MetrabsDetector(save_model(tmp_path / "model", model), BOTH[:1])
    with pytest.raises(InputError, match=r"shape \(1, 3, 3\), expected \(persons, 24, 3\)"):
        detector.detect(draw(LEFT))
