"""The files of ``checkpoint/``: which checkpoints are there, whatever its state file says."""

from __future__ import annotations

import pathlib
import re
import shutil
from typing import NamedTuple

from ms2l_tf import files

_NAME = re.compile(r"ckpt-(\d+)(?:-(\d+))?(?:[._].*)?")
_NEWEST = re.compile(r'^model_checkpoint_path: "(.*)"$', re.MULTILINE)


class Position(NamedTuple):
    """How far a run is: finished epochs, and the steps done of the epoch that comes."""

    epoch: int = 0
    step: int = 0

    def __str__(self) -> str:
        return f"step {self.step} of epoch {self.epoch + 1}" if self.step else f"epoch {self.epoch}"


START, _FIRST = Position(), Position(1)


class CheckpointFiles:
    """``.index`` and ``.data-*`` files of checkpoints, and ``checkpoint``, which names the newest.

    ``ckpt-<epoch>`` was written after an epoch, ``ckpt-<epoch>-<step>`` within the one after it.

    Args:
        folder: that holds them.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.state = folder / "checkpoint"

    def prefix(self, position: Position) -> pathlib.Path:
        """What the names of the files of a checkpoint begin with."""
        within = f"-{position.step}" if position.step else ""
        return self.folder / f"ckpt-{position.epoch}{within}"

    def positions(self) -> list[Position]:
        """Those whose checkpoint has an index file, the newest first."""
        names = self._named().items()
        whole = {there for path, there in names if path.name == f"{self.prefix(there).name}.index"}
        return sorted(whole, reverse=True)

    def write_state(self) -> None:
        """Has the state file name the newest checkpoint, as `tf.train.latest_checkpoint` reads it.

        Raises:
            InputError: it cannot be written.
        """
        names = [self.prefix(position).name for position in reversed(self.positions())]
        lines = [f'all_model_checkpoint_paths: "{name}"\n' for name in names]
        files.write_text(self.state, f'model_checkpoint_path: "{names[-1]}"\n' + "".join(lines))

    def state_flaw(self) -> str:
        """Why the state file does not name the newest checkpoint there; empty if it does."""
        newest = self.prefix(self.positions()[0]).name
        try:
            text = self.state.read_text(encoding="utf-8")
        except FileNotFoundError:
            return "is missing"
        except (OSError, UnicodeDecodeError):
            return "cannot be read"
        named = _NEWEST.search(text)
        if named is None:
            return "is damaged" if text else "is empty"
        if (name := pathlib.Path(named[1]).name) == newest:
            return ""
        there = self.folder / f"{name}.index"
        return f"names {name}" + ("" if there.is_file() else ", which is gone")

    def left_over(self) -> str:
        """A file that only training beyond the first checkpoint leaves, no use alone, or empty."""
        if self.state.exists():
            return self.state.name
        # Of the first checkpoint, that of the first epoch at the latest, a command stopped while it
        # wrote leaves such a part as well.
        parts = (path.name for path, position in self._named().items() if position > _FIRST)
        return min(parts, default="")

    def remove_others(self, kept: Position) -> None:
        """Removes all checkpoints but one, and what interrupted writing left."""
        for path, position in self._named().items():
            if path.is_dir():  # ckpt-3_temp, where TensorFlow writes first
                shutil.rmtree(path, ignore_errors=True)
            elif position != kept:
                path.unlink(missing_ok=True)

    def _named(self) -> dict[pathlib.Path, Position]:
        """The files and folders of checkpoints, each with its position."""
        if not self.folder.is_dir():
            return {}
        matches = ((path, _NAME.fullmatch(path.name)) for path in self.folder.iterdir())
        return {
            path: Position(int(match[1]), int(match[2] or 0))
            for path, match in matches
            if match is not None
        }
