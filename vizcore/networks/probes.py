"""The pictures that every network is asked about when it is taken."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
from PIL import Image
from torch import Tensor

from vizcore.networks.preprocessing import Preprocess
from vizcore.pictures.decoding import sample_photographs


def probes(preprocess: Preprocess) -> Tensor:
    """(5,C,H,W), zero-centred: noise, grey, a photograph, black, white."""
    channels, chance = len(preprocess.mean), torch.Generator().manual_seed(0)
    colours = preprocess if channels in (1, 3) else replace(preprocess, mean=(0.0,) * 3, std=(1.0,) * 3)
    photograph = colours.pixels(_photograph())
    photograph = photograph[[at % len(photograph) for at in range(channels)]]  # of more channels some are alike
    noise = torch.rand(photograph.shape, generator=chance, dtype=torch.float32)
    plain = [torch.full_like(photograph, value) for value in (0.5, 0.0, 1.0)]
    x = torch.stack([noise, plain[0], photograph, *plain[1:]])
    mean, std = (torch.tensor(v, dtype=torch.float32).view(channels, 1, 1) for v in (preprocess.mean, preprocess.std))
    return (x - mean) / std


@cache
def _photograph() -> Image.Image:
    """The first photograph that scikit-image's wheel holds."""
    return next(iter(sample_photographs().values()))()
