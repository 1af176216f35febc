"""Probes: classifiers that measure frozen features. All are fitted on training clips only."""

from ms2l_tf.evaluation.probes.base import Probe
from ms2l_tf.evaluation.probes.factory import PROBE_NAMES, make_probes
from ms2l_tf.evaluation.probes.knn import KNNProbe
from ms2l_tf.evaluation.probes.linear import LinearProbe
from ms2l_tf.evaluation.probes.ridge import RidgeProbe
from ms2l_tf.evaluation.probes.sgd import SGDLinearProbe
from ms2l_tf.evaluation.probes.spreading import SpreadingProbe
from ms2l_tf.evaluation.probes.svm import SVMProbe

__all__ = [
    "PROBE_NAMES",
    "KNNProbe",
    "LinearProbe",
    "Probe",
    "RidgeProbe",
    "SGDLinearProbe",
    "SVMProbe",
    "SpreadingProbe",
    "make_probes",
]
