"""A page to look at: clips that move beside their nearest neighbours, and the map of the features.

One HTML file without scripts and without network: skeletons are SVG, and SVG animates them.
"""

from ms2l_tf.evaluation.showcase.headline import headline
from ms2l_tf.evaluation.showcase.page import showcase_name, write_showcase

__all__ = ["headline", "showcase_name", "write_showcase"]
