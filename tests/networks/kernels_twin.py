"""The closed-form encoder in NumPy, one clip, kernel and frame after another, as its documentation
says it.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ms2l_tf.networks.kernels import DILATIONS, KernelBank, KernelEncoder
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views.channels import flat_channels


def bank_numbers(bank: KernelBank, values: np.ndarray) -> np.ndarray:
    """[T, Q] -> [2 K]: the shares of frames above the thresholds, then the maxima."""
    mean, scale, mix, filters, thresholds = (
        np.asarray(weight, np.float64)
        for weight in (bank.mean, bank.scale, bank.mix, bank.filters, bank.thresholds)
    )
    frames, shares, maxima = len(values), [], []
    for number, dilation in enumerate(DILATIONS):
        for kernel in range(bank.mixes):
            mixed = [
                sum(mix[q, kernel] * (row[q] - mean[q]) / scale[q] for q in range(len(row)))
                for row in values
            ]
            response = np.zeros(frames)
            for frame in range(frames):
                for tap in range(bank.taps):
                    read = frame + (tap - bank.taps // 2) * dilation
                    if 0 <= read < frames:  # beyond the ends is the mean, which is zero
                        response[frame] += filters[number, tap, kernel] * mixed[read]
            bound = thresholds[number * bank.mixes + kernel]
            shares.append(np.mean([value > bound for value in response]))
            maxima.append(max(response))
    return np.array(shares + maxima)


def between(poses: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """[T, M, J, C] -> [T, P P + C] of the first two persons."""
    present = [bool((poses[:, person] != 0).any()) for person in (0, 1)]
    rows = []
    for frame in poses:
        first, second = (
            [np.mean([person[j] for j in joints], axis=0) for joints in layout.semantic.values()
             if joints]
            for person in frame[:2]
        )  # fmt: skip
        distances = [np.sqrt(np.sum((a - b) ** 2)) for a in first for b in second]
        root, other_root = (
            np.mean([person[j] for j in layout.anchors["root"]], axis=0) for person in frame[:2]
        )
        rows.append([*distances, *(other_root - root)] if all(present) else None)
    size = len(distances) + poses.shape[-1]
    return np.array([np.zeros(size) if row is None else row for row in rows])


def encoder_numbers(encoder: KernelEncoder, poses: np.ndarray) -> np.ndarray:
    """[B, T, M, J, C] -> [B, F]."""
    rows = []
    for clip in poses:
        of_persons = [
            bank_numbers(encoder.bank, _channels(encoder, clip[:, person]))
            for person in range(clip.shape[1])
            if person == 0 or (clip[:, person] != 0).any()
        ]
        shares, maxima = np.split(np.stack(of_persons), 2, axis=1)
        numbers = [*shares.mean(axis=0), *maxima.max(axis=0)]
        if encoder.between is not None:
            numbers += list(bank_numbers(encoder.between, between(clip, encoder.layout)))
        rows.append(numbers)
    return np.array(rows)


def _channels(encoder: KernelEncoder, person: np.ndarray) -> np.ndarray:
    """[T, J, C] -> [T, Q]; the channels have twins of their own."""
    poses = tf.constant(person[None, :, None])
    return flat_channels(poses, encoder.channels, encoder.layout).numpy()[0, :, 0]
