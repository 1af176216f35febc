"""`ms2l-prepare`: makes a dataset folder from files, synthetic motions or datasets, or shows one.

```
ms2l-prepare --format=nw_ucla --source=all_sqe.tar.xz --out=data/nw_ucla
ms2l-prepare --format=hdm05 --source=hdm05.tar.xz --layouts=native,h36m_17 --out=data/hdm05
ms2l-prepare --format=synthetic --preset=demo --clips=1200 --seed=0 --out=data/synthetic
ms2l-prepare --inspect=data/nw_ucla
ms2l-prepare --merge=data/one,data/other --out=data/both
ms2l-prepare --source=data/nw_ucla --cut=windows:60:30 --out=data/windows
```
"""

from __future__ import annotations

import pathlib
from typing import Any

from absl import flags
from tqdm import tqdm

from ms2l_tf.cli import common, dataset_flags
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.formats import FORMATS, ReaderOptions
from ms2l_tf.data.formats.guess import describe_source
from ms2l_tf.data.formats.unsupported import unknown_format
from ms2l_tf.errors import InputError

SYNTHETIC = "synthetic"

KNOWN = (*FORMATS, SYNTHETIC)

_FORMAT = flags.DEFINE_string(
    "format",
    None,
    f"What to read: {', '.join(FORMATS)}; {SYNTHETIC} generates motions instead. For anything else "
    "see DatasetWriter in the README.",
)
_SOURCE = flags.DEFINE_string(
    "source", None, "Folder or archive (.zip, .tar, .tar.xz, .tar.gz, .tar.bz2) as published."
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
_LAYOUT_MAP = flags.DEFINE_string(
    "layout_map",
    None,
    "How joints of the source's own layout become those of another: the .json file of a mapping, "
    "or auto to map them by their names to the --layouts that have no packaged mapping; what auto "
    "suggests is kept in the dataset's folder, to be mended and given back.",
)
_WORK = dataset_flags.define()


def main() -> None:
    """Prepares, inspects or works on datasets, as the flags say."""
    if _WORK.given and not _INSPECT.value:
        unused = (_FORMAT, _CLIPS, _SEED, _PRESET, _LAYOUTS, _STRICT, _KEEP_ZEROS)
        _refuse(f"is of no use with --{_WORK.given[0]}", *unused)
        dataset_flags.work(_WORK, _SOURCE.value, _OUT.value, _LAYOUT_MAP.value or "")
        return
    if _INSPECT.value:
        others = (_FORMAT, _SOURCE, _CLIPS, _SEED, _PRESET, _LAYOUTS, _STRICT, _KEEP_ZEROS)
        _refuse("is of no use with --inspect", *others, _LAYOUT_MAP, *vars(_WORK).values())
        _inspect(pathlib.Path(_INSPECT.value), _OUT.value)
        return
    if _FORMAT.value not in KNOWN:
        held = describe_source(_SOURCE.value) if _SOURCE.value else ""
        raise InputError(_no_format(_FORMAT.value, held))
    if not _OUT.value:
        raise InputError("--out is missing; name the dataset folder to make")
    if _FORMAT.value == SYNTHETIC:
        _generate(_OUT.value)
    else:
        _convert(_FORMAT.value, _OUT.value)


def _no_format(name: str | None, held: str) -> str:
    """What to tell whose --format is missing or unknown; `held`: what the source holds."""
    if name:
        return unknown_format(name, KNOWN, held)
    if held:
        return f"--format is missing; the source {held}"
    return (
        f"--format is missing: one of {', '.join(KNOWN)} "
        "(or --inspect=DIR to look into a dataset folder)"
    )


def _convert(format_name: str, out: str) -> None:
    from ms2l_tf.data.prepare import REPORT, prepare

    _refuse("belongs to --format=synthetic", _CLIPS, _SEED, _PRESET)
    if not _SOURCE.value:
        raise InputError("--source is missing; name the folder or archive as published")
    dataset, report = prepare(
        format_name,
        _SOURCE.value,
        out,
        layouts=_LAYOUTS.value,
        strict=_STRICT.value,
        keep_zeros=_KEEP_ZEROS.value,
        options=ReaderOptions(layout_map=_LAYOUT_MAP.value or ""),
    )
    for line in report.lines():
        print(line)
    print(f"dataset: {dataset.path}")
    print(f"report:  {dataset.path / REPORT}")


def _generate(out: str) -> None:
    from ms2l_tf.data.synthetic import generate

    _refuse("is of no use with --format=synthetic", _SOURCE, _STRICT, _KEEP_ZEROS, _LAYOUT_MAP)
    given: dict[str, Any] = {
        flag.name: flag.value for flag in (_CLIPS, _SEED, _PRESET) if flag.value is not None
    }
    if _LAYOUTS.value:
        given["layouts"] = tuple(_LAYOUTS.value)
    dataset = generate(out, **given)
    print(f"{len(dataset)} clips in {', '.join(dataset.layouts)}")
    print(f"dataset: {dataset.path}")


def _inspect(folder: pathlib.Path, out: str | None) -> None:
    from ms2l_tf.data.contact_sheet import save_contact_sheet
    from ms2l_tf.data.inspect import describe, sheet_path, summarise
    from ms2l_tf.files import write_json

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


def _refuse(reason: str, *unwanted: flags.FlagHolder[Any]) -> None:
    for flag in unwanted:
        if flag.present:
            raise InputError(f"--{flag.name} {reason}; leave it out")


def entry() -> None:
    """The console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
