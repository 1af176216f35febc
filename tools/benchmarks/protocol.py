"""How the benchmark talks to the process that is timed: one JSON line a message.

Standard library only, because the PyTorch twin runs in an environment of its own. The parent
writes a line when the worker is to run once more; between the lines the worker sleeps, so two
workers can be timed in turns without disturbing each other.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any


def read_case() -> dict[str, Any]:
    """Reads the case from the command line and keeps this process to its number of cores.

    Has to be called before the framework is imported: thread pools are sized by what they find.
    """
    case: dict[str, Any] = json.loads(sys.argv[1])
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[: case["cores"]])
    return case


def serve(run: Callable[[], int], versions: dict[str, str], *, weights: int = 0) -> None:
    """Answers requests until standard input ends.

    Args:
        run: does one repeat (several steps, or one epoch) and returns how many times the unit of
            work was done, so that seconds can be given a step or a clip.
        versions: names and versions of the libraries that are timed.
        weights: trainable numbers of the network, so that the parent can tell twins from strangers.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    run()  # traces, allocates, fills caches
    print(json.dumps({"versions": versions, "weights": weights}), file=answers)
    for _ in sys.stdin:
        start = time.perf_counter()
        units = run()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        answer = {"seconds": seconds, "units": units, "peak_mb": peak}
        print(json.dumps(answer), file=answers)
