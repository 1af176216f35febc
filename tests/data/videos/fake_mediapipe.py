"""An environment whose MediaPipe is made here: the worker's script is the real one."""

from __future__ import annotations

import sys
from pathlib import Path

MEDIAPIPE = '''
import os, sys, time, types

__version__ = "0.0.1"
print("a library that talks")  # among the answers, were stdout not turned away


class Pose:
    """Landmark j is at (red, green, resets) / 100 + j, as visible as blue / 255; black: nobody."""

    def __init__(self, *, model_complexity):
        assert model_complexity == 1
        self.resets = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def reset(self):
        self.resets += 1

    def process(self, image):
        red, green, blue = (int(value) for value in image[0, 0])
        if red == 255:
            {255: lambda: os._exit(7), 254: lambda: time.sleep(60), 253: self.fail}[green]()
        marks = [
            types.SimpleNamespace(
                x=red / 100 + j, y=green / 100 + j, z=self.resets / 100 + j, visibility=blue / 255
            )
            for j in range(33)
        ]
        found = types.SimpleNamespace(landmark=marks) if red else None
        return types.SimpleNamespace(pose_world_landmarks=found)

    def fail(self):
        raise RuntimeError("the graph is broken")
'''
START = """#!/bin/sh
exec {python} -c "import sys, runpy
sys.path.insert(0, '{site}')
runpy.run_path(sys.argv[2], run_name='__main__')" "$@"
"""


def make_environment(folder: Path, mediapipe: str = MEDIAPIPE) -> Path:
    """A folder with bin/python and the package `mediapipe`."""
    pose = folder / "site" / "mediapipe" / "python" / "solutions" / "pose.py"
    pose.parent.mkdir(parents=True)
    for package in pose.parents[:3]:
        (package / "__init__.py").touch()
    (folder / "site" / "mediapipe" / "__init__.py").write_text(mediapipe)
    pose.write_text("from mediapipe import Pose\n")
    return with_python(folder, START.format(python=sys.executable, site=folder / "site"))


def with_python(folder: Path, script: str) -> Path:
    """A folder with a bin/python that is a script."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(script)
    python.chmod(0o755)
    return folder
