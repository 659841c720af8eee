"""One answer of a kernel, written out: the sum is the network's own answer, whatever the convolution's geometry."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import random_picture
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.techniques import filters
from vizcore.techniques.kernel_answer import at_place


class Small(nn.Module):
    """A convolution and a linear layer; ``scale`` is what is done to the picture before."""

    def __init__(self, scale: float, **geometry: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.scale = scale
        self.convolution = nn.Conv2d(3, 4, **geometry)
        self.head = nn.LazyLinear(2)

    def forward(self, z: Tensor) -> Tensor:
        answer: Tensor = self.head(self.convolution(z * self.scale).relu().flatten(1))
        return answer


def network(scale: float = 1.0, **geometry: Any) -> Classifier:
    module = Small(scale, **geometry)
    module(torch.zeros(1, 3, 13, 11))
    return Classifier(module, Preprocess((13, 11), (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)), ["a", "b"], name="small")


@pytest.mark.parametrize(
    "geometry",
    [
        {"kernel_size": 3},
        {"kernel_size": 5, "stride": 2, "padding": 2, "bias": False},
        {"kernel_size": (3, 4), "padding": "same"},
        {"kernel_size": 3, "dilation": 2, "padding": "valid"},
        {"kernel_size": (2, 3), "stride": (3, 2), "padding": (1, 0)},
        {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
    ],
)
def test_products_and_bias_are_the_layers_own_answer_everywhere(geometry: dict[str, Any]) -> None:
    clf = network(**geometry)
    image = random_picture(clf)
    answers = filters.activation(clf, image, 2)
    for row in range(answers.shape[0]):
        for column in range(answers.shape[1]):
            found = at_place(clf, image, 2, row, column)
            assert found.answer == pytest.approx(float(answers[row, column]))
            assert found.total + found.bias == pytest.approx(found.answer, abs=1e-5)
            top, left, bottom, right = found.box
            assert 0 <= top < bottom <= 13
            assert 0 <= left < right <= 11


def test_the_patch_is_the_framed_piece_of_the_picture() -> None:
    clf = network(kernel_size=3, stride=2, padding=1)
    image = random_picture(clf)
    inside = at_place(clf, image, 0, 2, 3)
    assert inside.box == (3, 5, 6, 8)
    assert torch.equal(inside.patch, image[:, 3:6, 5:8])
    corner = at_place(clf, image, 0, 0, 0)
    assert corner.box == (0, 0, 2, 2)
    assert torch.equal(corner.patch[:, 1:, 1:], image[:, :2, :2])
    assert float(corner.patch[:, 0].abs().max()) == 0


def test_what_cannot_be_written_out_is_said() -> None:
    clf = network(kernel_size=3)
    image = random_picture(clf)
    for index, row, column in ((9, 0, 0), (0, 11, 0), (0, 0, -1)):
        with pytest.raises(ValueError, match="accepted"):
            at_place(clf, image, index, row, column)
    with pytest.raises(ValueError, match="as it is"):
        at_place(network(scale=2.0, kernel_size=3), image, 0, 0, 0)


def test_the_bundled_networks_are_written_out(bundled: Classifier) -> None:
    image = random_picture(bundled)
    found = at_place(bundled, image, 7, 3, 4)
    assert found.patch.shape == found.products.shape == (3, 11, 11)
    assert found.total + found.bias == pytest.approx(found.answer, abs=1e-4)
