"""The PyTorch twin of the ST-GCN training step, of `tools.benchmarks --compare=torch`.

The same network written the usual way for [N, C, T, J] tensors: a 1x1 convolution to all
partitions, `einsum` with the adjacency, 9x1 convolutions, in-place ReLU and dropout. Convolutions
that batch normalisation follows have no bias, as in `msclr`.
"""

from __future__ import annotations

from tools.benchmarks.protocol import read_case, serve

CASE = read_case()

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

COORDS = 3
PARTITIONS = 3
TEMPORAL_KERNEL = 9
# Channels (times the width) and temporal stride.
BLOCKS = ((1, 1), (1, 1), (1, 1), (1, 1), (2, 2), (2, 1), (2, 1), (4, 2), (4, 1), (16, 1))


class TwinBlock(nn.Module):
    """Graph convolution, temporal convolution, residual.

    Args:
        channels: in.
        filters: out.
        stride: over frames.
        dropout: rate.
        residual: add the input.
    """

    def __init__(
        self, channels: int, filters: int, stride: int, dropout: float, residual: bool
    ) -> None:
        super().__init__()
        self.graph = nn.Conv2d(channels, PARTITIONS * filters, 1, bias=False)
        self.temporal = nn.Sequential(
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.Conv2d(
                filters,
                filters,
                (TEMPORAL_KERNEL, 1),
                (stride, 1),
                ((TEMPORAL_KERNEL - 1) // 2, 0),
                bias=False,
            ),
            nn.BatchNorm2d(filters),
            nn.Dropout(dropout, inplace=True),
        )
        self.residual: nn.Module | None = None
        if residual and channels == filters and stride == 1:
            self.residual = nn.Identity()
        elif residual:
            self.residual = nn.Sequential(
                nn.Conv2d(channels, filters, 1, (stride, 1), bias=False), nn.BatchNorm2d(filters)
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """[N, C, T, J] and [R, J, J] -> [N, C', T', J]."""
        shortcut = 0 if self.residual is None else self.residual(x)
        rows, _, frames, joints = x.shape
        x = self.graph(x).view(rows, PARTITIONS, -1, frames, joints)
        x = torch.einsum("nkctv,kvw->nctw", x, adjacency).contiguous()
        return self.relu(self.temporal(x) + shortcut)


class TwinSTGCN(nn.Module):
    """Ten blocks with edge importance.

    Args:
        joints: J.
        width: channels of the first blocks.
        dropout: rate in every block but the first.
    """

    def __init__(self, joints: int, width: int, dropout: float) -> None:
        super().__init__()
        # The time does not depend on its values.
        self.register_buffer("adjacency", torch.rand(PARTITIONS, joints, joints) / (2 * joints))
        self.input_norm = nn.BatchNorm1d(joints * COORDS)
        self.blocks = nn.ModuleList()
        channels = COORDS
        for number, (multiple, stride) in enumerate(BLOCKS):
            filters = multiple * width
            rate = dropout if number else 0.0
            self.blocks.append(TwinBlock(channels, filters, stride, rate, residual=number > 0))
            channels = filters
        self.importance = nn.ParameterList(
            [nn.Parameter(torch.ones(PARTITIONS, joints, joints)) for _ in BLOCKS]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, T, J] -> [N, D]."""
        rows, coords, frames, joints = x.shape
        x = x.permute(0, 3, 1, 2).contiguous().view(rows, joints * coords, frames)
        x = self.input_norm(x).view(rows, joints, coords, frames)
        x = x.permute(0, 2, 3, 1).contiguous()
        for block, importance in zip(self.blocks, self.importance, strict=True):
            x = block(x, self.adjacency * importance)
        return functional.avg_pool2d(x, x.shape[2:]).flatten(1)


def main() -> None:
    """Serves the case given on the command line."""
    torch.set_num_threads(CASE["cores"])
    torch.manual_seed(CASE["seed"])
    model = TwinSTGCN(CASE["features"] // COORDS, CASE["width"], CASE["dropout"])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    clips = torch.randn(CASE["clips"], COORDS, CASE["frames"], CASE["features"] // COORDS)
    labels = torch.arange(CASE["clips"])

    def run() -> int:
        for _ in range(CASE["steps"]):
            loss = functional.cross_entropy(model(clips), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        return CASE["steps"]

    weights = sum(weight.numel() for weight in model.parameters())
    serve(run, {"torch": torch.__version__}, weights=weights)


if __name__ == "__main__":
    main()
