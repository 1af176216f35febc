"""msclr-train: contrastive learning on clips in several skeleton conventions, or from labels.

  msclr-train --recipe=synthetic/msclr_demo --workdir=runs/c
  msclr-train --data=data/hdm05 --layouts=kinect_v2_25,h36m_17 --workdir=runs/c
  msclr-train --protocol=semi --init=runs/c --label_fraction=0.1 --data=data/hdm05 --workdir=runs/d

One ST-GCN learns from all --layouts at once: query and key of a step are the same clips, maybe in
two layouts. With --protocol=semi, supervised or transfer the encoder of --init=RUN (or a random
one) learns to recognise actions in the first of --layouts; settings of that run's normaliser and
network are taken over. With --synthetic_clips=600 and without --data synthetic motions are made
beside the run, in WORKDIR_data, and learnt from. The same command on an interrupted run goes on
after its last whole epoch.
"""

from __future__ import annotations

import dataclasses
import shlex

from absl import flags

from ms2l_tf import options
from ms2l_tf.cli import common, config_flags, flag_files
from ms2l_tf.config import RANDOM_INIT
from ms2l_tf.errors import InputError, warn
from ms2l_tf.unused import unused
from msclr.config import ClrConfig
from msclr.unused import RULES

GROUPS = tuple(options.groups_of(ClrConfig))
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; made if missing.")
flags.DEFINE_multi_string("recipe", [], flag_files.RECIPE_HELP)
STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "none", "mirrored"],
    "Devices: auto: all visible GPUs; none: one device; mirrored: all GPUs, or all logical CPUs.",
)
SYNTHETIC_CLIPS = flags.DEFINE_integer(
    "synthetic_clips",
    0,
    "Without --data: learn from so many synthetic motions, made beside the run in WORKDIR_data.",
    lower_bound=0,
)
config_flags.define(*GROUPS, of=ClrConfig)
flags.adopt_module_key_flags(config_flags)
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags and trains."""
    if not WORKDIR.value:
        raise InputError("--workdir: name the folder of the run")
    values = config_flags.read(*GROUPS, of=ClrConfig)
    given = config_flags.given(*GROUPS, of=ClrConfig)
    if values["method"] == "supervised" and "protocol" not in given:
        values["protocol"] = "supervised"
    config_flags.check_labels(values)
    if values["init"] == RANDOM_INIT:  # before TensorFlow is loaded, which takes seconds
        ClrConfig.from_flat(values)
    common.quiet_tensorflow()
    from msclr.initial import with_initial_run
    from msclr.synthetic import synthetic_data
    from msclr.training import train

    config = ClrConfig.from_flat(with_initial_run(values, given, WORKDIR.value))
    if not config.data.data:
        if not SYNTHETIC_CLIPS.value:
            raise InputError(
                "--data: name the folder of a prepared dataset (see ms2l-prepare), or try "
                "--synthetic_clips=600"
            )
        made = synthetic_data(f"{WORKDIR.value.rstrip('/')}_data", config, SYNTHETIC_CLIPS.value)
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, data=made))
    for line in unused(config, config_flags.typed(*GROUPS, of=ClrConfig), RULES):
        warn(line)
    folder = train(config, WORKDIR.value, strategy=STRATEGY.value)
    print(f"trained to the last epoch: {folder.weights}")
    print(f"next: {shlex.join(['msclr-evaluate', f'--workdir={folder.path}'])}")


def entry() -> None:
    """Console script."""
    common.run(main, common.RESUMES, recipes_of="msclr-train")


if __name__ == "__main__":
    entry()
