"""`ms2l-prepare`: makes a dataset folder from published files or synthetic motions, or shows one.

From files; the format is recognised, and the same command goes on after an interrupt:

```
ms2l-prepare --source=all_sqe.tar.xz --out=data/nw_ucla
ms2l-prepare --source=nturgb+d_skeletons --exclude=missing_skeletons.txt --out=data/ntu
ms2l-prepare --format=hdm05 --source=hdm05.tar.xz --layouts=native,h36m_17 --out=data/hdm05
```

What files leave open, and a table of what they do not say of their clips:

```
ms2l-prepare --source=clips --layout=coco_17 --frame_rate=25 --labels=labels.csv --out=data/mine
ms2l-prepare --source=clips --layout=mine.json --unit=mm --axes=+z,+y,right --out=data/mine
```

In more or fewer processes than there are cores, or by the workers of a Dask cluster:

```
ms2l-prepare --source=all_sqe.tar.xz --workers=1 --out=data/nw_ucla
ms2l-prepare --source=/shared/ntu --scheduler=tcp://10.0.0.1:8786 --out=/shared/data/ntu
```

Synthetic motions, and a look at a dataset:

```
ms2l-prepare --format=synthetic --preset=demo --clips=1200 --seed=0 --out=data/synthetic
ms2l-prepare --inspect=data/nw_ucla --report=nw_ucla.html
```
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

from absl import flags
from tqdm import tqdm

from ms2l_tf.cli import common
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.formats import FORMATS, ReaderOptions
from ms2l_tf.data.formats.guess import AUTO, describe_source
from ms2l_tf.data.formats.unsupported import unknown_format
from ms2l_tf.data.preparing.executors import dask_workers, usable_cores
from ms2l_tf.data.records import UNITS
from ms2l_tf.errors import InputError

SYNTHETIC = "synthetic"

KNOWN = (*FORMATS, SYNTHETIC)

_FORMAT = flags.DEFINE_string(
    "format",
    None,
    f"What to read: {', '.join(FORMATS)}; {AUTO}, which is the default with --source, goes by what "
    f"the source holds, and says it; {SYNTHETIC} generates motions instead. For anything else see "
    "DatasetWriter in the README.",
)
_SOURCE = flags.DEFINE_string(
    "source",
    None,
    "Folder or archive (.zip, .tar, .tar.xz, .tar.gz, .tar.bz2) as published, or a single file.",
)
_OUT = flags.DEFINE_string(
    "out",
    None,
    "The dataset folder to make; must not exist or be empty. With --inspect: where the report "
    "goes (default: inspect/ in the dataset).",
)
_STRICT = flags.DEFINE_bool(
    "strict", False, "Refuse the source at the first bad clip; else up to 5 % are tolerated."
)
_KEEP_ZEROS = flags.DEFINE_bool(
    "keep_zeros",
    False,
    "Keep persons whose joints are all zero in a frame; else this is a gap that somebody wrote "
    "as zeros, set to missing and counted.",
)
_INSPECT = flags.DEFINE_string(
    "inspect", None, "Check every checksum of this dataset folder and report what is in it."
)
_REPORT = flags.DEFINE_string(
    "report",
    None,
    "With --inspect: also write this HTML file, a page with counts, gaps, copies across training "
    "and test, and skeletons that move.",
)
_CLIPS = flags.DEFINE_integer(
    "clips", None, "Synthetic: number of clips (default: the preset's).", lower_bound=1
)
_SEED = flags.DEFINE_integer("seed", None, "Synthetic: seed of all randomness (default 0).")
_PRESET = flags.DEFINE_string(
    "preset", None, "Synthetic: which set, e.g. demo or one shaped like a benchmark."
)
_LAYOUTS = flags.DEFINE_list(
    "layouts",
    None,
    "Skeleton layouts to emit, separated by commas. With a source: native and targets of the "
    "packaged mappings from it (default: native, for motion capture also all targets).",
)


_EXCLUDE = flags.DEFINE_string(
    "exclude",
    None,
    "A text file of clips to leave out, one name a line, with or without the ending of the clip's "
    "file; lines of several words, as a heading, and what follows a # do not count.",
)
_WORKERS = flags.DEFINE_integer(
    "workers",
    None,
    "Processes that read the source (default: as many as there are cores); the dataset is the "
    "same to the byte for any number.",
    lower_bound=1,
)
_SCHEDULER = flags.DEFINE_string(
    "scheduler",
    None,
    "Address of a Dask scheduler, such as tcp://10.0.0.1:8786, whose workers read the source "
    "instead; they find source, out and tables under the same paths.",
)
_LAYOUT = flags.DEFINE_string(
    "layout", None, "Layout of the joints where files do not say: a packaged one, or its file."
)
_LABELS = flags.DEFINE_string(
    "labels",
    None,
    "CSV table of what files do not say of their clips: a column file or clip, and of label, "
    "subject, camera, setup, group, split those you have.",
)
_FRAME_RATE = flags.DEFINE_float(
    "frame_rate", None, "Frames a second where files do not say.", lower_bound=0.01
)
_UNIT = flags.DEFINE_enum("unit", None, UNITS, "Unit of coordinates where files do not say.")
_AXES = flags.DEFINE_string(
    "axes",
    None,
    "Where up and forward are, and the handedness, where files do not say: such as +y,+z,right.",
)
_LAYOUT_MAP = flags.DEFINE_string(
    "layout_map",
    None,
    "File of a mapping from the source's own layout to a packaged one; auto goes by the names of "
    "joints.",
)
_OPTIONS = (_LAYOUT, _LABELS, _FRAME_RATE, _UNIT, _AXES, _LAYOUT_MAP)
_FOR_SOURCES = (_SOURCE, _STRICT, _KEEP_ZEROS, _EXCLUDE, _WORKERS, _SCHEDULER, *_OPTIONS)
_FOR_MOTIONS = (_CLIPS, _SEED, _PRESET)


def main() -> None:
    """Prepares or inspects, as the flags say."""
    if _INSPECT.value:
        others = (_FORMAT, *_FOR_SOURCES, *_FOR_MOTIONS, _LAYOUTS)
        _refuse("is of no use with --inspect", *others)
        _inspect(pathlib.Path(_INSPECT.value), _OUT.value, _REPORT.value)
        return
    _refuse("belongs to --inspect=DIR", _REPORT)
    format_name = _FORMAT.value or (AUTO if _SOURCE.value else "")
    if format_name not in (*KNOWN, AUTO):
        raise InputError(_no_format(format_name))
    if not _OUT.value:
        raise InputError("--out is missing; name the dataset folder to make")
    if format_name == SYNTHETIC:
        _generate(_OUT.value)
    else:
        _convert(format_name, _OUT.value)


def _no_format(name: str) -> str:
    """What to tell whose --format is missing or unknown."""
    if name:
        return unknown_format(name, KNOWN, describe_source(_SOURCE.value) if _SOURCE.value else "")
    return (
        "--source is missing: name the folder, archive or file to read "
        f"(or --format={SYNTHETIC}, or --inspect=DIR to look into a dataset folder)"
    )


def _convert(format_name: str, out: str) -> None:
    from ms2l_tf.data.prepare import REPORT, prepare

    _refuse(f"belongs to --format={SYNTHETIC}", *_FOR_MOTIONS)
    if not _SOURCE.value:
        raise InputError("--source is missing; name the folder or archive as published")
    if _SCHEDULER.value:
        _refuse("is of no use with --scheduler", _WORKERS)
    given: dict[str, Any] = {flag.name: flag.value for flag in _OPTIONS if flag.value is not None}
    with _readers() as readers:
        dataset, report = prepare(
            format_name,
            _SOURCE.value,
            out,
            layouts=_LAYOUTS.value,
            strict=_STRICT.value,
            keep_zeros=_KEEP_ZEROS.value,
            options=ReaderOptions(**given),
            exclude=_EXCLUDE.value,
            **readers,
        )
    for line in report.lines():
        print(line)
    print(f"dataset: {dataset.path}")
    print(f"report:  {dataset.path / REPORT}")


@contextlib.contextmanager
def _readers() -> Iterator[dict[str, Any]]:
    """Who reads the source, as `prepare` takes it."""
    if not _SCHEDULER.value:
        yield {"workers": _WORKERS.value or usable_cores()}
        return
    with dask_workers(_SCHEDULER.value) as (executor, count):
        yield {"executor": executor, "workers": count}


def _generate(out: str) -> None:
    from ms2l_tf.data.synthetic import generate

    _refuse(f"is of no use with --format={SYNTHETIC}", *_FOR_SOURCES)
    given: dict[str, Any] = {
        flag.name: flag.value for flag in _FOR_MOTIONS if flag.value is not None
    }
    if _LAYOUTS.value:
        given["layouts"] = tuple(_LAYOUTS.value)
    dataset = generate(out, **given)
    print(f"{len(dataset)} clips in {', '.join(dataset.layouts)}")
    print(f"dataset: {dataset.path}")


def _inspect(folder: pathlib.Path, out: str | None, page: str | None) -> None:
    from ms2l_tf.data.contact_sheet import save_contact_sheet
    from ms2l_tf.data.inspect import describe, sheet_path, summarise
    from ms2l_tf.data.report import check_report, write_report
    from ms2l_tf.files import write_json

    if page is not None:
        check_report(page)
    dataset = ClipDataset.open(folder)
    with tqdm(total=len(dataset.files), desc="checksums", unit="file") as bar:
        dataset.verify(force=True, progress=lambda _: bar.update())
    summary = summarise(dataset)
    print(describe(summary))
    target = pathlib.Path(out) if out else folder / "inspect"
    try:
        target.mkdir(parents=True, exist_ok=True)
        write_json(target / "inspect.json", summary)
        for layout in tqdm(dataset.layouts, desc="drawing", unit="layout"):
            save_contact_sheet(dataset, layout, sheet_path(target, layout))
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); name another --out"
        ) from None
    print(f"\nall checksums match; report: {target / 'inspect.json'}")
    for layout in dataset.layouts:
        print(f"contact sheet: {sheet_path(target, layout)}")
    if page is not None:
        write_report(dataset, summary, page)
        print(f"page to look at: {page}")


def _refuse(reason: str, *unwanted: flags.FlagHolder[Any]) -> None:
    for flag in unwanted:
        if flag.present:
            raise InputError(f"--{flag.name} {reason}; leave it out")


def entry() -> None:
    """The console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
