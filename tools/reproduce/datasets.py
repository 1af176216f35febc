"""The datasets the cells read: where they are; missing synthetic ones are made."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.errors import InputError
from tools.reproduce.cells import Cell
from tools.reproduce.transfer import SOURCES

# Two synthetic sets that differ in layout, persons' sizes and noise; small ones for --quick.
_SYNTHETIC = {"target": ("kinect_v2_25", 1), "synthetic_v1": ("kinect_v1_20", 2)}
QUICK_CLIPS = 192


def data_folders(
    dataset: str, workdir: Path, data: str, source_data: Sequence[str]
) -> dict[str, str]:
    """Folder of the dataset ("target") and of the sources of Table 6 that are given.

    Args:
        dataset: its name.
        workdir: where synthetic sets are made.
        data: --data.
        source_data: --source_data, NAME=DIR each.

    Raises:
        InputError: an entry of --source_data is not NAME=DIR of a known source.
    """
    folders = {"target": data or f"data/{dataset}"}
    if dataset == "synthetic":
        made = {name: str(workdir / "data" / name) for name in _SYNTHETIC}
        folders = {**made, **({"target": data} if data else {})}
    known = SOURCES.get(dataset, ())
    for entry in source_data:
        name, _, folder = entry.partition("=")
        if name not in known or not folder:
            wanted = ",".join(f"{source}=DIR" for source in known) or "nothing: it has no Table 6"
            raise InputError(f"--source_data: '{entry}'; {dataset} takes {wanted}")
        folders[name] = folder
    return folders


def prepare_data(
    folders: Mapping[str, str],
    dataset: str,
    cells: Sequence[Cell],
    workdir: Path,
    clips: int | None = None,
) -> None:
    """Makes the synthetic sets that are missing and refuses other missing datasets.

    Args:
        folders: by `Cell.data`.
        dataset: its name.
        cells: those that are run.
        workdir: synthetic sets are made below it only.
        clips: of a synthetic set that is made; None: as many as its preset has.
    """
    for name in dict.fromkeys(cell.data for cell in cells):
        folder = Path(folders[name])
        if (folder / "dataset.json").is_file():
            continue
        if dataset != "synthetic" or not folder.is_relative_to(workdir / "data"):
            raise InputError(_prepare_first(dataset if name == "target" else name, folder))
        from ms2l_tf.data.synthetic import generate

        layout, seed = _SYNTHETIC[name]
        print(f"making {folder}")
        generate(folder, clips=clips, seed=seed, layouts=[layout], progress=False)


def _prepare_first(name: str, folder: Path) -> str:
    from ms2l_tf.data.formats import FORMATS

    out, synthetic = (shlex.quote(f"--out={path}") for path in (folder, f"{folder}_synthetic"))
    if name in FORMATS:
        how = f"ms2l-prepare --format={name} --source=ARCHIVE {out}"
    else:
        preset = {"ntu60": "ntu60", "pku1": "pku_mmd", "pku2": "pku_mmd"}.get(name, "demo")
        how = (
            "there is no reader for it yet, write its clips with DatasetWriter (README); to try "
            f"the command on synthetic clips of its shape: ms2l-prepare {synthetic} "
            f"--format=synthetic --preset={preset}, then {synthetic.replace('--out', '--data')}"
        )
    return f"{folder}: no dataset here; prepare {name} first: {how}"


def source_of(folder: Path) -> str:
    """What a dataset says it was made of, where it is at hand."""
    return ClipDataset.open(folder).source if (folder / "dataset.json").is_file() else ""
