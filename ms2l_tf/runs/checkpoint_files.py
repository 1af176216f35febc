"""The files of ``checkpoint/``: which checkpoints are there, whatever its state file says."""

from __future__ import annotations

import pathlib
import re
import shutil

from ms2l_tf import files

_NAME = re.compile(r"ckpt-(\d+)(?:[._].*)?")
_NEWEST = re.compile(r'^model_checkpoint_path: "(.*)"$', re.MULTILINE)


class CheckpointFiles:
    """``ckpt-<epoch>.index`` and ``.data-*`` files, and ``checkpoint``, which names the newest.

    Args:
        folder: that holds them.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.state = folder / "checkpoint"

    def prefix(self, epoch: int) -> pathlib.Path:
        """What the names of the files of an epoch's checkpoint begin with."""
        return self.folder / f"ckpt-{epoch}"

    def epochs(self) -> list[int]:
        """Epochs whose checkpoint has an index file, the newest first."""
        names = self._named().items()
        whole = {epoch for path, epoch in names if path.name == f"ckpt-{epoch}.index"}
        return sorted(whole, reverse=True)

    def write_state(self) -> None:
        """Has the state file name the newest checkpoint, as `tf.train.latest_checkpoint` reads it.

        Raises:
            InputError: it cannot be written.
        """
        names = [self.prefix(epoch).name for epoch in reversed(self.epochs())]
        lines = [f'all_model_checkpoint_paths: "{name}"\n' for name in names]
        files.write_text(self.state, f'model_checkpoint_path: "{names[-1]}"\n' + "".join(lines))

    def state_flaw(self) -> str:
        """Why the state file does not name the newest checkpoint there; empty if it does."""
        newest = self.prefix(self.epochs()[0]).name
        try:
            text = files.read_bytes(self.state).decode()
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
        """A file that only a finished first epoch leaves, and that is no use alone, or empty."""
        if self.state.exists():
            return self.state.name
        # Of the first checkpoint, a command stopped while it wrote leaves such a part as well.
        parts = (path.name for path, epoch in self._named().items() if epoch > 1)
        return min(parts, default="")

    def remove_others(self, kept: int) -> None:
        """Removes the checkpoints of all epochs but one, and what interrupted writing left."""
        for path, epoch in self._named().items():
            if path.is_dir():  # ckpt-3_temp, where TensorFlow writes first
                shutil.rmtree(path, ignore_errors=True)
            elif epoch != kept:
                path.unlink(missing_ok=True)

    def _named(self) -> dict[pathlib.Path, int]:
        """The files and folders of checkpoints, each with its epoch."""
        if not self.folder.is_dir():
            return {}
        matches = ((path, _NAME.fullmatch(path.name)) for path in self.folder.iterdir())
        return {path: int(match[1]) for path, match in matches if match is not None}
