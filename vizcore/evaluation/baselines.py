"""Two maps that do not look at the network: what every method has to beat, and what must fail a sanity check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore.params import check, choice, number
from vizcore.targets import Output

_OUTPUT_HELP = "The class probability, which saturates near 0 and 1, or the logit, which does not."


@dataclass(frozen=True)
class Random:
    """A map that knows neither picture nor network: the baseline that every method has to beat."""

    seed: int = number(0, 0, 9999, 1, label="Seed", help="Which random map.")
    grain: int = number(
        1, 1, 64, 1, label="Grain", help="Side of the squares that share a value; 1: every pixel its own.", unit="px"
    )
    output: Output = choice("logit", get_args(Output), label="Score", help=_OUTPUT_HELP)  # noqa: RUF009

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Edges:
    """An edge detector: it knows the picture but not the network, and looks convincing all the same."""

    output: Output = choice("logit", get_args(Output), label="Score", help=_OUTPUT_HELP)  # noqa: RUF009

    def __post_init__(self) -> None:
        check(self)


def edges(image: Tensor) -> Tensor:
    """|grad I| = sqrt(S_x^2 + S_y^2) of the channels' mean, by Sobel's operator; (C,H,W) -> (H,W), at least 0.

    The kernels are normalised, so that a step from 0 to 1 has the height 1; borders are continued outwards.
    """
    grey = image.detach().cpu().float().mean(0)[None, None]  # (C,H,W) -> (1,1,H,W)
    down = torch.tensor([[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]]) / 4
    kernels = torch.stack([down, down.T])[:, None]  # (2,1,3,3)
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)  # (1,2,H,W)
    return slopes[0].norm(dim=0)


def noise(size: tuple[int, int], params: Random) -> Tensor:
    """h_p ~ N(0,1), one draw for each square of ``grain`` pixels; (H,W), the same for the same seed."""
    height, width = (-(-side // params.grain) for side in size)
    generator = np.random.Generator(np.random.PCG64(params.seed))
    coarse = torch.from_numpy(generator.standard_normal((height, width), dtype=np.float32))
    fine = coarse.repeat_interleave(params.grain, 0).repeat_interleave(params.grain, 1)
    return fine[: size[0], : size[1]].contiguous()
