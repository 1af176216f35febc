"""The model card of an exported run, and what ``--show`` prints: both made of the manifest."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ms2l_tf import files
from ms2l_tf.export.manifest import CARD, Manifest

_LISTED = 60  # names of joints or labels that are written out

_CARD = """\
# {title}

{summary}

Made by `ms2l-export` of ms2l-tf {version}; everything below stands in `ms2l.json` too.

## Input

| | |
|---|---|
{rows}

Poses are given as they were recorded: `poses` float32 `[B, F, M, {joints}, {coords}]`, a batch of
clips padded to any number of frames F and persons M, and `lengths` int32 `[B]`, the frames of each.
A missing joint is NaN, and so is all of an absent person; what lies beyond a clip's length is
ignored. Missing joints are filled, clips centred, turned, scaled and resampled inside.

Joints, in this order: {joint_names}.

## Output

{outputs}

## Use

In any program with TensorFlow, without ms2l-tf:

```python
import numpy as np
import tensorflow as tf

model = tf.saved_model.load("{folder}")
poses = np.zeros((1, 40, 1, {joints}, {coords}), np.float32)  # one clip of 40 frames
outputs = model.signatures["{signature}"](
    poses=tf.constant(poses), lengths=tf.constant([40], tf.int32)
)
print({{name: value.shape for name, value in outputs.items()}})
```

With ms2l-tf, which verifies the files first:

```python
import ms2l_tf

model = ms2l_tf.load_model("{folder}")
features = model.embed(list(poses))  # clips [F, {joints}, {coords}] or [F, M, {joints}, {coords}]
```

In TensorFlow Serving:

```
docker run -p 8501:8501 -v "$PWD/{folder}:/models/actions/1" \\
  -e MODEL_NAME=actions tensorflow/serving
curl -d '{{"signature_name": "{signature}", "instances": [{{"poses": [...], "lengths": 40}}]}}' \\
  http://localhost:8501/v1/models/actions:predict
```

## Training data

{training}

## Numbers

{numbers}

## Files

{formats}

## Limits

- It knows the motions, the sensor and the frame rate that it was trained on, and was measured on no
  others.
- A clip is one action, resampled to {frames} frames: longer recordings have to be cut first.
- {persons} at most of a clip are read: those seen first, in their order.
- Joints that lie implausibly far from their body are not looked for, as `ms2l-prepare` does.
{limits}"""


def write_card(folder: pathlib.Path, values: Mapping[str, Any]) -> None:
    """Writes the card of a manifest's values into a folder."""
    files.write_text(folder / CARD, card_text(Manifest.from_json(values, CARD), "DIR"))


def card_text(manifest: Manifest, folder: str) -> str:
    """The card, in Markdown; `folder` is what its examples call the model's."""
    values, head = manifest.values, manifest.values["output"]["head"]
    model = values["model"]
    return _CARD.format(
        title=f"{model['method']} on {values['training']['dataset']}",
        summary=_summary(manifest),
        version=values["versions"]["ms2l_tf"],
        rows="\n".join(f"| {name} | {value} |" for name, value in input_rows(manifest)),
        joints=manifest.layout.num_joints,
        coords=manifest.coords,
        joint_names=", ".join(manifest.layout.joints),
        outputs=_outputs(manifest),
        folder=folder,
        signature="classify" if head else "embed",
        training=_training(values),
        numbers=_numbers(values["metrics"]),
        formats=_formats(values["formats"]),
        frames=manifest.frames,
        persons=_counted(manifest.persons, "person"),
        limits=_head_limits(manifest),
    )


def _summary(manifest: Manifest) -> str:
    model = manifest.values["model"]
    does = "features and actions" if manifest.label_names else "features"
    return (
        f"Skeleton clips to {does}: the {model['network']} network, trained by "
        f"{model['method']} ({manifest.values['training']['protocol']})."
    )


def input_rows(manifest: Manifest) -> list[tuple[str, str]]:
    """What poses have to be, name and value."""
    axes, rate = manifest.axes, manifest.frame_rate
    world = "as the training data's" if axes is None else f"up {axes.up}, forward {axes.forward}"
    if axes is not None:
        world += f", {axes.handedness}-handed"
    if manifest.coords == 2:
        world = "x right, y down"
    return [
        ("layout", f"{manifest.layout.name}, {manifest.layout.num_joints} joints"),
        ("coordinates", str(manifest.coords)),
        ("unit", manifest.unit),
        ("axes", world),
        ("frame rate of the training clips", "not known" if rate is None else f"{rate:g} a second"),
        ("persons", str(manifest.persons)),
        ("frames", f"any; resampled to {manifest.frames}"),
    ]


