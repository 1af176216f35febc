"""Clips of a dataset as tiles of a page: each clip is held once, whoever shows it."""

from __future__ import annotations

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.pages import MovingClips
from ms2l_tf.pages.elements import Html, element
from ms2l_tf.pages.viewer import tile


class ClipTiles:
    """Tiles of the clips of one layout.

    Args:
        moving: the clips of the page.
        dataset: of the clips.
        store: their poses in the layout.
        most: letters that the clips of the page may take together; None: any number.
    """

    def __init__(
        self,
        moving: MovingClips,
        dataset: ClipDataset,
        store: PoseStore,
        most: int | None = None,
    ) -> None:
        self._moving, self._store, self._most = moving, store, most
        self._clip_numbers = {name: number for number, name in enumerate(dataset.names.tolist())}
        self._held: dict[str, int] = {}

    def number(self, name: str) -> int | None:
        """Number of a clip in the page, which holds it from now on; None: it does not find room.

        Nor does a clip that the dataset or the layout lacks.
        """
        if name not in self._held:
            full = self._most is not None and self._moving.size >= self._most
            row = self._clip_numbers.get(name)
            if full or row is None or not self._store.lengths[row]:
                return None
            self._held[name] = self._add(name, row)
        return self._held[name]

    def tile(self, name: str, words: object, mark: str | None = None) -> Html:
        """A clip that moves, or its words alone where it cannot be shown."""
        number = self.number(name)
        if number is None:
            return element("div", element("p", words, f" ({name})", class_=mark))
        return tile(number, words, name, mark)

    def _add(self, name: str, row: int) -> int:
        store = self._store
        poses = store.poses(row)
        return self._moving.add(
            poses.coords,
            store.layout,
            store.frame_rate,
            store.view_directions,
            present=poses.present,
            name=name,
        )
