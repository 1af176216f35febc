"""Which layout of an input is read: the model's own, a mapped one, or none, in one line."""

from __future__ import annotations

import dataclasses

import pytest

from ms2l_tf import ExportedModel
from ms2l_tf.errors import InputError
from ms2l_tf.export.manifest import Manifest
from ms2l_tf.prediction.layouts import chosen_layout
from ms2l_tf.skeletons.layout import load_layout


@pytest.fixture
def kinect(model: ExportedModel) -> Manifest:
    """As of a model that reads the joints of the first Kinect."""
    return dataclasses.replace(model.manifest, layout=load_layout("kinect_v1_20"))


def test_the_models_own_comes_first(kinect: Manifest) -> None:
    given = [(load_layout(name), 3) for name in ("kinect_v2_25", "kinect_v1_20")]
    assert chosen_layout("here", given, kinect) == ("kinect_v1_20", None)


def test_a_packaged_mapping_is_named_and_used_when_asked(kinect: Manifest) -> None:
    given = [(load_layout("kinect_v2_25"), 3)]
    with pytest.raises(InputError, match="--map maps them by kinect_v2_25_to_kinect_v1_20"):
        chosen_layout("here", given, kinect)
    name, mapping = chosen_layout("here", given, kinect, mapped=True)
    assert name == "kinect_v2_25"
    assert mapping is not None
    assert mapping.name == "kinect_v2_25_to_kinect_v1_20"


def test_another_number_of_coordinates_is_refused(kinect: Manifest) -> None:
    with pytest.raises(InputError, match="kinect_v1_20 in 2-D; the model reads kinect_v1_20 in 3"):
        chosen_layout("here", [(load_layout("kinect_v1_20"), 2)], kinect)


def test_other_joints_under_the_same_name_are_refused(kinect: Manifest) -> None:
    layout = load_layout("kinect_v2_25")
    swapped = dataclasses.replace(layout, joints=layout.joints[::-1])
    with pytest.raises(InputError, match="not with the joints of the packaged mapping"):
        chosen_layout("here", [(swapped, 3)], kinect, mapped=True)
