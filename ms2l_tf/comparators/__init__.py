"""Methods that MS2L is compared with, on the same data, protocols and probes."""

from ms2l_tf.comparators.longt_gan import LongTGAN
from ms2l_tf.comparators.recurrent import ClipEncoder

__all__ = ["ClipEncoder", "LongTGAN"]
