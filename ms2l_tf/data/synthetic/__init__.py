"""Synthetic motions: a parametric human seen by simulated cameras, as a `ClipDataset`."""

from ms2l_tf.data.synthetic.generate import generate
from ms2l_tf.data.synthetic.presets import LayoutOutput, Preset, SplitRule, load_preset
from ms2l_tf.data.synthetic.resources import preset_names

__all__ = ["LayoutOutput", "Preset", "SplitRule", "generate", "load_preset", "preset_names"]
