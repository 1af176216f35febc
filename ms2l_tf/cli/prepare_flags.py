"""The flags of `ms2l-prepare`, and which of them belong together."""

from __future__ import annotations

from typing import Any

from absl import flags

from ms2l_tf.data.formats import FORMATS
from ms2l_tf.data.formats.guess import AUTO
from ms2l_tf.data.records import UNITS

SYNTHETIC, VIDEO = "synthetic", "video"
KNOWN = (*FORMATS, VIDEO, SYNTHETIC)

FORMAT = flags.DEFINE_string(
    "format",
    None,
    f"What to read: {', '.join(FORMATS)}; {AUTO}, which is the default with --source, goes by what "
    f"the source holds, and says it; {VIDEO} finds poses in videos, {SYNTHETIC} generates motions. "
    "For anything else see docs/data.md.",
)
SOURCE = flags.DEFINE_string(
    "source",
    None,
    "Folder or archive (.zip, .tar, .tar.xz, .tar.gz, .tar.bz2) as published, or a single file.",
)
OUT = flags.DEFINE_string(
    "out",
    None,
    "The dataset folder to make; must not exist or be empty. With --inspect: where the report "
    "goes (default: inspect/ in the dataset).",
)
STRICT = flags.DEFINE_bool(
    "strict", False, "Refuse the source at the first bad clip; else up to 5 % are tolerated."
)
KEEP_ZEROS = flags.DEFINE_bool(
    "keep_zeros",
    False,
    "Keep persons whose joints are all zero in a frame; else this is a gap that somebody wrote "
    "as zeros, set to missing and counted.",
)
INSPECT = flags.DEFINE_string(
    "inspect", None, "Check every checksum of this dataset folder and report what is in it."
)
REPORT = flags.DEFINE_string(
    "report",
    None,
    "With --inspect: also write this HTML file, a page with counts, gaps, copies across training "
    "and test, and skeletons that move.",
)
CLIPS = flags.DEFINE_integer(
    "clips", None, "Synthetic: number of clips (default: the preset's).", lower_bound=1
)
SEED = flags.DEFINE_integer("seed", None, "Synthetic: seed of all randomness (default 0).")
PRESET = flags.DEFINE_string(
    "preset", None, "Synthetic: which set, e.g. demo or one shaped like a benchmark."
)
LAYOUTS = flags.DEFINE_list(
    "layouts",
    None,
    "Skeleton layouts to emit, separated by commas. With a source: native and targets of the "
    "packaged mappings from it (default: native, for motion capture also all targets).",
)
EXCLUDE = flags.DEFINE_string(
    "exclude",
    None,
    "A text file of clips to leave out, one name a line, with or without the ending of the clip's "
    "file; lines of several words, as a heading, and what follows a # do not count.",
)
WORKERS = flags.DEFINE_integer(
    "workers",
    None,
    "Processes that read the source (default: as many as there are cores); the dataset is the "
    "same to the byte for any number.",
    lower_bound=1,
)
SCHEDULER = flags.DEFINE_string(
    "scheduler",
    None,
    "Address of a Dask scheduler, such as tcp://10.0.0.1:8786, whose workers read the source "
    "instead; they find source, out and tables under the same paths.",
)
LAYOUT = flags.DEFINE_string(
    "layout", None, "Layout of the joints where files do not say: a packaged one, or its file."
)
LABELS = flags.DEFINE_string(
    "labels",
    None,
    "CSV table of what files do not say of their clips: a column file or clip, and of label, "
    "subject, camera, setup, group, split those you have.",
)
FRAME_RATE = flags.DEFINE_float(
    "frame_rate", None, "Frames a second where files do not say.", lower_bound=0.01
)
UNIT = flags.DEFINE_enum("unit", None, UNITS, "Unit of coordinates where files do not say.")
AXES = flags.DEFINE_string(
    "axes",
    None,
    "Where up and forward are, and the handedness, where files do not say: such as +y,+z,right.",
)
LAYOUT_MAP = flags.DEFINE_string(
    "layout_map",
    None,
    "How joints of the source's own layout become those of another: the .json file of a mapping, "
    "or auto to map them by their names to the --layouts that have no packaged mapping; what auto "
    "suggests is kept in the dataset's folder, to be mended and given back.",
)

Group = tuple[flags.FlagHolder[Any], ...]
OPTIONS: Group = (LAYOUT, LABELS, FRAME_RATE, UNIT, AXES, LAYOUT_MAP)  # as `ReaderOptions` has them
OF_READERS: Group = (KEEP_ZEROS, EXCLUDE, WORKERS, SCHEDULER, LAYOUT, UNIT, AXES, LAYOUT_MAP)
OF_SOURCES: Group = (SOURCE, STRICT, KEEP_ZEROS, EXCLUDE, WORKERS, SCHEDULER, *OPTIONS)
OF_MOTIONS: Group = (CLIPS, SEED, PRESET)
