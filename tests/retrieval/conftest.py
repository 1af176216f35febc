"""Recordings, as the tests of predictions have them."""

from tests.prediction.conftest import command, recorded  # noqa: F401 - fixtures
