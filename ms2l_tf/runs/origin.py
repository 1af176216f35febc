"""What a run was made with: versions, code, machine. Kept beside its settings, never compared.

A run goes on under other versions or on another machine; that is said, and kept too.
"""

from __future__ import annotations

import os
import pathlib
import platform
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ms2l_tf import files
from ms2l_tf.errors import InputError, one_line, warn
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.revision import code_checksum, revision
from ms2l_tf.version import __version__, library_versions

FORMAT_VERSION = 1
Origin = dict[str, Any]
UNKNOWN: Origin = {}  # of epochs that a version trained which kept no origin

# What decides how many threads add up numbers, and with which kernels.
_ENVIRONMENT = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS"),
)
# What may differ without any number of a run changing.
_IDLE = ("revision", "memory_gb")


def current_origin(replicas: int = 1) -> Origin:
    """What a run that is trained now is made with.

    Args:
        replicas: that share its batches.
    """
    return {
        "versions": {
            "ms2l-tf": __version__,
            "python": platform.python_version(),
            **library_versions(),
        },
        "code": code_checksum(),
        "revision": revision(),
        "machine": {
            "platform": platform.platform(),
            "cpu": _cpu_model(),
            "cores": _cores(),
            "memory_gb": _memory_gb(),
            "gpus": [_gpu_name(gpu) for gpu in tf.config.list_physical_devices("GPU")],
        },
        "replicas": replicas,
        "environment": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    }


def keep_origin(folder: RunFolder, origin: Origin) -> None:
    """Writes down what a run is begun with, or goes on with, if that differs; which is said."""
    known = recorded_origins(folder) if folder.has_checkpoint else []
    if known and not differences(known[-1], origin):
        return
    if known:
        warn(
            f"{folder.path}: goes on with other versions or on another machine than before "
            f"({'; '.join(differences(known[-1], origin))}); its last digits may differ from an "
            "uninterrupted run's"
        )
    elif folder.has_checkpoint:
        known = [UNKNOWN]
    value = {"format_version": FORMAT_VERSION, "origins": [*known, origin]}
    files.write_json(folder.origin, value)


def recorded_origins(folder: RunFolder) -> list[Origin]:
    """What a run was made with, one after the other; of an earlier version's run nothing.

    A damaged record is said and left out: no number depends on it.
    """
    if not os.path.lexists(folder.origin):
        return []
    try:
        value = files.read_json(folder.origin)
        files.check_version(value, FORMAT_VERSION, folder.origin, "do without it")
        origins = value.get("origins")
        if not isinstance(origins, list) or not all(isinstance(one, dict) for one in origins):
            raise InputError(f"{folder.origin}: entry 'origins' is missing or damaged")
    except InputError as error:
        warn(f"{error}; it is not known with which versions the run was made")
        return []
    return origins


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What two origins have different and a number may depend on: ``keras 3.15.1 -> 3.16.0``."""
    one, other = _flat(before), _flat(now)
    return [
        f"{name} {_shown(one.get(name))} -> {_shown(other.get(name))}"
        for name in [*one, *(name for name in other if name not in one)]
        if one.get(name) != other.get(name)
    ]


def _flat(origin: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in origin.items():
        if name not in _IDLE:
            flat |= value if isinstance(value, dict) else {name: value}
    return {name: value for name, value in flat.items() if name not in _IDLE}


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "none" if value in (None, []) else text if len(text) < 60 else f"{text[:12]}..."


def _cpu_model() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _cores() -> int:
    """Of this process, which a cluster may bind to some of the machine's."""
    if hasattr(os, "sched_getaffinity"):  # not on Windows and macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _gpu_name(gpu: tf.config.PhysicalDevice) -> str:
    try:
        details = tf.config.experimental.get_device_details(gpu)
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        return f"{gpu.name} ({one_line(error)})"
    return str(details.get("device_name", gpu.name))
