"""What several workers tell each other around the steps they take together.

One worker alone, as nearly always, tells nobody: all of this then does nothing.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.errors import InputError, RunAgainError, one_line

_LONGEST = 1024  # bytes of a message
# What TensorFlow raises in the others where one is gone, by when and how it went.
_LOST = (
    *(tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError),
    *(tf.errors.DeadlineExceededError, tf.errors.FailedPreconditionError),
    tf.errors.InternalError,
)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run: the only one, or the first of several workers."""
    return number_of(strategy) == 0


def number_of(strategy: tf.distribute.Strategy) -> int:
    """Which worker this process is."""
    return 0 if are_alone(strategy) else int(strategy.cluster_resolver.task_id)


def are_alone(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process trains the run without others."""
    return not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def told(strategy: tf.distribute.Strategy, message: str) -> list[str]:
    """What every worker tells, in their order; all wait here for the last of them.

    Args:
        strategy: of the run.
        message: of this worker; cut to `_LONGEST` bytes.
    """
    if are_alone(strategy):
        return [message]
    content = np.frombuffer(message.encode()[:_LONGEST], np.uint8)
    row = np.zeros((1, _LONGEST), np.float32)  # of no other kind of number can all GPUs gather
    row[0, : len(content)] = content
    found = _gatherer(strategy)(tf.constant(row))
    rows = strategy.experimental_local_results(found)[0].numpy().astype(np.uint8)
    workers = strategy.cluster_resolver.cluster_spec().num_tasks("worker")
    first_of_each = rows[:: len(rows) // workers]
    return [bytes(one).rstrip(b"\0").decode(errors="replace") for one in first_of_each]


@functools.cache
def _gatherer(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], tf.Tensor]:
    """From a row to those of all replicas: [1, ...] -> [replicas, ...]."""

    def gathered(row: tf.Tensor) -> tf.Tensor:
        return replicas.gather(tf.identity(row))  # an operation, which has a device

    return tf.function(lambda row: strategy.run(gathered, args=(row,)), autograph=False)


@contextlib.contextmanager
def agreeing(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """What one worker refuses in the block all refuse after it, so that none waits for another.

    Raises:
        InputError: this worker's, or else that of the first that refused.
    """
    refusal: InputError | None = None
    try:
        yield
    except InputError as error:
        refusal = error
    lines = told(strategy, str(refusal or ""))
    if refusal is not None:
        raise refusal
    for number, line in enumerate(lines):
        if line:
            raise InputError(f"worker {number}: {line}")


def check_alike(
    strategy: tf.distribute.Strategy, value: str, what: str, *, comes_late: bool = False
) -> None:
    """Refuses workers that were started for different runs.

    Args:
        strategy: of the run.
        value: what all workers have to have alike.
        what: it is, for the error.
        comes_late: whether a network folder may only not have shown it yet.

    Raises:
        InputError: some worker's differs.
        RunAgainError: the same, where it may only come late.
    """
    for number, one in enumerate(told(strategy, value)):
        if one != value:
            text = (
                f"--strategy=multiworker: {what} of worker {number} is '{one}', here it is "
                f"'{value}'; start all workers with the same command, version and folders"
            )
            if comes_late:
                raise RunAgainError(f"{text}, once the network shows all the same files")
            raise InputError(text)


def give_weights(strategy: tf.distribute.Strategy, learner: keras.Model) -> None:
    """Gives every worker the weights of the chief: what each measured may differ in last digits."""
    if are_alone(strategy):
        return

    @tf.function
    def given(values: list[tf.Tensor]) -> list[tf.Tensor]:
        def of_chief() -> list[tf.Tensor]:
            mine = tf.equal(replicas.index(), 0)
            return replicas.total([tf.where(mine, one, tf.zeros_like(one)) for one in values])

        return strategy.run(of_chief)

    weights = [weight for weight in learner.weights if weight.dtype.startswith("float")]
    totals = given([tf.convert_to_tensor(weight) for weight in weights])
    for weight, total in zip(weights, totals, strict=True):
        weight.assign(strategy.experimental_local_results(total)[0])


@contextlib.contextmanager
def loss_told(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Says in one line that a worker was lost in the block.

    Raises:
        RunAgainError: it was.
    """
    try:
        yield
    except _LOST as error:
        if are_alone(strategy):
            raise
        raise RunAgainError(
            "a worker was lost; start all workers again with the same command, which goes on from "
            f"the last checkpoint ({one_line(error, 100)})"
        ) from error
