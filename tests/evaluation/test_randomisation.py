"""Twins with random weights: which layers they have, in which order, what is drawn, and what stays shared."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.conftest import linear_classifier, random_picture
from tests.networks.test_zoo import random_state
from vizcore.evaluation.randomisation import draw, layers_from_the_top, randomised
from vizcore.networks import zoo
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.networks.installed_torchvision import torchvision_models

Snapshot = Callable[[Classifier], Callable[[], None]]


class Normalised(nn.Module):
    """A normalised input, two convolutions in the opposite order of their declaration, a normalisation, a mean."""

    def __init__(self) -> None:
        super().__init__()
        chance = torch.Generator().manual_seed(0)
        self.second, self.first = nn.Conv2d(5, 4, 1, bias=False), nn.Conv2d(3, 5, 3)
        self.before, self.norm = nn.BatchNorm2d(3), nn.BatchNorm2d(4)
        self.never = nn.Linear(2, 2)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=chance)

    def forward(self, z: Tensor) -> Tensor:
        answer: Tensor = self.norm(self.second(self.first(self.before(z)).relu()))
        return answer.mean(dim=(2, 3))


@pytest.fixture
def normalised() -> Classifier:
    return Classifier(Normalised(), Preprocess((9, 8), (0.5,) * 3, (0.5,) * 3), list("abcd"), device="cpu")


def built(name: str, size: int = 64) -> Classifier:
    """An architecture of the catalogue with random weights and a small input."""
    module = zoo.build(name, random_state(name))
    return Classifier(module, Preprocess((size, size), (0.5,) * 3, (0.25,) * 3), [str(k) for k in range(1000)])


def test_layers_come_in_the_order_of_the_computation(normalised: Classifier) -> None:
    top, bottom = layers_from_the_top(normalised)
    assert (top.name, bottom.name) == ("second", "first")
    assert top.parameters == ("second.weight", "norm.weight", "norm.bias")
    assert set(bottom.parameters) == {"first.weight", "first.bias", "before.weight", "before.bias"}
    assert (top.norms, bottom.norms) == (("norm",), ("before",))


class Attentive(nn.Module):
    """Attention between the rows of a picture: it reads the weights of a part of its own without calling it."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.never = nn.Linear(2, 2)

    def forward(self, z: Tensor) -> Tensor:
        rows = z.mean(dim=1)  # (N,C,H,W) -> (N,H,W)
        answer: Tensor = self.attention(rows, rows, rows)[0].mean(dim=1)
        return answer


def test_parts_that_are_read_but_not_called_go_with_the_layer_that_holds_them() -> None:
    with torch.random.fork_rng():
        clf = Classifier(Attentive(), Preprocess((5, 8), (0.5,) * 3, (0.5,) * 3), list("abcdefgh"), device="cpu")
    (layer,) = layers_from_the_top(clf)
    assert layer.name == "attention"
    own = {name for name, _ in clf.module.named_parameters() if name.startswith("attention.")}
    assert "attention.out_proj.weight" in own
    assert set(layer.parameters) == own


def test_layers_of_the_bundled_network(bundled: Classifier) -> None:
    names = [layer.name for layer in layers_from_the_top(bundled)]
    convolutions = [f"features.{k}" for k in (10, 8, 6, 3, 0)]
    assert names == ["classifier.5", "classifier.2", *convolutions]


def test_a_network_that_is_one_layer_has_one() -> None:
    (layer,) = layers_from_the_top(linear_classifier())
    assert (layer.name, layer.parameters, layer.norms) == ("", ("weights",), ())


ENDS = {
    "alexnet": ("classifier.6", "features.0"),
    "vgg16": ("classifier.6", "features.0"),
    "resnet18": ("fc", "conv1"),
    "resnet50": ("fc", "conv1"),
    "squeezenet1_0": ("classifier.1", "features.0"),
    "googlenet": ("fc", "conv1.conv"),
    "mobilenet_v3_large": ("classifier.3", "features.0.0"),
    "convnext_tiny": ("classifier.2", "features.0.0"),
}


@pytest.mark.parametrize("name", zoo.NAMES)
def test_every_weight_of_the_catalogue_has_its_layer(name: str) -> None:
    clf = built(name)
    layers = layers_from_the_top(clf)
    assert (layers[0].name, layers[-1].name) == ENDS[name]
    heavy = {key for key, module in clf.module.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))}
    assert {layer.name for layer in layers} == heavy
    found = [parameter for layer in layers for parameter in layer.parameters]
    assert sorted(found) == sorted(key for key, _ in clf.module.named_parameters())
    norms = [key for key, module in clf.module.named_modules() if isinstance(module, _BatchNorm)]
    assert sorted(norm for layer in layers for norm in layer.norms) == sorted(norms)


def test_normalisations_and_scales_go_with_the_layer_before_them() -> None:
    with_norms = {layer.name: layer for layer in layers_from_the_top(built("resnet18"))}
    assert with_norms["layer4.1.conv2"].norms == ("layer4.1.bn2",)
    assert with_norms["layer4.0.downsample.0"].norms == ("layer4.0.downsample.1",)
    scaled = {layer.name: layer for layer in layers_from_the_top(built("convnext_tiny"))}
    assert "features.7.2.layer_scale" in scaled["features.7.2.block.5"].parameters


