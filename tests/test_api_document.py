"""The examples of docs/api.md run, one after another, as a reader types them."""

from __future__ import annotations

import pathlib
import re
import textwrap
from typing import Any

import pytest

DOCUMENT = pathlib.Path(__file__).resolve().parents[1] / "docs" / "api.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_examples_run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = DOCUMENT.read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) >= 12
    for block in blocks:
        line = text[: block.start()].count("\n") + 1
        code = "\n" * line + textwrap.dedent(block[1])  # a failure names the line of the document
        exec(compile(code, str(DOCUMENT), "exec"), names)
    assert (tmp_path / "clip.png").stat().st_size > 1000
    assert (tmp_path / "runs" / "a" / "result.json").is_file()
    assert names["features"].shape == (12, 32)
