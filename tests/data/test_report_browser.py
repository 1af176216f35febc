"""The report in a real browser: it complains of nothing, filters, moves, turns, fits a phone."""

from __future__ import annotations

import itertools
import pathlib

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from ms2l_tf.data.inspect import summarise
from ms2l_tf.data.report import write_report
from tests.browser import PHONE, Browser
from tests.data.report_data import CLASSES, EVIL, write_set

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("report")
    dataset = write_set(folder / "data")
    write_report(dataset, summarise(dataset), folder / "report.html")
    return folder / "report.html"


def choose(browser: Browser, key: str, words: str) -> None:
    Select(browser.find(f'select[data-filter="{key}"]')).select_by_visible_text(words)


def listed(browser: Browser) -> list[str]:
    return [str(option.text) for option in Select(browser.find('[data-part="clip"]')).options]


def show_clip(browser: Browser, name: str, layout: str = "tiny_5") -> None:
    choose(browser, "layout_name", layout)
    Select(browser.find('[data-part="clip"]')).select_by_visible_text(name)


def test_names_are_text_and_the_console_is_silent(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page)
    assert browser.run("window.hacked === undefined")
    assert browser.find("h1").text == "a & <u>b</u>"
    assert browser.driver.title == "a & <u>b</u>: the dataset"
    assert EVIL in browser.find("dl").text
    classes = Select(browser.find('select[data-filter="class"]')).options
    assert [option.text for option in classes] == ["all", CLASSES[1], "unlabelled", "wave"]
    show_clip(browser, EVIL)
    assert browser.find('[data-part="about"]').text == f"{EVIL} · wave · person <i>1</i> · tiny_5"
    assert browser.run("document.querySelectorAll('main b, main i, main u').length") == 0
    assert browser.errors() == []


def test_lists_filter(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page)
    choose(browser, "layout_name", "tiny_5")
    everything = listed(browser)
    assert "clip_6" not in everything, "nobody is seen in it"
    assert everything == sorted(everything, key=lambda name: (name != EVIL, len(name), name))
    choose(browser, "class", CLASSES[1])
    assert listed(browser) == ["clip_1", "clip_3", "clip_5", "clip_7", "clip_9"]
    choose(browser, "subject", "<i>1</i>")
    assert listed(browser) == ["clip_1", "clip_7"]
    assert not browser.find('[data-part="none"]').is_displayed()
    choose(browser, "class", "unlabelled")
    assert listed(browser) == []
    assert browser.find('[data-part="none"]').is_displayed()
    choose(browser, "subject", "(unknown)")
    assert listed(browser) == ["clip_10"]
    assert browser.errors() == []


def test_it_plays_pauses_and_scrubs(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page)
    show_clip(browser, "clip_5")
    play, frame = browser.find('[data-part="play"]'), browser.find('[data-part="frame"]')
    assert play.text == "Pause"
    before = browser.picture()
    browser.wait(lambda: browser.picture() != before)
    play.click()
    assert play.text == "Play"
    still = browser.picture()
    assert [browser.picture() for _ in range(5)] == [still] * 5
    frame.send_keys(Keys.HOME)
    assert browser.find('[data-part="place"]').text == "frame 0 of 25"
    first = browser.picture()
    frame.send_keys(Keys.ARROW_RIGHT)
    assert browser.find('[data-part="place"]').text == "frame 1 of 25"
    assert frame.get_attribute("aria-valuetext") == "frame 1 of 25"
    assert browser.picture() != first


def test_it_turns_by_keys_buttons_and_dragging(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page, calm=True)
    show_clip(browser, "clip_5")
    ahead, canvas = browser.picture(), browser.find("canvas")
    canvas.send_keys(Keys.ARROW_RIGHT)
    turned = browser.picture()
    assert turned != ahead
    canvas.send_keys(Keys.ARROW_UP)
    assert browser.picture() not in (turned, ahead)
    canvas.send_keys(Keys.HOME)
    assert browser.picture() == ahead
    browser.find('[data-part="left"]').click()
    assert browser.picture() != ahead
    browser.find('[data-part="ahead"]').click()
    assert browser.picture() == ahead
    ActionChains(browser.driver).drag_and_drop_by_offset(canvas, 80, 0).perform()
    assert browser.picture() != ahead
    canvas.send_keys(Keys.SPACE)
    assert browser.find('[data-part="play"]').text == "Pause"


def test_two_dimensions_do_not_turn(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page, calm=True)
    show_clip(browser, "clip_2", "flat_5")
    ahead = browser.picture()
    browser.find("canvas").send_keys(Keys.ARROW_RIGHT)
    assert browser.picture() == ahead
    assert not browser.find('[data-part="left"]').is_displayed()


def test_who_asks_for_less_motion_gets_it(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page, calm=True)
    show_clip(browser, "clip_5")
    still = browser.picture()
    assert [browser.picture() for _ in range(5)] == [still] * 5
    browser.find('[data-part="play"]').click()
    browser.wait(lambda: browser.picture() != still)


def test_a_button_shows_the_clip_it_stands_by(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page, calm=True)
    choose(browser, "layout_name", "flat_5")
    browser.find("details summary").click()
    button = browser.find('button[aria-label="show clip_11"]')
    browser.run("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    assert browser.find('[data-part="about"]').text.startswith("clip_11 · wave · person <i>2</i>")
    assert browser.run("document.activeElement.tagName") == "CANVAS"


@pytest.mark.parametrize("size", [PHONE, (320, 700), (1280, 900)])
def test_nothing_is_wider_than_the_window(
    browser: Browser, page: pathlib.Path, size: tuple[int, int]
) -> None:
    browser.open(page, size)
    assert browser.run("window.innerWidth") == size[0]
    assert browser.overflow() == 0
    assert browser.find("canvas").size["width"] <= size[0]


def test_everything_that_is_operated_has_a_name(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page)
    show_clip(browser, "clip_5")
    browser.find("details summary").click()
    operated = browser.find_all("button, select, input, canvas, [role=region]")
    assert len(operated) > 10
    shown = [part for part in operated if part.is_displayed()]
    assert len(shown) == len(operated)
    assert [part.get_attribute("outerHTML") for part in shown if not part.accessible_name] == []
    levels = [int(heading.tag_name[1]) for heading in browser.find_all("h1, h2, h3, h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_a_dark_page_draws_light_trunks(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page, calm=True)
    light = browser.picture()
    browser.open(page, calm=True, dark=True)
    assert browser.picture() != light
    colour = "getComputedStyle(document.body).backgroundColor"
    assert browser.run(colour) == "rgb(21, 24, 28)"
