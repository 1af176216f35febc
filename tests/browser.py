"""Chromium without a window, for tests that drive a page."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

INSTALL = "apt-get install chromium chromium-driver"
WIDE, PHONE = (1280, 900), (390, 844)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """A browser with a profile of its own; use it in a `with` block."""

    def __enter__(self) -> Browser:
        programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
        if None in programs:
            pytest.fail(f"no chromium or chromedriver here: {INSTALL}; or -m 'not browser'")
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        options = Options()
        options.binary_location = str(programs[0])
        for flag in (*_FLAGS, f"--user-data-dir={self._profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(str(programs[1])))
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(
        self,
        path: pathlib.Path,
        size: tuple[int, int] = WIDE,
        *,
        calm: bool = False,
        dark: bool = False,
    ) -> None:
        """Loads a page anew.

        Args:
            path: of the file.
            size: of the window, in CSS pixels.
            calm: whether the user has asked for less motion.
            dark: whether the user has asked for a dark page.
        """
        features = {
            "prefers-reduced-motion": "reduce" if calm else "no-preference",
            "prefers-color-scheme": "dark" if dark else "light",
        }
        self._command(
            "Emulation.setEmulatedMedia",
            features=[{"name": name, "value": value} for name, value in features.items()],
        )
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=size[0] < 600,
        )
        self.errors()  # of the page before
        self.driver.get(path.as_uri())

    def _command(self, name: str, **parameters: Any) -> None:
        self.driver.execute_cdp_cmd(name, parameters)

    def errors(self) -> list[str]:
        """What the console complained of since the last time it was asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def find(self, selector: str) -> WebElement:
        """The first element that a CSS selector fits."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector: str) -> list[WebElement]:
        """All of them."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments: object) -> Any:
        """The value of a JavaScript expression."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def picture(self, selector: str = "canvas") -> str:
        """The pixels of a canvas, as a text that differs if one of them does."""
        return str(self.run("arguments[0].toDataURL()", self.find(selector)))

    def wait(self, happens: Callable[[], object], seconds: float = 10.0) -> None:
        """Waits until `happens` returns what is true."""
        WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(lambda _: happens())

    def overflow(self) -> int:
        """CSS pixels by which the page is wider than its window."""
        root = "document.documentElement"
        return int(self.run(f"{root}.scrollWidth - {root}.clientWidth"))
