"""ms2l-train: trains on the training clips of a prepared dataset, with or without labels.

  ms2l-train --recipe=nw_ucla/unsupervised_paper --data=data/nw_ucla --workdir=runs/a
  ms2l-train --protocol=semi --init=runs/a --label_fraction=0.1 --data=data/nw_ucla --workdir=runs/b
  ms2l-train --method=msclr --layouts=kinect_v1_20,h36m_17 --data=data/nw_ucla --workdir=runs/c
  ms2l-train --method=kernels --joints=semantic --data=data/nw_ucla,data/hdm05 --workdir=runs/d
  ms2l-train --repeat=runs/a --workdir=runs/a_again

--method says what makes the features, --network what is trained; some settings have other defaults
there. Where nothing is said that belongs to a method, it is the closed-form encoder, which takes a
minute (--method=kernels). With --init=RUN the settings of that run's normaliser, network and tasks
are taken over; a flag that contradicts them is refused. Without --data, --synthetic_clips=600 makes
motions to learn from, in WORKDIR_data. The same command on an interrupted run goes on from
its last checkpoint; on SIGTERM or Ctrl-C one is written after the step that is being done.
--repeat=RUN trains a finished run again from its records and compares weights and history; exit
status 3: other weights came out of the same versions, code and machine.
The run folder holds flags.json, origin.json (versions, machine), history.csv, tensorboard/,
labelled.json (the clips whose labels were read) and, at the end, model.weights.h5 (last epoch).
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from typing import Any

from absl import flags

from ms2l_tf.cli import common, config_flags
from ms2l_tf.errors import InputError, warn
from ms2l_tf.methods.registry import (
    RECOMMENDED,
    all_settings,
    changed,
    groups_for,
    methods,
    run_config,
)
from ms2l_tf.networks.registry import NETWORKS
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings import flag_files
from ms2l_tf.settings.config import RANDOM_INIT, SHARED, RunConfig
from ms2l_tf.training.cluster import MULTIWORKER, STRATEGIES, read_cluster

SETTINGS = all_settings()

# What may be said of a run whose method is not chosen.
_OF_NO_METHOD = {
    *config_flags.names_of({name: SHARED[name] for name in ("data", "normaliser", "probes")}),
    "seed",
}

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; made if missing.")
flags.DEFINE_multi_string("recipe", [], flag_files.RECIPE_HELP)
STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    STRATEGIES,
    "Devices: auto: all visible GPUs; one: one device; mirrored: all GPUs, or all logical CPUs; "
    "multiworker: those of all processes that TF_CONFIG names, or srun of Slurm started.",
)
CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes",
    10.0,
    "Minutes after which a checkpoint is written within an epoch; 0: after each epoch only.",
    lower_bound=0.0,
)
SYNTHETIC_CLIPS = flags.DEFINE_integer(
    "synthetic_clips",
    0,
    "Without --data: learn from so many synthetic motions, made beside the run in WORKDIR_data.",
    lower_bound=0,
)
REPEAT = flags.DEFINE_string(
    "repeat",
    "",
    "A finished run to train again in WORKDIR, with its own settings, and to compare with: to the "
    "bit, or by the largest difference, in WORKDIR/repeat.json. --data and --init say where its "
    "data and the run it started from lie now, if they were moved.",
)
config_flags.define(SETTINGS)
flags.adopt_module_key_flags(config_flags)
flags.adopt_module_key_flags(common)


def main(defaults: dict[str, Any] | None = None, *, then: str = "ms2l-evaluate") -> None:
    """Reads the flags and trains.

    Args:
        defaults: settings of the command where no flag gives them.
        then: the command that reads the run.
    """
    writes = STRATEGY.value != MULTIWORKER or read_cluster().is_chief
    with contextlib.nullcontext() if writes else common.silent():
        _train(defaults, then)


def _train(defaults: dict[str, Any] | None, then: str) -> None:
    given = config_flags.read(SETTINGS)
    if listed := _asked_list(given):
        print(listed)
        return
    if not WORKDIR.value:
        raise InputError("--workdir: name the folder of the run")
    if REPEAT.value:
        _repeat(REPEAT.value, WORKDIR.value, given)
        return
    starts_anew = given.get("init", RANDOM_INIT) == RANDOM_INIT
    if starts_anew:  # before TensorFlow is loaded, which takes seconds
        given = {**(defaults or {}), **given}
        given = _with_method(given, WORKDIR.value)
        config = _config(given)
    common.quiet_tensorflow()
    from ms2l_tf.runs.initial import with_initial_run
    from ms2l_tf.training.train import train

    if not starts_anew:
        config = _config(with_initial_run(given, WORKDIR.value))
    config = _with_data(config)
    for line in config_flags.without_effect(SETTINGS, config.groups, config.to_json()):
        warn(line)
    folder = train(
        config,
        WORKDIR.value,
        strategy=STRATEGY.value,
        checkpoint_minutes=CHECKPOINT_MINUTES.value,
    )
    print(f"trained to the last epoch: {folder.weights}")
    reads = [then, f"--workdir={folder.path}", *_without_tests(config, folder)]
    print(f"next: {shlex.join(reads)}")


def _repeat(original: str, workdir: str, given: dict[str, Any]) -> None:
    """Does a run again, and exits with a status of its own if that gives other weights."""
    for name in given:
        if name not in ("data", "init"):
            raise InputError(
                f"--{name}: a repeated run has the settings of {original}; leave the flag out"
            )
    common.refuse("belongs to a run of its own", SYNTHETIC_CLIPS)
    common.quiet_tensorflow()
    from ms2l_tf.training.repeat import repeat_run

    minutes = CHECKPOINT_MINUTES.value
    found = repeat_run(
        original, workdir, strategy=STRATEGY.value, checkpoint_minutes=minutes, **given
    )
    print("\n".join(found.lines()))
    if found.broken:
        sys.exit(common.DIFFERS_STATUS)


def _with_method(given: dict[str, Any], workdir: str) -> dict[str, Any]:
    """The settings with a method: where nothing is said that belongs to one, the recommended one.

    A run that goes on keeps its own.
    """
    if set(given) - _OF_NO_METHOD:
        return given
    folder = RunFolder(workdir)
    if folder.flags.is_file() and folder.config().model.method != RECOMMENDED:
        return given
    print(f"--method={RECOMMENDED}: recommended where no method is named; --method=help lists all")
    return {"method": RECOMMENDED, **given}


def _asked_list(given: dict[str, Any]) -> str:
    """The methods or networks there are, where --method=help or --network=help asks for them."""
    kinds: list[Any] = []
    if given.get("method") == flag_files.LIST:
        kinds += methods().values()
    if given.get("network") == flag_files.LIST:
        kinds += NETWORKS.values()
    return "\n".join(f"{kind.name:12}{kind.summary}" for kind in kinds)


def _config(given: dict[str, Any]) -> RunConfig:
    """The settings that flags give, but for those that the method or network does not have."""
    names = config_flags.names_of(groups_for(given))
    config = run_config({name: value for name, value in given.items() if name in names})
    config_flags.check_labels(config.to_json())
    return config


def _with_data(config: RunConfig) -> RunConfig:
    """Settings that name a dataset; a synthetic one is made if that is asked for."""
    if config.data.data:
        return config
    if STRATEGY.value == MULTIWORKER:
        common.refuse("makes motions in one process; prepare them before", SYNTHETIC_CLIPS)
    if not SYNTHETIC_CLIPS.value:
        raise InputError(
            "--data: name the folder of a prepared dataset (see ms2l-prepare), or try "
            "--synthetic_clips=600"
        )
    from ms2l_tf.data.synthetic.beside import synthetic_data

    folder = f"{str(WORKDIR.value).rstrip('/')}_data"
    made = synthetic_data(folder, config.data.layouts, SYNTHETIC_CLIPS.value)
    return changed(config, data=made)


def _without_tests(config: RunConfig, folder: RunFolder) -> tuple[str, ...]:
    """What the command that reads the run has to be told where the split has no test clips."""
    from ms2l_tf.data.clip_dataset import ClipDataset
    from ms2l_tf.data.data_sets import settings_of_sets

    first = settings_of_sets(config.data)[0]
    dataset = ClipDataset.open(first.data)
    split = dataset.split(first.split or dataset.split_names[0])
    if len(split.test):
        return ()
    return "--probes=none", f"--save_features={folder.path / 'features.npz'}"


def entry() -> None:
    """Console script."""
    common.run(main, common.RESUMES, recipes=True)


if __name__ == "__main__":
    entry()
