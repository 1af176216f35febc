"""Saved pose models, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.videos.fakes import FakeModel, save_model


@pytest.fixture(scope="session")
def pose_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs once a layout."""
    return save_model(tmp_path_factory.mktemp("model") / "pose_model", FakeModel())


@pytest.fixture(scope="session")
def joint_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has all joints in one skeleton."""
    return save_model(tmp_path_factory.mktemp("model") / "joint_model", FakeModel(together=True))


@pytest.fixture(scope="session")
def single_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes one image at a time."""
    return save_model(tmp_path_factory.mktemp("model") / "single_model", FakeModel(single=True))
