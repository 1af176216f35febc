"""Small valid sources of every format, as its own generator writes them: what is damaged."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import tempfile
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.base import DEFAULTS
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout
from tests.data import writers_bandai_namco, writers_hdm05
from tests.data import writers_kinect_text as kinect_text
from tests.data import writers_pku_mmd as pku
from tests.data import writers_utd_mhad as utd
from tests.data.conftest import nw_ucla_content
from tests.data.motion_files import amc, asf, bvh
from tests.data.writers_keypoints import (
    BLAZE,
    coco_annotations,
    coco_results,
    media_pipe_frames,
    mmpose_video,
    write_openpose,
)
from tests.data.writers_ntu import clip_name, skeleton_text, standing, tracks
from tests.data.writers_tables import long_rows, table_bytes, wide_rows, write_arrays
from tests.data.writers_toolboxes import (
    NTU_NAMES,
    clips_of,
    motion,
    pyskl_content,
    write_ctrgcn,
    write_pyskl,
    write_stgcn,
)

Files = Mapping[str, bytes]
KINECT = load_layout("kinect_v1_20")
TAGS = {"a": {"label": "wave", "split": "train"}, "b": {"label": "nod", "split": "test"}}


@dataclasses.dataclass(frozen=True)
class Seed:
    """A source: what writes it into a folder, and what a user has to say about it."""

    write: Callable[[pathlib.Path], object]
    options: ReaderOptions = DEFAULTS
    layouts: tuple[str, ...] | None = None

    def said(self, **options: str) -> Seed:
        """The same with other options."""
        return dataclasses.replace(self, options=ReaderOptions(**options))  # type: ignore[arg-type]

    def in_layouts(self, *names: str) -> Seed:
        """The same in some layouts."""
        return dataclasses.replace(self, layouts=names)


def files_of(folder: pathlib.Path) -> dict[str, bytes]:
    """The files of a folder by their names in it, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@cache
def seed_files(format_name: str, number: int) -> Files:
    """The files of a seed."""
    with tempfile.TemporaryDirectory() as folder:
        SEEDS[format_name][number].write(pathlib.Path(folder))
        return files_of(pathlib.Path(folder))


def _texts(**texts: str) -> Seed:
    def write(folder: pathlib.Path) -> None:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())

    return Seed(write)


def _json(**values: object) -> Seed:
    return _texts(**{name: json.dumps(value) for name, value in values.items()})


def _pku(folder: pathlib.Path) -> None:
    for video in ("0002-L", "0002-M"):
        pku.write_video(folder, video, pku.bodies(6, 2), ((8, 0, 3, 2), (12, 3, 6, 1)))
    pku.write_list(folder, "cross-view", ["0002-M"], ["0002-L"])
    pku.write_list(folder, "cross-subject", ["0002-M"], ["0002-L"])


def _utd(folder: pathlib.Path) -> None:
    for name, packed in (("a1_s1_t1", True), ("a27_s8_t4", False)):
        utd.write_clip(folder, name, utd.mat_bytes(utd.poses(3), packed=packed))


def _stgcn(folder: pathlib.Path) -> None:
    clips = clips_of(NTU_NAMES[:2])
    for side, own in (("train", NTU_NAMES[:1]), ("val", NTU_NAMES[1:2])):
        write_stgcn(folder / "xsub", {name: clips[name] for name in own}, side, frames=6)


def _ctrgcn(save: Callable[..., None]) -> Seed:
    clips = clips_of(NTU_NAMES[:2])
    one, other = ({name: clips[name]} for name in clips)

    def write(folder: pathlib.Path) -> None:
        write_ctrgcn(folder / "NTU60_CS.npz", one, other, frames=6, save=save)

    return Seed(write)


def _arrays(folder: pathlib.Path) -> None:
    clips = {"a": motion("a", 3, 20)[:, 0], "deep/b": motion("b", 2, 20, persons=2)}
    write_arrays(folder, clips, "file,label,split\na.npy,wave,train\ndeep/b.npy,nod,test\n")
    np.savez(folder / "c.npz", c=motion("c", 2, 20), d=motion("d", 2, 20))
    np.savez_compressed(folder / "e.npz", e=motion("e", 2, 20))


def _tables(
    rows: Callable[..., list[list[str]]], separator: str = ",", layout: SkeletonLayout = KINECT
) -> Seed:
    clips = {name: motion(name, 2, layout.num_joints) for name in TAGS}
    decimal = "." if separator == "," else ","
    content = table_bytes(rows(clips, layout, tags=TAGS, decimal=decimal), separator)
    return Seed(lambda folder: (folder / "mine.csv").write_bytes(content))


def _openpose(folder: pathlib.Path) -> None:
    write_openpose(folder, "one", motion("one", 2, 25, 2))
    write_openpose(folder, "two", motion("two", 2, 25, 2, persons=2))


