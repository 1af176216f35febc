"""ms2l-search: the clips of a dataset that are most like a recording, by a model's features.

  ms2l-search --model=models/a --data=data/archive --input=take.bvh
  ms2l-search --model=models/a --data=data/archive --input=data/archive --clip=a --figure=a.png
  ms2l-search --model=models/a --data=data/archive --input=takes --output=jsonl --cache=cache

Likeness is the cosine of two clips' features. With --cache the features of the dataset are made
once. The search looks at all of them; --index=faiss follows links between them instead, which is
quicker for a million.
"""

from __future__ import annotations

from typing import Any

from absl import flags

from ms2l_tf.cli import common, input_flags
from ms2l_tf.errors import InputError

_INPUT = input_flags.define()
DATA = flags.DEFINE_string("data", None, "Dataset folder whose clips are searched.")
CLIP = flags.DEFINE_string("clip", "", "The one clip of the input to look for; by default each.")
TOP_K = flags.DEFINE_integer("top_k", 10, "Clips that are told, the nearest first.", lower_bound=1)
INDEX = flags.DEFINE_enum(
    "index", "exact", ["exact", "faiss"], "How it is searched; faiss is an optional library."
)
CACHE = flags.DEFINE_string("cache", "", "Folder in which features are kept for the next search.")
OUTPUT = flags.DEFINE_enum(
    "output", "table", ["table", "jsonl"], "What is written: a table to read, or lines of JSON."
)
OUT = flags.DEFINE_string("out", "", "File to write; by default standard output.")
FIGURE = flags.DEFINE_string(
    "figure", "", "Picture (.png, .svg, .pdf) of the clip and those found."
)
BATCH = flags.DEFINE_integer("batch", 64, "Clips computed at a time.", lower_bound=1)
_WANTED = (TOP_K, CLIP, INDEX, CACHE, OUTPUT, OUT, FIGURE, BATCH)
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags and searches."""
    _INPUT.check()
    if not DATA.value:
        raise InputError("--data is missing: name the dataset folder to search")
    common.quiet_tensorflow()
    from ms2l_tf.api.model import load_model
    from ms2l_tf.retrieval.tasks import Search, search

    given: dict[str, Any] = {flag.name: flag.value for flag in _WANTED}
    wanted = Search(**given)
    search(load_model(_INPUT.model.value), DATA.value, _INPUT.input.value, _INPUT.choices(), wanted)


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
