"""What a kind of block is: how it is made for the values that reach it, and the options that it can be drawn with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

Shape = tuple[int, int, int]  # (C,H,W) of the feature maps that reach a block
Make = Callable[..., nn.Module]  # (shape, parts, **options)


@dataclass(frozen=True)
class Kind:
    """``make(shape, parts, **options)`` gives the module. ``choices`` are each option's values, the simplest first.

    ``parts`` is how many sequences of blocks stand inside. ``often`` is how often the kind is drawn beside others of
    its ``group``. ``excuse`` says why the engine may refuse such a network with a sentence; empty: it may not.
    """

    make: Make
    group: str
    choices: Mapping[str, Sequence[Any]]
    parts: int
    often: int
    excuse: str


KINDS: dict[str, Kind] = {}


def kind(
    group: str, *, parts: int = 0, often: int = 1, excuse: str = "", **choices: Sequence[Any]
) -> Callable[..., Make]:
    """Enter a function that makes modules among the KINDS, under its own name."""

    def enter(make: Make) -> Make:
        KINDS[make.__name__] = Kind(make, group, choices, parts, often, excuse)
        return make

    return enter


class Function(nn.Module):
    """A function of the values as a module; ``name`` is how it prints."""

    def __init__(self, name: str, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.name, self.function = name, function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)

    def extra_repr(self) -> str:
        return self.name


def match(x: Tensor, like: Tensor) -> Tensor:
    """x (n,c,h,w) at the size and with the channels of another value (n,C,H,W): pooled or repeated, cut or padded."""
    if x.shape[2:] != like.shape[2:]:
        smaller = x.shape[2] >= like.shape[2] and x.shape[3] >= like.shape[3]
        size = (like.shape[2], like.shape[3])
        x = F.adaptive_avg_pool2d(x, size) if smaller else F.interpolate(x, size=size)
    missing = like.shape[1] - x.shape[1]
    return x[:, : like.shape[1]] if missing <= 0 else F.pad(x, (0, 0, 0, 0, 0, missing))


def settle(module: nn.Module, seed: int, parts: Sequence[nn.Module] = ()) -> None:
    """Weights that keep the spread of the values, and running statistics that are not those of a new network.

    Those of the ``parts`` inside stay as they are.
    """
    generator = torch.Generator().manual_seed(seed)
    known = {id(tensor) for part in parts for tensor in [*part.parameters(), *part.buffers()]}
    with torch.no_grad():
        for layer in module.modules():
            if parametrize.is_parametrized(layer):
                known |= {id(tensor) for tensor in [*layer.parameters(), *layer.buffers()]}
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if id(tensor) in known or not tensor.is_floating_point():
                continue
            drawn = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(0.5 + drawn.abs())
            elif tensor.dim() >= 2:
                tensor.copy_(drawn * (2 / (tensor.numel() / len(tensor))) ** 0.5)
            elif name.endswith("weight"):
                tensor.copy_(1 + 0.3 * drawn.clamp(-2, 2))
            else:
                tensor.copy_(0.2 * drawn)


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def groups_of(channels: int, wanted: int) -> int:
    """The largest number of groups up to ``wanted`` into which the channels can be divided."""
    return next(count for count in range(min(wanted, channels), 0, -1) if channels % count == 0)
