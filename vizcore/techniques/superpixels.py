"""Superpixels: the picture cut into patches of similar colour, the units that LIME switches on and off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from skimage.segmentation import felzenszwalb, quickshift, slic
from torch import Tensor

from vizcore.params import ParameterError, check, choice, number

Algorithm = Literal["slic", "quickshift", "felzenszwalb"]

# Ten samples for each superpixel make 5000 forward passes, LIME's upper bound; more patches could not be told apart.
MOST_SUPERPIXELS = 500

_FEWER = {
    "slic": "lower segments or raise compactness",
    "quickshift": "raise max_dist or kernel_size",
    "felzenszwalb": "raise scale or min_size",
}


@dataclass(frozen=True)
class Superpixels:
    """Which algorithm cuts the picture, and its settings; those of the other two algorithms have no effect."""

    algorithm: Algorithm = choice(  # noqa: RUF009
        "slic",
        get_args(Algorithm),
        label="Superpixels",
        help="SLIC: even patches. Quickshift: modes of colour and place. Felzenszwalb: regions of very unequal size.",
    )
    segments: int = number(
        50, 2, 400, 1, label="Segments", help="SLIC: how many patches to aim for; the answer may differ somewhat."
    )
    compactness: float = number(
        20.0, 1.0, 100.0, 1.0, label="Compactness", help="SLIC: high gives squares, low follows the colours."
    )
    smoothing: float = number(
        1.0,
        0.0,
        5.0,
        0.25,
        label="Smoothing",
        help="SLIC and Felzenszwalb: standard deviation of the blur beforehand.",
        unit="px",
    )
    kernel_size: float = number(
        4.0,
        1.0,
        8.0,
        0.5,
        label="Kernel size",
        help="Quickshift: width of the density kernel; high gives fewer.",
        unit="px",
    )
    max_dist: float = number(
        200.0,
        2.0,
        400.0,
        2.0,
        label="Largest distance",
        help="Quickshift: how far a patch may reach; high gives fewer.",
    )
    ratio: float = number(
        0.2, 0.05, 1.0, 0.05, label="Colour ratio", help="Quickshift: near 1 colour counts more, near 0 place does."
    )
    scale: float = number(
        300.0, 10.0, 2000.0, 10.0, label="Scale", help="Felzenszwalb: high gives larger and fewer patches."
    )
    min_size: int = number(
        100, 10, 1000, 10, label="Smallest patch", help="Felzenszwalb: smaller patches are merged away.", unit="px"
    )

    def __post_init__(self) -> None:
        check(self)

    def settings(self) -> tuple[str, ...]:
        """The algorithm and only those settings that it heeds: equal settings give equal superpixels."""
        heeded = {
            "slic": (self.segments, self.compactness, self.smoothing),
            "quickshift": (self.kernel_size, self.max_dist, self.ratio),
            "felzenszwalb": (self.scale, self.min_size, self.smoothing),
        }[self.algorithm]
        return (self.algorithm, *(f"{float(value):g}" for value in heeded))


def segment(image: Tensor, params: Superpixels) -> Tensor:
    """segments[p] = the number 0..l-1 of the superpixel that pixel p belongs to.

    ``image`` (C,H,W) in [0,1], grey (C = 1) or RGB. Returns int64 (H,W) on the CPU, every number in use. The same
    picture and settings give the same superpixels. One single superpixel is an answer too (a picture of one colour
    under quickshift or Felzenszwalb). Raises ParameterError beyond ``MOST_SUPERPIXELS``, saying which setting to move.

    SLIC: Achanta et al. 2012; quickshift: Vedaldi & Soatto 2008; Felzenszwalb & Huttenlocher 2004; all three as
    implemented by scikit-image. Grey pictures are taken as RGB pictures with three equal channels.
    """
    pixels = image.detach().cpu().double().expand(3, -1, -1).permute(1, 2, 0).numpy()  # (C,H,W) -> (H,W,3)
    pixels = np.ascontiguousarray(pixels)
    if params.algorithm == "slic":
        labels = slic(
            pixels,
            n_segments=params.segments,
            compactness=params.compactness,
            sigma=params.smoothing,
            start_label=0,
        )
    elif params.algorithm == "quickshift":
        # Its random numbers only break ties; a fixed seed makes them the same every time.
        labels = quickshift(pixels, ratio=params.ratio, kernel_size=params.kernel_size, max_dist=params.max_dist, rng=0)
    else:
        labels = felzenszwalb(pixels, scale=params.scale, sigma=params.smoothing, min_size=params.min_size)
    segments = relabel(torch.from_numpy(np.asarray(labels)))
    count = int(segments.max()) + 1
    if count > MOST_SUPERPIXELS:
        raise ParameterError(
            f"{params.algorithm} cuts this picture into {count} superpixels; accepted: at most {MOST_SUPERPIXELS}. "
            f"To get fewer, {_FEWER[params.algorithm]}."
        )
    return segments


def relabel(labels: Tensor) -> Tensor:
    """The same patches numbered 0..l-1 without gaps, in the order of their old numbers.

    ``labels`` whole numbers (H,W), which may start anywhere and leave gaps; returns int64 (H,W).
    Raises ValueError for another number of dimensions or no pixels.
    """
    if labels.dim() != 2 or labels.numel() == 0:
        raise ValueError(f"labels has shape {tuple(labels.shape)}; accepted: (H, W), one whole number for each pixel.")
    return torch.unique(labels.cpu().long(), return_inverse=True)[1]
