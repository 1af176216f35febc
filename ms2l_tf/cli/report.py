"""ms2l-report: one HTML page of a run or of several.

  ms2l-report --workdir=runs/a --out=a.html
  ms2l-report --workdir=runs/a,runs/b --out=both.html

Curves, the table beside the floors, classes and what changed between runs, the confusion matrix
with its worst pairs as skeletons that move, a map of the clips to point at, nearest clips, settings
that differ, time and environment. The page loads nothing and needs no network. What a run does not
have yet is said in a line; skeletons, map and neighbours need the dataset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError

if TYPE_CHECKING:
    from ms2l_tf.settings.config import RunConfig

WORKDIR = flags.DEFINE_list(
    "workdir", [], "Folders of the runs, at most eight; changes are told from the first on."
)
OUT = flags.DEFINE_string("out", None, "The HTML file to write.")
DATA = flags.DEFINE_string(
    "data", "", "Dataset folder of all the runs, if it is no longer where it was."
)
TEST_ON = flags.DEFINE_enum(
    "test_on", "test", ["test", "validation"], "Clips whose evaluation is shown."
)
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags and writes the page."""
    if not WORKDIR.value:
        raise InputError("--workdir: name the folders of one run or several, RUN,RUN")
    if not all(WORKDIR.value):
        raise InputError("--workdir: a name is empty; write RUN,RUN")
    if not OUT.value:
        raise InputError("--out: name the page to write, for example report.html")
    common.quiet_tensorflow()
    from ms2l_tf.evaluation.run_report import page_path, write_run_report

    path = page_path(OUT.value)
    write_run_report(
        path,
        WORKDIR.value,
        test_on=TEST_ON.value,
        adapted=_adapted,
        progress=lambda line: print(f"  {line}"),
    )
    print(f"page to look at: {path}")


def _adapted(trained: RunConfig) -> RunConfig:
    """The settings of a run with the place of its data."""
    from ms2l_tf.methods.registry import changed

    return changed(trained, data=DATA.value) if DATA.value else trained


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
