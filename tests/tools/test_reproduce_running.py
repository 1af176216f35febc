"""Commands that tools.reproduce has running end with it."""

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.reproduce.running import run_command, stop_running


def test_running_commands_end_when_they_are_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with ThreadPoolExecutor() as pool:
        commands = [pool.submit(run_command, command, log, 2) for _ in range(2)]
        while not log.is_file() or log.read_text().count("up") < 2:
            assert not any(one.done() for one in commands)
            time.sleep(0.05)
        stop_running()
        assert [one.result() for one in commands] == [-signal.SIGTERM] * 2
