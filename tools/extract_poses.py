"""Makes a dataset of skeleton poses, in several conventions at once, out of videos.

  python tools/extract_poses.py --video=clips --model=metrabs --layouts=smpl_24,h36m_17 --out=data/x

--model is the unpacked folder of a TensorFlow SavedModel with the signature of MeTRAbs:
detect_poses_batched(images, skeleton=...), or detect_poses for one image, gives poses3d in
millimetres in the camera's frame, and per_skeleton_joint_names names the joints. A SavedModel is a
program that runs with your rights: give only a model you trust. Only its saved_model.pb, variables
and assets are loaded; no Python file beside them is run. Mind the licence of the model's weights.

--labels is a table like

  file,label,subject,camera,split
  wave_01.mp4,wave,anna,front,train

Subject, camera and split may be left out, and so may rows: their clips are unlabelled. The column
split (train, test or empty) becomes the split 'given'. Without it there is one split, 'train_only',
without test clips: enough to learn (msclr-train --validation=none), not to evaluate; add a split of
your own as splits/<name>.json for that.

Every video becomes one clip of its length, in metres (x right, y down, z ahead). Persons are
followed by their pelvis: who is out of sight for more than a second comes back as a new person. The
main person moves most among those seen in at least half as many frames as the longest seen one.
A video that can't be read or shows no person is skipped and listed; a test video is kept without
poses, so that it counts. More than 5 % of such videos stop the command and nothing is written.
Reading videos needs: pip install 'ms2l-tf[video]'
"""

from __future__ import annotations

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError

VIDEO = flags.DEFINE_list(
    "video", [], "Videos, and folders that are searched for videos; separated by commas."
)
MODEL = flags.DEFINE_string("model", "", "Folder of the SavedModel; only one you trust.")
LAYOUTS = flags.DEFINE_list(
    "layouts", [], "Skeleton layouts to write, e.g. smpl_24,kinect_v2_25; the first one leads."
)
OUT = flags.DEFINE_string("out", "", "The dataset folder to make; must not exist or be empty.")
LABELS = flags.DEFINE_string("labels", None, "CSV table of labels (default: clips are unlabelled).")
PERSONS = flags.DEFINE_integer("persons", 2, "Persons to keep of a clip.", lower_bound=1)
BATCH = flags.DEFINE_integer("batch", 8, "Frames the model gets at once.", lower_bound=1)
FPS = flags.DEFINE_float(
    "fps", 0.0, "Frames a second to pick from the videos; 0 keeps all frames.", lower_bound=0.0
)
STRICT = flags.DEFINE_bool("strict", False, "Stop at the first video that can't be used.")
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags, extracts and says what came out."""
    for name, value, meaning in (
        (VIDEO.name, VIDEO.value, "the videos or their folder"),
        (MODEL.name, MODEL.value, "the folder of the pose model"),
        (LAYOUTS.name, LAYOUTS.value, "the skeleton layouts to write, e.g. smpl_24,kinect_v2_25"),
        (OUT.name, OUT.value, "the dataset folder to make"),
    ):
        if not value:
            raise InputError(f"--{name} is missing; name {meaning}")
    common.quiet_tensorflow()
    from ms2l_tf.data.videos.extract import extract_poses, summary
    from ms2l_tf.data.videos.report import REPORT

    dataset, report = extract_poses(
        VIDEO.value,
        MODEL.value,
        LAYOUTS.value,
        OUT.value,
        labels=LABELS.value,
        persons=PERSONS.value,
        batch=BATCH.value,
        fps=FPS.value,
        strict=STRICT.value,
    )
    for line in report.lines():
        print(line)
    print("labels:  " + ", ".join(f"{count} {name}" for name, count in summary(dataset).items()))
    print(f"dataset: {dataset.path}")
    print(f"report:  {dataset.path / REPORT}")


def entry() -> None:
    """Runs the command line."""
    common.run(main)


if __name__ == "__main__":
    entry()
