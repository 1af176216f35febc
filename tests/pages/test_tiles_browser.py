"""Tiles in a real browser: they move by themselves until somebody stops them."""

from __future__ import annotations

import pathlib

import pytest

from ms2l_tf.pages import MovingClips, document
from ms2l_tf.pages.viewer import PLAY_ALL, tile
from tests.browser import PHONE, Browser
from tests.helpers import motion, tiny_layout

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    clips = MovingClips()
    coords = motion(30, persons=2)
    number = clips.add(coords, tiny_layout(), 30.0, ("+x", "+y", "-z"), name="a")
    path = tmp_path_factory.mktemp("tiles") / "page.html"
    path.write_text(document("tiles", [PLAY_ALL, tile(number, "<b>", "a", "same")], clips), "utf-8")
    return path


def test_tiles_move_until_they_are_stopped(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page)
    before = browser.picture()
    browser.wait(lambda: browser.picture() != before)
    button = browser.find("button")
    assert button.text == "Pause all"
    button.click()
    assert button.text == "Play all"
    still = browser.picture()
    assert [browser.picture() for _ in range(5)] == [still] * 5
    assert browser.find("p").text == "<b>"
    assert browser.errors() == []


def test_who_asks_for_less_motion_sees_the_middle(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page, PHONE, calm=True)
    blank = "document.createElement('canvas').toDataURL()"
    browser.wait(lambda: browser.run("document.querySelector('canvas').width") > 100)
    still = browser.picture()
    assert still != browser.run(blank)
    assert browser.find("button").text == "Play all"
    assert [browser.picture() for _ in range(5)] == [still] * 5
    assert browser.overflow() == 0


def test_the_console_is_read(browser: Browser, tmp_path: pathlib.Path) -> None:
    """A page that runs or loads what it must not is told of: the other tests can fail."""
    path = tmp_path / "page.html"
    page = document("bad", ["x"])
    path.write_text(page.replace("</main>", "</main><script>window.hacked = 1</script>"), "utf-8")
    browser.open(path)
    assert browser.run("window.hacked === undefined")
    assert "Content Security Policy" in browser.errors()[0]
