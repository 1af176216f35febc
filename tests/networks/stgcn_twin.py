"""The ST-GCN in NumPy, written out in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from ms2l_tf.networks.graph import partitions
from ms2l_tf.networks.normalisation import EPSILON
from ms2l_tf.networks.stgcn import STGCN


class Twin:
    """The forward pass, from the weights of an `STGCN`."""

    def __init__(self, model: STGCN, layout: int, training: bool) -> None:
        self.model, self.layout, self.training = model, layout, training
        self.graph = partitions(model.layouts[layout], model.partition).astype(np.float64)
        self.edges = self._slice([len(self.graph) * one.num_joints**2 for one in model.layouts])

    def _slice(self, sizes: list[int]) -> slice:
        start = sum(sizes[: self.layout])
        return slice(start, start + sizes[self.layout])

    def __call__(self, poses: np.ndarray) -> np.ndarray:
        """[B, T, M, J, C] -> [B, D]."""
        persons = [
            (clip, poses[clip, :, person])
            for clip in range(poses.shape[0])
            for person in range(poses.shape[2])
            if poses[clip, :, person].any() or person == 0
        ]
        values = np.stack([self._stream(person) for _, person in persons]).astype(np.float64)
        flat = values.reshape(*values.shape[:2], -1)
        sizes = [self.model.coords * one.num_joints for one in self.model.layouts]
        values = self._norm(flat, self.model.input_norm, self._slice(sizes)).reshape(values.shape)
        for block in self.model.blocks:
            values = self._block(values, block)
        features = values.mean(axis=(1, 2))
        clips = np.array([clip for clip, _ in persons])
        return np.stack([features[clips == clip].mean(axis=0) for clip in range(len(poses))])

    def _stream(self, person: np.ndarray) -> np.ndarray:
        found = np.zeros_like(person)
        if self.model.channels == ("joint",):
            return person
        if self.model.channels == ("motion",):
            for frame in range(len(person) - 1):
                found[frame] = person[frame + 1] - person[frame]
        else:
            for child, parent in self.model.layouts[self.layout].bones:
                found[:, child] = person[:, child] - person[:, parent]
        return found

    def _norm(self, values: np.ndarray, norm: Any, part: slice = slice(None)) -> np.ndarray:
        """`part` of gamma and beta is the layout's; moving statistics always have one."""
        gamma, beta = (weight.numpy()[part] for weight in norm.trainable_weights)
        if self.training:
            rows = values.reshape(-1, values.shape[-1])
            mean, variance = rows.mean(axis=0), rows.var(axis=0)
        else:
            if part == slice(None):
                part = self._slice([len(gamma)] * len(self.model.layouts))
            mean, variance = (weight.numpy()[part] for weight in norm.non_trainable_weights)
        return gamma * (values - mean) / np.sqrt(variance + EPSILON) + beta

    def _block(self, values: np.ndarray, block: Any) -> np.ndarray:
        count, joints = self.graph.shape[:2]
        channels, filters, stride = values.shape[-1], block.filters, block.stride
        graph = self.graph
        if self.model.edge_importance:
            factors = block.importance.numpy()[self.edges].reshape(joints, count, joints)
            graph = graph * factors.transpose(1, 2, 0)
        kernel = block.graph_kernel.numpy().reshape(count, channels, filters)
        found = np.einsum("ntvc,rvw,rco->ntwo", values, graph, kernel)
        found = np.maximum(self._norm(found, block.graph_norm), 0)
        found = convolved(found, block.frames_kernel.numpy()[:, 0], stride)
        found = self._norm(found, block.temporal_norm)
        if block.residual_norm is not None:
            shortcut = values[:, ::stride] @ block.residual_kernel.numpy()[0, 0]
            found += self._norm(shortcut, block.residual_norm)
        elif block.residual:
            found += values
        return np.maximum(found, 0)


def convolved(values: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """Frame by frame, tap by tap, with zeros around: kernel [frames, D, D']."""
    frames, half = values.shape[1], len(kernel) // 2
    centres = range(0, frames, stride)
    found = np.zeros((len(values), len(centres), values.shape[2], kernel.shape[2]))
    for number, centre in enumerate(centres):
        for tap, matrix in enumerate(kernel):
            frame = centre + tap - half
            if 0 <= frame < frames:
                found[:, number] += values[:, frame] @ matrix
    return found
