"""msclr-evaluate: probes of a run's features in every layout, across layouts, and ensembles.

  msclr-evaluate --workdir=runs/c
  msclr-evaluate --workdir=runs/c --layouts=kinect_v2_25,h36m_17 --single=runs/k,runs/h
  msclr-evaluate --workdir=runs/joint --streams=runs/motion,runs/bone

Prints one table, then writes result.json, per_class.csv and figures/ into the run folder. The
floors are the same probes on raw normalised coordinates and on the untrained encoder. With several
layouts: each one's probes, the ensemble of their linear heads, and the cross-convention table
(probe trained in one layout, tested in another), whose floor is the raw coordinates of the joints
both share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from ms2l_tf.cli import common, config_flags, evaluation_flags
from msclr.config import ClrConfig

if TYPE_CHECKING:
    from ms2l_tf.evaluation.outputs import Extras
    from ms2l_tf.evaluation.result import EvaluationResult
    from msclr.evaluation import LayoutFeatures

LAYOUTS = flags.DEFINE_list(
    "layouts", [], "Layouts of the run to read, the main one first; none: all of the run."
)
CROSS = flags.DEFINE_bool("cross", True, "With several layouts: the cross-convention table.")
SINGLE = flags.DEFINE_list(
    "single",
    [],
    "Runs of one layout each, for the cross-convention table: their encoders read the other "
    "layouts bridged to their own (joints without counterpart interpolated).",
)
UNSEEN = flags.DEFINE_list(
    "unseen",
    [],
    "Layouts the run has not learnt: read by its encoder bridged to its reference layout.",
)
STREAMS = flags.DEFINE_list(
    "streams", [], "Runs of the other streams (joint, motion, bone) to fuse with this one."
)
config_flags.define("probes", of=ClrConfig, optional=True)
flags.adopt_module_key_flags(config_flags)
flags.adopt_module_key_flags(evaluation_flags)


def main() -> None:
    """Reads the flags and evaluates."""
    workdir, features_alone = evaluation_flags.workdir(), evaluation_flags.without_probes()
    common.quiet_tensorflow()
    from ms2l_tf.evaluation.evaluate import figures_name
    from ms2l_tf.evaluation.tables import format_notes, format_table
    from ms2l_tf.runs.folder import RunFolder
    from msclr.data import open_clr_data
    from msclr.evaluation import evaluate_run, features_only
    from msclr.readings import Readings

    folder, choices = RunFolder(workdir, ClrConfig), evaluation_flags.choices()
    config = _config(folder.config())
    data = open_clr_data(config)
    if features_alone:
        layout = LAYOUTS.value[0] if LAYOUTS.value else data.names[0]
        counts = features_only(folder, config, data, layout, choices.save_features)
        evaluation_flags.show_saved(counts)
        return
    readings = Readings(
        test_on=choices.test_on,
        probes=choices.probes,
        cross=CROSS.value,
        single=tuple(SINGLE.value),
        unseen=tuple(UNSEEN.value),
        streams=tuple(STREAMS.value),
        adapted=_config,
    )
    sources = readings.check(folder, config, data, LAYOUTS.value)
    names = data.dataset.label_names
    figure = f"{figures_name(choices.test_on)}/alignment.png"

    def show(result: EvaluationResult, found: Sequence[LayoutFeatures]) -> None:
        evaluation_flags.show_heading(result)
        plain = {key: value for key, value in result.metrics.items() if "cross/" not in key}
        print(format_table(plain))
        if notes := format_notes(result.details):
            print(notes)
        if _is_crossed(found):
            _show_crossings(result, found)
        print(flush=True)

    evaluate_run(
        folder,
        config,
        data,
        choices,
        layouts=LAYOUTS.value,
        more_metrics=lambda features: readings.metrics(folder, config, data, features),
        more_details=sources,
        more_figures=lambda extras, found: _draw_layouts(extras, figure, found, names),
        show=show,
        progress=lambda line: print(f"  {line}"),
    )


def _is_crossed(found: Sequence[LayoutFeatures]) -> bool:
    return len(found) > 1 and bool(CROSS.value)


def _show_crossings(result: EvaluationResult, found: Sequence[LayoutFeatures]) -> None:
    """Prints the cross-convention table."""
    from msclr.cross_table import HEADING, cross_table, largest_loss

    layouts = [one.name for one in found]
    if "linear" in evaluation_flags.PROBES.value:
        print(f"\n{HEADING}")
        print(cross_table(result.metrics, layouts, "linear"))
    if lost := largest_loss(result.metrics, layouts, "linear"):
        print("largest loss against a probe of the layout tested in: ", end="")
        print(f"{lost[0]:.1f} points, {lost[1]} -> {lost[2]}")
    print("Layouts mapped from one recording share its noise, timing and bone lengths.")


def _draw_layouts(
    extras: Extras, name: str, found: Sequence[LayoutFeatures], label_names: Sequence[str]
) -> None:
    """Draws the clips of all layouts in one plane, into the figure `name`."""
    from msclr.alignment_figure import alignment_figure
    from msclr.evaluation import common_rows

    if not _is_crossed(found):
        extras.forget(name)
        return
    rows = common_rows(found)
    extras.add(
        name,
        lambda path: alignment_figure(
            path,
            {one.name: one.test.features[mine] for one, mine in zip(found, rows, strict=True)},
            found[0].test.labels[rows[0]],
            label_names,
            title="The same clips in several layouts",
        ),
    )


def _config(trained: ClrConfig) -> ClrConfig:
    probes = config_flags.read("probes", of=ClrConfig)
    return ClrConfig.from_flat(evaluation_flags.settings(trained.to_json(), probes))


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
