"""What `skeletons.js` brings to life: a viewer with lists, and tiles that move by themselves."""

from __future__ import annotations

from ms2l_tf.pages.elements import Html, element, note
from ms2l_tf.skeletons.drawing import PART_COLOURS

PLAY_ALL = element("button", "Play all", type="button", data_play_all="")


def viewer() -> Html:
    """A skeleton with lists of classes, persons, layouts and clips to choose from."""
    filters = [
        _choice(words, data_filter=key)
        for words, key in (("Layout", "layout_name"), ("Class", "class"), ("Person", "subject"))
    ]
    return element(
        "div",
        element("div", *filters, _choice("Clip", data_part="clip"), class_="choices"),
        element("p", "No clip on this page is of this class and person.", class_="note hidden",
                data_part="none", role="status"),
        element("canvas", tabindex=0, role="img", aria_label="Moving skeleton"),
        element("div", _button("play", "Play"), _scrubber(), class_="controls"),
        element("p", "", data_part="about", class_="note"),
        element("div", _button("left", "⟲ Turn left"), _button("right", "Turn right ⟳"),
                _button("ahead", "From ahead"), element("span", "or drag; with the picture in "
                "focus the arrows turn, Home looks from ahead", class_="note"),
                class_="controls", data_part="turning"),
        legend(),
        note("With the picture in focus, Space plays and pauses."),
        class_="viewer",
    )  # fmt: skip


def _choice(words: str, **attributes: object) -> Html:
    all_of_them = attributes.get("data_filter") in ("class", "subject")
    choices = (element("option", "all", value=""),) if all_of_them else ()
    return element("label", words, element("select", *choices, **attributes))


def _button(name: str, words: str) -> Html:
    return element("button", words, type="button", data_part=name)


def _scrubber() -> Html:
    slider = Html('<input type="range" min="0" value="0" step="1" data-part="frame">')
    return element("label", "Frame ", slider, element("span", "", data_part="place"))


def legend() -> Html:
    """Which colour is which part of the body."""
    parts = [
        element("li", part.replace("_", " "), style=f"--colour: var(--{part})")
        for part in PART_COLOURS
    ]
    return element("ul", *parts, class_="legend")


def tile(number: int, words: object, name: str, mark: str | None = None) -> Html:
    """A clip that moves by itself.

    Args:
        number: of the clip among those of the page.
        words: below it.
        name: that the pointer and screen readers tell.
        mark: a class of the style: `same` or `other`.
    """
    drawing = element(
        "canvas", data_clip=number, role="img", aria_label=f"Skeleton of {name}", title=name,
        class_=mark,
    )  # fmt: skip
    return element("div", drawing, element("p", words, class_=mark))


def show_button(number: int, name: str) -> Html:
    """Has the viewer show a clip."""
    return element(
        "button", "show", type="button", class_="show", data_show=number,
        aria_label=f"show {name}",
    )  # fmt: skip
