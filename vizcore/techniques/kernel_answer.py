"""One answer of the first convolution, written out: patch times kernel, summed, plus the bias."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.networks.classifier import Classifier
from vizcore.techniques import filters

TOLERANCE = 1e-3  # of the products' sizes together, within which the sum must be the network's own answer


@dataclass(frozen=True, eq=False)
class KernelAnswer:
    """answer = sum_cij w_cij * z_cij + bias at one place of the answer map.

    ``patch`` (C,kh,kw) in [0,1] is the piece of the picture, 0 beyond its edges; ``products`` (C,kh,kw) are the
    kernel's weights times the network's normalised input there. ``box`` (top, left, bottom, right) in pixels is the
    piece's place within the picture. ``answer`` is what the network's own layer gives.
    """

    patch: Tensor
    products: Tensor
    bias: float
    answer: float
    box: tuple[int, int, int, int]

    @property
    def total(self) -> float:
        """The sum of all products."""
        return float(self.products.double().sum())


def at_place(clf: Classifier, image: Tensor, index: int, row: int, column: int) -> KernelAnswer:
    """The answer of kernel ``index`` of the first convolution at (``row``, ``column``) of its answer map.

    ``image`` is (C,H,W) in [0,1]. Raises ValueError for a kernel or a place that there is not, and where the layer's
    input is something else than the normalised picture, or is cut into groups.
    """
    convolution = clf.first_convolution()
    answers = filters.activation(clf, image, index)  # (h,w)
    height, width = answers.shape
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"row and column are {row} and {column}; accepted: up to {height - 1} and {width - 1}.")
    weight = convolution.weight[index].detach().cpu()  # (C,kh,kw)
    bias = 0.0 if convolution.bias is None else float(convolution.bias[index])
    image = image.detach().cpu()
    inputs = _patch(convolution, clf.normalise(image[None])[0].detach().cpu(), row, column)
    answer = float(answers[row, column])
    products = weight * inputs if weight.shape == inputs.shape else None
    if products is None or abs(float(products.double().sum()) + bias - answer) > TOLERANCE * float(
        products.abs().sum() + abs(bias)
    ):
        raise ValueError(f"{clf.title} does not give its picture to its first convolution as it is.")
    return KernelAnswer(
        _patch(convolution, image, row, column), products, bias, answer, _box(convolution, image, row, column)
    )


def _patch(convolution: nn.Conv2d, picture: Tensor, row: int, column: int) -> Tensor:
    """What one answer reads of a picture (C,H,W): (C,kh,kw)."""
    (top, bottom), (left, right) = _padding(convolution)
    mode = "constant" if convolution.padding_mode == "zeros" else convolution.padding_mode
    padded = F.pad(picture[None], (left, right, top, bottom), mode=mode)[0]  # (C,H,W) -> (C,H+2p,W+2p)
    starts = row * convolution.stride[0], column * convolution.stride[1]
    rows, columns = (
        slice(start, start + step * (size - 1) + 1, step)
        for start, step, size in zip(starts, convolution.dilation, convolution.kernel_size, strict=True)
    )
    return padded[:, rows, columns].clone()


def _padding(convolution: nn.Conv2d) -> list[tuple[int, int]]:
    """(before, after) for rows and columns."""
    if not isinstance(convolution.padding, str):
        return [(int(one), int(one)) for one in convolution.padding]
    if convolution.padding == "valid":
        return [(0, 0), (0, 0)]
    totals = [step * (size - 1) for step, size in zip(convolution.dilation, convolution.kernel_size, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def _box(convolution: nn.Conv2d, image: Tensor, row: int, column: int) -> tuple[int, int, int, int]:
    ends = []
    for at, place in enumerate((row, column)):
        start = place * convolution.stride[at] - _padding(convolution)[at][0]
        end = start + convolution.dilation[at] * (convolution.kernel_size[at] - 1) + 1
        ends.append((max(0, start), min(end, image.shape[1 + at])))
    (top, bottom), (left, right) = ends
    return top, left, bottom, right
