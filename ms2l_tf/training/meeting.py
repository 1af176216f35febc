"""The workers of a run wait for each other here, before TensorFlow has them wait in its own way.

That way ends after an hour, says nothing, and hears no signal.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Never

from ms2l_tf.errors import InputError, RunAgainError, one_line
from ms2l_tf.training.cluster import Cluster

WAIT_MINUTES = 15.0
_GO = b"go\n"
_BETWEEN_TRIES, _TO_SPEAK = 0.5, 5.0  # seconds


def meet(cluster: Cluster) -> None:
    """Returns when all workers of a cluster are there.

    Raises:
        InputError: the port of the first, which is this one, cannot be listened on.
        RunAgainError: some did not come within `WAIT_MINUTES`.
    """
    until = time.monotonic() + 60 * WAIT_MINUTES
    if cluster.is_chief:
        _wait_for_all(cluster, until)
    else:
        _report(cluster, until)


def _wait_for_all(cluster: Cluster, until: float) -> None:
    missing = set(range(1, len(cluster.workers)))
    with contextlib.ExitStack() as held:
        server = held.enter_context(_server(cluster.workers[0]))
        there: dict[int, socket.socket] = {}
        while missing:
            server.settimeout(max(until - time.monotonic(), 0.01))
            try:
                other, _ = server.accept()
            except TimeoutError:
                _give_up(cluster, sorted(missing))
            held.enter_context(other)
            index = _named(other)
            if 0 < index < len(cluster.workers):
                there[index] = other
                missing.discard(index)
        for other in there.values():
            with contextlib.suppress(OSError):
                other.sendall(_GO)


def _server(address: str) -> socket.socket:
    port = int(address.rpartition(":")[2])
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128
            )
        return socket.create_server(("", port), backlog=128)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"--strategy=multiworker: port {port} cannot be listened on ({one_line(error)}); "
            "choose another in TF_CONFIG"
        ) from None


def _named(other: socket.socket) -> int:
    """The number that a worker says it has; -1 if somebody else speaks."""
    other.settimeout(_TO_SPEAK)
    try:
        return int(other.makefile("rb").readline(16))
    except (OSError, ValueError):
        return -1


def _report(cluster: Cluster, until: float) -> None:
    host, _, port = cluster.workers[0].rpartition(":")
    while (left := until - time.monotonic()) > 0:
        with contextlib.suppress(OSError), _connected(host.strip("[]"), int(port), left) as chief:
            chief.sendall(f"{cluster.index}\n".encode())
            if chief.makefile("rb").readline(16) == _GO:
                return
        time.sleep(_BETWEEN_TRIES)
    _give_up(cluster, [0])


def _connected(host: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((host, port), timeout=seconds)


def _give_up(cluster: Cluster, missing: list[int]) -> Never:
    names = ", ".join(f"{number} ({cluster.workers[number]})" for number in missing)
    raise RunAgainError(
        f"--strategy=multiworker: worker {cluster.index} waited {WAIT_MINUTES:g} minutes for "
        f"{names}; start all with the same command"
    )
