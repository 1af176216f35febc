"""Which devices train: one, all GPUs of a machine, or those of several, by the same flag."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

from ms2l_tf.data.pipeline import Share
from ms2l_tf.errors import InputError
from ms2l_tf.methods.batches import Batches
from ms2l_tf.training.cluster import MULTIWORKER, STRATEGIES, Cluster, read_cluster
from ms2l_tf.training.meeting import meet


def make_strategy(name: str, batch: int, parts: int = 1) -> tf.distribute.Strategy:
    """The distribution strategy of a run; that of several machines before any operation is run.

    Args:
        name: ``auto``: all visible GPUs, one device if there is at most one; ``one``: one
            device; ``mirrored``: all GPUs, or all logical CPU devices when there is no GPU;
            ``multiworker``: all GPUs, or the CPU, of every process that `read_cluster` names.
        batch: global batch, which the replicas share equally.
        parts: that each replica computes its share in.

    Raises:
        InputError: the batch cannot be shared equally, or no cluster is named.
        RunAgainError: a worker of the cluster did not come.
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
        if name == "one" or (name == "auto" and len(gpus) < 2):
            return tf.distribute.get_strategy()
        strategy = _mirrored(tuple(device.name for device in devices))
    count = strategy.num_replicas_in_sync
    if batch % (count * parts):
        each = f", each in {parts} parts (--accumulate)" if parts > 1 else ""
        raise InputError(
            f"--batch: {batch} clips cannot be shared equally by {count} replicas{each}"
        )
    return strategy


def dealt(
    batches: Batches, first_step: int, strategy: tf.distribute.Strategy
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """The batches from a step on: each worker reads its rows alone, each replica gets its own."""

    def share(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        rows = batches.begin(first_step, Share(context.input_pipeline_id, workers))
        if context.num_replicas_in_sync == workers:
            return rows
        return rows.rebatch(batches.batch // context.num_replicas_in_sync, drop_remainder=True)

    return strategy.distribute_datasets_from_function(share)


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
    meet(cluster)
    try:
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


@functools.cache  # two strategies in one process use the same keys for their exchanges and clash
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(list(devices))


def _grow_memory(gpu: tf.config.PhysicalDevice) -> None:
    try:
        tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # devices are already in use; their setting cannot change any more
        return
