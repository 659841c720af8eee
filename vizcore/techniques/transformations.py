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
    height, width = z.shape[2:]
    angle, factor = math.radians(params.turn) * turn, 1 / (1 + params.zoom * zoom)
    cosine, sine = factor * angle.cos(), factor * angle.sin()
    # From where in z each place is taken, in halves of its sides: turned in pixels, whatever the ratio of the sides.
    rows = [
        torch.stack([cosine, -sine * height / width, -2 * params.jitter * right / width], 1),
        torch.stack([sine * width / height, cosine, -2 * params.jitter * down / height], 1),
    ]
    where = _places(torch.stack(rows, 1), height, width)
    copies = z.repeat_interleave(draws, 0) if draws > 1 else z
    where = where.to(z.device, z.dtype)
    return F.grid_sample(copies, where, mode="bilinear", padding_mode="reflection", align_corners=False)


def _places(maps: Tensor, height: int, width: int) -> Tensor:
    """The centres of all pixels, in halves of the sides, mapped by ``maps`` (n,2,3) to places (n,H,W,2).

    As ``affine_grid`` does it, which multiplies matrices for it and takes many times as long.
    """
    x, y = ((2 * torch.arange(side, dtype=maps.dtype) + 1) / side - 1 for side in (width, height))
    along, across, shift = torch.view_as_complex(maps.mT.contiguous()).unbind(1)  # (n,) each: a pair is added as one
    rows, columns = across[:, None] * y + shift[:, None], along[:, None] * x  # (n,H), (n,W)
    return torch.view_as_real(rows[:, :, None] + columns[:, None])  # (n,H,W) -> (n,H,W,2)
