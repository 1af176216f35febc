"""Exported models of packaged recipes, with checksums: to publish, or to verify what was published.

    python -m tools.zoo --data=data/nw_ucla --recipes=nw_ucla/kernels,nw_ucla/unsupervised_wide
    python -m tools.zoo --verify

Each recipe is trained (or resumed, or found finished), evaluated and exported to
``zoo/<set>/<recipe>``; a model that is there already is kept. ``zoo/SHA256SUMS`` lists every file
but the model cards, as ``sha256sum --check`` reads it from that folder. With one thread
(OMP_NUM_THREADS=1) the weights are equal to the bit on equal machines.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ms2l_tf.data.checksums import record_file
from ms2l_tf.errors import InputError
from ms2l_tf.export.manifest import CARD
from ms2l_tf.files import write_text
from ms2l_tf.settings.flag_files import recipe_names

SUMS = "SHA256SUMS"


def build(recipe: str, data: str, zoo: Path) -> Path:
    """Trains, evaluates and exports one recipe.

    Returns:
        The folder of the model.

    Raises:
        InputError: a command failed; what it said stands above.
    """
    model, run = zoo / recipe, zoo / "runs" / recipe
    if model.is_dir():
        print(f"{model} is there already and is kept")
        return model
    of_run = f"--workdir={run}"
    _command("train", f"--recipe={recipe}", f"--data={data}", of_run)
    _command("evaluate", of_run)
    model.parent.mkdir(parents=True, exist_ok=True)
    _command("export", of_run, f"--out={model}")
    return model


def write_sums(zoo: Path) -> dict[str, str]:
    """Writes the list of checksums; returns it, by file."""
    models = sorted(path.parent for path in zoo.glob("*/*/ms2l.json"))
    files = (path for model in models for path in sorted(model.rglob("*")) if path.is_file())
    sums = {
        path.relative_to(zoo).as_posix(): record_file(path).sha256
        for path in files
        if path.name != CARD
    }
    write_text(zoo / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    return sums


def verify(zoo: Path) -> int:
    """Compares all files with the list; returns how many there are.

    Raises:
        InputError: there is no list, or a file is missing or differs.
    """
    try:
        lines = (zoo / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"{zoo / SUMS}: cannot be read ({error.strerror}); build the zoo"
        ) from None
    for number, line in enumerate(lines, start=1):
        digest, _, name = line.partition("  ")
        if not name or os.path.isabs(name) or ".." in Path(name).parts:
            raise InputError(f"{zoo / SUMS}, line {number}: is no checksum and file of the zoo")
        path = zoo / name
        if not path.is_file():
            raise InputError(f"{path}: is missing; fetch or build the model again")
        if record_file(path).sha256 != digest:
            raise InputError(f"{path}: is not the file that {SUMS} lists; fetch it again")
    return len(lines)


def _command(name: str, *flags: str) -> None:
    done = subprocess.run([sys.executable, "-m", f"ms2l_tf.cli.{name}", *flags], check=False)
    if done.returncode:
        raise InputError(f"ms2l-{name} {' '.join(flags)}: failed, see above")


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds or verifies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", help="dataset folder of the recipes")
    parser.add_argument("--recipes", default="", help="SET/NAME,...; see ms2l-train --recipe=help")
    parser.add_argument("--zoo", type=Path, default=Path("zoo"), help="folder of the models")
    parser.add_argument("--verify", action="store_true", help="compare with the checksums")
    asked = parser.parse_args(arguments)
    try:
        if asked.verify:
            print(f"{verify(asked.zoo)} files are as {asked.zoo / SUMS} lists them")
            return
        recipes = [name for name in asked.recipes.split(",") if name]
        if not asked.data or not recipes:
            raise InputError("--data, --recipes: name a dataset and its recipes")
        if unknown := [name for name in recipes if name not in recipe_names()]:
            raise InputError(f"--recipes: there is no {unknown[0]}; see ms2l-train --recipe=help")
        for recipe in recipes:
            model = build(recipe, asked.data, asked.zoo)
            size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
            print(f"{model}: {size / 1e6:.1f} MB")
        print(f"{len(write_sums(asked.zoo))} files in {asked.zoo / SUMS}")
    except InputError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
