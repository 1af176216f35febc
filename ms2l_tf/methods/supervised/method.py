"""Learning from labels alone, what every method is compared with."""

from __future__ import annotations

from ms2l_tf.methods.augmentation import AugmentSettings, labelled_view
from ms2l_tf.methods.registry import Method

METHOD = Method(
    name="supervised",
    summary="labels alone: the network and one linear layer",
    settings=(AugmentSettings,),
    # One linear layer on the features, as plain classifiers of the literature have.
    defaults={
        "protocol": "supervised",
        "network": "lstm_last",
        "classifier_units": 0,
        "classifier_hidden": (),
    },
    labelled_view=labelled_view,
)
