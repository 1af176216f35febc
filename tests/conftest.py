"""Fixtures shared by all tests."""

from __future__ import annotations

import pathlib

import pytest

SHARED_DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def nw_ucla_archive() -> pathlib.Path:
    """The published NW-UCLA archive; the test is skipped where it is missing."""
    archive = SHARED_DATA / "NW-UCLA" / "all_sqe.tar.xz"
    if not archive.is_file():
        pytest.skip(f"the NW-UCLA archive is not at {archive}")
    return archive


@pytest.fixture(autouse=True, scope="session")
def _private_cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Keeps what tests remember about datasets out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
