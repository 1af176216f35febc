"""ms2l-train: trains on the training clips of a prepared dataset, with or without labels.

  ms2l-train --recipe=nw_ucla/unsupervised_paper --data=data/nw_ucla --workdir=runs/a
  ms2l-train --protocol=semi --init=runs/a --label_fraction=0.1 --data=data/nw_ucla --workdir=runs/b

With --init=RUN the settings of that run's normaliser, encoder and tasks are taken over; a flag that
contradicts them is refused. The same command on an interrupted run goes on after its last whole
epoch. The run folder holds flags.json, history.csv, tensorboard/, labelled.json (the clips whose
labels were read) and, at the end, model.weights.h5 (last epoch).
"""

from __future__ import annotations

import shlex

from absl import flags

from ms2l_tf import config, options, unused
from ms2l_tf.cli import common, config_flags, flag_files
from ms2l_tf.errors import InputError, warn

GROUPS = tuple(options.groups_of(config.RunConfig))
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; made if missing.")
flags.DEFINE_multi_string("recipe", [], flag_files.RECIPE_HELP)
STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "none", "mirrored"],
    "Devices: auto: all visible GPUs; none: one device; mirrored: all GPUs, or all logical CPUs.",
)
config_flags.define(*GROUPS)
flags.adopt_module_key_flags(config_flags)
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags and trains."""
    if not WORKDIR.value:
        raise InputError("--workdir: name the folder of the run")
    values, given = config_flags.read(*GROUPS), config_flags.given(*GROUPS)
    config_flags.check_labels(values)
    if values["init"] == config.RANDOM_INIT:  # before TensorFlow is loaded, which takes seconds
        config.RunConfig.from_flat(values)
    common.quiet_tensorflow()
    from ms2l_tf.runs.initial import with_initial_run
    from ms2l_tf.training.train import train

    settings = config.RunConfig.from_flat(with_initial_run(values, given, WORKDIR.value))
    for line in unused.unused(settings, config_flags.typed(*GROUPS), unused.RULES):
        warn(line)
    folder = train(settings, WORKDIR.value, strategy=STRATEGY.value)
    print(f"trained to the last epoch: {folder.weights}")
    print(f"next: {shlex.join(['ms2l-evaluate', f'--workdir={folder.path}'])}")


def entry() -> None:
    """Console script."""
    common.run(main, common.RESUMES, recipes_of="ms2l-train")


if __name__ == "__main__":
    entry()
