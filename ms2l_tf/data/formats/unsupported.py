"""Names people give to ``--format`` that it does not know, each with an answer."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from ms2l_tf.data.formats.file_kinds import VIDEOS, WRITE

_NTU_ADVICE = f"{WRITE}; the recipes {{}} then train on it"
_POSES = "poses in such files"
# Title, advice and names without signs, of datasets and kinds of files that have no reader yet.
_UNREAD: tuple[tuple[str, str, str], ...] = (
    ("NTU RGB+D 60", _NTU_ADVICE.format("ntu60/..."), "ntu ntu60 nturgbd nturgbd60"),
    ("NTU RGB+D 120", _NTU_ADVICE.format("ntu60/..."), "ntu120 nturgbd120"),
    ("PKU-MMD", _NTU_ADVICE.format("pku1/... and pku2/..."), "pku pku1 pku2 pkummd"),
    ("Kinetics-Skeleton", WRITE, "kinetics kinetics400 kineticsskeleton"),
    ("NumPy files of ST-GCN or CTR-GCN", WRITE, "ctrgcn stgcn aimclr npz npy numpy"),
    ("Human3.6M", WRITE, "h36m human36m cdf"),
    ("AMASS", WRITE, "amass babel humanml3d smpl smplx smplh"),
    ("UTD-MHAD", WRITE, "utd utdmhad mat matlab"),
    ("Berkeley MHAD", WRITE, "mhad berkeleymhad"),
    ("MSR Action3D", WRITE, "msr msraction3d"),
    ("SBU Kinect Interaction", WRITE, "sbu sbukinect"),
    ("SYSU 3D HOI", WRITE, "sysu"),
    ("Toyota Smarthome", WRITE, "toyota smarthome toyotasmarthome"),
    ("FineGYM or Diving48", WRITE, "finegym gym diving48"),
    ("UCF101, HMDB51 or JHMDB", WRITE, "ucf ucf101 hmdb hmdb51 jhmdb"),
    ("Penn Action", WRITE, "penn pennaction"),
    ("IKEA ASM", WRITE, "ikea ikeaasm"),
    ("3DPW", WRITE, "3dpw"),
    ("TotalCapture", WRITE, "totalcapture"),
    ("MPI-INF-3DHP", WRITE, "3dhp mpiinf3dhp"),
    (f"OpenPose ({_POSES})", WRITE, "openpose"),
    (f"COCO ({_POSES})", WRITE, "coco alphapose mmpose rtmpose vitpose"),
    (f"MediaPipe ({_POSES})", WRITE, "mediapipe blazepose movenet"),
    ("C3D", WRITE, "c3d trc"),
    ("FBX", f"export it as BVH, which --format=bvh reads, or {WRITE}", "fbx"),
    ("a table", WRITE, "csv tsv txt text json h5 hdf5"),
    ("video", VIDEOS, "video videos mp4 avi mov metrabs"),
)
# Other names of what can be read.
_ALIASES = {
    "ucla": "nw_ucla",
    "nucla": "nw_ucla",
    "northwesternucla": "nw_ucla",
    "hdm": "hdm05",
    "bandai": "bandai_namco",
    "namco": "bandai_namco",
    "asf": "amc",
    "asfamc": "amc",
    "acclaim": "amc",
    "cmu": "amc",
    "cmumocap": "amc",
    "lafan": "bvh",
    "lafan1": "bvh",
    "mixamo": "bvh",
    **dict.fromkeys(("mmaction", "mmaction2", "pkl", "pickle"), "pyskl"),
    "demo": "synthetic",
    "synth": "synthetic",
}


def unknown_format(name: str, known: Collection[str], source: str = "") -> str:
    """The answer to a ``--format`` that there is not.

    Args:
        name: as given.
        known: the formats there are.
        source: what the source holds, see `describe_source`; it takes the place of the advice.
    """
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    meant = _meant(plain, known)
    held = f"the source {source}" if source else ""
    if meant:
        return f"--format={name}: unknown, did you mean {meant}?{held and f' {held}'}"
    unread = _unread(plain)
    formats = f"--format reads {', '.join(known)}"
    if unread is None:
        return f"--format={name}: unknown; {'; '.join(filter(None, (held, formats)))}"
    title, advice = unread
    return f"--format={name}: {title} cannot be read yet ({formats}); {held or advice}"


def _meant(plain: str, known: Collection[str]) -> str:
    by_plain = {name.replace("_", ""): name for name in known}
    exact = by_plain.get(plain) or _ALIASES.get(plain)
    if exact or _unread(plain):
        return exact or ""
    close = difflib.get_close_matches(plain, by_plain, 1)
    return by_plain[close[0]] if close else ""


def _unread(plain: str) -> tuple[str, str] | None:
    """Title and advice of the longest known name that `plain` is, or begins with."""
    names = [(name, title, advice) for title, advice, listed in _UNREAD for name in listed.split()]
    fitting = [entry for entry in names if plain.startswith(entry[0])]
    if not fitting:
        return None
    _, title, advice = max(fitting, key=lambda entry: len(entry[0]))
    return title, advice
