"""What a file seems to be, by its name and first bytes; nothing is parsed or unpickled."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable

HEAD_BYTES = 1 << 16
WRITE = "write the clips with ms2l_tf.data.DatasetWriter (docs/data.md, 'Your own clips')"
VIDEO_SUFFIXES = "avi m4v mkv mov mp4 mpeg mpg ts webm wmv"
_PKU_NUMBERS = 150  # a line of PKU-MMD: 2 bodies, 25 joints, 3 coordinates
_MSR_NUMBERS = 4  # a joint: 3 coordinates and a confidence
_UTKINECT_NUMBERS = 61  # a frame: its number, 20 joints, 3 coordinates
_MSRC12_NUMBERS = 81  # a frame: its time, 20 joints, 3 coordinates and a state
_NTU_BODY_WORDS = 10  # of the line that begins a body in NTU RGB+D


@dataclasses.dataclass(frozen=True)
class Sample:
    """A file to be recognised.

    Attributes:
        suffix: in small letters, without its dot.
        head: its first bytes, at most `HEAD_BYTES`.
    """

    suffix: str
    head: bytes

    @functools.cached_property
    def text(self) -> str:
        """The head as text, whatever it is."""
        utf16 = self.head[:2] in (b"\xff\xfe", b"\xfe\xff")
        return self.head.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")

    def has_keys(self, *names: str) -> bool:
        """Whether all of these are keys of a JSON object somewhere in the head."""
        return all(re.search(rf'"{name}"\s*:', self.text) for name in names)

    def is_one_of(self, suffixes: str) -> bool:
        """Whether its suffix is one of some that blanks separate."""
        return self.suffix in suffixes.split()


@dataclasses.dataclass(frozen=True)
class FileKind:
    """A kind of file that people have skeletons in.

    Attributes:
        name: as it stands before "files".
        matches: tells it by a sample.
        reader: the values of ``--format`` that may read such files, separated by blanks; the first
            counts whose reader knows them, see `ClipReader.knows`. ``video`` reads any.
        advice: what to do with them where no reader fits.
    """

    name: str
    matches: Callable[[Sample], bool]
    reader: str = ""
    advice: str = WRITE


def kind_of(sample: Sample) -> FileKind | None:
    """The kind of a file; None: it looks like nothing that holds skeletons."""
    return next((kind for kind in KINDS if kind.matches(sample)), None)


def _by_suffix(suffixes: str, *beginnings: bytes) -> Callable[[Sample], bool]:
    return lambda sample: sample.is_one_of(suffixes) or sample.head.startswith(beginnings)


def _is_ntu(sample: Sample) -> bool:
    if sample.suffix == "skeleton":
        return True
    words = [line.split() for line in sample.text.splitlines()[:4]]
    counts = [len(line) for line in words]
    return counts == [1, 1, _NTU_BODY_WORDS, 1] and words[3] == ["25"]


def _is_pickle(sample: Sample) -> bool:
    protocol = sample.head[1:2] in (b"\2", b"\3", b"\4", b"\5")
    return sample.is_one_of("pkl pickle") or (sample.head.startswith(b"\x80") and protocol)


def _is_pyskl(sample: Sample) -> bool:
    words = (b"annotations", b"split", b"frame_dir", b"total_frames", b"keypoint")
    return _is_pickle(sample) and any(word in sample.head for word in words)


def _is_npz(sample: Sample) -> bool:
    packed = sample.head.startswith(b"PK\3\4") and b".npy" in sample.head[:200]
    return sample.suffix == "npz" or packed


def _is_amass(sample: Sample) -> bool:
    words = (b"mocap_frame", b"betas.npy", b"trans.npy", b"dmpls.npy")
    return _is_npz(sample) and any(word in sample.head for word in words)


def _is_ctrgcn(sample: Sample) -> bool:
    return _is_npz(sample) and b"x_train.npy" in sample.head[:200]


def _is_stgcn(sample: Sample) -> bool:
    """By the shape of the array, [N, C, T, V, M]."""
    shape = re.search(rb"'shape': \(\d+, [23], \d+, \d+, \d\)", sample.head[:200])
    return sample.head.startswith(b"\x93NUMPY") and shape is not None


def _is_video(sample: Sample) -> bool:
    head = sample.head
    riff = head.startswith(b"RIFF") and head[8:12] == b"AVI "
    return (
        sample.is_one_of(VIDEO_SUFFIXES)
        or head[4:8] == b"ftyp"
        or riff
        or head.startswith(b"\x1a\x45\xdf\xa3")
    )


def _is_bvh(sample: Sample) -> bool:
    return sample.suffix == "bvh" or sample.text.lstrip().upper().startswith("HIERARCHY")


def _is_acclaim(sample: Sample) -> bool:
    sections = r"^\s*:(bonedata|fully-specified|degrees)\b"
    section = re.search(sections, sample.text, re.IGNORECASE | re.MULTILINE)
    return sample.is_one_of("asf amc") or section is not None


def _is_json(sample: Sample) -> bool:
    begins = re.match(r'\s*(\{\s*["}]|\[\s*[\[{"\d\]-])', sample.text) is not None
    return sample.is_one_of("json jsonl") or begins


def _json(*alternatives: tuple[str, ...]) -> Callable[[Sample], bool]:
    """JSON with all the keys of one of the alternatives."""
    return lambda sample: _is_json(sample) and any(sample.has_keys(*keys) for keys in alternatives)


def _is_label_table(sample: Sample) -> bool:
    """By the names of its columns, as those of `data.label_table`."""
    header = sample.text.partition("\n")[0].strip()
    columns = set(re.split(r"\s*[,;\t]\s*", header))
    known = {"file", "clip", "label", "subject", "camera", "setup", "group", "split"}
    return sample.is_one_of("csv tsv") and bool({"file", "clip"} & columns) and columns <= known


def _is_media_pipe_table(sample: Sample) -> bool:
    header = sample.text.partition("\n")[0].lower()
    return sample.is_one_of("csv tsv") and ("visibility" in header or "landmark" in header)


def _numbers_a_line(sample: Sample) -> set[int]:
    """How many numbers its first lines hold; nothing: one of them holds something else."""
    lines = [line.replace(",", " ").split() for line in sample.text.splitlines()[:5]]
    lines = [line for line in lines if line]
    number = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan", re.IGNORECASE)
    if not all(number.fullmatch(word) for line in lines for word in line):
        return set()
    return {len(line) for line in lines}


def _has_numbers(count: int) -> Callable[[Sample], bool]:
    return lambda sample: _numbers_a_line(sample) == {count}


def _is_msrc12(sample: Sample) -> bool:
    """A recording, or its action points."""
    numbers = "," not in sample.text and _numbers_a_line(sample) == {_MSRC12_NUMBERS}
    return numbers or sample.text.startswith("XQPCTick;")


def _is_pku(sample: Sample) -> bool:
    """A video, or the labels of one: four whole numbers between commas."""
    lines = sample.text.splitlines()[:5]
    labels = lines and all(re.fullmatch(r"\d+,\d+,\d+,\d+\s*", line) for line in lines)
    return bool(labels) or _numbers_a_line(sample) == {_PKU_NUMBERS}


# The first one that matches counts: special kinds stand before the general ones.
KINDS: tuple[FileKind, ...] = (
    FileKind("NTU RGB+D .skeleton", _is_ntu, "ntu"),
    FileKind("PYSKL .pkl annotation", _is_pyskl, "pyskl"),
    FileKind("Python pickle (.pkl)", _is_pickle),
    FileKind("AMASS .npz", _is_amass),
    FileKind("CTR-GCN .npz", _is_ctrgcn, "ctrgcn"),
    FileKind("ST-GCN .npy", _is_stgcn, "stgcn"),
    FileKind("NumPy .npz", _is_npz, "arrays"),
    FileKind("NumPy .npy", _by_suffix("npy", b"\x93NUMPY"), "arrays"),
    FileKind("MATLAB .mat", _by_suffix("mat", b"MATLAB"), "utd_mhad"),
    FileKind("HDF5", _by_suffix("h5 hdf5", b"\x89HDF\r\n")),
    FileKind("C3D motion-capture", _by_suffix("c3d", b"\2\x50")),
    FileKind("FBX", _by_suffix("fbx", b"Kaydara FBX")),
    FileKind("TRC motion-capture", _by_suffix("trc", b"PathFileType")),
    FileKind("CDF (Human3.6M)", _by_suffix("cdf", b"\xcd\xf3\0\1")),
    FileKind("video", _is_video, "video"),
    FileKind("BVH motion-capture", _is_bvh, "bandai_namco bvh"),
    FileKind("ASF/AMC motion-capture", _is_acclaim, "hdm05 amc"),
    FileKind(
        "OpenPose JSON",
        _json(("people", "pose_keypoints_2d"), ("people", "pose_keypoints"), ("version", "people")),
        "openpose",
    ),
    FileKind(
        "Kinetics-Skeleton JSON",
        _json(("frame_index", "skeleton"), ("data", "label_index"), ("has_skeleton",)),
    ),
    FileKind(
        "MediaPipe JSON",
        _json(
            ("landmarks",),
            ("pose_landmarks",),
            ("poseLandmarks",),
            ("worldLandmarks",),
            ("visibility", "x", "y"),
        ),
        "mediapipe",
    ),
    FileKind("NW-UCLA JSON", _json(("skeletons",)), "nw_ucla"),
    FileKind(
        "COCO keypoint JSON",
        _json(("keypoints",), ("info", "images"), ("images", "annotations"), ("instance_info",)),
        "coco",
    ),
    FileKind("JSON", _is_json),
    FileKind("label table", _is_label_table, advice="name it by --labels"),
    FileKind("MediaPipe CSV", _is_media_pipe_table, "mediapipe"),
    FileKind("MSRC-12", _is_msrc12, "msrc12"),
    FileKind("CSV", _by_suffix("csv tsv"), "csv"),
    FileKind("PKU-MMD text", _is_pku, "pku_mmd"),
    FileKind("UTKinect text", _has_numbers(_UTKINECT_NUMBERS), "utkinect"),
    FileKind("MSR Action3D text", _has_numbers(_MSR_NUMBERS), "msr_action3d"),
    FileKind("numeric text", lambda sample: len(_numbers_a_line(sample)) == 1),
    FileKind(
        "archive",
        _by_suffix("zip tar tgz gz xz bz2 7z rar", b"PK\3\4", b"Rar!", b"7z\xbc\xaf"),
        advice="unpack it, or name it as --source",
    ),
    FileKind("picture", _by_suffix("png jpg jpeg bmp gif webp", b"\xff\xd8\xff", b"\x89PNG")),
)
