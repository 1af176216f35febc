"""What every page has to be: closed tags, nothing from outside, one script that it allows."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
from typing import Any

import numpy as np

VOID = {"meta", "br", "img", "input"}


class _Balanced(html.parser.HTMLParser):
    """Refuses a tag that is not closed, and an id that is there twice."""

    def __init__(self) -> None:
        super().__init__()
        self.trail: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = dict(attrs).get("id")
        assert name is None or name not in self.ids, f"the id {name} is there twice"
        self.ids.add(name or "")
        if tag not in VOID:
            self.trail.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.trail.pop() == tag


def check_page(page: str) -> None:
    """A whole page, whatever it shows."""
    parser = _Balanced()
    parser.feed(page)
    assert not parser.trail
    assert not re.search(r"<link|<img|<iframe|url\(|src=|@import", page)
    assert set(re.findall(r'href="(.)', page)) <= {"#"}
    assert set(re.findall(r"https?://[^\"]*", page)) <= {"http://www.w3.org/2000/svg"}
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == page.count("<script>") <= 1
    allowed = base64.b64encode(hashlib.sha256("".join(scripts).encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in page


def held_clips(page: str) -> dict[str, Any]:
    """What the page's script reads, with coordinates [F, M, J, C] in place of their text."""
    (text,) = re.findall(r'<script type="application/json" id="clips">(.*?)</script>', page)
    held: dict[str, Any] = json.loads(text)
    for clip in held["clips"]:
        layout = held["layouts"][clip["layout"]]
        shape = (clip["frames"], clip["persons"], len(layout["joints"]), layout["dims"])
        clip["data"] = np.frombuffer(base64.b64decode(clip["data"]), "<i2").reshape(shape)
    return held
