"""`draw_clip`."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf import Axes, ClipPoses, draw_clip
from ms2l_tf.errors import InputError
from tests.helpers import motion, tiny_layout

CLIP = motion(9, persons=2)


@pytest.mark.parametrize("clip", [CLIP, CLIP[:, 0], CLIP[..., :2], ClipPoses(CLIP), CLIP[:1]])
def test_poses_stand_side_by_side(clip: Any, tmp_path: pathlib.Path) -> None:
    figure = draw_clip(clip, tiny_layout(), tmp_path / "clip.png", count=4)
    frames = len(clip.coords if isinstance(clip, ClipPoses) else clip)
    assert len(figure.axes) == min(4, frames)
    assert (tmp_path / "clip.png").read_bytes()[:4] == b"\x89PNG"


def test_the_head_is_up_whatever_the_axes() -> None:
    def neck_above_hips(**axes: Any) -> bool:
        figure = draw_clip(clip, tiny_layout(), count=1, **axes)
        heights = {
            line.get_color(): np.nanmean(np.asarray(line.get_ydata(), float))
            for line in figure.axes[0].lines
            if line.get_marker() == "o"
        }
        return bool(heights["#404040"] > heights["#56B4E9"])

    clip = CLIP[:, 0]
    assert neck_above_hips()
    clip = np.stack([clip[..., 0], -clip[..., 2], clip[..., 1]], axis=-1)
    assert neck_above_hips(axes=Axes("+z", "-y", "right"))


@pytest.mark.filterwarnings("ignore:.*blank")
def test_missing_joints_are_left_out() -> None:
    clip = CLIP.copy()
    clip[:, :, 2] = np.nan
    draw_clip(clip, tiny_layout())
    draw_clip(np.full_like(clip, np.nan), tiny_layout())


@pytest.mark.parametrize(
    ("clip", "settings", "message"),
    [
        (CLIP[..., :4, :], {}, r"clip 0: has shape \(9, 2, 4, 3\)"),
        (CLIP, {"count": 0}, "count: 0; expected"),
        (CLIP, {"path": "/no/such/clip.png"}, "/no/such/clip.png"),
        (CLIP, {"path": "clip.xyz"}, "clip.xyz: cannot be drawn"),
        (CLIP, {"layout": "none"}, "none"),
    ],
)
def test_bad_input_is_named(
    clip: Any, settings: dict[str, Any], message: str,
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        draw_clip(clip, **{"layout": tiny_layout(), **settings})
    assert not list(tmp_path.iterdir())
