"""Layers whose answer to a picture depends on the rest of the batch, or on chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fuzz.architectures.kinds import Function, Shape, kind

Parts = Sequence[nn.Module]
Call = Callable[[Tensor], Tensor]


def _by_batch(x: Tensor) -> Tensor:
    return x - 0.5 * x.mean(0, keepdim=True)


def _by_all(x: Tensor) -> Tensor:
    return (x - x.mean()) / (x.std() + 0.01)


def _branch(x: Tensor) -> Tensor:
    return x.relu() if float(x.mean()) > 0.1 else x.sigmoid()


@kind("batch", excuse="its pictures see each other", which=("whole mean", "mean of the batch", "branch"))
def across_batch(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """Values that depend on what else is in the batch."""
    calls = {"whole mean": _by_all, "mean of the batch": _by_batch, "branch": _branch}
    return Function(which, calls[which])


class Untracked(nn.BatchNorm2d):
    """A batch norm that stays in training mode whatever it is told."""

    def train(self, mode: bool = True) -> Untracked:
        super().train(True)
        return self


@kind(
    "batch",
    often=2,
    excuse="its pictures see each other",
    which=("no statistics", "statistics deleted", "always training"),
)
def batch_norm_without_statistics(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """Batch norms that standardise each batch by itself in eval mode, too."""
    channels, height, width = shape
    if height * width == 1:
        return nn.Identity()
    if which == "always training":
        return Untracked(channels).train()
    layer = nn.BatchNorm2d(channels, track_running_stats=which != "no statistics")
    if which == "statistics deleted":
        layer.running_mean = layer.running_var = None
    return layer


def _noise(x: Tensor) -> Tensor:
    return x + 0.3 * torch.randn_like(x)


@kind("random", excuse="it answers at random", which=("dropout", "F.dropout", "F.dropout2d", "noise", "calls"))
def always_random(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """Answers that change from one call to the next."""
    if which == "calls":
        return Counting()
    calls: dict[str, Call] = {
        "dropout": lambda x: F.dropout(x, 0.5, True),
        "F.dropout": lambda x: F.dropout(x, 0.3),
        "F.dropout2d": lambda x: F.dropout2d(x, 0.3),
        "noise": _noise,
    }
    return Function(which, calls[which])


class Counting(nn.Module):
    """Multiplies by the number of calls so far."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Tensor
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        return x * (1 + 0.1 * self.calls).to(x.dtype)
