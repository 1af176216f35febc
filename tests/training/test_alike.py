"""What workers have to have alike: other settings end them, files that come late do not."""

from __future__ import annotations

import pytest
import tensorflow as tf

from ms2l_tf.errors import InputError, RunAgainError
from ms2l_tf.training import workers


def test_what_may_only_come_late_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "told", lambda _, value: [value, "epoch 3"])
    strategy = tf.distribute.get_strategy()
    workers.check_alike(strategy, "epoch 3", "the last checkpoint")
    said = "the last checkpoint of worker 1 is 'epoch 3', here it is 'epoch 2'"
    with pytest.raises(InputError, match=said):
        workers.check_alike(strategy, "epoch 2", "the last checkpoint")
    with pytest.raises(RunAgainError, match=said):
        workers.check_alike(strategy, "epoch 2", "the last checkpoint", comes_late=True)
