"""ms2l-export: a finished run as a folder that other programs load.

  ms2l-export --workdir=runs/a --out=models/a
  ms2l-export --workdir=runs/a --out=models/a --head=linear --formats=savedmodel,keras,onnx
  ms2l-export --show=models/a

The folder is a SavedModel that any TensorFlow program loads and TensorFlow Serving serves: raw
poses in, features (embed) and actions (classify) out. Beside it stand ms2l.json, what is known of
it, and README.md, a model card. Each file is checked against the live model before the folder
appears. Actions come from the run's own classifier or from a probe of its features, fitted on its
labelled training clips.
"""

from __future__ import annotations

import os

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.")
OUT = flags.DEFINE_string("out", None, "Folder to write; a new one, or one that is empty.")
SHOW = flags.DEFINE_string(
    "show", None, "Print what is known of an exported model, and nothing else."
)
DATA = flags.DEFINE_string("data", "", "Dataset folder, if it is no longer where it was.")
HEAD = flags.DEFINE_enum(
    "head",
    "auto",
    ["auto", "none", "network", "ridge", "linear", "knn"],
    "What makes actions of features: network (the classifier of a run with labels), a probe fitted "
    "on the run's labelled training clips, or none; auto: network where there is one, else ridge.",
)
FORMATS = flags.DEFINE_list(
    "formats", ["savedmodel"], "Files beside the SavedModel: keras, onnx, litert."
)
LAYOUT = flags.DEFINE_string(
    "layout",
    "",
    "Layout of the poses, one of the run's; empty: its first. A run of "
    "--joints=semantic takes any.",
)
K = flags.DEFINE_integer("k", 5, "Neighbours of --head=knn.")
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags and exports."""
    if SHOW.value:
        _show(SHOW.value)
        return
    if not WORKDIR.value or not OUT.value:
        lacking = "workdir" if not WORKDIR.value else "out"
        what = "folder of a trained run" if not WORKDIR.value else "folder to write"
        raise InputError(f"--{lacking}: name the {what}")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a file traced for a card loads on no processor
    common.quiet_tensorflow()
    from ms2l_tf.export.export import ExportChoices, export_run

    choices = ExportChoices(
        head=HEAD.value,
        formats=tuple(FORMATS.value),
        data=DATA.value,
        layout=LAYOUT.value,
        k=K.value,
    )
    export_run(WORKDIR.value, OUT.value, choices, progress=lambda line: print(f"  {line}"))
    print(f"{OUT.value}: written; ms2l-export --show={OUT.value} tells what it is")


def _show(path: str) -> None:
    from ms2l_tf.export.card import shown
    from ms2l_tf.export.manifest import fingerprint, read_manifest

    print(shown(read_manifest(path), fingerprint(path)))


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
