"""Names people give to ``--format`` that it does not know, each with an answer."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from ms2l_tf.data.formats.file_kinds import WRITE

# Title, advice and names without signs, of datasets and kinds of files that have no reader yet.
_UNREAD: tuple[tuple[str, str, str], ...] = (
    ("Kinetics-Skeleton", WRITE, "kinetics kinetics400 kineticsskeleton"),
    ("Human3.6M", WRITE, "h36m human36m cdf"),
    ("AMASS", WRITE, "amass babel humanml3d smpl smplx smplh"),
    ("a MATLAB file", WRITE, "mat matlab"),
    ("Berkeley MHAD", WRITE, "mhad berkeleymhad"),
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
    ("C3D", WRITE, "c3d trc"),
    ("FBX", f"export it as BVH, which --format=bvh reads, or {WRITE}", "fbx"),
    ("a table", WRITE, "txt text json h5 hdf5"),
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
    **dict.fromkeys(("numpy", "npy", "npz", "array"), "arrays"),
    **dict.fromkeys(("tsv", "dataframe"), "csv"),
    **dict.fromkeys(("aimclr", "agcn", "2sagcn", "crosclr", "mmskeleton"), "stgcn"),
    **dict.fromkeys(("alphapose", "mmpose", "rtmpose", "vitpose", "movenet"), "coco"),
    "blazepose": "mediapipe",
    "ntu60": "ntu",
    "ntu120": "ntu",
    "nturgbd": "ntu",
    "nturgbd60": "ntu",
    "nturgbd120": "ntu",
    "auto": "auto",
    "automatic": "auto",
    "pku": "pku_mmd",
    "pku1": "pku_mmd",
    "pku2": "pku_mmd",
    "utd": "utd_mhad",
    "msr": "msr_action3d",
    "utkinectaction3d": "utkinect",
    "msrc": "msrc12",
    "demo": "synthetic",
    "synth": "synthetic",
    **dict.fromkeys(("videos", "film", "films", "mp4", "avi", "mov", "mkv", "metrabs"), "video"),
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
