"""`ms2l-prepare`: makes a dataset of files, videos, motions or other datasets, or shows one.

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

Poses of people in videos, synthetic motions, and a look at a dataset:

```
ms2l-prepare --format=video --source=films --out=data/films
ms2l-prepare --format=synthetic --preset=demo --clips=1200 --seed=0 --out=data/synthetic
ms2l-prepare --inspect=data/nw_ucla --report=nw_ucla.html
```

Other datasets of what is there already:

```
ms2l-prepare --merge=data/one,data/other --out=data/both
ms2l-prepare --source=data/nw_ucla --cut=windows:60:30 --out=data/windows
ms2l-prepare --source=data/mine --split=kfold:5:subject
```
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

from absl import flags

from ms2l_tf.cli import common, dataset_flags, videos
from ms2l_tf.cli import prepare_flags as given
from ms2l_tf.cli.common import refuse
from ms2l_tf.cli.inspecting import inspect
from ms2l_tf.cli.prepare_flags import KNOWN, SYNTHETIC, VIDEO
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.guess import AUTO, describe_source
from ms2l_tf.data.formats.unsupported import unknown_format
from ms2l_tf.data.preparing.executors import dask_workers, usable_cores
from ms2l_tf.errors import InputError

flags.adopt_module_key_flags(given)
flags.adopt_module_key_flags(videos)
_WORK = dataset_flags.define()


def main() -> None:
    """Prepares, inspects or works on datasets, as the flags say."""
    of_sources = (*given.OF_SOURCES, *given.OF_MOTIONS, *videos.FLAGS)
    if given.INSPECT.value:
        others = (given.FORMAT, given.LAYOUTS, *of_sources, *vars(_WORK).values())
        refuse("is of no use with --inspect", *others)
        inspect(pathlib.Path(given.INSPECT.value), given.OUT.value, given.REPORT.value)
        return
    refuse("belongs to --inspect=DIR", given.REPORT)
    if _WORK.given:
        useful = (given.SOURCE.name, given.LAYOUT_MAP.name)  # holders of flags do not compare
        useless = [flag for flag in of_sources if flag.name not in useful]
        refuse(f"is of no use with --{_WORK.given[0]}", given.FORMAT, given.LAYOUTS, *useless)
        dataset_flags.work(_WORK, given.SOURCE.value, given.OUT.value, given.LAYOUT_MAP.value or "")
        return
    format_name = given.FORMAT.value or (AUTO if given.SOURCE.value else "")
    if format_name not in (*KNOWN, AUTO):
        raise InputError(_no_format(format_name))
    if not given.OUT.value:
        raise InputError("--out is missing; name the dataset folder to make")
    if format_name != VIDEO:
        refuse(f"belongs to --format={VIDEO}", *videos.FLAGS)
    if format_name != SYNTHETIC:
        refuse(f"belongs to --format={SYNTHETIC}", *given.OF_MOTIONS)
    if format_name == SYNTHETIC:
        _generate(given.OUT.value)
    elif format_name == VIDEO:
        _extract(given.OUT.value)
    else:
        _convert(format_name, given.OUT.value)


def _no_format(name: str) -> str:
    """What to tell whose --format is missing or unknown."""
    source = given.SOURCE.value
    if name:
        return unknown_format(name, KNOWN, describe_source(source) if source else "")
    return (
        "--source is missing: name the folder, archive or file to read "
        f"(or --format={SYNTHETIC}, or --inspect=DIR to look into a dataset folder)"
    )


def _convert(format_name: str, out: str) -> None:
    from ms2l_tf.data.prepare import REPORT, prepare

    if not given.SOURCE.value:
        raise InputError("--source is missing; name the folder or archive as published")
    if given.SCHEDULER.value:
        refuse("is of no use with --scheduler", given.WORKERS)
    options = {flag.name: flag.value for flag in given.OPTIONS if flag.value is not None}
    with _readers() as readers:
        dataset, report = prepare(
            format_name,
            given.SOURCE.value,
            out,
            layouts=given.LAYOUTS.value,
            strict=given.STRICT.value,
            keep_zeros=given.KEEP_ZEROS.value,
            options=ReaderOptions(**options),
            exclude=given.EXCLUDE.value,
            **readers,
        )
    for line in report.lines():
        print(line)
    print(f"dataset: {dataset.path}")
    print(f"report:  {dataset.path / REPORT}")


@contextlib.contextmanager
def _readers() -> Iterator[dict[str, Any]]:
    """Who reads the source, as `prepare` takes it."""
    if not given.SCHEDULER.value:
        yield {"workers": given.WORKERS.value or usable_cores()}
        return
    with dask_workers(given.SCHEDULER.value) as (executor, count):
        yield {"executor": executor, "workers": count}


def _extract(out: str) -> None:
    refuse(f"is of no use with --format={VIDEO}", *given.OF_READERS)
    if not given.SOURCE.value:
        raise InputError("--source is missing; name a video or a folder of videos")
    videos.extract(
        given.SOURCE.value,
        out,
        given.LAYOUTS.value,
        labels=given.LABELS.value,
        frame_rate=given.FRAME_RATE.value or 0.0,
        strict=given.STRICT.value,
    )


def _generate(out: str) -> None:
    from ms2l_tf.data.synthetic import generate

    refuse(f"is of no use with --format={SYNTHETIC}", *given.OF_SOURCES)
    wanted: dict[str, Any] = {
        flag.name: flag.value for flag in given.OF_MOTIONS if flag.value is not None
    }
    if given.LAYOUTS.value:
        wanted["layouts"] = tuple(given.LAYOUTS.value)
    dataset = generate(out, **wanted)
    print(f"{len(dataset)} clips in {', '.join(dataset.layouts)}")
    print(f"dataset: {dataset.path}")


def entry() -> None:
    """The console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
