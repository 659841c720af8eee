"""Blocks with other blocks inside: residuals, branches, reuse, values kept on the module, stacked batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tests.fuzz.architectures.kinds import Shape, kind, match

Parts = Sequence[nn.Module]


class Joined(nn.Module):
    """Parts beside each other on the same value, joined; each gets a clone, which it may overwrite."""

    def __init__(self, parts: Parts, how: str) -> None:
        super().__init__()
        self.how = how
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        answers = [part(x.clone()) for part in self.parts]
        first = x if self.how.startswith("x") else answers.pop(0)
        answers = [match(answer, first) for answer in answers]
        for answer in answers:
            if self.how == "x + f(x)":
                first = first + answer
            elif self.how == "x += f(x)":
                first = first.clone()
                first += answer
            elif self.how == "multiply":
                first = first * answer.sigmoid()
            elif self.how == "largest":
                first = torch.maximum(first, answer)
            else:
                first = torch.cat([first, match(answer, first)], 1)
        return first


@kind("composite", parts=1, often=6, how=("x + f(x)", "x += f(x)", "x, f(x) joined"))
def residual(shape: Shape, parts: Parts, how: str) -> nn.Module:
    """A shortcut past its part: added, added in place, or joined (DenseNet)."""
    return Joined(parts, how)


@kind("composite", parts=2, often=4, how=("joined", "sum", "multiply", "largest"))
def branches(shape: Shape, parts: Parts, how: str) -> nn.Module:
    """Two parts on the same value (Inception)."""
    return Joined(parts, "x + f(x)" if how == "sum" else how)


class Again(nn.Module):
    """One part passed several times: on its own answers, or on the mirror image."""

    def __init__(self, part: nn.Module, how: str) -> None:
        super().__init__()
        self.part, self.how = part, how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "flipped":
            return self.part(x.clone()) + self.part(x.flip(3)).flip(3)
        h = x
        for _ in range(3):
            h = x + match(self.part(h.clone()), x).tanh()
        return h


@kind("composite", parts=1, often=3, how=("recurrent", "flipped"))
def reuse(shape: Shape, parts: Parts, how: str) -> nn.Module:
    """The same layers again: recurrent convolutions, siamese branches."""
    return Again(parts[0], how)


class Kept(nn.Module):
    """Keeps a value on itself within a forward pass, and reads it again later (U-Net, hooks for features)."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one, self.other = one, other
        self.features: Any = None

    def forward(self, x: Tensor) -> Tensor:
        self.features = match(self.one(x.clone()), x)
        answer = self.other(x.clone())
        return match(answer, x) + self.features


@kind("habit", parts=2, often=2)
def kept_on_self(shape: Shape, parts: Parts) -> nn.Module:
    """A value kept on the module from one layer to a later one."""
    return Kept(parts[0], parts[1])


class Stacked(nn.Module):
    """Pictures and their mirror images in one batch, twice as long inside."""

    def __init__(self, part: nn.Module, how: str) -> None:
        super().__init__()
        self.part, self.how = part, how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "batch":
            one, other = self.part(torch.cat([x, x.flip(3)])).chunk(2)
            return one + 0.5 * other
        n, channels = x.shape[:2]
        each = self.part(x.reshape(n * channels, 1, *x.shape[2:]).expand(-1, channels, -1, -1).clone())
        return each.view(n, channels, *each.shape[1:]).amax(1)


@kind("habit", parts=1, often=2, how=("batch", "channels"))
def stacked(shape: Shape, parts: Parts, how: str) -> nn.Module:
    """More rows inside than pictures: mirror images, or each channel as a picture of its own."""
    return Stacked(parts[0], how)
