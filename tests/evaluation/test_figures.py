"""Figures are written, and the choices behind them are right."""

from __future__ import annotations

import itertools
import struct
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.figures import (
    confusion_figure,
    embedding_figure,
    per_class_figure,
    read_history,
    training_figure,
)
from ms2l_tf.evaluation.figures.curves import panels_of
from ms2l_tf.evaluation.figures.style import class_style, new_figure, write
from ms2l_tf.evaluation.metrics import per_class_table

HISTORY = """epoch,loss,prediction,val_knn,embedding_std,effective_rank,jigsaw_accuracy
1,5.0,1.0,,0.01,3.0,0.01
2,1.0,0.5,60.5,0.05,9.0,0.001
3,0.1,0.4,,0.06,12.0,0.0001
"""


def is_png(path: Path) -> bool:
    content = path.read_bytes()
    return content.startswith(b"\x89PNG") and len(content) > 5000


def confusion(classes: int, seed: int = 0) -> npt.NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return 20 * np.eye(classes, dtype=np.int64) + rng.integers(2, size=(classes, classes))


@pytest.mark.parametrize("classes", [2, 25])
def test_confusion(tmp_path: Path, classes: int) -> None:
    matrix = confusion(classes)
    matrix[1] = 0  # a class without clips must not divide by zero
    names = [f"class {i}" for i in range(classes)]
    confusion_figure(tmp_path / "c.png", matrix, names, "linear")
    assert is_png(tmp_path / "c.png")


def test_hundreds_of_classes_are_drawn_more_coarsely(tmp_path: Path) -> None:
    """At full resolution an image of 3,000 inches would take hundreds of gigabytes."""
    figure = new_figure(3000.0, 2.0)
    write(figure, tmp_path / "w.png")
    width, height = png_size(tmp_path / "w.png")
    assert 29_000 < width <= 30_000
    assert height < 30
    figure = new_figure(200.0, 100.0)
    write(figure, tmp_path / "w.png")
    width, height = png_size(tmp_path / "w.png")
    assert 4.9e7 < width * height < 5.1e7
    write(new_figure(20.0, 20.0), tmp_path / "w.png")
    assert png_size(tmp_path / "w.png") == (2600, 2600)


def png_size(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


def test_per_class(tmp_path: Path) -> None:
    names = ["wave", "sit", "jump"]
    tables = {key: per_class_table(confusion(3, i), names) for i, key in enumerate(("a", "b"))}
    per_class_figure(tmp_path / "p.png", tables, "linear")
    assert is_png(tmp_path / "p.png")
    with pytest.raises(InputError, match="no per-class table"):
        per_class_figure(tmp_path / "p.png", {})


def test_embedding_without_umap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(40, 60)), np.arange(40) % 12 - 1
    names = [f"class {i}" for i in range(11)]
    used = embedding_figure(tmp_path / "e.png", features, labels, names, max_clips=25)
    assert used == "tsne"
    assert is_png(tmp_path / "e.png")
    with pytest.raises(InputError, match="pip install umap-learn"):
        embedding_figure(tmp_path / "u.png", features, labels, names, method="umap")
    with pytest.raises(InputError, match="too few"):
        embedding_figure(tmp_path / "u.png", features[:4], labels[:4], names)


def test_classes_differ_in_colour_or_marker() -> None:
    styles = [class_style(i) for i in range(64)]
    assert len(set(styles)) == 64
    assert all(
        a.colour != b.colour and a.marker != b.marker for a, b in itertools.pairwise(styles[:8])
    )


def test_training_curves(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(HISTORY, encoding="utf-8")
    history = read_history(path)
    np.testing.assert_array_equal(history["epoch"], [1, 2, 3])
    np.testing.assert_array_equal(history["val_knn"], [np.nan, 60.5, np.nan])
    training_figure(tmp_path / "h.png", path, "run")
    assert is_png(tmp_path / "h.png")
    training_figure(tmp_path / "one.png", {"epoch": np.arange(2.0), "loss": np.ones(2)})
    assert is_png(tmp_path / "one.png")


def test_every_column_of_a_run_is_drawn_once() -> None:
    # The columns of pre-training, of moving, of MS-CLR and of LongT GAN.
    names = [
        "contrastive", "jigsaw", "jigsaw_accuracy", "loss", "prediction", "embedding_std",
        "effective_rank", "val_knn", "accuracy", "classification", "theta", "contrast_accuracy",
        "d3m", "info_nce", "positives", "adversarial", "discriminator", "regeneration",
    ]  # fmt: skip
    history = {"epoch": np.arange(3.0), **{name: np.ones(3) for name in names}}
    panels = dict(panels_of(history))
    assert sorted(name for series in panels.values() for name in series) == sorted(names)
    assert panels["accuracy, percent"] == [
        "jigsaw_accuracy", "val_knn", "accuracy", "contrast_accuracy",
    ]  # fmt: skip
    assert {"loss", "prediction", "jigsaw", "info_nce", "regeneration"} <= set(panels["loss"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("epoch,loss\n", "no epoch"),
        ("epoch,loss\n1,high\n", "column 'loss'"),
    ],
)
def test_bad_history(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "history.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_history(path)


def test_history_without_epochs_is_numbered(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("loss\n3\n2\n", encoding="utf-8")
    np.testing.assert_array_equal(read_history(path)["epoch"], [1, 2])


def test_history_whose_epochs_are_blank_is_drawn(tmp_path: Path) -> None:
    panels = dict(panels_of({"epoch": np.full(3, np.nan), "loss": np.ones(3)}))
    assert panels == {"loss": ["loss"]}


def test_history_without_anything_to_draw(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no loss"):
        training_figure(tmp_path / "h.png", {"epoch": np.arange(3.0), "loss": np.full(3, np.nan)})


def test_unwritable_figure(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        confusion_figure(tmp_path / "no" / "c.png", confusion(3), ["a", "b", "c"])
    with pytest.raises(InputError, match="cannot be written"):
        confusion_figure(tmp_path / "c.strange", confusion(3), ["a", "b", "c"])
