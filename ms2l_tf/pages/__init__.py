"""The kit of the pages that are made to be looked at: one file each, nothing from outside.

A page is `document(title, sections)`. Sections are texts of HTML made by `elements`, `charts` and
`viewer`, which escape every word they are given. Skeletons move by one script (`skeletons.js`)
that draws the clips a page holds (`MovingClips`).
"""

from ms2l_tf.pages.clips import MovingClips
from ms2l_tf.pages.document import document

__all__ = ["MovingClips", "document"]
