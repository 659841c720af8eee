"""Small random shifts, turns and scalings of a picture: what an answer that is worth something should survive."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    drawn = torch.cat([torch.rand((4, draws), generator=own) for own in generators], 1)  # N times (4,n) -> (4,N n)
    down, right, turn, zoom = (2 * drawn - 1).unbind()  # (N n,) each, in [-1,1)
    # A place is x + i y in pixels from the centre, and taken from where a rotation, a factor and a shift lead.
    turned = torch.polar(1 / (1 + params.zoom * zoom), math.radians(params.turn) * turn)
    where = _places(turned, -params.jitter * torch.complex(right, down), *z.shape[2:])
    copies = z.repeat_interleave(draws, 0) if draws > 1 else z
    where = where.to(z.device, z.dtype)
    return F.grid_sample(copies, where, mode="bilinear", padding_mode="reflection", align_corners=False)


def _places(turned: Tensor, shift: Tensor, height: int, width: int) -> Tensor:
    """turned_k (x + i y) + shift_k (n,H,W,2) of all pixels, in halves of the sides, as ``grid_sample`` counts.

    A sum of what columns and rows give: ``affine_grid`` multiplies matrices for it, which takes many times as long.
    """
    x, y = (torch.arange(side) - (side - 1) / 2 for side in (width, height))
    columns, rows = turned[:, None] * x, turned[:, None] * (1j * y) + shift[:, None]  # (n,W), (n,H)
    halves = torch.tensor([2 / width, 2 / height])
    columns, rows = (torch.view_as_complex(torch.view_as_real(each) * halves) for each in (columns, rows))
    return torch.view_as_real(rows[:, :, None] + columns[:, None])  # (n,H,W) -> (n,H,W,2)
