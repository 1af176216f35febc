"""Makes a source that fails smaller while it fails in the same way."""

from __future__ import annotations

import dataclasses
import pathlib

from tests.fuzz.cases import Case, run_case
from tests.fuzz.promise import Failure
from tests.fuzz.seeds import seed_files

_TRIALS = 300


def smallest(case: Case, kind: str, folder: pathlib.Path) -> Case:
    """The case with as little damage, and then as few bytes, as some hundred trials find."""
    trials = iter(range(_TRIALS))

    def fails(files: dict[str, bytes]) -> bool:
        try:
            run_case(dataclasses.replace(case, files=files), folder)
        except Failure as failure:
            return failure.kind == kind
        return False

    files = dict(case.files)
    for name, content in seed_files(case.format_name, case.seed).items():
        if files.get(name) not in (None, content) and fails({**files, name: content}):
            files[name] = content
    for name in list(files):
        without = {other: content for other, content in files.items() if other != name}
        if without and fails(without):
            files = without
    for name in list(files):
        size = len(files[name]) // 2
        while size:
            start = 0
            while start < len(files[name]) and next(trials, None) is not None:
                shorter = files[name][:start] + files[name][start + size :]
                if fails({**files, name: shorter}):
                    files[name] = shorter
                else:
                    start += size
            size //= 2
    return dataclasses.replace(case, files=files)
