"""Which devices train: one, all GPUs of a machine, or those of several, by the same flag."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from ms2l_tf.errors import RUN_AGAIN_STATUS, InputError
from ms2l_tf.training.cluster import MULTIWORKER, STRATEGIES, Cluster, read_cluster

WAIT_MINUTES = 15.0  # for the workers to come together


def make_strategy(name: str, batch: int, parts: int = 1) -> tf.distribute.Strategy:
    """The distribution strategy of a run; that of several machines before any operation is run.

    Args:
        name: ``auto``: all visible GPUs, one device if there is at most one; ``none``: one
            device; ``mirrored``: all GPUs, or all logical CPU devices when there is no GPU;
            ``multiworker``: all GPUs, or the CPU, of every process that `read_cluster` names.
        batch: global batch, which the replicas share equally.
        parts: that each replica computes its share in.

    Raises:
        InputError: the batch cannot be shared equally, or no cluster is named.
    """
    if name not in STRATEGIES:
        raise InputError(f"--strategy={name}: is not one of {', '.join(STRATEGIES)}")
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        _grow_memory(gpu)
    if name == MULTIWORKER:
        strategy: tf.distribute.Strategy = _over_workers(read_cluster(), len(gpus))
    else:
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if name == "none" or (name == "auto" and len(gpus) < 2):
            return tf.distribute.get_strategy()
        strategy = _mirrored(tuple(device.name for device in devices))
    count = strategy.num_replicas_in_sync
    if batch % (count * parts):
        each = f", each in {parts} parts (--accumulate)" if parts > 1 else ""
        raise InputError(
            f"--batch: {batch} clips cannot be shared equally by {count} replicas{each}"
        )
    return strategy


class OverWorkers(tf.distribute.MultiWorkerMirroredStrategy):
    """TensorFlow's strategy for several machines, as Keras' `fit` needs it.

    `fit` reduces a batch, a dictionary, and the numbers of a step along an axis that they do not
    have; TensorFlow's strategy for one machine can do both.
    """

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """As the base class, value by value; a scalar has no axis."""

        def reduced(one: Any) -> Any:
            local = self.experimental_local_results(one)[0]
            along = axis if local.shape.rank else None
            return tf.distribute.Strategy.reduce(self, reduce_op, one, along)

        return tf.nest.map_structure(reduced, value)


@functools.cache  # a process has one, as it has one server
def _over_workers(cluster: Cluster, gpus: int) -> OverWorkers:
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.workers)}),
        task_type="worker",
        task_id=cluster.index,
        num_accelerators={"GPU": gpus},
        rpc_layer="grpc",
    )
    try:
        with _bounded(cluster):
            return OverWorkers(cluster_resolver=resolver)
    except RuntimeError as error:
        raise InputError(
            f"--strategy=multiworker: TensorFlow was used before in this process ({error}); train "
            "first"
        ) from error
    except tf.errors.OpError as error:
        raise InputError(
            f"--strategy=multiworker: {cluster.workers[cluster.index]} cannot be served "
            f"({type(error).__name__}: {error.message.splitlines()[0]}); choose other ports"
        ) from error


@contextlib.contextmanager
def _bounded(cluster: Cluster) -> Iterator[None]:
    """Ends the process if the workers do not meet: TensorFlow waits on, deaf to signals."""

    def give_up() -> None:
        print(
            f"error: --strategy=multiworker: worker {cluster.index} waited {WAIT_MINUTES:g} "
            f"minutes for {', '.join(cluster.workers)}; start all with the same command",
            file=sys.__stderr__,
            flush=True,
        )
        os._exit(RUN_AGAIN_STATUS)

    timer = threading.Timer(60 * WAIT_MINUTES, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@functools.cache  # two strategies in one process use the same keys for their exchanges and clash
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(list(devices))


def _grow_memory(gpu: tf.config.PhysicalDevice) -> None:
    try:
        tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # devices are already in use; their setting cannot change any more
        return
