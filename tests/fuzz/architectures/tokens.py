"""Layers that read feature maps as a sequence: attention over places, recurrent layers over columns, patches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fuzz.architectures.kinds import Shape, groups_of, kind

Parts = Sequence[nn.Module]


class OverPlaces(nn.Module):
    """A layer on sequences (n,L,C) or, with the sequence ``first``, (L,n,C), used on all places of a map."""

    def __init__(self, layer: nn.Module, first: bool) -> None:
        super().__init__()
        self.layer, self.first = layer, first

    def forward(self, x: Tensor) -> Tensor:
        words = x.flatten(2)  # (n,c,h,w) -> (n,c,L)
        words = self.layer(words.permute(2, 0, 1) if self.first else words.transpose(1, 2))
        return (words.permute(1, 2, 0) if self.first else words.transpose(1, 2)).reshape(x.shape)


class Multihead(nn.Module):
    """nn.MultiheadAttention of a sequence to itself, added to it."""

    def __init__(self, width: int, heads: int, first: bool, weights: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=not first)
        self.weights = weights

    def forward(self, words: Tensor) -> Tensor:
        return words + self.attention(words, words, words, need_weights=self.weights)[0]


class Scaled(nn.Module):
    """Queries, keys and values by one linear layer; F.scaled_dot_product_attention, with heads by view."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.into, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, words: Tensor) -> Tensor:
        n, length, width = words.shape
        parts = self.into(words).view(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])  # (n,heads,L,d)
        return words + self.out(seen.transpose(1, 2).reshape(n, length, width))


@kind(
    "layer",
    often=2,
    which=("scaled dot product", "multihead", "encoder layer", "mixer"),
    first=(False, True),
    weights=(False, True),
)
def attention(shape: Shape, parts: Parts, which: str, first: bool, weights: bool) -> nn.Module:
    """Attention over all places of a small map, by each of torch's ways; an MLP over places (MLP-Mixer)."""
    channels, height, width = shape
    if height * width > 400:
        return nn.Identity()
    heads = groups_of(channels, 2)
    if which == "multihead":
        return OverPlaces(Multihead(channels, heads, first, weights), first)
    if which == "encoder layer":
        made = nn.TransformerEncoderLayer(
            channels, heads, 2 * channels, activation="gelu", batch_first=not first, norm_first=weights
        )
        return OverPlaces(made, first)
    if which == "mixer":
        return Mixer(height * width)
    return OverPlaces(Scaled(channels, heads), False)


class Mixer(nn.Module):
    """A linear layer over all places of each channel, added."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.mix = nn.Linear(places, places)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(x.flatten(2)).view_as(x)


@kind("layer", often=1, which=("LSTM", "GRU", "RNN"), both=(False, True), first=(False, True))
def recurrent(shape: Shape, parts: Parts, which: str, both: bool, first: bool) -> nn.Module:
    """A recurrent layer that reads the columns from left to right, with their mean over rows as words."""
    return Columns(getattr(nn, which)(shape[0], 4, bidirectional=both, batch_first=not first), first)


class Columns(nn.Module):
    """A recurrent layer over columns (text recognition), its answer spread over the rows again."""

    def __init__(self, layer: nn.Module, first: bool) -> None:
        super().__init__()
        self.layer, self.first = layer, first

    def forward(self, x: Tensor) -> Tensor:
        words = x.mean(2).permute(2, 0, 1) if self.first else x.mean(2).transpose(1, 2)
        read = self.layer(words)[0]
        read = read.permute(1, 2, 0) if self.first else read.transpose(1, 2)  # (n,c,w)
        return torch.cat([x, read[:, :, None].expand(-1, -1, x.shape[2], -1)], 1)


class Squeeze(nn.Module):
    """Squeeze and excitation (SENet), by linear layers or by convolutions of one place."""

    def __init__(self, channels: int, linear: bool) -> None:
        super().__init__()
        few = max(1, channels // 2)
        self.linear = linear
        self.down = nn.Linear(channels, few) if linear else nn.Conv2d(channels, few, 1)
        self.up = nn.Linear(few, channels) if linear else nn.Conv2d(few, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.linear:
            gate = self.up(self.down(x.mean((2, 3))).relu()).sigmoid().view(len(x), -1, 1, 1)
        else:
            gate = F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)), inplace=True)))
        return x * gate


class SpatialGate(nn.Module):
    """Where to look, from the channels' mean and maximum (CBAM)."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.look(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)).sigmoid()


@kind("layer", often=3, which=("squeeze linear", "squeeze conv", "spatial"))
def gate(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """Channels or places weighted by the value itself."""
    return SpatialGate() if which == "spatial" else Squeeze(shape[0], which == "squeeze linear")


class Embedding(nn.Module):
    """Patches cut by unfold, a linear layer, a learned position: back as a map (a ViT without convolutions)."""

    def __init__(self, shape: Shape, side: int, out: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.side, self.size = side, (height // side, width // side)
        self.into = nn.Linear(channels * side * side, out)
        self.place = nn.Parameter(torch.zeros(1, self.size[0] * self.size[1], out))

    def forward(self, x: Tensor) -> Tensor:
        words = self.into(F.unfold(x, self.side, stride=self.side).transpose(1, 2)) + self.place
        return words.transpose(1, 2).unflatten(2, self.size)


@kind("layer", often=1, side=(2, 3, 4), out=(6, 8))
def patches(shape: Shape, parts: Parts, side: int, out: int) -> nn.Module:
    """Patches by F.unfold and a linear layer."""
    return Embedding(shape, min(side, *shape[1:]), out)
