"""Grad-CAM on networks with habits: layers used again, side outputs, work in place, and gradients cut off."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.conftest import random_picture
from vizcore.networks.classifier import Classifier, NetworkError, Preprocess
from vizcore.techniques.gradcam import GradCam, grad_cam, last_maps, map_layers


def made(module: nn.Module) -> Classifier:
    return Classifier(module, Preprocess((16, 16), (0.5,) * 3, (0.25,) * 3), ["a", "b", "c"], title="Net")


def weighed(score: Tensor, maps: Tensor) -> Tensor:
    """sum_k alpha_k A^k (h,w) by autograd, of maps (1,n,h,w)."""
    (slope,) = torch.autograd.grad(score, maps, retain_graph=True)
    return (slope.mean((2, 3), keepdim=True) * maps).sum(1)[0].detach()


class Again(nn.Module):
    """One convolution used three times, keeping its answers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 3)
        self.uses: list[Tensor] = []

    def forward(self, z: Tensor) -> Tensor:
        h, self.uses = F.relu(self.first(z)), []
        for _ in range(3):
            self.uses.append(self.again(h))
            h = F.relu(self.uses[-1])
        answer: Tensor = self.head(h.mean((2, 3)))
        return answer


class AgainForNothing(Again):
    """The last use does not reach the logits."""

    def forward(self, z: Tensor) -> Tensor:
        answer = super().forward(z)
        self.again(F.relu(self.uses[-1]))
        return answer


@pytest.mark.parametrize("kind", [Again, AgainForNothing])
@pytest.mark.parametrize("output", ["logit", "probability"])
def test_of_a_convolution_that_is_used_again_the_last_use_counts(kind: type[Again], output: str) -> None:
    torch.manual_seed(3)
    right = kind()
    clf = made(kind())
    clf.module.load_state_dict(right.state_dict())
    right.double()
    image = random_picture(clf)
    logits = right(clf.normalise(image[None]).double())[0]
    score = (logits.softmax(0) if output == "probability" else logits)[1]
    truths = [weighed(score, use).float() for use in right.uses]
    found = grad_cam(clf, image, 1, GradCam(output))  # type: ignore[arg-type]
    assert found.layer == "again"
    assert torch.allclose(found.signed, truths[2], atol=1e-6 * float(truths[2].abs().max()) + 1e-9)
    assert not torch.allclose(truths[0], truths[2], atol=0.1 * float(truths[2].abs().max()))


class Side(nn.Module):
    """A side output after the features: a head whose answer goes nowhere, in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.features, self.head, self.seg = nn.Conv2d(3, 8, 3), nn.Linear(8, 3), nn.Conv2d(8, 2, 1)

    def forward(self, z: Tensor) -> Tensor:
        h = self.features(z)
        if self.way == "in place":
            h = h.add_(2)
        if self.way == "no_grad":
            with torch.no_grad():
                self.mask = self.seg(h)
        else:
            self.mask = self.seg(h).detach() if self.way == "detached" else self.seg(h)
        answer: Tensor = self.head(F.relu(h).mean((2, 3)))
        return answer


@pytest.mark.parametrize("way", ["unused", "detached", "no_grad", "in place"])
def test_a_side_output_has_no_part_in_the_map(way: str) -> None:
    torch.manual_seed(0)
    clf = made(Side(way))
    image = random_picture(clf)
    maps = F.conv2d(clf.normalise(image[None]), clf.module.features.weight, clf.module.features.bias).requires_grad_()
    answer = F.relu(maps + (2 if way == "in place" else 0))
    truth = weighed(clf.module.head(answer.mean((2, 3)))[0, 2], maps)
    found = grad_cam(clf, image, 2)
    assert found.layer == "features"
    assert map_layers(clf) == ["features"]
    assert torch.allclose(found.signed, truth, atol=1e-6)
    with pytest.raises(NetworkError, match="No gradient leads from the answer of Net to its layer seg, "):
        grad_cam(clf, image, 2, layer="seg")


def test_a_part_that_answers_several_tensors_is_taken_by_its_first() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.seg = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1)

        def forward(self, z: Tensor) -> dict[str, Tensor]:
            h = self.conv(z).relu_()
            return {"out": h * 1.5, "mask": self.seg(h)}

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pair, self.head = Pair(), nn.Linear(4, 3)

        def forward(self, z: Tensor) -> Tensor:
            answer: Tensor = self.head(self.pair(z)["out"].mul_(2).mean((2, 3)))
            return answer

    torch.manual_seed(0)
    clf = made(Outer())
    image = random_picture(clf)
    found = grad_cam(clf, image, 0)
    assert found.layer == "pair"
    maps = (clf.module.pair.conv(clf.normalise(image[None])).relu() * 1.5).detach().requires_grad_()
    truth = weighed(clf.module.head((2 * maps).mean((2, 3)))[0, 0], maps)
    assert torch.allclose(found.signed, truth, atol=1e-6)


def test_an_input_that_is_rounded_cuts_nothing_off_that_matters() -> None:
    class Rounded(Side):
        def forward(self, z: Tensor) -> Tensor:
            return super().forward((z * 16).round())

    clf = made(Rounded("detached"))
    assert last_maps(clf) == "features"
    assert float(grad_cam(clf, random_picture(clf), 0).signed.abs().max()) > 0


class Frozen(Side):
    def forward(self, z: Tensor) -> Tensor:
        with torch.no_grad():
            return super().forward(z)


class FrozenFeatures(Side):
    def forward(self, z: Tensor) -> Tensor:
        with torch.no_grad():
            h = F.relu(self.features(z)).mean((2, 3))
        answer: Tensor = self.head(h)
        return answer


class Shy(Side):
    def forward(self, z: Tensor) -> Tensor:
        if z.requires_grad:
            raise RuntimeError("for inference only")
        return super().forward(z)


class Overwriting(Side):
    def forward(self, z: Tensor) -> Tensor:
        answer: Tensor = self.head(self.features(z).sigmoid().mul_(2).mean((2, 3)))
        return answer


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Frozen, "No gradient leads from the answer of Net to a convolution with more than one place"),
        (FrozenFeatures, "No gradient leads from the answer of Net to a convolution with more than one place"),
        (Shy, "Net cannot be run with gradients layer by layer"),
        (Overwriting, "Net cannot be run with gradients layer by layer"),
    ],
)
def test_where_no_gradient_can_be_had_there_is_a_sentence(kind: type[Side], sentence: str) -> None:
    clf = made(kind("unused"))
    image = random_picture(clf)
    with pytest.raises(NetworkError, match=f"{sentence}, so it has no map for Grad-CAM"):
        grad_cam(clf, image, 0)
    if kind in (Frozen, FrozenFeatures):
        with pytest.raises(NetworkError, match="No gradient leads from the answer of Net to its layer features, "):
            grad_cam(clf, image, 0, layer="features")


def test_a_traced_network_is_refused_with_a_sentence() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    clf = made(torch.jit.trace(net.requires_grad_(False), torch.zeros(1, 3, 16, 16)))
    with pytest.raises(NetworkError, match=r"Net was compiled by TorchScript, .* no map for Grad-CAM"):
        grad_cam(clf, random_picture(clf), 0)


def test_the_layers_with_maps_stand_from_the_last_to_the_first() -> None:
    block = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), block, nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 3, 1), nn.Flatten())
    assert map_layers(made(net)) == ["2", "2.0", "0"]


def test_a_layer_that_is_exchanged_is_followed() -> None:
    clf = made(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3)))
    assert map_layers(clf) == ["0"]
    clf.module[0] = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1))
    assert map_layers(clf) == ["0", "0.0"]
