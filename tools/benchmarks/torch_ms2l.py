"""The PyTorch twin of one MS2L training step, of `tools.benchmarks --compare=torch`.

The same network and the same work as `ms2l_tf`: three versions of every clip (plain, observed
frames with noise and the rest masked, shuffled segments) through one bidirectional GRU call,
three heads of one layer, three losses, one Adam step. Run with `order` "batch_first", the way
most people write it, or "time_major", the layout the GRU kernel works in.
"""

from __future__ import annotations

import itertools

from tools.benchmarks.protocol import read_case, serve

CASE = read_case()

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

SEGMENTS = 3
NOISE = 0.05


class TwinMS2L(nn.Module):
    """BiGRU encoder and three heads.

    Args:
        features: J * C * M of a frame.
        units: GRU units a direction.
        batch_first: tensors are [B, T, features] rather than [T, B, features].
    """

    def __init__(self, features: int, units: int, batch_first: bool) -> None:
        super().__init__()
        self.time_axis = 1 if batch_first else 0
        self.gru = nn.GRU(features, units, bidirectional=True, batch_first=batch_first)
        self.motion_head = nn.Linear(2 * units, features)
        self.jigsaw_head = nn.Linear(2 * units, len(PERMUTATIONS))
        self.contrast_head = nn.Linear(2 * units, 2 * units)

    def forward(self, versions: torch.Tensor) -> torch.Tensor:
        """Frame features of all versions, [3B, T, D] or [T, 3B, D]."""
        return self.gru(versions)[0]


PERMUTATIONS = torch.tensor(list(itertools.permutations(range(SEGMENTS))))


def masked_version(clips: torch.Tensor, time_axis: int, observed: int) -> torch.Tensor:
    """Noise on the observed frames, zeros after them."""
    seen = clips.narrow(time_axis, 0, observed)
    seen = seen + NOISE * torch.randn_like(seen)
    rest = torch.zeros_like(clips.narrow(time_axis, observed, clips.shape[time_axis] - observed))
    return torch.cat([seen, rest], dim=time_axis)


def shuffled_version(clips: torch.Tensor, time_axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Segments of every clip in an order of its own, and which order that is ([B]).

    Brought back to T frames by repeating the last one, as `ms2l_tf.views.TemporalJigsaw` does.
    """
    length = clips.shape[time_axis] // SEGMENTS
    labels = torch.randint(len(PERMUTATIONS), (clips.shape[1 - time_axis],))
    order = PERMUTATIONS[labels]
    frames = (order[:, :, None] * length + torch.arange(length)).flatten(1)
    spare = clips.shape[time_axis] - SEGMENTS * length
    frames = torch.cat([frames, frames[:, -1:].expand(-1, spare)], dim=1)  # [B, T]
    index = frames if time_axis == 1 else frames.T
    index = index[:, :, None].expand(-1, -1, clips.shape[2])
    return clips.gather(time_axis, index), labels


def mean_contrast(projected: torch.Tensor) -> torch.Tensor:
    """Every version against the mean of each clip's versions; projected is [V, B, D]."""
    versions, clips, _ = projected.shape
    means = functional.normalize(projected.mean(0), dim=-1)
    similarity = functional.normalize(projected, dim=-1) @ means.T
    labels = torch.arange(clips).repeat(versions)
    return functional.cross_entropy(similarity.reshape(versions * clips, clips), labels)


def train_step(
    model: TwinMS2L, optimizer: torch.optim.Optimizer, clips: torch.Tensor, observed: int
) -> float:
    """One step of all three tasks; returns the loss, as a training loop that logs it would."""
    time_axis = model.time_axis
    masked = masked_version(clips, time_axis, observed)
    shuffled, labels = shuffled_version(clips, time_axis)
    frames = model(torch.cat([clips, masked, shuffled], dim=1 - time_axis))
    _, of_masked, of_shuffled = frames.chunk(3, dim=1 - time_axis)
    ahead = clips.shape[time_axis] - observed
    predicted = model.motion_head(of_masked.narrow(time_axis, observed, ahead))
    motion = functional.mse_loss(predicted, clips.narrow(time_axis, observed, ahead))
    jigsaw = functional.cross_entropy(model.jigsaw_head(of_shuffled.mean(time_axis)), labels)
    projected = model.contrast_head(frames.mean(time_axis))
    contrast = mean_contrast(projected.unflatten(0, (3, -1)))
    loss = motion + jigsaw + contrast
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def main() -> None:
    """Serves the case given on the command line."""
    torch.set_num_threads(CASE["cores"])
    torch.manual_seed(CASE["seed"])
    batch_first = CASE["order"] == "batch_first"
    model = TwinMS2L(CASE["features"], CASE["units"], batch_first)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    clips = torch.randn(CASE["clips"], CASE["frames"], CASE["features"])
    if not batch_first:
        clips = clips.transpose(0, 1).contiguous()

    def run() -> int:
        for _ in range(CASE["steps"]):
            train_step(model, optimizer, clips, CASE["observed"])
        return CASE["steps"]

    weights = sum(weight.numel() for weight in model.parameters())
    serve(run, {"torch": torch.__version__}, weights=weights)


if __name__ == "__main__":
    main()
