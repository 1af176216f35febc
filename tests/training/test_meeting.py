"""Workers wait for each other, not for ever."""

from __future__ import annotations

import concurrent.futures
import socket
import time

import pytest

from ms2l_tf.errors import InputError, RunAgainError
from ms2l_tf.training import meeting
from ms2l_tf.training.cluster import Cluster
from tests.training.loopback import free_ports


def cluster_of(count: int) -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{port}" for port in free_ports(count))


def test_all_go_on_when_the_last_has_come() -> None:
    workers = cluster_of(3)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        others = [pool.submit(meeting.meet, Cluster(workers, index)) for index in (2, 1)]
        assert not concurrent.futures.wait(others, timeout=0.3).done, "the chief is missing"
        pool.submit(meeting.meet, Cluster(workers, 0)).result(timeout=20)
        for other in others:
            other.result(timeout=20)


def test_one_worker_waits_for_nobody() -> None:
    meeting.meet(Cluster(cluster_of(1), 0))


def test_who_did_not_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "WAIT_MINUTES", 0.02)
    workers = cluster_of(3)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        chief, other = (pool.submit(meeting.meet, Cluster(workers, index)) for index in (0, 1))
        with pytest.raises(RunAgainError, match=r"worker 0 waited 0.02 minutes for 2 \(127"):
            chief.result(timeout=20)
        with pytest.raises(RunAgainError, match=r"worker 1 waited 0.02 minutes for 0 \(127"):
            other.result(timeout=20)


def connected(port: int) -> socket.socket:
    """A connection to a server that may only be about to listen."""
    until = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def test_strangers_are_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "WAIT_MINUTES", 0.05)
    workers = cluster_of(2)
    port = int(workers[0].rpartition(":")[2])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        chief = pool.submit(meeting.meet, Cluster(workers, 0))
        for said in (b"GET / HTTP/1.1\r\n\r\n", b"7\n", b"-1\n", b""):
            with connected(port) as stranger:
                stranger.sendall(said)
        with pytest.raises(RunAgainError, match="worker 0 waited"):
            chief.result(timeout=30)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=r"port \d+ cannot be listened on"):
            meeting.meet(Cluster((address, "127.0.0.1:1"), 0))