def test_draws_keep_the_size_of_the_weights_and_nothing_else(bundled: Classifier) -> None:
    layers = layers_from_the_top(bundled)
    drawn = draw(bundled, layers, 0)
    assert set(drawn) == {name for layer in layers for name in layer.parameters}
    for name, fresh in drawn.items():
        trained = bundled.module.get_parameter(name)
        assert (fresh.shape, fresh.dtype) == (trained.shape, trained.dtype)
        if trained.dim() > 1:
            size = float(trained.square().mean().sqrt())
            assert float(fresh.square().mean().sqrt()) == pytest.approx(size, rel=0.05)
            assert abs(float(fresh.mean())) < 5 * size / trained.numel() ** 0.5
        else:
            error = float(trained.std()) / trained.numel() ** 0.5
            assert float(fresh.mean()) == pytest.approx(float(trained.mean()), abs=5 * error)
        related = torch.corrcoef(torch.stack([fresh.reshape(-1), trained.detach().reshape(-1)]))[0, 1]
        assert abs(float(related)) < 5 / trained.numel() ** 0.5


def test_draws_depend_on_seed_network_and_depth_alone(bundled: Classifier) -> None:
    layers = layers_from_the_top(bundled)
    whole, top = draw(bundled, layers, 4, 1), draw(bundled, layers[:2], 4, 1)
    assert all(torch.equal(top[name], whole[name]) for name in top)
    for seed, network in ((5, 1), (4, 0), (1, 4)):
        assert not torch.equal(
            draw(bundled, layers[:1], seed, network)["classifier.5.weight"], top["classifier.5.weight"]
        )


def test_a_twin_shares_what_is_not_random_and_leaves_the_network_alone(
    bundled: Classifier, unchanged: Snapshot
) -> None:
    verify, layers = unchanged(bundled), layers_from_the_top(bundled)
    image, drawn, checksum = random_picture(bundled), draw(bundled, layers, 0), bundled.checksum
    twin = randomised(bundled, layers[:3], drawn, image)
    random = {name for layer in layers[:3] for name in layer.parameters}
    for name, value in twin.module.named_parameters():
        source = drawn[name] if name in random else bundled.module.get_parameter(name)
        assert value.data_ptr() == source.data_ptr(), name
        assert value is not bundled.module.get_parameter(name)
    assert not torch.allclose(twin.logits(image[None]), bundled.logits(image[None]))
    verify()
    assert bundled.checksum == checksum
    assert twin.checksum != checksum
    assert randomised(bundled, layers[:3], drawn, image).checksum == twin.checksum
    assert randomised(bundled, layers[:4], drawn, image).checksum != twin.checksum
    assert torch.equal(randomised(bundled, [], drawn, image).logits(image[None]), bundled.logits(image[None]))


def test_a_random_layer_is_normalised_by_what_the_picture_gives(normalised: Classifier, unchanged: Snapshot) -> None:
    verify, layers = unchanged(normalised), layers_from_the_top(normalised)
    image = random_picture(normalised)
    drawn = draw(normalised, layers, 0)
    twin = randomised(normalised, layers, drawn, image)
    verify()
    mirrored = torch.stack([image, image.flip(1), image.flip(2), image.flip(1, 2)])
    answer = twin.module.get_submodule("second")(
        twin.module.get_submodule("first")(twin.module.get_submodule("before")(twin.normalise(mirrored))).relu()
    )
    norm = twin.module.get_submodule("norm")
    assert isinstance(norm, nn.BatchNorm2d)
    assert not norm.training
    torch.testing.assert_close(norm.running_mean, answer.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(norm.running_var, answer.var(dim=(0, 2, 3)), rtol=0.05, atol=1e-4)
    assert norm.momentum == 0.1
    top = randomised(normalised, layers[:1], drawn, image)
    before = top.module.get_submodule("before")
    assert isinstance(before, nn.BatchNorm2d)
    assert before.running_var is not None
    assert torch.equal(before.running_var, torch.ones(3))  # not random, so left as it was


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "mobilenet_v3_large", "convnext_tiny", "squeezenet1_0"])
def test_random_networks_of_the_catalogue_still_look_at_the_picture(name: str) -> None:
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = getattr(torchvision_models(), name)(weights=None, **options)
    clf = Classifier(module, Preprocess((64, 64), (0.5,) * 3, (0.25,) * 3), [str(k) for k in range(1000)])
    layers = layers_from_the_top(clf)
    one, other = random_picture(clf), 0.5 * random_picture(clf).flip(2)
    logits = randomised(clf, layers, draw(clf, layers, 0), one).logits(torch.stack([one, other]))
    assert bool(torch.isfinite(logits).all())
    assert float((logits[0] - logits[1]).abs().max()) > 0.01 * float(logits.abs().max()) > 0
