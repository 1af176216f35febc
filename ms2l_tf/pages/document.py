"""The frame of a page: head, style, and the scripts of what moves or answers."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
from collections.abc import Iterable

from ms2l_tf.pages.clips import UNIT, MovingClips
from ms2l_tf.pages.elements import Html, element, joined


def document(title: str, sections: Iterable[object], clips: MovingClips | None = None) -> str:
    """A whole HTML file. The browser runs no script in it but ours, and loads nothing.

    Args:
        title: of the window.
        sections: what the page shows; texts are escaped, `Html` is not.
        clips: what `skeletons.js` draws, if anything.
    """
    content = joined(sections)
    moves = clips is not None and len(clips) > 0
    script = packaged("skeletons.js") if moves else ""
    if 'class="scatter"' in content:  # no text: its quotation marks would be escaped
        script += packaged("scatter.js")
    scripts = _held(clips) if clips is not None and moves else Html("")
    if script:
        scripts = joined((scripts, Html(f"<script>{script}</script>")))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{element('title', title)}<style>{packaged('style.css')}</style></head><body>"
        f"{element('main', content)}{scripts}</body></html>\n"
    )


@functools.cache
def packaged(name: str) -> str:
    """A text file of this package."""
    return (importlib.resources.files("ms2l_tf.pages") / name).read_text(encoding="utf-8")


def _held(clips: MovingClips) -> Html:
    """The clips as JSON that no name in it can end: the browser does not look into it."""
    text = json.dumps({"unit": UNIT, **clips.to_json()}, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(f'<script type="application/json" id="clips">{text}</script>')
