"""A whole source of every format: a dozen clips of people who wave and clap, or wave and kick.

Those that hold poses show the same synthetic motions, so that formats can be compared.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
import tempfile
from collections.abc import Callable, Mapping

import numpy as np

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.data.synthetic.presets import load_preset
from ms2l_tf.data.synthetic.sensor import Camera, Noise
from ms2l_tf.skeletons.layout import load_layout
from tests.data import acting_bodies as bodies
from tests.data import writers_keypoints as keypoints
from tests.data import writers_kinect_text as texts
from tests.data import writers_ntu, writers_pku_mmd, writers_tables, writers_utd_mhad
from tests.data import writers_toolboxes as toolboxes

Poses = dict[str, np.ndarray]  # clip -> [T, 1, J, C]
# Which of the clips of NTU RGB+D these could be: waving and clapping, three people, two cameras.
NTU_ACTIONS = {0: 23, 1: 10}
TABLE = "file,label,subject,split"
LAYOUTS = ("kinect_v2_25", "kinect_v1_20", "coco_17", "openpose_25")


@functools.cache
def _motions() -> dict[str, Poses]:
    """The clips by layout."""
    preset = dataclasses.replace(
        load_preset("demo"),
        clips=12,
        seconds=(1.0, 1.4),
        actions=("wave sideways", "clap"),
        subjects=("1", "2", "3"),
        cameras=(Camera("1", yaw=-20, distance=3.2), Camera("2", yaw=15, distance=2.9)),
        noise=Noise(white=0, drift=0, hidden=0, joints_lost=0, frames_lost=0),
        splits={},
    )
    with tempfile.TemporaryDirectory() as folder:
        dataset = generate(f"{folder}/motions", preset=preset, layouts=LAYOUTS, progress=False)
        return {layout: _poses(dataset, layout) for layout in LAYOUTS}


def _poses(dataset: ClipDataset, layout: str) -> Poses:
    store, poses = dataset.poses(layout), {}
    for index, clip in enumerate(dataset.clips):
        action = NTU_ACTIONS[clip.label]
        name = writers_ntu.clip_name(1, int(clip.camera), int(clip.subject), 1, action)
        poses[name] = store.poses(index).coords.round(6)
    return poses


def people(layout: str) -> Poses:
    """The clips in a layout, float32 [T, 1, J, 3] in the axes of a Kinect, called as in NTU."""
    return _motions()[layout]


def pictured(poses: Poses) -> Poses:
    """Pixels [T, 1, J, 2] of a picture of 1920 x 1080."""
    return {
        name: (np.array([960, 540]) - 1050 * clip[..., :2] / clip[..., 2:]).astype(np.float32)
        for name, clip in poses.items()
    }


def blaze_people() -> Poses:
    """World landmarks [T, 1, 33, 3]: x right, y down, from the middle of the hips."""
    layout, coco = load_layout("blazepose_33"), load_layout("coco_17")
    near = {"pinky": "wrist", "index": "wrist", "thumb": "wrist", "heel": "ankle", "foot": "ankle"}
    own, moved = [], np.zeros((layout.num_joints, 3))
    for row, joint in enumerate(layout.joints):
        side, _, part = joint.partition("_")
        like = f"{side}_{near.get(part.split('_')[0], part)}".replace("_inner", "")
        like = like.replace("_outer", "")
        own.append(coco.index(like if like in coco.joints else "nose"))
        if part == "heel" or part == "foot_index":
            moved[row] = 0, 0.05, 0.03 if part == "heel" else -0.12
        if joint.startswith("mouth"):
            moved[row] = 0.02 if joint.endswith("right") else -0.02, 0.06, 0
    clips = {}
    for name, poses in people("coco_17").items():
        seen = poses[:, :, own] * [-1, -1, 1] + moved
        hips = [layout.index(f"{side}_hip") for side in ("left", "right")]
        clips[name] = (seen - seen[:, :, hips].mean(axis=2, keepdims=True)).astype(np.float32)
    return clips


def facts(name: str) -> tuple[str, str, str]:
    """Label, subject and side of the split of a clip, as people write tables."""
    label = "wave" if name.endswith(f"A{NTU_ACTIONS[0]:03}") else "clap"
    return label, name[8:12], "test" if "P003" in name else "train"


def table(names: Mapping[str, object], ending: str = "") -> str:
    """The labels of clips as CSV."""
    rows = [",".join((f"{name}{ending}", *facts(name))) for name in names]
    return "\n".join([TABLE, *rows]) + "\n"


def sides(poses: Poses) -> tuple[Poses, Poses]:
    """Training and test clips."""
    train = {name: clip for name, clip in poses.items() if facts(name)[2] == "train"}
    return train, {name: clip for name, clip in poses.items() if name not in train}


def _ntu(folder: pathlib.Path) -> None:
    for name, poses in people("kinect_v2_25").items():
        frames = writers_ntu.tracks(len(poses), (0, poses[:, 0]))
        writers_ntu.write_clip(folder, name, writers_ntu.skeleton_text(frames))


def _pku_mmd(folder: pathlib.Path) -> None:
    """Each person and camera a video of two actions."""
    videos: dict[str, list[tuple[int, np.ndarray]]] = {}
    for name, poses in people("kinect_v2_25").items():
        video = f"{int(name[8 + 1 : 12]):04}-{'LR'[int(name[5:8]) - 1]}"
        videos.setdefault(video, []).append((int(name[-3:]), poses))
    for video, clips in videos.items():
        whole = np.concatenate([poses for _, poses in clips])
        both = np.concatenate([whole, np.zeros_like(whole)], axis=1)
        ends = np.cumsum([len(poses) for _, poses in clips])
        actions = [
            (action, end - len(poses), end, 2)
            for (action, poses), end in zip(clips, ends, strict=True)
        ]
        writers_pku_mmd.write_video(folder, video, both, actions)
    train = [video for video in videos if not video.startswith("0003")]
    test = [video for video in videos if video not in train]
    writers_pku_mmd.write_list(folder, "cross-subject", train, test)


def _kinect_names() -> dict[str, tuple[int, int, int, int]]:
    """Class, person, take and camera of each clip."""
    return {
        name: (1 + (facts(name)[0] == "clap"), int(name[9:12]), int(name[5:8]), int(name[5:8]))
        for name in people("kinect_v1_20")
    }


def _nw_ucla(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    for name, (action, subject, _, view) in _kinect_names().items():
        own = f"a{action:02}_s{subject:02}_e00_v{view:02}"
        poses = people("kinect_v1_20")[name][:, 0].tolist()
        content = {"file_name": own, "skeletons": poses, "label": str(action)}
        (folder / f"{own}.json").write_text(json.dumps(content))


def _utd_mhad(folder: pathlib.Path) -> None:
    for name, (action, subject, take, _) in _kinect_names().items():
        poses = people("kinect_v1_20")[name][:, 0].astype(np.float64)
        content = writers_utd_mhad.mat_bytes(poses)
        writers_utd_mhad.write_clip(folder, f"a{action}_s{subject}_t{take}", content)


def _msr_action3d(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    order = [load_layout("kinect_v1_20").index(joint) for joint in texts.MSR_JOINTS]
    for name, (action, subject, take, _) in _kinect_names().items():
        text = texts.msr_text(people("kinect_v1_20")[name][:, 0, order])
        path = folder / f"a{action:02}_s{subject:02}_e{take:02}_skeleton3D.txt"
        path.write_bytes(text.encode())


def _recordings() -> dict[tuple[int, int], dict[int, np.ndarray]]:
    """The clips of each person and take, by class."""
    found: dict[tuple[int, int], dict[int, np.ndarray]] = {}
    for name, (action, subject, take, _) in _kinect_names().items():
        found.setdefault((subject, take), {})[action] = people("kinect_v1_20")[name][:, 0]
    return found


def _utkinect(folder: pathlib.Path) -> None:
    (folder / "joints").mkdir(parents=True)
    labels = {}
    for (subject, take), clips in _recordings().items():
        name, start = f"s{subject:02}_e{take:02}", 100
        lines, spans = "", {}
        for action, poses in sorted(clips.items()):
            numbers = range(start, start + 2 * len(poses), 2)
            lines += texts.utkinect_text(numbers, poses)
            spans[("waveHands", "clapHands")[action - 1]] = numbers[0], numbers[-1]
            start = numbers[-1] + 2
        (folder / "joints" / f"joints_{name}.txt").write_text(lines)
        labels[name] = spans
    (folder / "actionLabel.txt").write_text(texts.utkinect_labels(labels))


def _msrc12(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    for (subject, take), clips in _recordings().items():
        for action, poses in clips.items():
            times = [600_000_000 + 33_333 * frame for frame in range(len(poses))]
            gesture = {1: (11, "G11 Beat both"), 2: (12, "G12 Kick")}[action]
            path = folder / f"P1_{take}_{gesture[0]}_p{subject:02}.csv"
            path.write_text(texts.msrc12_text(times, poses))
            tags = texts.tagstream([(times[len(poses) // 2], gesture[1])])
            path.with_suffix(".tagstream").write_text(tags)


def _pyskl(folder: pathlib.Path) -> None:
    clips = people("kinect_v2_25")
    train, test = sides(clips)
    split = {"xsub_train": list(train), "xsub_val": list(test)}
    content = toolboxes.pyskl_content(clips, split)
    toolboxes.write_pyskl(folder / "ntu60_3danno.pkl", content)


def _stgcn(folder: pathlib.Path) -> None:
    for side, clips in zip(("train", "val"), sides(people("kinect_v2_25")), strict=True):
        toolboxes.write_stgcn(folder / "xsub", clips, side, frames=60)


def _ctrgcn(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    train, test = sides(people("kinect_v2_25"))
    toolboxes.write_ctrgcn(folder / "NTU60_CS.npz", train, test, frames=60, classes=60)


def _csv(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    clips = people("kinect_v2_25")
    tags = {name: dict(zip(TABLE.split(",")[1:], facts(name), strict=True)) for name in clips}
    rows = writers_tables.long_rows(clips, load_layout("kinect_v2_25"), tags)
    (folder / "poses.csv").write_bytes(writers_tables.table_bytes(rows))


def _arrays(folder: pathlib.Path) -> None:
    clips = people("kinect_v2_25")
    writers_tables.write_arrays(folder, clips, table(clips, ".npy"))


def _openpose(folder: pathlib.Path) -> None:
    for name, poses in pictured(people("openpose_25")).items():
        keypoints.write_openpose(folder / facts(name)[0] / name, name, poses)


def _coco(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    content = keypoints.coco_results(pictured(people("coco_17")))
    (folder / "alphapose-results.json").write_text(json.dumps(content))


def _mediapipe(folder: pathlib.Path) -> None:
    for name, poses in blaze_people().items():
        path = folder / facts(name)[0] / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(keypoints.media_pipe_frames(world=poses)))


def _acted(
    joints: Mapping[str, str], frames: int, rate: float
) -> dict[tuple[str, int], dict[str, tuple[str, np.ndarray]]]:
    """How the joints turn, by action and take."""
    axes = {"arm": "Z", "forearm": "Z", "leg": "X"}
    return {
        (action, take): {
            joints[limb]: (axes[limb], by)
            for limb, by in bodies.angles(action, frames, rate, 7 * take).items()
        }
        for action in bodies.ACTIONS
        for take in range(6)
    }


def _bvh(folder: pathlib.Path) -> None:
    joints = {"arm": "RightArm", "forearm": "RightForeArm", "leg": "RightUpLeg"}
    for (action, take), turned in _acted(joints, 40, 30).items():
        (folder / action).mkdir(parents=True, exist_ok=True)
        text = bodies.bvh_text(bodies.plain_body(), turned)
        (folder / action / f"{action}_{take}.bvh").write_text(text)


def _bandai_namco(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    contents = {"wave": "wave-right-hand", "kick": "run"}
    styles = ("active", "feminine", "masculine", "normal", "youthful", "elderly")
    joints = {"arm": "UpperArm_R", "forearm": "LowerArm_R", "leg": "UpperLeg_R"}
    for (action, take), turned in _acted(joints, 40, 30).items():
        text = bodies.bvh_text(bodies.bandai_body(), turned)
        name = f"dataset-2_{contents[action]}_{styles[take]}_001.bvh"
        (folder / name).write_text(text)


_BONES = {"arm": "rhumerus", "forearm": "rradius", "leg": "rfemur"}


def _amc(folder: pathlib.Path) -> None:
    places = bodies.hdm05_body()
    for (action, take), turned in _acted(_BONES, 160, 120).items():
        (folder / action).mkdir(parents=True, exist_ok=True)
        actor = f"{1 + take % 3:02}"
        (folder / f"{actor}.asf").write_text(bodies.asf_text(places))
        text = bodies.amc_text(places, turned)
        (folder / action / f"{actor}_{take:02}.amc").write_text(text)


def _hdm05(folder: pathlib.Path) -> None:
    places = bodies.hdm05_body()
    motions = {"wave": ("throwBasketball", 11), "kick": ("kickLFront1Reps", 6)}
    for (action, take), turned in _acted(_BONES, 160, 120).items():
        name, number = motions[action]
        actor, side = (("bd", "train"), ("bk", "train"), ("mm", "test"))[take % 3]
        here = folder / side / str(number)
        here.mkdir(parents=True, exist_ok=True)
        (here / f"HDM_{actor}.asf").write_text(bodies.asf_text(places))
        path = here / f"HDM_{actor}_{name}_{take:03}_120.amc"
        path.write_text(bodies.amc_text(places, turned))


@dataclasses.dataclass(frozen=True)
class Source:
    """How a source of a format is written, and what else its two commands need.

    Attributes:
        write: into a folder that is not there yet.
        layout: of the poses.
        prepare, train: flags that docs/data.md says are needed.
    """

    write: Callable[[pathlib.Path], None]
    layout: str
    prepare: tuple[str, ...] = ()
    train: tuple[str, ...] = ()


KINECT = ("--layout=kinect_v2_25", "--unit=m", "--axes=+y,+z,right")
SOURCES: Mapping[str, Source] = {
    "ntu": Source(_ntu, "kinect_v2_25"),
    "pku_mmd": Source(_pku_mmd, "kinect_v2_25"),
    "nw_ucla": Source(_nw_ucla, "kinect_v1_20"),
    "pyskl": Source(_pyskl, "kinect_v2_25"),
    "stgcn": Source(_stgcn, "kinect_v2_25"),
    "ctrgcn": Source(_ctrgcn, "kinect_v2_25"),
    "utd_mhad": Source(_utd_mhad, "kinect_v1_20"),
    "msr_action3d": Source(_msr_action3d, "kinect_v1_20"),
    "utkinect": Source(_utkinect, "kinect_v1_20"),
    "msrc12": Source(_msrc12, "kinect_v1_20"),
    "hdm05": Source(_hdm05, "hdm05_31"),
    "bandai_namco": Source(_bandai_namco, "bandai_22"),
    "bvh": Source(_bvh, "bvh_20"),
    "amc": Source(_amc, "hdm05_31"),
    "csv": Source(_csv, "kinect_v2_25", KINECT[1:]),
    "arrays": Source(_arrays, "kinect_v2_25", KINECT),
    "openpose": Source(_openpose, "openpose_25"),
    "coco": Source(_coco, "coco_17"),
    "mediapipe": Source(_mediapipe, "blazepose_33"),
}
