"""ms2l-train: pre-trains MS2L on the training clips of a prepared dataset, without labels.

  ms2l-train --flagfile=flags/nw_ucla/unsupervised_paper.cfg --data=data/nw_ucla --workdir=runs/a

The same command on an interrupted run goes on after its last whole epoch. The run folder holds
flags.json, history.csv, tensorboard/ and, at the end, model.weights.h5 (last epoch).
"""

from __future__ import annotations

from absl import flags

from ms2l_tf import config
from ms2l_tf.cli import common, config_flags
from ms2l_tf.errors import InputError

GROUPS = tuple(config.groups_of(config.RunConfig))
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; made if missing.")
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
    settings = config.RunConfig.from_flat(config_flags.read(*GROUPS))
    common.quiet_tensorflow()
    from ms2l_tf.training.pretrain import pretrain

    folder = pretrain(settings, WORKDIR.value, strategy=STRATEGY.value)
    print(f"trained to the last epoch: {folder.weights}")
    print(f"next: ms2l-evaluate --workdir={folder.path}")


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