def _pyskl(coords: int, protocol: int) -> Seed:
    joints = 17 if coords == 2 else 25
    content = pyskl_content(clips_of(NTU_NAMES[:4], joints, coords, persons=2))
    return Seed(lambda folder: write_pyskl(folder / "ntu60.pkl", content, protocol))


def _media_pipe(flat: bool) -> list[dict[str, object]]:
    one = motion("one", 2, 33, 2 if flat else 3)
    return media_pipe_frames(one, None) if flat else media_pipe_frames(one[..., :2], one)


_PICTURES = {"one": motion("one", 3, 17, 2), "two": motion("two", 2, 17, 2, persons=2)}
_HDM05 = {
    "HDM_bd.asf": writers_hdm05.skeleton(),
    "HDM_tr.asf": writers_hdm05.skeleton(),
    "HDM_bd_kickLFront1Reps_001_120.amc": writers_hdm05.motion(5),
    "HDM_tr_squat3Reps_001_100.amc": writers_hdm05.motion(5),
}
_BANDAI = {
    "dataset-2_walk_active_001.bvh": writers_bandai_namco.content(),
    "dataset-2_run_normal_001.bvh": writers_bandai_namco.content(),
    "dataset-2_run_normal_001.json": json.dumps({"content": 3, "style": 5}),
}
_BVH = {"wave/one.bvh": bvh(frames=3), "nod/two.bvh": bvh(frames=2, frame_rate=120)}
_UT = {"s01_e01": {"walk": (2, 4), "pickUp": ("NaN", "NaN"), "waveHands": (6, 8)}}
_UT_TEXT = kinect_text.utkinect_text(range(2, 10, 2), kinect_text.poses(4))
_MSRC_TEXT = kinect_text.msrc12_text(range(0, 4_000_000, 500_000), kinect_text.poses(8))
_TAGS = kinect_text.tagstream([(1_000_000, "G1  lift arms"), (3_000_000, "G2  duck")])

SEEDS: Mapping[str, tuple[Seed, ...]] = {
    "nw_ucla": (
        _json(
            **{
                f"all_sqe/{name}.json": nw_ucla_content(name, frames=2)
                for name in ("a01_s01_e00_v01", "a12_s02_e00_v03", "a12_s03_e01_v02")
            }
        ),
    ),
    "hdm05": (_texts(**_HDM05).in_layouts("native"), _texts(**_HDM05)),
    "bandai_namco": (_texts(**_BANDAI).in_layouts("native"), _texts(**_BANDAI)),
    "pyskl": (_pyskl(3, 4), _pyskl(2, 2), _pyskl(2, 5), _pyskl(3, 0)),
    "stgcn": (Seed(_stgcn),),
    "ctrgcn": (_ctrgcn(np.savez), _ctrgcn(np.savez_compressed)),
    "arrays": (Seed(_arrays, ReaderOptions(layout=KINECT.name)),),
    "csv": (_tables(long_rows), _tables(wide_rows), _tables(wide_rows, ";")),
    "openpose": (Seed(_openpose),),
    "coco": (
        _json(**{"mine.json": coco_annotations(_PICTURES)}),
        _json(**{"mine.json": coco_results(_PICTURES)}),
        _json(**{f"{name}.json": mmpose_video(poses) for name, poses in _PICTURES.items()}),
    ),
    "mediapipe": (
        _json(**{"wave/one.json": _media_pipe(True), "nod/two.json": _media_pipe(True)}),
        _texts(**{"one.jsonl": "\n".join(map(json.dumps, _media_pipe(False)))}),
        _tables(wide_rows, layout=BLAZE),
    ),
    "ntu": (
        _texts(
            **{
                f"{clip_name(1, 1, 1, 1, 13)}.skeleton": skeleton_text(
                    tracks(3, (0, standing(3)), (1, standing(2, 1)))
                ),
                f"{clip_name(1, 2, 3, 1, 50)}.skeleton": skeleton_text(tracks(2, (0, standing(2)))),
                "NTU_RGBD_samples_with_missing_skeletons.txt": "Missing:\n\nS001C002P005R002A008\n",
            }
        ),
    ),
    "bvh": (
        _texts(**_BVH),
        _texts(**_BVH).said(layout_map="auto").in_layouts("native", "h36m_17"),
    ),
    "amc": (_texts(**{"01.asf": asf(), "01_01.amc": amc(5), "01_02.amc": amc(4)}),),
    "pku_mmd": (Seed(_pku),),
    "utd_mhad": (Seed(_utd),),
    "msr_action3d": (
        _texts(
            **{
                f"{name}_skeleton3D.txt": kinect_text.msr_text(kinect_text.poses(2))
                for name in ("a02_s03_e01", "a01_s02_e01")
            }
        ),
    ),
    "utkinect": (
        _texts(
            **{
                "joints/joints_s01_e01.txt": _UT_TEXT,
                "actionLabel.txt": kinect_text.utkinect_labels(_UT),
            }
        ),
    ),
    "msrc12": (_texts(**{"P1_1_1A_p06.csv": _MSRC_TEXT, "P1_1_1A_p06.tagstream": _TAGS}),),
}
