"""Self-supervised learning on skeleton sequences: MS2L and MS-CLR in TensorFlow and Keras.

The names below are the Python face, see docs/api.md. Each is loaded when it is first used, so that
``import ms2l_tf`` does not load TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ms2l_tf.version import __version__

if TYPE_CHECKING:
    from ms2l_tf.api.datasets import from_arrays, from_dataframe, read
    from ms2l_tf.api.drawing import draw_clip
    from ms2l_tf.api.encoder import SkeletonEncoder, load_encoder
    from ms2l_tf.api.estimators import MS2L, MSCLR, Kernels, Pointing
    from ms2l_tf.api.evaluation import evaluate
    from ms2l_tf.api.model import ExportedModel, load_model
    from ms2l_tf.data.clip_dataset import ClipDataset
    from ms2l_tf.data.records import Axes, Clip, ClipPoses
    from ms2l_tf.data.writer import DatasetWriter
    from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

_MODULES = {
    "Axes": "data.records",
    "Clip": "data.records",
    "ClipDataset": "data.clip_dataset",
    "ClipPoses": "data.records",
    "DatasetWriter": "data.writer",
    "ExportedModel": "api.model",
    "Kernels": "api.estimators",
    "MS2L": "api.estimators",
    "MSCLR": "api.estimators",
    "Pointing": "api.estimators",
    "SkeletonEncoder": "api.encoder",
    "SkeletonLayout": "skeletons.layout",
    "draw_clip": "api.drawing",
    "evaluate": "api.evaluation",
    "from_arrays": "api.datasets",
    "from_dataframe": "api.datasets",
    "load_encoder": "api.encoder",
    "load_layout": "skeletons.layout",
    "load_model": "api.model",
    "read": "api.datasets",
}

__all__ = [
    "MS2L",
    "MSCLR",
    "Axes",
    "Clip",
    "ClipDataset",
    "ClipPoses",
    "DatasetWriter",
    "ExportedModel",
    "Kernels",
    "Pointing",
    "SkeletonEncoder",
    "SkeletonLayout",
    "__version__",
    "draw_clip",
    "evaluate",
    "from_arrays",
    "from_dataframe",
    "load_encoder",
    "load_layout",
    "load_model",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'ms2l_tf' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"ms2l_tf.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
