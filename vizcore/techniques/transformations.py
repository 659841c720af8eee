"""Small random shifts, turns and scalings of a picture: what an answer that is worth something should survive."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore.techniques.maximisation import Maximisation


def moves(params: Maximisation) -> bool:
    """Whether ``params`` ask for any transformation at all."""
    return params.jitter > 0 or params.turn > 0 or params.zoom > 0


def transformed(z: Tensor, params: Maximisation, draws: int, generator: torch.Generator) -> Tensor:
    """T_k(z) (n,C,H,W) of z (1,C,H,W) for so many draws: shifted, turned and scaled about the centre; differentiable.

    Each draw has its shift in pixels, down and to the right, its angle and its factor, evenly distributed up to
    ``jitter``, ``turn`` and within 1 -+ ``zoom``. What comes in over the edges is mirrored. z itself, once, where all
    three are off.
    """
    if not moves(params):
        return z
    down, right, turn, zoom = (2 * torch.rand((4, draws), generator=generator) - 1).unbind()  # (n,) each, in [-1,1)
    height, width = z.shape[2:]
    angle, factor = math.radians(params.turn) * turn, 1 / (1 + params.zoom * zoom)
    cosine, sine = factor * angle.cos(), factor * angle.sin()
    # From where in z each place is taken, in halves of its sides: turned in pixels, whatever the ratio of the sides.
    rows = [
        torch.stack([cosine, -sine * height / width, -2 * params.jitter * right / width], 1),
        torch.stack([sine * width / height, cosine, -2 * params.jitter * down / height], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), [draws, 1, height, width], align_corners=False)  # (n,2,3) -> (n,H,W,2)
    copies = z.expand(draws, -1, -1, -1)
    where = grid.to(z.device, z.dtype)
    return F.grid_sample(copies, where, mode="bilinear", padding_mode="reflection", align_corners=False)
