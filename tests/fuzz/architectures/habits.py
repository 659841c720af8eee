"""What whole kinds of networks do, each seen to go wrong in an engine that is faster than plain torch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.fuzz.architectures.kinds import Shape, kind

Parts = Sequence[nn.Module]


class Dynamic(nn.Module):
    """Kernels computed from the picture, applied to a batch as groups of one convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.out, self.kernels = out, nn.Linear(channels, out * channels * 9)

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        weights = self.kernels(x.mean((2, 3))).view(n * self.out, channels, 3, 3) / 3
        return F.conv2d(x.reshape(1, n * channels, height, width), weights, padding=1, groups=n).view(
            n, self.out, height, width
        )


class Tied(nn.Module):
    """Two convolutions over the same weights, which a third function standardises, kept in a list of parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.zeros(channels, channels, 3, 3))])
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(1, channels, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weights[0]
        even = weight - weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(F.conv2d(x, weight, padding=1).relu(), even, padding=2, dilation=2) * self.scale


class Permuted(nn.Module):
    """Overwrites a copy that ``contiguous`` makes of permuted features, and needs the original still."""

    def __init__(self, channels: int, how: str) -> None:
        super().__init__()
        self.how, self.features = how, nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        f = self.features(x)
        if self.how == "as_strided":
            n, c, h, w = f.shape
            return f.as_strided((n, c, (h + 1) // 2, (w + 1) // 2), (c * h * w, h * w, 2 * w, 2)).clone()
        if self.how in ("view", "reshape"):
            rows = f.view(len(f), -1) if self.how == "view" else f.reshape(len(f), -1)
            return rows.cumsum(1).view(f.shape) / f[0].numel() ** 0.5
        copy = f.permute(0, 2, 3, 1).contiguous()
        copy.mul_(-1).add_(1)
        return copy.permute(0, 3, 1, 2) * f


class Inner(nn.Module):
    """Features moved along the gradient of an energy of their own, taken inside the forward pass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.energy = nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            at = x if x.requires_grad else x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.energy(at).tanh().square().sum(), at, create_graph=True)
            moved = at - 0.3 * slope
        return moved if x.requires_grad else moved.detach()


class Locked(nn.Module):
    """Holds what cannot be copied."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features, self.lock = nn.Conv2d(channels, channels, 3, padding=1), threading.Lock()

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            return self.features(x).relu()


class Hooked(nn.Conv2d):
    """A convolution whose answer a hook of its owner changes."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)
        self.register_forward_hook(_doubled)


def _doubled(layer: nn.Module, inputs: object, answer: Tensor) -> Tensor:
    return 2 * answer


class Remembered(nn.Module):
    """A convolution whose middle values are computed again for the backward pass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.part = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = checkpoint(self.part, x, use_reentrant=False)
        return answer


class Shared(nn.Module):
    """Features as shares of their sum over channels, place by place."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.relu()
        return x / (x.sum(1, keepdim=True) + 1e-3)


class Positioned(nn.Module):
    """A learned value and a fixed one for each place, the fixed one in a buffer that is not saved."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, *shape))
        self.ramp: Tensor
        self.register_buffer("ramp", torch.zeros(1, 1, 1, shape[2]), persistent=False)
        self.scale = nn.Parameter(torch.ones(1, shape[0], 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.place) * self.scale + self.ramp


HABITS = (
    "dynamic convolution", "tied weights", "permuted copy", "as_strided", "view", "lock", "hook",
    "checkpoint", "shares", "positions",
)  # fmt: skip


@kind("habit", often=8, which=HABITS)
def habit(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """One of the HABITS."""
    channels = shape[0]
    if which in ("permuted copy", "as_strided", "view"):
        return Permuted(channels, which)
    made: dict[str, Callable[[], nn.Module]] = {
        "dynamic convolution": lambda: Dynamic(channels, 4),
        "tied weights": lambda: Tied(channels),
        "lock": lambda: Locked(channels),
        "hook": lambda: Hooked(channels),
        "checkpoint": lambda: Remembered(channels),
        "shares": Shared,
        "positions": lambda: Positioned(shape),
    }
    return made[which]()


@kind("habit", excuse="it differentiates inside its forward pass")
def gradient_inside(shape: Shape, parts: Parts) -> nn.Module:
    """Autograd within the forward pass, whose own gradient needs second derivatives."""
    return Inner(shape[0])
