"""A network of the semantic points reads layouts that it has not learnt, as they are."""

from __future__ import annotations

from ms2l_tf.data.run_data import RunData
from ms2l_tf.evaluation.cross import probed, raw_on_shared
from ms2l_tf.evaluation.features import encoder_features
from ms2l_tf.evaluation.sides import clip_features, sides_of
from ms2l_tf.runs.build import build_learner
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.record import recorded_shape
from ms2l_tf.runs.weights import load_weights
from ms2l_tf.settings.config import RunConfig


def unseen_metrics(
    folder: RunFolder, config: RunConfig, data: RunData, test_on: str
) -> dict[str, float]:
    """Top-1 of probes trained in the first layout and tested in each: no pose is bridged.

    Keys: ``unseen/<first>/<other>/linear/top1``, and ``floor/raw/unseen/...`` as of other runs
    (`ms2l_tf.evaluation.cross.bridged_metrics`).

    Args:
        folder: a run of ``--joints=semantic``.
        config: its settings.
        data: clips in its first layout, then in those it has not learnt.
        test_on: ``test`` or ``validation``.
    """
    shape, numbers = recorded_shape(folder), []
    for layout in data.layouts:
        shape, number = shape.reading(layout)
        numbers.append(number)
    learner = build_learner(config, shape)
    load_weights(learner, folder.weights)
    metrics: dict[str, float] = {}
    for other, name in enumerate(data.names):
        sides = []
        for side, part in enumerate((0, other)):
            clips, rows = (
                data.parts[part],
                sides_of(folder, config, data.parts[part], test_on)[side],
            )
            values = encoder_features(
                learner.reader,
                clips.store,
                rows,
                data.normalisers[part],
                pooling=config.probes.pooling,
                layout=numbers[part],
            )
            what = f"{('training', 'test')[side]} features in {clips.layout}"
            sides.append(clip_features(clips, values, rows, what))
        raw = raw_on_shared(folder.path, sides[0], sides[1], (0, other), config, data)
        key = f"unseen/{data.names[0]}/{name}"
        metrics.update(probed(sides[0], sides[1], config, data, key, raw))
    return metrics
