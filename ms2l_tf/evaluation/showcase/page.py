"""The page: headline, examples, map, table."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.layout_features import LayoutFeatures
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.evaluation.showcase.examples import Example, choose_examples
from ms2l_tf.evaluation.showcase.feature_map import feature_map
from ms2l_tf.evaluation.showcase.gallery import gallery
from ms2l_tf.evaluation.showcase.headline import headline
from ms2l_tf.evaluation.tables import format_table
from ms2l_tf.files import write_text
from ms2l_tf.pages import document
from ms2l_tf.pages.elements import Html, element, note, section


def showcase_name(test_on: str) -> str:
    """File of the page: validation clips never stand where test clips do."""
    return "showcase.html" if test_on == "test" else f"showcase_{test_on}.html"


def write_showcase(
    path: str | os.PathLike[str], result: EvaluationResult, layout: LayoutFeatures, data: RunData
) -> None:
    """Writes the page, complete or not at all.

    Args:
        path: of the HTML file.
        result: of the evaluation.
        layout: features of the layout to show.
        data: the run's clips.

    Raises:
        InputError: it cannot be written.
    """
    examples = choose_examples(layout)
    store = data.parts[data.index(layout.name)].store
    drawn, moving = gallery(examples, layout, data.dataset, store)
    sections = (
        element("h1", f"What was learned on {result.dataset}"),
        element("p", headline(result), class_="line"),
        section(
            "Clips and what lies nearest to them",
            note(_about_examples(examples, layout)),
            drawn,
        ),
        section(
            "Map of the test clips",
            note(
                "Clips that the features hold for alike lie near each other. No label was used to "
                "place them: colours and names were added afterwards. Numbers are the rows above."
            ),
            _map(layout, data.dataset.label_names, examples),
        ),
        section("All numbers", element("pre", format_table(result.metrics), tabindex=0)),
    )
    write_text(path, document(result.dataset, sections, moving))


def _map(layout: LayoutFeatures, label_names: Sequence[str], examples: Sequence[Example]) -> Html:
    try:
        drawn = feature_map(layout.test, label_names, [example.query for example in examples])
    except InputError as error:  # of a collapsed network, say
        return element("p", f"There is no map: {error}.")
    return element("figure", Html(drawn), class_="paper")


def _about_examples(examples: Sequence[Example], layout: LayoutFeatures) -> str:
    right = {
        name: sum(
            int((layout.train.labels[rows] == layout.test.labels[example.query]).sum())
            for example, rows in ((example, getattr(example, name)) for example in examples)
        )
        for name in ("learned", "raw")
    }
    total = sum(len(example.learned) for example in examples)
    return (
        "One test clip of each of a few actions, drawn blindly, and the training clips nearest to "
        f"it. Of the neighbours shown, {right['learned']} of {total} by the learned features and "
        f"{right['raw']} of {total} by raw coordinates have the action of the test clip. A person "
        "seen from ahead has the left arm and leg in blue; the pointer shows names."
    )
