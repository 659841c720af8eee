"""Small random shifts, turns and scalings of a picture: what an answer that is worth something should survive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore.techniques.maximisation import Maximisation


def moves(params: Maximisation) -> bool:
    """Whether ``params`` ask for any transformation at all."""
    return params.jitter > 0 or params.turn > 0 or params.zoom > 0


def transformed(z: Tensor, params: Maximisation, draws: int, generators: Sequence[torch.Generator]) -> Tensor:
    """T_k(z_i) (N n,C,H,W), the draws k of each z_i of z (N,C,H,W) in turn: shifted, turned and scaled; differentiable.

    Each draw of the picture's own one of the N ``generators`` has its shift in pixels, down and to the right, its angle
    about the centre and its factor, evenly distributed up to ``jitter``, ``turn`` and within 1 -+ ``zoom``. What comes
    in over the edges is mirrored. z itself, once, where all three are off.
    """
    if not moves(params):
        return z
    height, width = z.shape[2:]
    maps = []
    for own in generators:
        for numbers in (2 * torch.rand((4, draws), generator=own) - 1).T.tolist():  # (4,n) -> (n,4), in [-1,1)
            maps.append(_map(params, numbers, height, width))
    where = _places(torch.tensor(maps), height, width).to(z.device, z.dtype)
    copies = z.repeat_interleave(draws, 0) if draws > 1 else z
    return F.grid_sample(copies, where, mode="bilinear", padding_mode="reflection", align_corners=False)


def _map(params: Maximisation, numbers: Sequence[float], height: int, width: int) -> list[tuple[float, float]]:
    """From where in z each place is taken, in halves of its sides: what a step to the right adds, one down, and all.

    Turned in pixels, whatever the ratio of the sides.
    """
    down, right, turn, zoom = numbers
    angle, factor = math.radians(params.turn * turn), 1 / (1 + params.zoom * zoom)
    cosine, sine = factor * math.cos(angle), factor * math.sin(angle)
    shift = (-2 * params.jitter * right / width, -2 * params.jitter * down / height)
    return [(cosine, sine * width / height), (-sine * height / width, cosine), shift]


def _places(maps: Tensor, height: int, width: int) -> Tensor:
    """The centres of all pixels, in halves of the sides, as ``maps`` (n,3,2) moves them: (n,H,W,2).

    A sum of what columns and rows give: ``affine_grid`` multiplies matrices for it, which takes many times as long.
    """
    right, down, shift = maps[:, :, None].unbind(1)  # (n,1,2) each
    columns, rows = right * _centres(width), shift + down * _centres(height)  # (n,W,2), (n,H,2)
    columns, rows = torch.view_as_complex(columns), torch.view_as_complex(rows)  # a pair is added as one
    return torch.view_as_real(rows[:, :, None] + columns[:, None])  # (n,H,W) -> (n,H,W,2)


@lru_cache(16)
def _centres(side: int) -> Tensor:
    """Those of so many pixels (side,1), in halves of the side: from -1 to 1."""
    return ((2 * torch.arange(side, dtype=torch.float32) + 1) / side - 1)[:, None]
