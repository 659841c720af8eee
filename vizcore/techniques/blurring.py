"""A Gaussian blur, and the roughness that it takes away."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def total_variation(z: Tensor) -> Tensor:
    """sum |difference of neighbours| (N,), down and to the right, over all channels of z (N,C,H,W); differentiable."""
    down, right = z[:, :, 1:] - z[:, :, :-1], z[..., 1:] - z[..., :-1]
    return down.abs().sum((1, 2, 3)) + right.abs().sum((1, 2, 3))


def blurred(z: Tensor, sigma: float) -> Tensor:
    """z (N,C,H,W) convolved with a Gaussian of standard deviation ``sigma`` pixels, edges mirrored."""
    radius = min(max(1, math.ceil(3 * sigma)), *(side - 1 for side in z.shape[2:]))
    places = torch.arange(-radius, radius + 1, device=z.device, dtype=z.dtype)
    weights = torch.exp(-places.square() / (2 * sigma**2))
    weights = (weights / weights.sum()).expand(z.shape[1], 1, -1)  # (C,1,2r+1)
    padded = F.pad(z, (radius, radius, radius, radius), mode="reflect")
    rows = F.conv2d(padded, weights[:, :, None, :], groups=z.shape[1])  # (N,C,H+2r,W)
    return F.conv2d(rows, weights[:, :, :, None], groups=z.shape[1])  # (N,C,H,W)
