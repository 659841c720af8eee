"""A network together with the picture and the settings that the techniques are asked with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fuzz.architectures import network
from tests.fuzz.architectures.description import Description
from vizcore.networks.classifier import Preprocess


@dataclass(frozen=True, eq=False)
class Case:
    """``make`` gives the same module anew whenever it is called, ``plain`` one of the same weights for plain torch.

    ``image`` (C,H,W) is explained, and ``others`` (n,C,H,W) are further pictures, all in [0,1]. ``excuses`` are reasons
    to refuse the network. ``keeps`` tells whether it keeps values on itself, so that two visitors at once may meet. The
    rest are parameters of techniques.
    """

    make: Callable[[], nn.Module]
    plain: Callable[[], nn.Module]
    preprocess: Preprocess
    classes: int
    image: Tensor
    others: Tensor
    excuses: Sequence[str] = ()
    keeps: bool = False
    target: int = 0
    output: str = "logit"
    fill: str = "grey"
    window: int = 4
    stride: int = 4
    batch: int = 4
    seed: int = 0
    copies: int = 4
    steps: int = 8
    samples: int = 12


def case_of(description: Description) -> Case:
    """The case of a random network; mean and deviation of its pixels differ between channels."""
    channels, inference = range(description.channels), description.dtype == network.INFERENCE
    preprocess = Preprocess(
        description.size, tuple(0.4 + 0.05 * k for k in channels), tuple(0.25 + 0.02 * k for k in channels)
    )
    return Case(
        make=lambda: network.build(description),
        plain=lambda: network.build(replace(description, dtype="float32") if inference else description),
        preprocess=preprocess,
        classes=description.classes,
        image=picture(description.picture, description.channels, description.size, description.seed),
        others=torch.stack(
            [picture("smooth", description.channels, description.size, description.seed + k) for k in range(1, 6)]
        ),
        excuses=network.excuses(description),
        keeps=any(block.kind == "kept_on_self" for block in description.walk()),
        target=description.target,
        output=description.output,
        fill=description.fill,
        window=description.window,
        stride=description.stride,
        batch=description.batch,
        seed=description.seed % 10_000,
    )


def picture(kind: str, channels: int, size: tuple[int, int], seed: int) -> Tensor:
    """(C,H,W) in [0,1]: noise, something smooth, or a smooth object on black."""
    generator = torch.Generator().manual_seed(seed)
    if kind == "noise":
        return torch.rand(channels, *size, generator=generator)
    coarse = torch.rand(1, channels, 4, 4, generator=generator)
    smooth = F.interpolate(coarse, size=size, mode="bilinear")[0].contiguous()
    if kind == "smooth":
        return smooth
    found = torch.zeros_like(smooth)
    rows, columns = (slice(side // 3, side // 3 + max(2, side // 4)) for side in size)
    found[:, rows, columns] = smooth[:, rows, columns]
    return found
