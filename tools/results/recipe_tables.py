"""The Markdown tables of a set's recipes: probes beside their floors, and probes across layouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ms2l_tf.evaluation.cross_table import HEADING, cross_table
from ms2l_tf.evaluation.result import Summary
from ms2l_tf.evaluation.tables import Value
from tools.reproduce.rendering import as_rows, as_text, is_constant
from tools.results.store import AS_IT_IS, RecipeResults, Variant

_PROBES = {"linear": "linear/top1", "kNN-1": "knn/1/top1", "RBF SVM": "svm/top1"}
_FLOORS = ("floor/raw/", "floor/random/")
_KERNELS = "floor/kernels/"  # later than most results: named where it was read
# Linear probes beside the usual one, in rows of their own.
_OTHERS = {
    "linear_published/top1": "linear probe as MS-CLR published it (SGD)",
    "ensemble/linear/top1": "linear heads of all layouts together",
    "fusion/linear/top1": "linear heads of three streams together",
}
_UNSEEN = "unseen/"
_PUBLISHED = "published, linear"


def recipe_table(recipes: Sequence[RecipeResults]) -> str:
    """A row for every variant of every recipe but those set aside; empty without any."""
    rows = [row for recipe in recipes for row in _recipe_rows(recipe)]
    header = ["recipe", *_PROBES, _PUBLISHED, "seeds"]
    if not any(recipe.published for recipe in recipes):
        position = header.index(_PUBLISHED)
        header, rows = _without(header, position), [_without(row, position) for row in rows]
    return "\n".join(as_rows(header, rows)) if rows else ""


def _without(cells: Sequence[str], position: int) -> list[str]:
    return [cell for number, cell in enumerate(cells) if number != position]


def set_aside(recipes: Sequence[RecipeResults]) -> str:
    """Names what the files have beside the tables."""
    names = [
        f"`{recipe.path.stem}` {name}"
        for recipe in recipes
        for name, variant in recipe.variants.items()
        if variant.aside
    ]
    return f"In the files only: {', '.join(names)}." if names else ""


def _recipe_rows(recipe: RecipeResults) -> Iterator[list[str]]:
    for name, variant in recipe.variants.items():
        if variant.aside:
            continue
        title = f"`{recipe.path.stem}`" if name == AS_IT_IS else f"- {variant.what or name}"
        summary = variant.summary()
        published = recipe.published if name == AS_IT_IS else {}
        cells = [_beside_floors(summary, metric) for metric in _PROBES.values()]
        yield [title, *cells, _published(published), _seeds(variant)]
        if any(_no_copies(metric) in summary for metric in _PROBES.values()):
            cells = [_beside_floors(summary, _no_copies(metric)) for metric in _PROBES.values()]
            yield ["- on the test clips that are no copies", *cells, "-", _seeds(variant)]
        for metric, what in _OTHERS.items():
            if metric in summary:
                cell = _beside_floors(summary, metric)
                yield [f"- {what}", cell, "-", "-", "-", str(summary[metric].runs)]
        for pair in dict.fromkeys(_unseen_pairs(summary)):
            cells = [_beside_floors(summary, f"{pair}/{metric}") for metric in _PROBES.values()]
            _, a, b = pair.split("/")
            yield [f"- probe trained in {a}, tested in {b}", *cells, "-", _seeds(variant)]


def _no_copies(metric: str) -> str:
    """linear/top1 -> linear/others_top1."""
    return metric.removesuffix("top1") + "others_top1"


def _unseen_pairs(summary: Mapping[str, Summary]) -> Iterator[str]:
    """unseen/<trained in>/<tested in>, of two layouts."""
    for metric in summary:
        parts = metric.split("/")
        if metric.startswith(_UNSEEN) and parts[1] != parts[2]:
            yield "/".join(parts[:3])


def _beside_floors(summary: Mapping[str, Summary], metric: str) -> str:
    """The features' number, in brackets those of the floors."""
    if metric not in summary:
        return "-"
    floors = [summary.get(floor + metric) for floor in _FLOORS]
    texts = ["-" if floor is None else as_text(floor) for floor in floors]
    if kernels := summary.get(_KERNELS + metric):
        floors, texts = [*floors, kernels], [*texts, f"kernels {as_text(kernels)}"]
    inside = f" ({', '.join(texts)})" if any(floors) else ""
    return as_text(summary[metric]) + inside


def _published(numbers: Mapping[str, float]) -> str:
    """The published linear probe, and that of the untrained encoder in brackets."""
    if "linear/top1" not in numbers:
        return "-"
    random = numbers.get("floor/random/linear/top1")
    return f"{numbers['linear/top1']:.2f}" + (f" (-, {random:.2f})" if random else "")


def _seeds(variant: Variant) -> str:
    return str(len(variant.results))


def crossings(recipes: Sequence[RecipeResults]) -> Iterator[str]:
    """A table of probes across layouts for every recipe that was read so."""
    for recipe in recipes:
        variant = recipe.variants.get(AS_IT_IS)
        summary = variant.summary() if variant else {}
        if variant and any(metric.startswith("cross/") for metric in summary):
            values = {metric: _plain(reading) for metric, reading in summary.items()}
            table = cross_table(values, variant.first.details["layouts"], "linear")
            yield f"`{recipe.path.stem}`: {HEADING}\n\n```\n{table}\n```"


def _plain(summary: Summary) -> Value:
    """A number alone where every seed has the same."""
    return summary.mean if is_constant(summary) else summary
