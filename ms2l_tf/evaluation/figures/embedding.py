"""Features in the plane: UMAP when umap-learn is installed, t-SNE otherwise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ROUNDING, FloatArray, IntArray, check_features
from ms2l_tf.evaluation.figures.style import GREY, bare, class_style, new_figure, write

Method = Literal["auto", "tsne", "umap"]

FEWEST = 5  # clips of a map
_NAMES = {"tsne": "t-SNE", "umap": "UMAP"}
_PCA_DIMS = 50
_LEGEND_ROWS = 20


def embedding_figure(
    path: str | os.PathLike[str],
    features: FloatArray,
    labels: IntArray,
    label_names: Sequence[str],
    *,
    title: str = "",
    method: Method = "auto",
    max_clips: int = 2000,
    seed: int = 0,
) -> str:
    """Draws features [N, D] in two dimensions, one colour and marker a class.

    Args:
        path: where the figure goes.
        features: L2-normalised here, as the cosine kNN sees them.
        labels: class indices [N]; -1 (unlabelled) is drawn in grey.
        label_names: names of the K classes.
        title: of the figure; the method is appended.
        method: "auto" is UMAP if umap-learn is installed, else t-SNE.
        max_clips: of more clips, a seeded random sample is drawn (and the title says so).
        seed: of the sample and of the method.

    Returns:
        The method used, "tsne" or "umap".

    Raises:
        InputError: there is no map of these features, or no file can be written.
    """
    features = check_features(features, "features of the figure")
    labels = np.asarray(labels)
    if len(features) < FEWEST:
        raise InputError(f"{path}: {len(features)} clips are too few for a map of the features")
    total = len(features)
    if total > max_clips:
        keep = np.sort(np.random.default_rng(seed).choice(total, max_clips, replace=False))
        features, labels = features[keep], labels[keep]
    points, used = project(features, method, seed)
    _draw(path, points, labels, label_names, _title(title, used, len(points), total))
    return used


def _title(title: str, method: str, drawn: int, total: int) -> str:
    name = _NAMES[method]
    clips = f"{drawn} clips" if drawn == total else f"{drawn} of {total} clips"
    return f"{title + ': ' if title else ''}{name} of {clips}"


def project(features: FloatArray, method: Method, seed: int) -> tuple[npt.NDArray[Any], str]:
    """The plane map [N, 2] of features [N, D], and the name of the method that made it.

    Raises:
        InputError: the features have one dimension, all rows have the same direction but for
            rounding, or the map is not finite.
    """
    if features.shape[1] < 2:
        raise InputError("features of one dimension make no map")
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit = (features / np.maximum(norms, 1e-12)).astype(np.float64)
    # Divided by a deviation of 0, t-SNE's start is NaN, and its tree recurses on that until the
    # process dies.
    if np.ptp(unit, axis=0).max() <= ROUNDING:
        raise InputError("the features are (nearly) constant, there is nothing to map")
    if unit.shape[1] > _PCA_DIMS:
        unit = PCA(min(_PCA_DIMS, len(unit)), random_state=seed).fit_transform(unit)
    points, used = _map(unit, method, seed)
    if not np.isfinite(points).all():
        raise InputError(f"{_NAMES[used]} gave no finite map")
    return points, used


def _map(unit: npt.NDArray[np.float64], method: Method, seed: int) -> tuple[npt.NDArray[Any], str]:
    umap = None if method == "tsne" else _import_umap(required=method == "umap")
    if umap is not None:
        neighbours = min(15, len(unit) - 1)
        mapper = umap.UMAP(n_neighbors=neighbours, min_dist=0.2, random_state=seed)
        return mapper.fit_transform(unit), "umap"
    perplexity = min(30.0, (len(unit) - 1) / 3)
    # 500 iterations look like 1,000 when the start is PCA, at half the time.
    tsne = TSNE(perplexity=perplexity, init="pca", max_iter=500, random_state=seed)
    # At this size a second thread gains little, and on a busy machine its spinning costs much.
    with threadpool_limits(1, "openmp"):
        return tsne.fit_transform(unit), "tsne"


def _import_umap(required: bool) -> Any:
    try:
        import umap
    except ImportError as error:
        if required:
            raise InputError("a UMAP figure needs umap-learn: pip install umap-learn") from error
        return None
    return umap


def _draw(
    path: str | os.PathLike[str],
    points: npt.NDArray[Any],
    labels: IntArray,
    label_names: Sequence[str],
    title: str,
) -> None:
    present = [index for index in range(len(label_names)) if (labels == index).any()]
    columns = -(-max(len(present), 1) // _LEGEND_ROWS)
    widest = max((len(name) for name in label_names), default=0)
    figure = new_figure(6.6 + columns * (0.5 + 0.075 * widest), 6.4)
    axes = figure.add_subplot()
    size = 26 if len(points) <= 600 else 13
    x, y = points.T
    unlabelled = labels < 0
    if unlabelled.any():
        axes.scatter(
            x[unlabelled], y[unlabelled], s=size / 2, c=GREY, marker=".", label="unlabelled"
        )
    for index in present:
        style = class_style(index)
        axes.scatter(
            x[labels == index],
            y[labels == index],
            s=size * (1.8 if style.marker == "*" else 1.0),
            c=style.colour,
            marker=style.marker,
            linewidths=0.3,
            edgecolors="white",
            label=label_names[index],
        )
    bare(axes)
    # Neither axis has a unit: only who is near whom means anything.
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title)
    figure.legend(
        loc="outside right upper", ncols=columns, frameon=False, fontsize=8, markerscale=1.4
    )
    write(figure, path)
