"""Which machines train together, as the environment of a worker says: `TF_CONFIG`, or Slurm's.

TensorFlow's own resolver for Slurm is not used: it has no workers where there are no GPUs, and
sorts the hosts, whose order gives the tasks their numbers.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from ms2l_tf.errors import InputError

MULTIWORKER = "multiworker"
STRATEGIES = ("auto", "one", "mirrored", MULTIWORKER)
EXAMPLE = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)
_ADDRESS = re.compile(r"\S+:\d{1,5}")
# Ports of Slurm's jobs, below those that systems hand out: jobs on one machine seldom share one.
_FIRST_PORT, _PORTS = 12_000, 20_000


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers that train one run.

    Attributes:
        workers: ``host:port`` of each.
        index: which of them this process is.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this is the worker that writes: the first."""
        return self.index == 0


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The workers, from `TF_CONFIG` or the variables of a step of Slurm.

    Raises:
        InputError: there is neither, or it is damaged; the line shows how it has to look.
    """
    if text := environment.get("TF_CONFIG", "").strip():
        return _of_tensorflow(text)
    if "SLURM_STEP_NODELIST" in environment:
        return _of_slurm(environment)
    raise InputError(
        "--strategy=multiworker: TF_CONFIG is not set, and srun of Slurm did not start this; name "
        f"on every machine all workers and which of them it is: {EXAMPLE}"
    )


def _of_tensorflow(text: str) -> Cluster:
    try:
        told = json.loads(text)
        jobs, task = told["cluster"], told["task"]
        chiefs, others = _addresses(jobs, "chief"), _addresses(jobs, "worker")
        kind, number = str(task.get("type", "worker")), task["index"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _damaged("is no JSON that names a cluster of workers and a task") from None
    if unknown := set(jobs) - {"chief", "worker"}:
        raise _damaged(f"has a job '{min(unknown)}', and there are only workers")
    count = {"chief": len(chiefs), "worker": len(others)}.get(kind, 0)
    if type(number) is not int or not 0 <= number < count or len(chiefs) > 1:
        raise _damaged(f"has no task {number!r} of type {kind!r} in its cluster")
    workers = chiefs + others
    if len(set(workers)) < len(workers):
        raise _damaged("names one address twice")
    return Cluster(workers, number + (len(chiefs) if kind == "worker" else 0))


def _addresses(jobs: dict[str, Any], job: str) -> tuple[str, ...]:
    addresses = jobs.get(job, [])
    if not isinstance(addresses, list) or not all(_ADDRESS.fullmatch(one) for one in addresses):
        raise ValueError(job)
    return tuple(addresses)


def _damaged(flaw: str) -> InputError:
    return InputError(f"--strategy=multiworker: TF_CONFIG {flaw}; it looks like {EXAMPLE}")


def _of_slurm(environment: Mapping[str, str]) -> Cluster:
    """Tasks in blocks, as srun deals them by default: those of the first machine come first."""
    try:
        hosts = _hosts(environment["SLURM_STEP_NODELIST"])
        counts = _task_counts(environment["SLURM_STEP_TASKS_PER_NODE"])
        first = _FIRST_PORT + int(environment["SLURM_JOB_ID"]) % _PORTS
        tasks = [
            f"{host}:{first + task}"
            for host, count in zip(hosts, counts, strict=True)
            for task in range(count)
        ]
        cluster = Cluster(tuple(tasks), int(environment["SLURM_PROCID"]))
        tasks[cluster.index]
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"--strategy=multiworker: the variables SLURM_* are not those of a step ({error}); "
            f"start it with srun, or set {EXAMPLE}"
        ) from None
    return cluster


def _hosts(nodes: str) -> list[str]:
    """``n[01-02,7],m`` -> n01, n02, n7, m."""
    hosts: list[str] = []
    for name in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", nodes):
        before, _, rest = name.partition("[")
        numbers, bracket, after = rest.partition("]")
        if not bracket:
            hosts.append(name)
            continue
        for part in numbers.split(","):
            low, _, high = part.partition("-")
            for number in range(int(low), int(high or low) + 1):
                hosts.append(f"{before}{number:0{len(low)}}{after}")
    return hosts


def _task_counts(tasks: str) -> list[int]:
    """``2(x3),1`` -> 2, 2, 2, 1."""
    counts: list[int] = []
    for part in tasks.split(","):
        count, _, times = part.rstrip(")").partition("(x")
        counts += [int(count)] * int(times or 1)
    return counts