def _outputs(manifest: Manifest) -> str:
    head = manifest.values["output"]["head"]
    lines = [f"- `embed`: `features` float32 `[B, {manifest.feature_dim}]`"]
    if head:
        classes = len(manifest.label_names)
        lines += [
            f"- `classify` (and `serving_default`): `scores` and `probabilities` `[B, {classes}]`, "
            "`label` int32 `[B]`, the number of the most likely class, and `features`",
            f"\nHead: {head['kind']}. {_calibration(head)}",
            f"\nClasses, from 0: {', '.join(manifest.label_names)}.",
        ]
    return "\n".join(lines)


def _calibration(head: Mapping[str, Any]) -> str:
    if head["kind"] == "network":
        return "Probabilities are those of training, not calibrated."
    record = head["calibration"]
    if not record["held_out_clips"]:
        return "Probabilities are not calibrated: no training clip could be held out."
    return (
        f"Probabilities are calibrated on {record['held_out_clips']} held-out training clips, of "
        f"which {record['held_out_top1']:.1f} % were recognised."
    )


def _training(values: Mapping[str, Any]) -> str:
    training, licence = values["training"], values["licence"]
    lines = [f"- data: {training['dataset']}"]
    if training["source"]:
        lines.append(f"- source: {training['source']}")
    lines += [
        f"- licence of the data: {licence['data'] or 'not known here'}; of the package: "
        f"{licence['package']}",
        f"- split {training['split'] or 'not named'}, {training['clips'] or 'all'} clips, seed "
        f"{training['seed']}, {training['epochs']} epochs",
    ]
    return "\n".join(lines)


def metric_rows(metrics: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Top-1 accuracies and those of their floors, name and percent."""
    kept = {name: value for name, value in metrics.items() if name.endswith("/top1")}
    return [(name, "-" if value is None else f"{value:.2f}") for name, value in kept.items()]


def _numbers(metrics: Mapping[str, float | None]) -> str:
    rows = metric_rows(metrics)
    if not rows:
        return "The run was not evaluated before it was exported (`ms2l-evaluate`)."
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(
        [
            "Test clips, percent; `floor/` is what the same probe makes of less.",
            "",
            "| metric | % |",
            "|---|---|",
            *lines,
        ]
    )


def _formats(formats: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {format_text(record)}" for name, record in formats.items())


def format_text(record: Mapping[str, Any]) -> str:
    """How far a format is from the live model, or why it is not there."""
    if "reason" in record:
        return f"not written: {record['reason']}"
    return (
        f"differs from the live model by {record['largest_difference']:.1e} of the largest feature "
        f"at most, on {record['clips']} clips"
    )


def _head_limits(manifest: Manifest) -> str:
    if not manifest.label_names:
        return ""
    return (
        "- An action that is none of its classes is given one of them; look at the probability.\n"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shown(manifest: Manifest, fingerprint: str) -> str:
    """What ``--show`` prints."""
    values = manifest.values
    model, head, training = values["model"], values["output"]["head"], values["training"]
    rows = [
        ("model", f"{model['method']} on {model['network']}, pooling {model['pooling']}"),
        *input_rows(manifest),
        ("joints", _listed(manifest.layout.joints)),
        ("features", str(manifest.feature_dim)),
        ("head", head["kind"] if head else "none: features alone"),
    ]
    if head:
        rows.append(("classes", f"{len(manifest.label_names)}: {_listed(manifest.label_names)}"))
    rows += [
        ("training data", f"{training['dataset']}, split {training['split'] or 'not named'}"),
        (
            "licence",
            f"data: {values['licence']['data'] or 'not known'}; package: "
            f"{values['licence']['package']}",
        ),
        ("versions", _versions(values["versions"])),
        *((name, format_text(record)) for name, record in values["formats"].items()),
        *((name, f"{value} %") for name, value in metric_rows(values["metrics"])),
        ("sha256 of ms2l.json", fingerprint),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def _versions(versions: Mapping[str, Any]) -> str:
    names = ("ms2l_tf", "tensorflow", "keras", "python")
    return ", ".join(f"{name} {versions[name]}" for name in names if versions.get(name))


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
