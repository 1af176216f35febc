"""`ms2l-prepare --inspect`: checks a dataset, says what is in it, and draws it."""

from __future__ import annotations

import pathlib

from tqdm import tqdm

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.errors import InputError


def inspect(folder: pathlib.Path, out: str | None, page: str | None) -> None:
    """Prints and draws.

    Args:
        folder: of the dataset.
        out: where the summary and the contact sheets go; None: `inspect/` in the dataset.
        page: the HTML file to write; None: none.

    Raises:
        InputError: the dataset is damaged, or a place cannot be written to.
    """
    from ms2l_tf.data.contact_sheet import save_contact_sheet
    from ms2l_tf.data.inspect import describe, looks_at, sheet_path, summarise
    from ms2l_tf.data.report import check_report, write_report
    from ms2l_tf.files import write_json

    if page is not None:
        check_report(page)
    dataset = ClipDataset.open(folder)
    with tqdm(total=len(dataset.files), desc="checksums", unit="file") as bar:
        dataset.verify(force=True, progress=lambda _: bar.update())
    with tqdm(total=looks_at(dataset), desc="looking", unit="clip") as bar:
        summary = summarise(dataset, bar.update)
    print(describe(summary))
    target = pathlib.Path(out) if out else folder / "inspect"
    try:
        target.mkdir(parents=True, exist_ok=True)
        write_json(target / "inspect.json", summary)
        with tqdm(dataset.layouts, desc="drawing", unit="layout") as layouts:
            for layout in layouts:
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
