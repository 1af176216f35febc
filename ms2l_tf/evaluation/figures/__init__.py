"""Figures of an evaluation and of a training. Matplotlib is imported when a figure is drawn."""

from ms2l_tf.evaluation.figures.alignment import alignment_figure
from ms2l_tf.evaluation.figures.confusion import confusion_figure
from ms2l_tf.evaluation.figures.curves import read_history, training_figure
from ms2l_tf.evaluation.figures.embedding import FEWEST, embedding_figure
from ms2l_tf.evaluation.figures.per_class import per_class_figure

__all__ = [
    "FEWEST",
    "alignment_figure",
    "confusion_figure",
    "embedding_figure",
    "per_class_figure",
    "read_history",
    "training_figure",
]
