"""msclr-train: ms2l-train with the method MS-CLR, where no flag names another.

  msclr-train --recipe=synthetic/msclr_demo --workdir=runs/c
  msclr-train --data=data/hdm05 --layouts=kinect_v2_25,h36m_17 --workdir=runs/c
  msclr-train --protocol=semi --init=runs/c --label_fraction=0.1 --data=data/hdm05 --workdir=runs/d

One network learns from all --layouts at once: query and key of a step are the same clips, maybe in
two layouts. With --protocol=semi, supervised or transfer the encoder of --init=RUN (or a random
one) learns to recognise actions in the first of --layouts.
"""

from __future__ import annotations

from absl import flags

from ms2l_tf.cli import common, train

flags.adopt_module_key_flags(train)


def main() -> None:
    """Reads the flags and trains."""
    train.main({"method": "msclr"}, then="msclr-evaluate")


def entry() -> None:
    """Console script."""
    common.run(main, common.RESUMES, recipes=True)


if __name__ == "__main__":
    entry()
