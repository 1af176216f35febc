"""A page to look at: clips that move beside their nearest neighbours, and the map of the features.

One HTML file that loads nothing, made with the kit of `ms2l_tf.pages`.
"""

from ms2l_tf.evaluation.showcase.headline import headline
from ms2l_tf.evaluation.showcase.page import showcase_name, write_showcase

__all__ = ["headline", "showcase_name", "write_showcase"]
