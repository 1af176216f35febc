"""``docs/results.md`` as text: for each set its tables, within what its README says."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

from ms2l_tf.errors import InputError
from ms2l_tf.files import write_text
from tools.results.log import LOG
from tools.results.paper import paper_tables
from tools.results.recipe_tables import crossings, recipe_table, set_aside
from tools.results.store import recipe_files

_FIRST = ("nw_ucla", "hdm05", "bandai_namco", "synthetic")  # then the others, by name
_README = "README.md"
_HEAD = """# Results

Made by `python -m tools.results` from `results/<set>/<recipe>.json`; do not edit. Those files have
every seed, more probes and measures, timings and dates.

Percent, top-1 unless said otherwise, of the test clips after the last epoch; mean ± sample standard
deviation over seeds. **In brackets the floors: raw coordinates, then the same encoder untrained**,
then, where read, kernels. Settings were ranked on validation
clips, never on test clips. The headers of `flags/<set>/<recipe>.cfg` have commands and minutes.
"""


def write_page(results: Path, page: Path) -> None:
    """Writes the page of a folder of results."""
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, page_text(results, page))


def check_page(results: Path, page: Path) -> None:
    """Whether the page says what the results say.

    Raises:
        InputError: it does not; the message names the first line.
    """
    lines = page.read_text(encoding="utf-8").splitlines() if page.is_file() else []
    wanted = page_text(results, page).splitlines()
    if lines == wanted:
        return
    pairs = itertools.zip_longest(lines, wanted)
    number = next(n for n, (line, right) in enumerate(pairs, start=1) if line != right)
    raise InputError(
        f"{page}: line {number} is not what {results} says; python -m tools.results writes it"
    )


def page_text(results: Path, page: Path) -> str:
    """The page.

    Args:
        results: folder of the results.
        page: where the page goes; links to files are from there.

    Raises:
        InputError: there are no results, or a file of them is damaged.
    """
    folders = sorted(
        (folder for folder in results.glob("*/") if any(folder.rglob("*.json"))),
        key=lambda folder: (*(folder.name != name for name in _FIRST), folder.name),
    )
    if not folders:
        raise InputError(f"{results}: no results here; name the folder with --results")
    sections = [_section(folder, page) for folder in folders]
    return "\n\n".join([_HEAD.rstrip(), *sections]) + "\n"


def _section(folder: Path, page: Path) -> str:
    """What is said of a set: what to know, tables, notes."""
    title, before, after = _readme(folder)
    recipes = list(recipe_files(folder))
    parts = [f"## {title}", before, recipe_table(recipes)]
    parts.append(set_aside(recipes))
    parts += [note for recipe in recipes for note in recipe.notes]
    parts += [*crossings(recipes), *paper_tables(folder), after, _log(folder)]
    return _with_links("\n\n".join(part for part in parts if part), folder, page)


def _readme(folder: Path) -> tuple[str, str, str]:
    """Title, what stands before the tables, and the sections that stand after them."""
    path = folder / _README
    if not path.is_file():
        return folder.name, "", ""
    title, _, text = path.read_text(encoding="utf-8").strip().partition("\n")
    before, heading, after = text.partition("\n## ")
    after = re.sub(r"^(#+ )", r"#\1", heading.lstrip() + after, flags=re.MULTILINE)
    return title.removeprefix("# "), before.strip(), after


def _log(folder: Path) -> str:
    more = [path.name for path in sorted(folder.glob("*.md")) if path.name not in (_README, LOG)]
    links = [f"[{name.removesuffix('.md').replace('_', ' ')}]({name})" for name in more]
    if (folder / LOG).is_file():
        links.append(f"[every reading of its test clips]({LOG})")
    return f"More: {', '.join(links)}." if links else ""


def _with_links(text: str, folder: Path, page: Path) -> str:
    """Links that are relative to a set's folder, made relative to the page."""

    def moved(match: re.Match[str]) -> str:
        target = os.path.normpath(folder / match[1])
        return f"]({Path(os.path.relpath(target, page.parent)).as_posix()})"

    return re.sub(r"\]\((?!\w+:|#)([^)]+)\)", moved, text)
