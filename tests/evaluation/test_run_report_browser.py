"""The page of runs in a real browser: the map answers pointer and keys, all fits a phone."""

from __future__ import annotations

import itertools
import pathlib

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from ms2l_tf.pages import MovingClips, document
from ms2l_tf.pages.scatter import Point, scatter
from ms2l_tf.pages.viewer import PLAY_ALL
from tests.browser import PHONE, WIDE, Browser
from tests.evaluation.report_runs import page_of, two_runs
from tests.helpers import TrainedRun, motion, tiny_layout

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror='window.hacked = 1'>"


@pytest.fixture(scope="module")
def page(trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    place = tmp_path_factory.mktemp("report")
    page_of(*two_runs(trained_run, place), out=place / "p.html")
    return place / "p.html"


@pytest.fixture(scope="module")
def cross(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A map of five clips in a cross; that in the middle and the left one move."""
    clips = MovingClips()
    numbers = [
        clips.add(motion(20, label=n), tiny_layout(), 30.0, ("+x", "+y", "-z"), name=str(n))
        for n in range(2)
    ]
    points = [
        Point(0, 0, f"middle {EVIL}: a", 0, clip=numbers[0]),
        Point(-1, 0, "left: a", 0, clip=numbers[1]),
        Point(1, 0, "right: b", 1, hollow=True),
        Point(0, -1, "top: b", 1),
        Point(0, 1, "bottom: unlabelled", -1),
    ]
    groups = {0: f"a {EVIL}", 1: "b", -1: "unlabelled"}
    path = tmp_path_factory.mktemp("scatter") / "p.html"
    path.write_text(document("map", [PLAY_ALL, scatter("Map", points, groups, 0)], clips), "utf-8")
    return path


def told(browser: Browser) -> str:
    return str(browser.find("[data-told]").text).split(":")[0]


def test_the_console_is_silent_and_names_are_text(browser: Browser, cross: pathlib.Path) -> None:
    browser.open(cross)
    browser.find("[role=listbox]").send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    assert browser.find("[data-told]").text == f"middle {EVIL}: a"
    assert browser.run("window.hacked === undefined")
    assert browser.errors() == []


def test_the_keyboard_reaches_the_map_and_goes_about_in_it(
    browser: Browser, cross: pathlib.Path
) -> None:
    browser.open(cross)
    browser.find("select").send_keys(Keys.TAB)
    assert browser.run("document.activeElement.getAttribute('role')") == "listbox"
    assert told(browser) == "left"  # the first of the first class
    active = browser.find("[role=listbox]")
    steps = {
        Keys.ARROW_RIGHT: f"middle {EVIL}",
        Keys.ARROW_UP: "top",
        Keys.ARROW_DOWN: f"middle {EVIL}",
        Keys.END: "bottom",
        Keys.HOME: "left",
    }
    for key, name in steps.items():
        active.send_keys(key)
        assert told(browser) == name.split(":")[0]
        chosen = browser.find(f"#{active.get_attribute('aria-activedescendant')}")
        assert chosen.get_attribute("aria-selected") == "true"
        assert str(chosen.accessible_name).startswith(name)
    active.send_keys(Keys.ARROW_LEFT)  # nothing lies there
    assert told(browser) == "left"
    assert len(browser.find_all("[aria-selected]")) == 1


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_the_pointer_tells_names_and_shows_clips(
    browser: Browser, cross: pathlib.Path, size: tuple[int, int]
) -> None:
    browser.open(cross, size, calm=True)
    canvas = browser.find("canvas")
    assert not canvas.is_displayed()
    marks = {
        str(mark.accessible_name).split(":")[0]: mark for mark in browser.find_all("[role=option]")
    }
    seen = []
    for name in ("left", "right", f"middle {EVIL}"):
        ActionChains(browser.driver).move_to_element(marks[name]).perform()
        assert told(browser) == name.split(":")[0]
        assert canvas.is_displayed() == (name != "right")
        if canvas.is_displayed():
            seen.append(browser.picture())
            assert name in str(canvas.accessible_name)
    assert len(set(seen)) == 2
    browser.find("button[data-play-all]").click()
    browser.wait(lambda: browser.picture() != seen[-1])


def test_one_class_can_be_picked_out(browser: Browser, cross: pathlib.Path) -> None:
    browser.open(cross)
    Select(browser.find("select")).select_by_visible_text("b")
    assert len(browser.find_all("[role=option].dim")) == 3
    active = browser.find("[role=listbox]")
    active.send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    assert told(browser) == "right"
    active.send_keys(Keys.ARROW_LEFT)  # over the clips that are not shown
    assert told(browser) == "top"


def test_the_page_has_no_errors_and_plays(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page, calm=True)
    buttons = browser.find_all("button[data-play-all]")
    assert [button.text for button in buttons] == ["Play all"] * 3
    tile = ".pairs canvas, .neighbours canvas"
    browser.run("arguments[0].scrollIntoView({block: 'center'})", browser.find(tile))
    browser.wait(lambda: browser.run("arguments[0].width", browser.find(tile)) > 50)
    still = browser.picture(tile)
    browser.run("arguments[0].click()", buttons[0])
    assert [button.text for button in buttons] == ["Pause all"] * 3
    browser.wait(lambda: browser.picture(tile) != still)
    browser.run("arguments[0].click()", buttons[2])
    assert [button.text for button in buttons] == ["Play all"] * 3
    assert browser.errors() == []


@pytest.mark.parametrize("size", [PHONE, (320, 700), WIDE])
def test_nothing_is_wider_than_the_window(
    browser: Browser, page: pathlib.Path, size: tuple[int, int]
) -> None:
    browser.open(page, size)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.overflow() == 0
    captions = browser.find_all("caption")
    assert len(captions) > 8
    widest = max(caption.size["width"] for caption in captions)
    assert widest <= size[0]


def test_everything_that_is_operated_has_a_name(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page)
    operated = browser.find_all("button, select, canvas, summary, [role=region], [role=listbox]")
    assert len(operated) > 20
    shown = [part for part in operated if part.is_displayed()]
    assert [part.get_attribute("outerHTML") for part in shown if not part.accessible_name] == []
    levels = [int(heading.tag_name[1]) for heading in browser.find_all("h1, h2, h3, h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_words_on_a_full_cell_can_be_read(browser: Browser, page: pathlib.Path) -> None:
    """WCAG AA, by light and in the dark; the browser mixes the colours."""
    for dark in (False, True):
        browser.open(page, dark=dark)
        for kind in ("right", "wrong"):
            ratio = browser.run(CONTRAST, kind)
            assert ratio >= 4.5, (dark, kind, ratio)


CONTRAST = """((kind) => {
  const cell = document.createElement("td");
  cell.className = kind;
  cell.style.setProperty("--share", "60%");
  document.querySelector(".matrix tbody tr").append(cell);
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  const luminance = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
      const v = value / 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(cell);
  const both = [luminance(style.color), luminance(style.backgroundColor)];
  const [low, high] = both.sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
})(arguments[0])"""
