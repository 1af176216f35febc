"""The folder of an estimator's run: the caller's, or one that lives as long as the estimator."""

from __future__ import annotations

import os
import pathlib
import tempfile
from typing import Any

# What features are made from, and what is told about training; checkpoints stay behind.
_KEPT = ("flags.json", "model.weights.h5", "weights.json", "history.csv", "labelled.json")


class Workdir:
    """A run folder and the place for a dataset beside it.

    A temporary one is removed with the last reference to this object. A pickle of it holds the
    files of the finished run, and is a temporary folder of its own where it is read.

    Args:
        path: of the run; None: a temporary folder.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._own = None if path is not None else tempfile.TemporaryDirectory(prefix="ms2l_")
        self.run = pathlib.Path(path if path is not None else f"{self._folder}/run")

    @property
    def _folder(self) -> str:
        assert self._own is not None, "only of a temporary folder"
        return self._own.name

    @property
    def data(self) -> pathlib.Path:
        """Folder of a dataset that is made of arrays."""
        return self.run.with_name(f"{self.run.name}_data")

    def __getstate__(self) -> dict[str, Any]:
        if self._own is None:
            return {"run": self.run}
        there = [self.run / name for name in _KEPT if (self.run / name).is_file()]
        return {"files": {path.name: path.read_bytes() for path in there}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state.get("run"))  # type: ignore[misc]
        for name, content in state.get("files", {}).items():
            self.run.mkdir(exist_ok=True)
            (self.run / name).write_bytes(content)
