from __future__ import annotations

import re

from ms2l_tf.pages.charts import MOST_ROWS, bar, counted, histogram
from ms2l_tf.pages.elements import Html, contents, element, facts, section, table


def test_words_are_escaped_once_and_html_is_kept() -> None:
    assert element("p", "<b>", Html("<i>x</i>"), title='"&') == (
        '<p title="&quot;&amp;">&lt;b&gt;<i>x</i></p>'
    )
    assert facts({"a<": "b>"}) == "<dl><dt>a&lt;</dt><dd>b&gt;</dd></dl>"


def test_sections_are_named_by_their_heading_and_linked() -> None:
    drawn = section("Poses in tiny_5")
    (name,) = re.findall(r'<h2 id="([^"]+)">', drawn)
    assert f'aria-labelledby="{name}"' in drawn
    assert f'href="#{name}"' in contents(["Poses in tiny_5"])


def test_a_table_has_heads_of_columns_and_rows() -> None:
    drawn = table("t", ("name", "n"), [("a", 1), ("b", 2)], numbers=(1,))
    assert drawn.count('scope="col"') == 2
    assert re.findall(r'<th scope="row">(\w)</th><td class="number">(\d)', drawn) == [
        ("a", "1"),
        ("b", "2"),
    ]


def test_bars_are_as_long_as_their_part_of_the_most() -> None:
    drawn = counted("t", "name", {"a": 4, "b": 1, "": 0})
    assert re.findall(r'rect width="([\d.]+)"', drawn) == ["100.00", "25.00", "0.00"]
    assert "(unknown)" in drawn
    assert 'width="0.00"' in bar(0, 0)


def test_many_rows_are_summed_up() -> None:
    drawn = counted("t", "name", {f"c{number}": 2 for number in range(MOST_ROWS + 50)})
    assert drawn.count("<tr>") == MOST_ROWS + 1
    assert "(51 more, together)" in drawn
    assert ">102<" in drawn
    assert counted("t", "name", {f"c{n}": 2 for n in range(MOST_ROWS)}).count("more") == 0


def test_columns_are_as_high_as_their_counts() -> None:
    drawn = histogram("Lengths", [1, 3, 5, 7], [2, 0, 4], "frames")
    assert re.findall(r'height="([\d.]+)"', drawn) == ["50.00", "0.00", "100.00"]
    assert 'aria-label="Lengths: from 1 to 7 frames, at most 4 in a column"' in drawn
    assert re.findall(r"<span>(\d)</span>", drawn) == ["1", "4", "7"]
