"""The closed-form encoder: random temporal kernels over input channels, then a linear map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.networks.base import FeatureMap, Network, present_persons
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import ClipRandom
from ms2l_tf.views.between import between_persons, between_size
from ms2l_tf.views.channels import flat_channels, flat_size

DILATIONS = (1, 2, 4)
_TINY = 1e-6


class Persons(NamedTuple):
    """Channels of the persons that are present, one row each.

    Attributes:
        values: [N, T, Q].
        clip: [N] int32, ascending; to which row of the batch a person belongs.
        batch: B.
    """

    values: tf.Tensor
    clip: tf.Tensor
    batch: tf.Tensor


@keras.saving.register_keras_serializable("ms2l_tf")
class KernelBank(keras.layers.Layer):
    """Random temporal convolutions, summed up over time by two numbers each.

    A mix is a random weighted sum of a few channels; it is filtered at every dilation by random
    taps. Of each of the K = 3 x mixes responses r[t] two numbers stay: the share of frames in which
    r exceeds a threshold, and the maximum of r. Weights are drawn when the bank is built and never
    trained; what is measured on training clips (`mean`, `scale`, `thresholds`) is assigned by who
    fits it.

    Args:
        mixes: number of mixes.
        mixed_channels: channels of a mix; all, where there are fewer.
        taps: frames of a filter; odd.

    Input shape:
        [N, T, Q].

    Output shape:
        [N, 2 K], the shares first.

    References:
        Dempster et al., "ROCKET", 2020 (random kernels, share and maximum); "MultiRocket", 2022.
    """

    def __init__(
        self, *, mixes: int, mixed_channels: int = 3, taps: int = 5, **kwargs: Any
    ) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        self.mixes = mixes
        self.mixed_channels = mixed_channels
        self.taps = taps

    @property
    def kernels(self) -> int:
        """K."""
        return len(DILATIONS) * self.mixes

    def build(self, input_shape: tuple[Any, ...]) -> None:
        size = input_shape[-1]
        fixed = {"trainable": False, "dtype": "float32"}
        self.mean = self.add_weight(name="mean", shape=(size,), initializer="zeros", **fixed)
        self.scale = self.add_weight(name="scale", shape=(size,), initializer="ones", **fixed)
        self.mix = self.add_weight(
            name="mix", shape=(size, self.mixes), initializer=self._random_mix, **fixed
        )
        self.filters = self.add_weight(
            name="filters",
            shape=(len(DILATIONS), self.taps, self.mixes),
            initializer=_random_filters,
            **fixed,
        )
        self.thresholds = self.add_weight(
            name="thresholds", shape=(self.kernels,), initializer="zeros", **fixed
        )
        self.built = True

    def _random_mix(self, shape: Sequence[int], dtype: Any = None) -> tf.Tensor:
        """Normal weights of `mixed_channels` channels drawn for each mix, zero for the others."""
        size = shape[0]
        order = keras.random.uniform(shape, dtype=dtype)
        last = min(self.mixed_channels, size) - 1
        bound = tf.sort(order, axis=0)[last]
        return keras.random.normal(shape, dtype=dtype) * tf.cast(order <= bound, dtype)

    def responses(self, values: tf.Tensor) -> list[tf.Tensor]:
        """[N, T, Q] -> of each dilation [N, T, mixes]; frames beyond the ends are the mean."""
        mixed = tf.matmul((values - self.mean) / self.scale, self.mix)
        return [
            self._filtered(mixed, number, dilation) for number, dilation in enumerate(DILATIONS)
        ]

    def _filtered(self, mixed: tf.Tensor, number: int, dilation: int) -> tf.Tensor:
        frames = tf.shape(mixed)[1]
        reach = self.taps // 2 * dilation
        padded = tf.pad(mixed, [[0, 0], [reach, reach], [0, 0]])
        taps = tf.unstack(tf.convert_to_tensor(self.filters)[number])
        return tf.add_n(
            [
                padded[:, tap * dilation : tap * dilation + frames] * weights
                for tap, weights in enumerate(taps)
            ]
        )

    def call(self, values: tf.Tensor) -> tf.Tensor:
        thresholds = tf.split(tf.convert_to_tensor(self.thresholds), len(DILATIONS))
        responses = self.responses(values)
        shares = [
            tf.reduce_mean(tf.cast(response > bound, tf.float32), axis=1)
            for response, bound in zip(responses, thresholds, strict=True)
        ]
        return tf.concat([*shares, *(tf.reduce_max(r, axis=1) for r in responses)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "mixes": self.mixes,
            "mixed_channels": self.mixed_channels,
            "taps": self.taps,
        }


def _random_filters(shape: Sequence[int], dtype: Any = None) -> tf.Tensor:
    """Normal taps; of every second mix they sum to zero, so that they answer to change alone."""
    taps = keras.random.normal(shape, dtype=dtype)
    of_change = tf.range(shape[-1]) % 2 == 0
    return tf.where(of_change, taps - tf.reduce_mean(taps, axis=1, keepdims=True), taps)


@keras.saving.register_keras_serializable("ms2l_tf")
class KernelEncoder(Network):
    """Features without gradients: a `KernelBank` of each person, then a linear map.

    Of several persons the shares are averaged and the maxima taken; a quarter as many kernels read
    the channels between the first two persons (`between_persons`). What is not drawn is measured on
    training clips, in closed form (`ms2l_tf.methods.kernels`); until then the map is random. All is
    computed in single precision, whatever the policy: shares count how often bounds are passed.

    Args:
        layouts: one; its points and bones give the channels.
        mixes: of the bank; K = 3 x mixes kernels.
        mixed_channels: see `KernelBank`.
        dims: D; 0: no map, all numbers of the banks, standardised.
        **kwargs: inputs, coords and name, see `Network`.

    Input shape:
        [B, T, M, J, C].

    Output shape:
        [B, D].
    """

    has_frames = False
    counts_crossings = True

    def __init__(
        self,
        layouts: Sequence[SkeletonLayout],
        *,
        mixes: int = 2000,
        mixed_channels: int = 3,
        dims: int = 512,
        **kwargs: Any,
    ) -> None:
        super().__init__(layouts, **{"name": "kernel_encoder", "dtype": "float32", **kwargs})
        if len(self.layouts) != 1:
            raise InputError(
                f"--layouts: --network=kernels reads one skeleton layout, not {len(self.layouts)}"
            )
        self.mixes = mixes
        self.mixed_channels = mixed_channels
        self.dims = dims
        self.bank = KernelBank(mixes=mixes, mixed_channels=mixed_channels, name="bank")
        self.between: KernelBank | None = None

    @property
    def layout(self) -> SkeletonLayout:
        """The one it reads."""
        return self.layouts[0]

    @property
    def banks(self) -> list[KernelBank]:
        """Of the persons, and where there are several, of what is between two."""
        return [self.bank] if self.between is None else [self.bank, self.between]

    @property
    def numbers(self) -> int:
        """F, what the banks give for a clip."""
        return sum(2 * bank.kernels for bank in self.banks)

    @property
    def feature_dim(self) -> int:
        return self.dims or self.numbers

    def build(self, input_shape: tuple[Any, ...]) -> None:
        persons = input_shape[2]
        size = sum(flat_size(name, self.layout, self.coords) for name in self.channels)
        self.bank.build((None, None, size))
        if persons > 1:
            mixes = max(1, self.mixes // 4)
            self.between = KernelBank(
                mixes=mixes, mixed_channels=self.mixed_channels, name="between"
            )
            self.between.build((None, None, between_size(self.layout, self.coords)))
        fixed = {"trainable": False, "dtype": "float32"}
        size = self.numbers
        self.centre = self.add_weight(name="centre", shape=(size,), initializer="zeros", **fixed)
        shape = (size, self.dims) if self.dims else (size,)
        self.map = self.add_weight(
            name="map", shape=shape, initializer=_random_map if self.dims else "ones", **fixed
        )
        self.built = True

    def persons(self, poses: tf.Tensor) -> Persons:
        """The channels of the persons that are present; the first of a clip always counts."""
        poses = tf.cast(poses, tf.float32)
        batch, frames, persons = tf.unstack(tf.shape(poses)[:3])
        rows = present_persons(poses)
        channels = flat_channels(poses, self.channels, self.layout)
        size = channels.shape[-1]
        by_person = tf.reshape(tf.transpose(channels, [0, 2, 1, 3]), [-1, frames, size])
        return Persons(tf.gather(by_person, rows), rows // persons, batch)

    def pairs(self, poses: tf.Tensor) -> tf.Tensor:
        """The channels between the first two persons: [B, T, Q']; zero where there is one."""
        return between_persons(tf.cast(poses, tf.float32), self.layout)

    def kernel_numbers(self, poses: tf.Tensor) -> tf.Tensor:
        """What the banks give, before the map: [B, T, M, J, C] -> [B, F]."""
        persons = self.persons(poses)
        shares, maxima = tf.split(self.bank(persons.values), 2, axis=-1)
        where = (persons.clip, persons.batch)
        numbers = [
            tf.math.unsorted_segment_mean(shares, *where),
            tf.math.unsorted_segment_max(maxima, *where),
        ]
        if self.between is not None:
            numbers.append(self.between(self.pairs(poses)))
        return tf.concat(numbers, axis=-1)

    def mapped(self, numbers: tf.Tensor) -> tf.Tensor:
        """[B, F] -> [B, D]."""
        centred = numbers - self.centre
        return tf.matmul(centred, self.map) if self.dims else centred * self.map

    def call(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
        by_frame: bool | None = None,
    ) -> tf.Tensor:
        return self.mapped(self.kernel_numbers(poses))

    def feature_map(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> FeatureMap:
        return FeatureMap.of_clips(self(poses))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "mixes": self.mixes,
            "mixed_channels": self.mixed_channels,
            "dims": self.dims,
        }


def _random_map(shape: Sequence[int], dtype: Any = None) -> tf.Tensor:
    """Keeps lengths on average."""
    return keras.random.normal(shape, dtype=dtype) / tf.sqrt(tf.cast(shape[1], dtype))
