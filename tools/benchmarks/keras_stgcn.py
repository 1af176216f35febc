"""The training step of the `msclr` ST-GCN in a process of its own; see `tools.benchmarks`.

The features of a clip are taken as logits of a cross-entropy, so that the network is timed alone.
"""

from __future__ import annotations

import os

from tools.benchmarks.protocol import read_case, serve

CASE = read_case()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from ms2l_tf.networks.stgcn import STGCN  # noqa: E402
from ms2l_tf.skeletons import load_layout  # noqa: E402
from ms2l_tf.views import ClipRandom  # noqa: E402

COORDS = 3


def main() -> None:
    """Serves the case given on the command line."""
    keras.utils.set_random_seed(CASE["seed"])
    tf.config.experimental.enable_op_determinism()  # as training does
    layout = load_layout(CASE["layout"])
    model = STGCN([layout], coords=COORDS, width=CASE["width"], dropout=CASE["dropout"])
    shape = (CASE["clips"], CASE["frames"], CASE["persons"], layout.num_joints, COORDS)
    model.build(shape)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(model.trainable_weights)
    poses = tf.constant(np.random.default_rng(CASE["seed"]).standard_normal(shape, np.float32))
    labels = tf.range(CASE["clips"])

    @tf.function(reduce_retracing=True)
    def step(poses: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([CASE["seed"], tf.cast(optimizer.iterations, tf.int32)])
        random = ClipRandom(seed, tf.shape(poses)[0])
        with tf.GradientTape() as tape:
            logits = model(poses, training=True, random=random)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
        weights = model.trainable_weights
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    def run() -> int:
        for _ in range(CASE["steps"]):
            float(step(poses, labels))
        return CASE["steps"]

    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    serve(run, {"tensorflow": tf.__version__, "keras": keras.__version__}, weights=weights)


if __name__ == "__main__":
    main()
