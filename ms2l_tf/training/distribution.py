"""Which devices train: none, one or all GPUs by the same flag."""

from __future__ import annotations

import functools

import tensorflow as tf

from ms2l_tf.errors import InputError


def make_strategy(name: str, batch: int) -> tf.distribute.Strategy:
    """The distribution strategy of a run.

    Args:
        name: ``auto``: all visible GPUs, one device if there is at most one; ``none``: one
            device; ``mirrored``: all GPUs, or all logical CPU devices when there is no GPU.
        batch: global batch, which the replicas share equally.

    Raises:
        InputError: the batch cannot be shared equally.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        _grow_memory(gpu)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if name == "none" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    if batch % len(devices):
        raise InputError(
            f"--batch: {batch} clips cannot be shared equally by {len(devices)} replicas"
        )
    return _mirrored(tuple(device.name for device in devices))


@functools.cache  # two strategies in one process use the same keys for their exchanges and clash
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(list(devices))


def _grow_memory(gpu: tf.config.PhysicalDevice) -> None:
    try:
        tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # devices are already in use; their setting cannot change any more
        return
