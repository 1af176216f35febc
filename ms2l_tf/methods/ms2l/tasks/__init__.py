"""Self-supervised tasks: each names the views it reads and owns its head and its loss."""

from ms2l_tf.methods.ms2l.tasks.base import Task
from ms2l_tf.methods.ms2l.tasks.contrastive import Contrastive
from ms2l_tf.methods.ms2l.tasks.jigsaw import Jigsaw
from ms2l_tf.methods.ms2l.tasks.prediction import MotionPrediction, SpatialPrediction

__all__ = ["Contrastive", "Jigsaw", "MotionPrediction", "SpatialPrediction", "Task"]
