"""Flag files and packaged recipes, put in place of the flags that name them.

A recipe is a flag file of the package: ``--recipe=nw_ucla/unsupervised_wide`` is the file
``flags/nw_ucla/unsupervised_wide.cfg`` of a checkout, which an installed package has in its folder
``recipes``. Its flags come before all others, so that a flag on the command line overrides it
wherever it stands; a ``--flagfile`` is read where it stands, as absl does.
"""

from __future__ import annotations

import difflib
import os
import pathlib
import shlex
from collections.abc import Iterator, Sequence

from ms2l_tf.errors import InputError
from ms2l_tf.files import decode_text, read_bytes

RECIPE_HELP = (
    "Packaged recipe to begin with, such as nw_ucla/unsupervised_wide; flags given beside it "
    "override it wherever they stand, and a later recipe overrides an earlier one. help: list them."
)
LIST = "help"
_CHECKOUT = "flags"  # folder of the recipes in a checkout; they name each other by it
_SUFFIX = ".cfg"
_SHOWN = 5  # names that an error suggests


def recipes_folder() -> pathlib.Path:
    """Where the recipes lie: inside an installed package, or beside that of a checkout."""
    package = pathlib.Path(__file__).resolve().parents[1]
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parent / _CHECKOUT


def recipe_names() -> list[str]:
    """All recipes, such as ``nw_ucla/unsupervised_wide``."""
    folder = recipes_folder()
    paths = folder.glob(f"*/*{_SUFFIX}")
    return sorted(path.relative_to(folder).as_posix().removesuffix(_SUFFIX) for path in paths)


def expanded(argv: Sequence[str], *, recipes: bool = False) -> list[str]:
    """The arguments of a command with the content of flag files and recipes.

    Args:
        argv: as the command was called, its own name first.
        recipes: whether the command takes them; False: ``--recipe`` is left as it is.

    Raises:
        InputError: there is no such file or recipe, it is no text, or reads itself.
    """
    names, rest = _without_recipes(argv[1:]) if recipes else ([], argv[1:])
    flags = [line for name in names for line in _recipe_flags(name)]
    return [*argv[:1], *flags, *_without_flag_files(rest)]


def recipe_flags(name: str) -> list[str]:
    """The flags of a recipe, each ``--name=value``.

    Raises:
        InputError: there is no such recipe.
    """
    return list(_recipe_flags(name))


def asks_for_recipes(argv: Sequence[str]) -> bool:
    """Whether ``--recipe=help`` is given."""
    return LIST in _without_recipes(argv[1:])[0]


def recipe_list() -> str:
    """The recipes, each with the first line of its header, for the terminal."""
    names = recipe_names()
    width = max(map(len, names), default=0)
    lines = [f"{name:{width}}  {_title(name)}" for name in names]
    return "\n".join([f"recipes of ms2l-train and msclr-train, in {recipes_folder()}:", *lines])


def _value(arguments: Sequence[str], number: int, flag: str) -> tuple[str, int] | None:
    """Value of a flag at this place and the number of words it takes; None: another flag."""
    word = arguments[number]
    name, equals, value = word.lstrip("-").partition("=")
    if not word.startswith("-") or name != flag:
        return None
    if equals:
        return value, 1
    return (arguments[number + 1], 2) if number + 1 < len(arguments) else None


def _without_recipes(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The recipes named, and the other arguments."""
    names: list[str] = []
    rest: list[str] = []
    number = 0
    while number < len(arguments):
        if arguments[number] == "--":
            return names, [*rest, *arguments[number:]]
        found = _value(arguments, number, "recipe")
        if found is None:
            rest.append(arguments[number])
        else:
            names.append(found[0])
        number += found[1] if found else 1
    return names, rest


def _without_flag_files(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments with the lines of flag files in the place of these."""
    number = 0
    while number < len(arguments):
        if arguments[number] == "--":
            yield from arguments[number:]
            return
        found = _value(arguments, number, "flagfile")
        if found is None:
            yield arguments[number]
        elif found[0]:
            yield from _file_flags(pathlib.Path(found[0]).expanduser(), ())
        number += found[1] if found else 1


def _recipe_flags(given: str) -> Iterator[str]:
    """The flags of a recipe."""
    name = given.removeprefix(f"{_CHECKOUT}/").removesuffix(_SUFFIX)
    if name not in recipe_names():
        raise InputError(f"--recipe={given}: {_no_recipe(given)}")
    root = recipes_folder()
    yield from _file_flags(root / f"{name}{_SUFFIX}", (), root)


def _no_recipe(name: str) -> str:
    if os.path.isfile(name):  # of a name that no file can have too
        return f"is a file of your own; --flagfile={shlex.quote(name)} reads it"
    known = recipe_names()
    if not known:
        return f"there are no recipes in {recipes_folder()}; install the package anew"
    names_of = {known_name.partition("/")[2]: known_name for known_name in known}
    ending = name.rpartition("/")[2]
    close = (
        [known_name for known_name in known if name and name in known_name]
        or difflib.get_close_matches(name, known, _SHOWN)
        or [names_of[text] for text in difflib.get_close_matches(ending, names_of, _SHOWN)]
    )
    meant = f"did you mean {', '.join(close[:_SHOWN])}? " if close else ""
    return f"no such recipe; {meant}--recipe={LIST} lists them"


def _file_flags(
    path: pathlib.Path, readers: tuple[pathlib.Path, ...], root: pathlib.Path | None = None
) -> Iterator[str]:
    """The flags of a file and of those that it names in turn.

    Args:
        path: of the file.
        readers: the files that led to it.
        root: folder of the recipes, for what a recipe names; None: names are paths as they are.
    """
    if path in readers:
        raise InputError(f"--flagfile={path}: reads itself; take the line out")
    for line in _lines(path):
        name, _, value = line.lstrip("-").partition("=")
        if name != "flagfile":
            yield line
            continue
        inner = pathlib.Path(value).expanduser()
        if root is not None and inner.parts[:1] == (_CHECKOUT,):
            inner = root.joinpath(*inner.parts[1:])
        yield from _file_flags(inner, (*readers, path), root)


def _lines(path: pathlib.Path) -> list[str]:
    """The lines of a flag file that are no comment."""
    try:
        text = decode_text(read_bytes(path), f"--flagfile={path}")
    except OSError as error:
        packaged = path.as_posix().removeprefix(f"{_CHECKOUT}/").removesuffix(_SUFFIX)
        hint = f"; it is packaged: --recipe={packaged}" if packaged in recipe_names() else ""
        raise InputError(f"--flagfile={path}: cannot be read ({error.strerror}){hint}") from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "//"))]


def _title(name: str) -> str:
    """The first line of the comment that a recipe begins with, without its sign."""
    text = decode_text((recipes_folder() / f"{name}{_SUFFIX}").read_bytes(), f"--recipe={name}")
    comments = (line for line in text.splitlines() if line.startswith("#"))
    return next(comments, name).removeprefix("#").strip()
