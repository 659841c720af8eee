"""What is painted over a part of the picture that the network shall not see: no fill is free of information."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.params import ParameterError

Fill = Literal["grey", "mean", "black", "blur"]


def filling(clf: Classifier, image: Tensor, fill: Fill) -> Tensor:
    """The picture (C,H,W) that shows through where something is covered.

    ``grey``: 0.5 everywhere, as in Zeiler & Fergus. ``mean``: the mean colour of the network's training data, which is
    the zero of its input. ``black``: 0. ``blur``: ``image`` itself under a Gaussian blur whose standard deviation is a
    tenth of the shorter side, cut at three of them, with the border pixels continued outwards: it keeps the colours
    of the surroundings and takes the details away.
    Raises ParameterError for any other name.
    """
    if fill == "grey":
        return torch.full_like(image, 0.5)
    if fill == "mean":
        return clf.mean[0].to(image.device).expand_as(image).clone()  # (C,1,1) -> (C,H,W)
    if fill == "black":
        return torch.zeros_like(image)
    if fill == "blur":
        return _blurred(image)
    raise ParameterError(f"fill is {fill!r}; accepted: one of {', '.join(get_args(Fill))}.")


def _blurred(image: Tensor) -> Tensor:
    sigma = min(image.shape[-2:]) / 10
    reach = max(1, round(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(image) / sigma) ** 2)
    kernel /= kernel.sum()
    wide = F.pad(image[:, None], (reach, reach, reach, reach), mode="replicate")  # (C,H,W) -> (C,1,H+2r,W+2r)
    across = F.conv2d(wide, kernel.view(1, 1, 1, -1))  # (C,1,H+2r,W)
    return F.conv2d(across, kernel.view(1, 1, -1, 1))[:, 0].clamp(0, 1)  # (C,1,H,W) -> (C,H,W)
