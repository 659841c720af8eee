"""The filters of a convolution: what pattern each kernel looks for, and where in the picture it finds it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.networks.layers import answer_of, convolution, layers
from vizcore.pictures import figures, notebook

__all__ = [
    "Kernels", "Order", "Scaling", "activation", "activations", "channels", "colour", "kernels", "layers", "norms",
    "order", "orientation", "rgb", "spectrum",
]  # fmt: skip

Scaling = Literal["kernel", "common"]
Order = Literal["index", "norm", "orientation", "colour"]

# Below this strength (of at most 1) a direction or a colour is noise, and sorting by it would only shuffle.
DECIDED = 0.1


@dataclass(frozen=True, eq=False)
class Kernels:
    """One convolution's weights (n,C,kh,kw), on the CPU: kernel i answers sum_c (weights[i,c] * input[c]) + bias[i].

    The weights are per unit of the layer's own input: for the first layer the normalised picture, so that colours are
    those of the pixels up to the small differences between the channels' standard deviations. C is the number of input
    channels that one kernel sees (fewer than the input has in a grouped convolution). ``layer`` is the layer's name.
    """

    weights: Tensor
    layer: str

    def _repr_png_(self) -> bytes:
        """The kernels in a notebook: as colour pictures, or deep ones by their first channel."""
        if self.weights.shape[1] in (1, 3):
            return notebook.png(figures.grid((rgb(self) * 255).round().byte()))
        return notebook.png(figures.grid(figures.signed_colours(self.weights[:, 0])))


def kernels(clf: Classifier, layer: str | None = None) -> Kernels:
    """The weights of the convolution called ``layer`` (one of :func:`layers`), by default of the first that runs.

    Raises ValueError for a name that is no convolution, or where the network has none.

    Krizhevsky et al. 2012, section 6.1 and figure 3.
    """
    name, module = convolution(clf, layer)
    return Kernels(module.weight.detach().float().cpu().contiguous().clone(), name)


def rgb(kernels: Kernels, scaling: Scaling = "kernel") -> Tensor:
    """0.5 + w / (2 max |w|), (n,kh,kw,3) in [0,1]: mid-grey is a weight of zero, always.

    ``scaling`` takes the maximum over each ``kernel`` (all patterns visible) or over all of them in ``common`` (weak
    kernels look weak). A kernel of zeros is mid-grey. One input channel is shown as grey. Raises ValueError for any
    other number than 1 or 3, which have no colour: see :func:`channels`.
    """
    n, count, kh, kw = kernels.weights.shape
    if count not in (1, 3):
        raise ValueError(
            f"{kernels.layer} has kernels of {count} channels; accepted: 3 (red, green, blue) or 1 (grey). "
            f"Deeper kernels are shown channel by channel."
        )
    pictures = _around_grey(kernels.weights, scaling).expand(n, 3, kh, kw)
    return pictures.permute(0, 2, 3, 1).contiguous()  # (n,3,kh,kw) -> (n,kh,kw,3)


def channels(kernels: Kernels, index: int, scaling: Scaling = "kernel") -> Tensor:
    """0.5 + w / (2 max |w|), (C,kh,kw) in [0,1], of kernel ``index``, channel by channel: mid-grey is zero.

    The maximum is over the kernel's channels together, so that they compare, or over all kernels in ``common``.
    """
    return _around_grey(kernels.weights, scaling)[_known(kernels, index)].clone()


def _around_grey(weights: Tensor, scaling: Scaling) -> Tensor:
    if scaling not in get_args(Scaling):
        raise ValueError(f"scaling is {scaling!r}; accepted: one of {', '.join(get_args(Scaling))}.")
    largest = weights.abs().amax(dim=(1, 2, 3), keepdim=True)  # (n,1,1,1)
    if scaling == "common":
        largest = largest.amax().expand_as(largest)
    return 0.5 + 0.5 * weights / torch.where(largest > 0, largest, torch.ones_like(largest))


def norms(kernels: Kernels) -> Tensor:
    """||w_i||_2, (n,): how strongly each kernel answers at most to an input of length one."""
    return kernels.weights.flatten(1).norm(dim=1)  # (n,C,kh,kw) -> (n,C*kh*kw) -> (n,)


def spectrum(kernels: Kernels, size: int | None = None) -> Tensor:
    """S_i(f) = sum_c |DFT(w_ic - mean w_ic)(f)|^2, (n,size,size): which spatial frequencies each kernel answers to.

    The zero frequency is in the middle, at [size // 2, size // 2]; rows are vertical frequencies from -1/2 to 1/2
    cycles per pixel of the layer's input. ``size`` is by default the first power of two at four times the kernel's
    side; padding with zeros only draws the same curve finer. S sums to size^2 * ||w_i - mean||^2 (Parseval).
    """
    side = max(kernels.weights.shape[2:])
    if size is None:
        size = 2 ** math.ceil(math.log2(4 * side))
    if size < side:
        raise ValueError(f"size is {size}; accepted: at least the kernel's side of {side}.")
    centred = kernels.weights - kernels.weights.mean(dim=(2, 3), keepdim=True)
    transform = torch.fft.fftshift(torch.fft.fft2(centred, s=(size, size)), dim=(2, 3))
    return transform.abs().square().sum(dim=1)  # (n,C,size,size) -> (n,size,size)


def orientation(kernels: Kernels) -> tuple[Tensor, Tensor]:
    """The direction along which a kernel changes least, (n,) in [0, pi), and how decided it is, (n,) in [0, 1].

    0 is a horizontal stripe or edge, pi/2 a vertical one, pi/4 one that rises to the right. The direction is the minor
    axis of the structure tensor J = sum grad w grad w^T over pixels and channels (Bigun & Granlund 1987), the strength
    its coherence (l1 - l2) / (l1 + l2); both are 0 for a kernel without any gradient. It is taken after bicubic
    enlargement to three times the size, without which slanted stripes of four pixels would be off by four degrees.
    """
    w = kernels.weights
    if min(w.shape[2:]) < 2:
        return torch.zeros(len(w)), torch.zeros(len(w))
    w = F.interpolate(w, scale_factor=3, mode="bicubic", align_corners=True)  # (n,C,kh,kw) -> (n,C,3kh,3kw)
    # Differences on 2 x 2 pixels, (n,C,3kh-1,3kw-1), which do not overlook the finest stripes.
    across, along = w[..., 1:] - w[..., :-1], w[:, :, 1:] - w[:, :, :-1]
    right, down = across[:, :, 1:] + across[:, :, :-1], along[..., 1:] + along[..., :-1]
    # The gradient's axis with y upwards; the stripe runs across it.
    angle, strength = _axis(right.flatten(1), -down.flatten(1))
    turned = torch.where(strength > 0, (angle + math.pi / 2) % math.pi, torch.zeros_like(angle))
    return turned, strength


def colour(kernels: Kernels) -> tuple[Tensor, Tensor]:
    """The axis of opponent colours that a kernel looks for, (n,) in [0, pi), and how coloured it is, (n,) in [0, 1].

    A kernel is split into grey (the channels' mean) and colour; the strength is the colour's share of ||w||^2. The axis
    is the principal one of the colour plane (2R - G - B, sqrt(3) (G - B)): 0 is red against cyan, pi/3 yellow against
    blue, 2 pi/3 green against magenta. Both are 0 for a grey kernel and where the channels are not three.
    """
    w = kernels.weights
    if w.shape[1] != 3:
        return torch.zeros(len(w)), torch.zeros(len(w))
    red, green, blue = w.unbind(dim=1)  # (n,kh,kw) each
    across = (2 * red - green - blue) / math.sqrt(6)
    along = (green - blue) / math.sqrt(2)
    angle, _ = _axis(across.flatten(1), along.flatten(1))
    energy = w.square().sum(dim=(1, 2, 3))
    share = (across.square() + along.square()).sum(dim=(1, 2)) / torch.where(
        energy > 0, energy, torch.ones_like(energy)
    )
    return torch.where(share > 1e-12, angle, torch.zeros_like(angle)), share.clamp(max=1.0)


def _axis(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The principal axis (n,) in [0, pi) of the points (x, y), each (n,m), through the origin, and its coherence."""
    xx, yy, xy = x.square().sum(1), y.square().sum(1), (x * y).sum(1)
    spread = torch.hypot(xx - yy, 2 * xy)
    angle = (torch.atan2(2 * xy, xx - yy) / 2) % math.pi
    angle = torch.where(angle >= math.pi, torch.zeros_like(angle), angle)  # the remainder may round up to pi itself
    return angle, spread / torch.where(xx + yy > 0, xx + yy, torch.ones_like(xx))


def order(kernels: Kernels, by: Order = "index") -> Tensor:
    """The kernels' indices (n,) sorted by ``index``, ``norm`` (largest first), ``orientation`` or ``colour``.

    By orientation or colour, similar directions or axes come together; kernels without a decided one (strength below
    0.1) come last, by norm. Ties keep the order of the index. Raises ValueError for any other ``by``.
    """
    if by not in get_args(Order):
        raise ValueError(f"by is {by!r}; accepted: one of {', '.join(get_args(Order))}.")
    n = len(kernels.weights)
    if by == "index":
        return torch.arange(n)
    size = norms(kernels)
    if by == "norm":
        return torch.argsort(size, descending=True, stable=True)
    angle, strength = orientation(kernels) if by == "orientation" else colour(kernels)
    decided = strength >= DECIDED
    key = torch.where(decided, angle, 2 * math.pi - size / (1 + size))  # undecided: after pi, the largest first
    return torch.argsort(key, stable=True)


def activations(clf: Classifier, image: Tensor, layer: str | None = None) -> Tensor:
    """What every filter of ``layer`` (by default the first convolution) answers at every place: (n,h,w), signed.

    ``image`` is (C,H,W) in [0,1]. Padding, stride, groups, bias and whatever the network does before the layer are its
    own (GoogLeNet rescales the channels once more); what follows, such as ReLU, is not applied. No gradient; on the
    CPU. Raises ValueError for a picture that is not the network's, or a layer that is no convolution of it.
    """
    clf.check_image(image)
    return answer_of(clf, convolution(clf, layer)[0], image)


def activation(clf: Classifier, image: Tensor, index: int, layer: str | None = None) -> Tensor:
    """w_i * I + b_i, (h,w): where in the picture filter ``index`` finds its pattern, and where its opposite (negative).

    See :func:`activations`. Raises ValueError for an index that is no filter of the layer.
    """
    _known(kernels(clf, layer), index)
    return activations(clf, image, layer)[index].clone()


def _known(kernels: Kernels, index: int) -> int:
    if not 0 <= index < len(kernels.weights):
        raise ValueError(
            f"index is {index!r}; accepted: 0 to {len(kernels.weights) - 1}, the kernels of {kernels.layer}."
        )
    return index
