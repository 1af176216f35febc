"""Where chunks are read: in this process, in processes of its own, or by an engine's workers."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ms2l_tf.errors import InputError, one_line

Result = TypeVar("Result")
_PATIENCE_S = 10  # until a scheduler answers


def usable_cores() -> int:
    """The cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class InThisProcess(concurrent.futures.Executor):
    """Does what it is given at once, so that an exception reaches the caller as it is."""

    def submit(
        self, function: Callable[..., Result], /, *args: Any, **named: Any
    ) -> concurrent.futures.Future[Result]:
        """The result, as a future that is done."""
        future: concurrent.futures.Future[Result] = concurrent.futures.Future()
        future.set_result(function(*args, **named))
        return future


class _Processes(concurrent.futures.ProcessPoolExecutor):
    """Processes that leave signals to the one that started them, and end when it does or says."""

    def __init__(self, workers: int) -> None:
        # Not a fork of this process, in which TensorFlow's threads may run.
        context = multiprocessing.get_context("spawn")
        # The other end of the pipe is closed by `end`, or by the system with this process.
        self._end, self._held = context.Pipe(duplex=False)
        super().__init__(
            workers, mp_context=context, initializer=_end_when_closed, initargs=(self._end,)
        )

    def submit(
        self, function: Callable[..., Result], /, *args: Any, **named: Any
    ) -> concurrent.futures.Future[Result]:
        with _no_signals():  # processes are started here, and inherit it
            return super().submit(function, *args, **named)

    def end(self) -> None:
        """Ends the processes in the midst of what they do."""
        self._held.close()


@contextlib.contextmanager
def processes(workers: int) -> Iterator[concurrent.futures.Executor]:
    """So many processes; when the block ends none is left, after an exception at once."""
    executor = _Processes(workers)
    try:
        yield executor
    except BaseException:
        executor.end()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


@contextlib.contextmanager
def dask_workers(address: str) -> Iterator[tuple[concurrent.futures.Executor, int]]:
    """The workers of a Dask cluster, and how many tasks they do at a time.

    Args:
        address: of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises:
        InputError: Dask is not installed, no scheduler answers, or it has no workers.
    """
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise InputError(
            "--scheduler: needs Dask; install it with: pip install 'ms2l-tf[dask]'"
        ) from None
    try:
        client = Client(address, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:  # Dask's TimeoutError is an OSError
        reason = one_line(error)
        raise InputError(f"--scheduler={address}: no scheduler answers ({reason})") from None
    with client:
        count = sum(client.nthreads().values())
        if not count:
            raise InputError(f"--scheduler={address}: has no workers; start some (dask worker)")
        try:
            # Not pure: a file may have changed since the same entries were read.
            yield client.get_executor(pure=False), count
        except KilledWorker as error:
            raise InputError(f"--scheduler={address}: {one_line(error)}") from error


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_when_closed(pipe: multiprocessing.connection.Connection) -> None:
    """Has this process end when nobody holds the other end of a pipe any more."""

    def wait() -> None:
        pipe.poll(None)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
