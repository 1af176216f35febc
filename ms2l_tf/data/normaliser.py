"""From raw poses to [B, T, M, J, C]: one layer for training and evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.data.body_frame import TINY, body_frame, is_long, upright
from ms2l_tf.data.missing_joints import fill_missing, seen_first
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.resampling import present_at, resampled
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout

FIRST_FRAMES = 5
SIDES = ("left", "right")
METRES = {"m": 1.0, "mm": 1e-3, "cm": 1e-2}


@keras.saving.register_keras_serializable("ms2l_tf")
class Normaliser(keras.layers.Layer):
    """Fills missing joints, centres, turns into the body frame, scales and resamples clips.

    Rules, in this order; "main person" is the first that is seen, person 0 as a rule; its root,
    axes and torso serve all persons of the clip, so their relative position survives. Persons never
    seen go behind those that are:

    1. *Axes and unit*: coordinates become metres in a right-handed frame with y up (3-D only).
    2. *Missing joints* (NaN, infinite, or of an absent person) take the value interpolated linearly
       between the nearest frames in which the joint was seen, or that of the nearest such frame
       at the ends. A joint never seen in the clip takes the mean of the person's seen joints. A
       person never seen is all zeros.
    3. *Centre*: ``frame`` subtracts the root of each frame, ``clip`` the root's mean.
    4. *Rotation*: x points to the person's left along the hip axis, y along the spine made
       orthogonal to it, z ahead; measured on the first five frames (``first``), on all (``clip``),
       or with y kept vertical (``vertical``). Without hips the shoulders serve. 2-D poses:
       ``in_plane`` turns the spine upright. A degenerate axis leaves the clip unturned.
    5. *Scale*: the main person's mean root to spine-top distance becomes 1; where it is zero, the
       mean distance of the joints from the root (left alone if that is zero too).
    6. *Resampling* to T frames, linearly, from the first to the last true frame.
    7. Persons other than the main one are zero where they were absent; persons are padded with
       zeros or cut to M.

    Args:
        anchors: joint indices by anchor name (`SkeletonLayout.anchors`).
        frames: T.
        centre: ``frame``, ``clip`` or ``none``.
        rotation: ``first``, ``clip``, ``vertical``, ``none`` or ``in_plane`` (2-D).
        scale: ``torso`` or ``none``.
        persons: M of the output.
        unit_scale: metres a unit of the input.
        axes: rows of the orthogonal matrix that turns the input into x left/right, y up; or None.

    Call arguments:
        coords: [B, F, M, J, C] padded to any F; what lies beyond `lengths` is ignored.
        lengths: [B] true frame counts, at least 1.
        present: [B, F, M] bool, or None when every person with a finite joint is present.

    Returns:
        poses [B, T, M, J, C] float32 and present [B, T, M] bool.
    """

    def __init__(
        self,
        anchors: Mapping[str, Sequence[int]],
        *,
        frames: int,
        centre: str = "frame",
        rotation: str = "first",
        scale: str = "torso",
        persons: int = 1,
        unit_scale: float = 1.0,
        axes: Sequence[Sequence[float]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        self.anchors = {name: [int(j) for j in joints] for name, joints in anchors.items()}
        self.frames = frames
        self.centre = centre
        self.rotation = rotation
        self.scale = scale
        self.persons = persons
        self.unit_scale = unit_scale
        self.axes = None if axes is None else [[float(v) for v in row] for row in axes]
        # Whether clips are spared work that does not change them; formats without branches are not.
        self.shortcuts = True
        for flag, value in (("rotation", rotation), ("scale", scale)):
            if value != "none" and not self.anchors.get("spine_top"):
                raise InputError(
                    f"--{flag}={value}: the layout names no spine_top anchor; add it to the "
                    f"layout's file, or use --{flag}=none"
                )

    def of_layout(self, layout: SkeletonLayout) -> Normaliser:
        """The same for poses of another layout."""
        return Normaliser.from_config({**self.get_config(), "anchors": dict(layout.anchors)})

    @classmethod
    def for_store(cls, store: PoseStore, *, persons: int = 0, **settings: Any) -> Normaliser:
        """The normaliser of one layout of a dataset: anchors, unit and axes come from there.

        Args:
            store: poses of one layout.
            persons: M; 0 for the dataset's.
            **settings: frames, centre, rotation (``first`` is ``in_plane`` of 2-D poses), scale.

        Raises:
            InputError: the rotation does not fit the number of coordinates or the layout.
        """
        rotation, flat = settings.get("rotation", "first"), store.num_coords == 2
        if flat and rotation == "first":  # what nobody chose; 2-D poses turn in their plane alone
            settings["rotation"] = rotation = "in_plane"
        if flat and rotation not in ("none", "in_plane"):
            raise InputError(
                f"--rotation={rotation}: poses of layout '{store.layout.name}' are 2-D; "
                "use none or in_plane"
            )
        if not flat and rotation == "in_plane":
            raise InputError("--rotation=in_plane is for 2-D poses; these are 3-D")
        try:
            return cls(
                store.layout.anchors,
                persons=persons or store.num_persons,
                unit_scale=METRES.get(store.unit, 1.0),
                axes=None if store.axes is None else store.axes.matrix.tolist(),
                **settings,
            )
        except InputError as error:
            raise InputError(f"layout '{store.layout.name}': {error}") from None

    def get_config(self) -> dict[str, Any]:
        names = ("anchors", "frames", "centre", "rotation", "scale", "persons", "unit_scale")
        settings = {name: getattr(self, name) for name in (*names, "axes")}
        return {**super().get_config(), **settings}

    @property
    def to_metres(self) -> np.ndarray:
        """Turns the input's axes and unit into metres, y up: float32 [C, C], or at least that."""
        axes = np.eye(3) if self.axes is None else np.array(self.axes)
        return (axes * self.unit_scale).astype(np.float32)

    def call(
        self, coords: tf.Tensor, lengths: tf.Tensor, present: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        lengths = tf.cast(lengths, tf.int32)
        coords, way = tf.cast(coords, tf.float32), {"shortcuts": self.shortcuts}
        coords, seen, present = fill_missing(coords, lengths, present, **way)
        coords, seen, present = seen_first(coords, seen, present, **way)
        in_clip = tf.sequence_mask(lengths, tf.shape(coords)[1], tf.float32)
        main = coords[:, :, 0]
        origin, matrix = self._origin(main, in_clip), self._matrix(self._means(main, in_clip))

        def before() -> tf.Tensor:
            return resampled(_placed(coords, origin, matrix), lengths, self.frames)

        def after() -> tf.Tensor:
            times = (lengths, self.frames)
            return _placed(resampled(coords, *times), resampled(origin, *times), matrix)

        # Centring, turning and scaling are linear, so they commute with resampling: they are done
        # where there are fewer frames.
        if self.shortcuts:
            poses = tf.cond(tf.shape(coords)[1] < self.frames, before, after)
        else:
            poses = after()
        return self._persons_fitted(poses, present_at(present, lengths, self.frames), seen)

    def placed(self, samples: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The poses [B, T, M, J, C] that `call` gives for clips of at least T frames.

        Args:
            samples: the clips' frames at their T times, filled and with the persons in order
                (rules 2 and 6), and what is measured on all their frames; see
                `ms2l_tf.data.clip_samples.sampled_batch`.
        """
        poses = _placed(samples["coords"], samples["origin"], self._matrix(samples))
        return self._persons_fitted(poses, samples["present"], samples["seen"])[0]

    def _anchor(self, person: tf.Tensor, name: str) -> tf.Tensor:
        """Mean of an anchor's joints: [B, F, J, C] -> [B, F, C]."""
        return tf.reduce_mean(tf.gather(person, self.anchors[name], axis=2), axis=2)

    def _origin(self, main: tf.Tensor, in_clip: tf.Tensor) -> tf.Tensor:
        """What is subtracted from each frame, in the input's axes and unit: [B, F, C]."""
        if self.centre == "none":
            return tf.zeros_like(main[:, :, 0])
        root = self._anchor(main, "root")
        if self.centre == "frame":
            return root
        return tf.broadcast_to(_masked_mean(root, in_clip)[:, None], tf.shape(root))

    def _means(self, main: tf.Tensor, in_clip: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the matrix is made of, measured on the main person [B, F, J, C].

        ``spine`` [B, C] and ``torso`` [B, 1], its mean length (or the mean reach of the joints,
        where there is none), are in metres with y up;
        ``shoulder`` and ``hip`` [B, C], from right to left, are as in the input.
        """
        means = {"spine": tf.zeros_like(main[:, 0, 0])}  # says B and C where nothing is measured
        if self.rotation == "none" and self.scale == "none":
            return means
        spine = self._anchor(main, "spine_top") - self._anchor(main, "root")
        spine = tf.einsum("bfc,dc->bfd", spine, self._to_metres(main.shape[-1]))
        if self.rotation != "none":
            weight = in_clip
            if self.rotation == "first":
                early = tf.range(tf.shape(in_clip)[1]) < FIRST_FRAMES
                weight = in_clip * tf.cast(early, tf.float32)
            means["spine"] = _masked_mean(spine, weight)
            for part in self.lateral_parts:
                left, right = (self._anchor(main, f"{part}_{side}") for side in SIDES)
                means[part] = _masked_mean(left - right, weight)
        if self.scale == "torso":
            torso = _masked_mean(tf.norm(spine, axis=-1)[..., None], in_clip)

            # As a rule there are torsos, and the fallback costs a pass over all joints.
            def mended() -> tf.Tensor:
                return tf.where(torso > TINY, torso, self._mean_reach(main, in_clip))

            means["torso"] = mended()
            if self.shortcuts:
                means["torso"] = tf.cond(tf.reduce_all(torso > TINY), lambda: torso, mended)
        return means

    def _mean_reach(self, main: tf.Tensor, in_clip: tf.Tensor) -> tf.Tensor:
        """Mean distance of the joints from the root in metres, 1 if it is zero: [B, 1]."""
        steps = main - self._anchor(main, "root")[:, :, None]
        reach = tf.reduce_mean(tf.norm(steps, axis=-1), axis=-1) * self.unit_scale
        reach = _masked_mean(reach[..., None], in_clip)
        return tf.where(reach > TINY, reach, tf.ones_like(reach))

    @property
    def lateral_parts(self) -> tuple[str, ...]:
        """Anchors that say where left is, the best last; those that the rotation can use."""
        if self.rotation in ("none", "in_plane"):
            return ()
        return tuple(
            part
            for part in ("shoulder", "hip")
            if all(self.anchors.get(f"{part}_{side}") for side in SIDES)
        )

    def _to_metres(self, size: int) -> tf.Tensor:
        return tf.constant(self.to_metres[:size, :size])

    def _matrix(self, means: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Axes, unit, rotation and scale in one: [B, C, C]."""
        spine = means["spine"]
        to_metres = self._to_metres(spine.shape[-1])
        matrix = tf.tile(to_metres[None], [tf.shape(spine)[0], 1, 1])
        if self.rotation != "none":
            matrix = self._rotation(means, to_metres) @ matrix
        if self.scale == "torso":
            matrix /= means["torso"][:, None]
        return matrix

    def _rotation(self, means: Mapping[str, tf.Tensor], to_metres: tf.Tensor) -> tf.Tensor:
        if self.rotation == "in_plane":
            return upright(means["spine"])
        up = tf.constant([0.0, 1.0, 0.0]) if self.rotation == "vertical" else None
        lateral = tf.einsum("bc,dc->bd", self._lateral(means), to_metres)
        return body_frame(lateral, means["spine"], up)

    def _lateral(self, means: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Vector to the person's left: hips, or shoulders where the hips are missing or meet."""
        lateral = tf.zeros_like(means["spine"])
        for part in self.lateral_parts:
            lateral = tf.where(is_long(means[part]), means[part], lateral)
        return lateral

    def _persons_fitted(
        self, coords: tf.Tensor, present: tf.Tensor, seen: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        main = tf.broadcast_to(seen[:, None, :1], tf.shape(present[:, :, :1]))
        others = tf.logical_and(present[:, :, 1:], seen[:, None, 1:])
        shown = tf.concat([main, others], axis=2)
        coords *= tf.cast(shown, tf.float32)[..., None, None]
        if coords.shape[2] != self.persons:
            extra = tf.maximum(self.persons - tf.shape(coords)[2], 0)
            pad = [[0, 0], [0, 0], [0, extra], [0, 0], [0, 0]]
            coords = tf.pad(coords, pad)[:, :, : self.persons]
            present = tf.pad(present, pad[:3])[:, :, : self.persons]
        coords = tf.ensure_shape(coords, [None, self.frames, self.persons, None, None])
        return coords, tf.ensure_shape(present, [None, self.frames, self.persons])


def _placed(poses: tf.Tensor, centre: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """[B, F, M, J, C] centred on [B, F, C] and turned by [B, C, C]."""
    return tf.einsum("btmjc,bdc->btmjd", poses - centre[:, :, None, None], matrix)


def _masked_mean(values: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Mean over frames: [B, F, C] with weight [B, F] -> [B, C]."""
    total = tf.reduce_sum(values * weight[..., None], axis=1)
    return total / tf.maximum(tf.reduce_sum(weight, axis=1), 1.0)[:, None]
