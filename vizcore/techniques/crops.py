"""Crops of pictures to which a channel answers most strongly: what it looks for, told by pictures that exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.networks.gradients import no_gradient
from vizcore.networks.order import probe
from vizcore.targets import Channel
from vizcore.techniques.channels import answers, layer_of, maps_of

LEAST = 12  # pixels across a crop: what is smaller shows nothing


@dataclass(frozen=True, eq=False)
class Answered:
    """What each of a layer's n channels answers to ``step`` of ``of`` pictures.

    ``images`` (N,C,H,W) are the pictures as bytes, ``means`` (N,n) the mean over places of each channel, ``peaks``
    (N,n) the largest value, and ``rows`` and ``columns`` (N,n) where in the picture, in pixels, that place lies.
    """

    images: Tensor
    means: Tensor
    peaks: Tensor
    rows: Tensor
    columns: Tensor
    step: int
    of: int

    def __add__(self, other: Answered) -> Answered:
        """Both of them, as one."""
        return Answered(
            torch.cat([self.images, other.images]),
            torch.cat([self.means, other.means]),
            torch.cat([self.peaks, other.peaks]),
            torch.cat([self.rows, other.rows]),
            torch.cat([self.columns, other.columns]),
            self.step + other.step,
            self.of + other.of,
        )

    def strongest(self, channel: int, count: int, side: int) -> Tensor:
        """Bytes (m,C,side,side), m <= ``count``: round the largest answers of a channel, one of each picture.

        The strongest come first; a crop that would leave the picture is moved into it. ``side`` is at most that of the
        picture.
        """
        _, _, height, width = self.images.shape
        best = self.peaks[:, channel].topk(min(count, len(self.peaks))).indices.tolist()
        found = []
        for one in best:
            top = min(max(int(self.rows[one, channel]) - side // 2, 0), height - side)
            left = min(max(int(self.columns[one, channel]) - side // 2, 0), width - side)
            found.append(self.images[one, :, top : top + side, left : left + side])
        return torch.stack(found)


def answered(clf: Classifier, layer: str, images: Iterable[Tensor], count: int) -> Iterator[Answered]:
    """What the channels of ``layer`` answer to so many pictures (C,H,W) in [0,1], one after the other.

    Raises ValueError for a layer without feature maps.
    """
    layer_of(clf, Channel(layer, 0))
    found: list[tuple[Tensor, ...]] = []
    for image in images:
        maps = maps_of(clf, layer, image[None])[0]  # (n,h,w)
        peaks, places = maps.flatten(1).max(dim=1)  # (n,h w) -> (n,)
        (_, height, width), (_, h, w) = image.shape, maps.shape
        rows = ((places // w + 0.5) * height / h).long()
        columns = ((places % w + 0.5) * width / w).long()
        found.append(((image * 255).round().byte(), maps.mean(dim=(1, 2)), peaks, rows, columns))
        pixels, means, highest, down, right = (torch.stack(values) for values in zip(*found, strict=True))
        yield Answered(pixels, means, highest, down, right, len(found), count)


def side(clf: Classifier, layer: str) -> int:
    """How many pixels across a crop is: what the central place of ``layer`` can see, but at most half the picture.

    That is where dA/dz of the central place is not zero, for a picture of noise. Raises ValueError for a layer without
    feature maps, and :class:`~vizcore.networks.classifier.NetworkError` where it has no gradient.
    """
    maps = answers(clf, layer_of(clf, Channel(layer, 0)))
    with torch.inference_mode(False), torch.enable_grad():
        z = probe(clf).detach().requires_grad_()
        answer = maps(z)
        if not answer.requires_grad:
            raise NetworkError(no_gradient(clf.title))
        centre = answer[0, :, answer.shape[2] // 2, answer.shape[3] // 2]
        (gradient,) = torch.autograd.grad(centre.abs().sum(), z)
    seen = gradient[0].abs().sum(0) > 0  # (H,W)
    extents = [0]
    for along in (seen.any(1), seen.any(0)):
        at = along.nonzero()
        extents.append(int(at.max() - at.min()) + 1 if len(at) else 0)
    shorter = min(clf.input_shape[1:])
    return min(max(max(extents), LEAST), max(LEAST, shorter // 2), shorter)
