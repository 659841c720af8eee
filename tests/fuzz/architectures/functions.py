"""Functional calls on feature maps: arithmetic, reductions, slices, and operations that overwrite their input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fuzz.architectures.kinds import Function, Shape, kind

Parts = Sequence[nn.Module]
Call = Callable[[Tensor], Tensor]


def _swap(x: Tensor) -> Tensor:
    one, other = x[:, : x.shape[1] // 2], x[:, x.shape[1] // 2 :]
    return torch.cat([other, one], 1)


def _local(x: Tensor) -> Tensor:
    return x / (F.avg_pool2d(x.square(), 3, 1, 1) + 0.1).sqrt()


def _attend(x: Tensor) -> Tensor:
    places = x.flatten(2)  # (n,c,h,w) -> (n,c,p)
    weights = torch.softmax(places.transpose(1, 2) @ places / x.shape[1], -1)  # (n,p,p)
    return (places @ weights.transpose(1, 2)).view_as(x)


def _fold(x: Tensor) -> Tensor:
    return F.fold(F.unfold(x, 3, padding=1), x.shape[2:], 3, padding=1) / 9


def _sampled(x: Tensor) -> Tensor:
    turn = x.new_tensor([[0.9, 0.3, 0.1], [-0.3, 0.9, 0.0]]).expand(len(x), 2, 3)
    return F.grid_sample(x, F.affine_grid(turn, list(x.shape), align_corners=False), align_corners=False)


def _maxout(x: Tensor) -> Tensor:
    return torch.maximum(x, x.roll(1, 1))


def _strongest(x: Tensor) -> Tensor:
    values, _ = x.topk(max(1, x.shape[1] // 2), dim=1)
    return values


def _moving_average(x: Tensor) -> Tensor:
    return x.cumsum(3) / torch.arange(1, x.shape[3] + 1, dtype=x.dtype)


def _mixed(x: Tensor) -> Tensor:
    return torch.einsum("nchw,ndhw->ncd", x, x.softmax(1)).mean(2)[..., None, None] / x[0, 0].numel() + x


def _spectrum(x: Tensor) -> Tensor:
    return torch.fft.rfft2(x, norm="ortho").real


def _columns(x: Tensor) -> Tensor:
    return torch.stack(x.unbind(3), 3) + x.mean(3, keepdim=True)


FUNCTIONS: dict[str, Call] = {
    "relu": torch.relu,
    "F.gelu": F.gelu,
    "abs": torch.abs,
    "square": lambda x: 0.3 * x * x,
    "root": lambda x: (x.abs() + 0.1).sqrt(),
    "x * sigmoid(x)": lambda x: x * x.sigmoid(),
    "clamp": lambda x: x.clamp(-1, 1),
    "minus its mean": lambda x: x - x.mean((2, 3), keepdim=True),
    "standardised": lambda x: (x - x.mean((1, 2, 3), keepdim=True)) / (x.std((1, 2, 3), keepdim=True) + 0.01),
    "over its deviation": lambda x: (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True),
    "over its largest": lambda x: x / (x.flatten(1).abs().amax(1).view(-1, 1, 1, 1) + 0.01),
    "over its length": lambda x: F.normalize(x, dim=1, eps=0.01),
    "local contrast": _local,
    "softmax of channels": lambda x: x.softmax(1) * x.shape[1],
    "softmax of places": lambda x: x.flatten(2).softmax(2).view_as(x) * x[0, 0].numel(),
    "logsumexp": lambda x: x.logsumexp(1, keepdim=True),
    "moving average": _moving_average,
    "flip": lambda x: x.flip(3),
    "roll": lambda x: x.roll((1, 2), (2, 3)),
    "transpose": lambda x: x.transpose(2, 3),
    "turn": lambda x: x.rot90(1, (2, 3)),
    "every other channel": lambda x: x[:, ::2],
    "every other place": lambda x: x[:, :, ::2, 1 if x.shape[3] > 1 else 0 :: 2],
    "crop": lambda x: x[..., 1:, :-1] if min(x.shape[2:]) > 1 else x,
    "narrow": lambda x: x.narrow(2, 0, max(1, x.shape[2] - 1)),
    "swap halves": _swap,
    "split and join": lambda x: torch.cat(x.split(3, 1)[::-1], 1),
    "gather channels": lambda x: x.index_select(1, torch.arange(x.shape[1] - 1, -1, -1)),
    "maxout": _maxout,
    "max of channels": lambda x: torch.cat([x.max(1, keepdim=True)[0], x.mean(1, keepdim=True)], 1),
    "topk": _strongest,
    "sort": lambda x: x.sort(1).values,
    "where": lambda x: torch.where(x > 0.2, x, 0.1 * x - 0.2),
    "masked_fill": lambda x: x.masked_fill(x < 0, 0.0),
    "pad reflect": lambda x: F.pad(x, (1, 1, 1, 1), "reflect") if min(x.shape[2:]) > 1 else x,
    "repeat": lambda x: torch.cat([x, x.mean((2, 3), keepdim=True).expand_as(x)], 1),
    "stack and max": lambda x: torch.stack([x, x.flip(2)]).amax(0),
    "einsum": _mixed,
    "self-attention": _attend,
    "unfold and fold": _fold,
    "grid_sample": _sampled,
    "rfft2": _spectrum,
    "unbind columns": _columns,
    "variance": lambda x: x / (x.var((2, 3), keepdim=True, correction=0) + 0.1).sqrt(),
    "mean of channels": lambda x: x.unsqueeze(1).mean(2) + x,
    "there and back": lambda x: x.permute(0, 2, 3, 1).reshape(len(x), -1, x.shape[1]).transpose(1, 2).reshape(x.shape),
    "F.lp_pool2d": lambda x: F.lp_pool2d(x.abs(), 3.0, 2, 1) if min(x.shape[2:]) > 1 else x,
    "F.instance_norm": lambda x: F.instance_norm(x) if x[0, 0].numel() > 1 else x,
    "F.layer_norm": lambda x: F.layer_norm(x, x.shape[1:]),
}


@kind("layer", often=12, which=tuple(FUNCTIONS))
def function(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """One call, without weights."""
    return Function(which, FUNCTIONS[which])


def _first_channel(x: Tensor) -> Tensor:
    x[:, 0] = x[:, 0] * 0.5 + 0.1
    return x


def _negative(x: Tensor) -> Tensor:
    x[x < 0] = 0
    return x


def _rows(x: Tensor) -> Tensor:
    x[:, :, ::2].mul_(0.5)
    return x


def _twice(x: Tensor) -> Tensor:
    y = x
    y += 0.2
    return x * y


OVERWRITING: dict[str, Call] = {
    "sub_": lambda x: x.sub_(0.1),
    "relu_": lambda x: x.relu_(),
    "clamp_": lambda x: x.clamp_(-0.8, 0.8),
    "x[:, 0] = ...": _first_channel,
    "x[x < 0] = 0": _negative,
    "x[:, :, ::2].mul_": _rows,
    "y = x; y += ...": _twice,
    "F.relu(inplace)": lambda x: F.relu(x, inplace=True),
    "F.leaky_relu_": lambda x: F.leaky_relu_(x, 0.1),
    "mul_().add_()": lambda x: x.mul_(0.7).add_(0.1),
}


@kind("layer", often=3, which=tuple(OVERWRITING))
def overwrite(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """One call that changes its input in place; as the first of all, the picture itself."""
    return Overwriting(which, OVERWRITING[which])


class Overwriting(Function):
    """A function that overwrites its input, or, without ``inplace``, a clone of it."""

    inplace = True

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x if self.inplace else x.clone())
