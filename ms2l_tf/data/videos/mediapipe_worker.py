"""MediaPipe Pose behind a socket, in a process and an environment of its own.

Run by `mediapipe.py` as a script, because MediaPipe's pins (NumPy below 2, protobuf below 5) and
TensorFlow's exclude each other: nothing of this package may be imported here.

First this process says its version in a line. Then it answers messages on its standard input, a
socket: three little-endian 32-bit numbers N, H, W and N images of H x W x 3 bytes, RGB. The answer
is float32 [N, 33, 4]: x, y, z in metres around the middle of the hips and visibility, all NaN where
nobody is found. N = 0 begins another video and has no answer.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import IO

HEADER = struct.Struct("<3I")


def main() -> None:
    """Serves until the other side hangs up."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints does not get among the answers
    import mediapipe
    import numpy as np
    from mediapipe.python.solutions.pose import Pose

    def landmarks(image: np.ndarray) -> np.ndarray:
        found = pose.process(image).pose_world_landmarks
        if found is None:
            return np.full((33, 4), np.nan, np.float32)
        points = [(mark.x, mark.y, mark.z, mark.visibility) for mark in found.landmark]
        return np.array(points, np.float32)

    # Complexity 1 is the model that the wheel brings along; the others would be downloaded.
    with Pose(model_complexity=1) as pose:
        answers.write(f"{mediapipe.__version__}\n".encode())
        answers.flush()
        while header := requests.read(HEADER.size):
            count, height, width = HEADER.unpack(header)
            if not count:
                pose.reset()
                continue
            images = np.frombuffer(_exactly(requests, count * height * width * 3), np.uint8)
            for image in images.reshape(count, height, width, 3):
                answers.write(landmarks(image).tobytes())
            answers.flush()


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:  # the other side is gone
        sys.exit(1)
    return data


if __name__ == "__main__":
    main()
