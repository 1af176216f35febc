"""Work on datasets: streams of clips in, a dataset folder out; one operation a file."""

from ms2l_tf.data.operations.cut import cut
from ms2l_tf.data.operations.derive import derive
from ms2l_tf.data.operations.merge import merge
from ms2l_tf.data.operations.relabel import relabel
from ms2l_tf.data.operations.splitting import add_splits, make_splits, with_splits
from ms2l_tf.data.operations.stream import ClipStream, stream_of, write
from ms2l_tf.data.operations.subset import subset

__all__ = [
    "ClipStream",
    "add_splits",
    "cut",
    "derive",
    "make_splits",
    "merge",
    "relabel",
    "stream_of",
    "subset",
    "with_splits",
    "write",
]
