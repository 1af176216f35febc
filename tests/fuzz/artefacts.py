"""What is made of runs: exported models, caches of searches, feature files; and files of users."""

from __future__ import annotations

import functools
import pathlib
import shutil
import types
import unittest.mock
from typing import Any, ClassVar

import numpy as np

from ms2l_tf import load_model
from ms2l_tf.data import ClipDataset
from ms2l_tf.evaluation.evaluate import features_only
from ms2l_tf.evaluation.feature_files import load_features
from ms2l_tf.evaluation.predictions import read_predictions
from ms2l_tf.export import formats
from ms2l_tf.export.card import shown
from ms2l_tf.export.export import ExportChoices, export_run
from ms2l_tf.export.manifest import CARD, NAME, fingerprint, read_manifest
from ms2l_tf.prediction.inputs import AS_IT_IS
from ms2l_tf.prediction.tasks import Wanted, check_model, predict_clips
from ms2l_tf.retrieval import index
from ms2l_tf.retrieval.tasks import Search, search
from ms2l_tf.runs.folder import RunFolder
from tests.fuzz import runs
from tests.fuzz.folders import Files, Subject, put, reseal

MODEL = pathlib.Path("model")  # a valid one, where the fuzzer works
_NATIVE = ("saved_model.pb", "variables/", "model.keras", "fingerprint.pb")
_READ = formats.saved_model_runners


def _export(folder: pathlib.Path) -> None:
    run = folder.with_name("run")
    put(dict(runs.SUBJECTS[1].files), run)
    export_run(run, folder, ExportChoices(head="ridge", formats=("keras",)))
    shutil.rmtree(run)


def _seal(files: Files) -> None:
    reseal(files, NAME, lambda name: name not in (NAME, CARD))


def _can_be_sealed(name: str) -> bool:
    """Whether TensorFlow does not read the file."""
    return not name.startswith(_NATIVE)


@functools.cache
def _pristine() -> Any:
    """The endpoints of the valid model, read once."""
    _put_model()
    return _READ(MODEL)


def _put_model() -> None:
    if not MODEL.exists():
        put(dict(MODELS.files), MODEL)


def runners(folder: Any) -> Any:
    """The same for a folder whose graph is as it was; TensorFlow must be shown no other."""
    for name, content in MODELS.files.items():
        if name.startswith(_NATIVE):
            assert (pathlib.Path(folder) / name).read_bytes() == content, f"{name} is damaged"
    return _pristine()


def _show(place: pathlib.Path, _: pathlib.Path) -> None:
    shown(read_manifest(place), fingerprint(place))


def _load(place: pathlib.Path, _: pathlib.Path) -> None:
    with unittest.mock.patch.object(formats, "saved_model_runners", runners):
        model = load_model(place)
        joints, coords = model.layout.num_joints, model.manifest.coords
        clip = np.random.default_rng(0).normal(size=(3, joints, coords)).astype(np.float32)
        model.classify([clip])
        model.familiarity(model.embed([clip]))


def _predict(place: pathlib.Path, out: pathlib.Path) -> None:
    with unittest.mock.patch.object(formats, "saved_model_runners", runners):
        model = load_model(place)
        wanted = Wanted(out=f"{out}.jsonl", threshold=0.5)
        check_model(model, wanted)
        runs.dataset()
        predict_clips(model, runs.DATA, AS_IT_IS, wanted)


def _search(place: pathlib.Path, out: pathlib.Path, how: str = "exact") -> None:
    """The model is whole, the folder is the cache of its features."""
    faiss = unittest.mock.patch.object(index, "_faiss", _Faiss)
    with unittest.mock.patch.object(formats, "saved_model_runners", runners), faiss:
        _put_model()
        runs.dataset()
        wanted = Search(top_k=3, clip=_clip(), cache=str(place), out=f"{out}.txt", index=how)
        search(load_model(MODEL), runs.DATA, runs.DATA, AS_IT_IS, wanted)


@functools.cache
def _clip() -> str:
    return ClipDataset.open(runs.DATA).clips[0].name


class _Faiss(types.SimpleNamespace):
    """As much of the library as is called, which is not installed everywhere."""

    METRIC_INNER_PRODUCT = 0
    hnsw = types.SimpleNamespace()
    written: ClassVar[dict[bytes, np.ndarray]] = {}

    def IndexHNSWFlat(self, dims: int, *_: int) -> _Faiss:
        self.held = np.zeros((0, dims), np.float32)
        return self

    def add(self, directions: np.ndarray) -> None:
        self.held = np.concatenate([self.held, directions])
        self.ntotal, self.d = self.held.shape

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        return index.ExactIndex(self.held).search(queries, k)

    def write_index(self, graph: _Faiss, path: str) -> None:
        content = graph.held.tobytes()
        self.written[content] = graph.held
        pathlib.Path(path).write_bytes(content)

    def read_index(self, path: str) -> _Faiss:
        held = self.written[pathlib.Path(path).read_bytes()]  # a KeyError: it is damaged
        made = self.IndexHNSWFlat(held.shape[1])
        made.add(held)
        return made


def _write_cache(folder: pathlib.Path) -> None:
    for how in ("exact", "faiss"):
        _search(folder, folder.with_name("out"), how)


def _write_features(folder: pathlib.Path) -> None:
    put(dict(runs.SUBJECTS[1].files), folder)
    run = RunFolder(folder)
    features_only(run, run.config(), str(folder / "features.npz"))
    for path in folder.iterdir():
        if path.name not in ("features.npz", "predictions.csv"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


MODELS = Subject(
    "model",
    _export,
    {"show": _show, "load": _load, "predict": _predict},
    _seal,
    sealed_names=_can_be_sealed,
    memory=1 << 30,
)
SUBJECTS = (
    MODELS,
    Subject(
        "search", _write_cache, {"exact": _search, "faiss": functools.partial(_search, how="faiss")}
    ),
    Subject(
        "features",
        _write_features,
        {
            "features": lambda place, _: load_features(place / "features.npz"),
            "predictions": lambda place, _: read_predictions(place / "predictions.csv"),
        },
    ),
)
