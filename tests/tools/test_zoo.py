"""The zoo: models of recipes with checksums that are verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from tools import zoo


def model(folder: Path, content: str = "{}") -> Path:
    (folder / "assets").mkdir(parents=True)
    (folder / "ms2l.json").write_text(content)
    (folder / "assets" / "weights").write_bytes(b"1234")
    (folder / "README.md").write_text("a card")
    return folder


def test_files_are_listed_and_verified(tmp_path: Path) -> None:
    model(tmp_path / "a" / "one")
    model(tmp_path / "a" / "two", "[]")
    sums = zoo.write_sums(tmp_path)
    assert sorted(sums) == [
        *("a/one/assets/weights", "a/one/ms2l.json"),
        *("a/two/assets/weights", "a/two/ms2l.json"),
    ]
    assert zoo.verify(tmp_path) == 4
    (tmp_path / "a" / "one" / "README.md").write_text("another card")
    assert zoo.verify(tmp_path) == 4


def test_what_differs_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SHA256SUMS: cannot be read"):
        zoo.verify(tmp_path)
    weights = model(tmp_path / "a" / "one") / "assets" / "weights"
    zoo.write_sums(tmp_path)
    weights.write_bytes(b"1235")
    with pytest.raises(InputError, match="weights: is not the file that SHA256SUMS lists"):
        zoo.verify(tmp_path)
    weights.unlink()
    with pytest.raises(InputError, match="weights: is missing"):
        zoo.verify(tmp_path)
    (tmp_path / zoo.SUMS).write_text("0  ../elsewhere\n")
    with pytest.raises(InputError, match="line 1: is no checksum and file of the zoo"):
        zoo.verify(tmp_path)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--data, --recipes: name a dataset and its recipes"),
        (["--data=d", "--recipes=a/b"], "--recipes: there is no a/b"),
    ],
)
def test_bad_flags(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        zoo.main(flags)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_recipe_is_built_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    generate(data, preset="demo", clips=96, seed=1, layouts=("kinect_v2_25",), progress=False)
    flags = [f"--data={data}", "--recipes=synthetic/kernels", f"--zoo={tmp_path / 'zoo'}"]
    zoo.main(flags)
    assert (tmp_path / "zoo" / "synthetic" / "kernels" / "saved_model.pb").is_file()
    zoo.main(flags)
    assert "is there already and is kept" in capsys.readouterr().out
    zoo.main(["--verify", f"--zoo={tmp_path / 'zoo'}"])
