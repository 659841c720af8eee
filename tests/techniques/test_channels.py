"""Channels as units: closed forms on one convolution, finite differences, layers of every kind, lambda that fits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import random_picture
from tests.helpers.contract import check_contract
from vizcore.networks.classifier import Classifier, NetworkError, Preprocess
from vizcore.targets import Channel
from vizcore.techniques import channels, maximize
from vizcore.techniques.maximize import Ascent, Maximisation

Snapshot = Callable[[Classifier], Callable[[], None]]
SHORT = Maximisation(steps=10)


def classifier(*features: nn.Module, width: int = 4, side: tuple[int, int] = (11, 13)) -> Classifier:
    torch.manual_seed(0)
    module = nn.Sequential()
    module.features = nn.Sequential(*features)
    module.pool, module.flat, module.head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3)
    return Classifier(module, Preprocess(side, (0.5,) * 3, (0.25,) * 3), ["a", "b", "c"], title="Toy")


def linear() -> Classifier:
    torch.manual_seed(1)
    return classifier(nn.Conv2d(3, 4, 3))


def last(clf: Classifier, unit: Channel, params: Maximisation) -> Ascent:
    *_, ascent = maximize.maximize(clf, unit, params)
    return ascent


def slope(clf: Classifier, unit: Channel) -> Tensor:
    """dy/dI (C,H,W) of a channel of :func:`linear`, written out: its kernel, at each place or at the central one."""
    kernel = clf.module.features[0].weight[unit.channel].detach()  # (3,3,3)
    _, height, width = clf.input_shape
    w, places = torch.zeros(clf.input_shape), (height - 2, width - 2)
    if unit.of == "centre":
        top, left = places[0] // 2, places[1] // 2
        w[:, top : top + 3, left : left + 3] = kernel
        return w
    for top in range(places[0]):
        for left in range(places[1]):
            w[:, top : top + 3, left : left + 3] += kernel / math.prod(places)
    return w


@pytest.mark.parametrize("of", ["mean", "centre"])
@pytest.mark.parametrize("coordinates", ["pixels", "fourier"])
def test_on_one_convolution_it_converges_to_w_over_two_lambda(of: str, coordinates: str) -> None:
    clf = linear()
    unit = Channel("features.0", 2, of)  # type: ignore[arg-type]
    w = slope(clf, unit)
    lambda_ = float(w.square().mean().sqrt()) / (2 * 0.5)
    params = Maximisation(lambda_, 0.3, 400, coordinates=coordinates)  # type: ignore[arg-type]
    ascent = last(clf, unit, params)
    expected = w / (2 * lambda_)
    assert float((ascent.input - expected).norm() / expected.norm()) < 0.01
    bias = float(clf.module.features[0].bias[2])
    assert ascent.score == pytest.approx(float(w.square().sum()) / (2 * lambda_) + bias, rel=1e-2)


@pytest.mark.parametrize("of", ["mean", "centre"])
def test_the_gradient_is_that_of_finite_differences(bundled: Classifier, of: str) -> None:
    unit = Channel("features.6", 5, of)  # type: ignore[arg-type]
    double = Classifier(copy.deepcopy(bundled.module), bundled.preprocess, bundled.classes)
    double.module.double()  # since then, for it is made float32
    answers = channels.answering(double, [unit])
    z = double.normalise(random_picture(bundled)[None].double()).requires_grad_()
    (gradient,) = torch.autograd.grad(answers(z, [0])[1].sum(), z)
    along = torch.randn(z.shape, generator=torch.Generator().manual_seed(0), dtype=z.dtype)
    with torch.no_grad():
        up, down = (float(answers(z + h * along, [0])[1]) for h in (1e-6, -1e-6))
    expected = float((gradient * along).sum())
    assert abs(expected) > 0.01
    assert (up - down) / 2e-6 == pytest.approx(expected, rel=1e-5)


def test_values_are_the_channels_of_the_answer(bundled: Classifier) -> None:
    images = torch.stack([random_picture(bundled), random_picture(bundled, seed=1)])
    with torch.no_grad():
        expected = bundled.module.features[:4](bundled.normalise(images))  # ends in the layer features.3
    maps = channels.maps_of(bundled, "features.3", images)
    assert torch.allclose(maps, expected, atol=1e-5)
    assert torch.allclose(channels.value(maps, Channel("features.3", 7)), expected[:, 7].mean((1, 2)), atol=1e-5)
    middle = channels.value(maps, Channel("features.3", 7, "centre"))
    assert torch.allclose(middle, expected[:, 7, 7, 7], atol=1e-5)  # of 15 x 15 places


def test_what_comes_after_the_layer_in_place_does_not_change_it() -> None:
    clf = classifier(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    image = random_picture(clf)[None]
    with torch.no_grad():
        expected = clf.module.features[0](clf.normalise(image))
    assert float(expected.min()) < 0
    assert torch.allclose(channels.maps_of(clf, "features.0", image), expected, atol=1e-6)
    assert float(channels.maps_of(clf, "features.1", image).min()) == 0


class Twice(nn.Module):
    """Uses one convolution twice, with a ReLU in place after each use."""

    def __init__(self) -> None:
        super().__init__()
        self.again, self.relu = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(inplace=True)
        self.unused, self.head = nn.Conv2d(3, 2, 1), nn.Linear(3, 2)

    def forward(self, z: Tensor) -> Tensor:
        for _ in range(2):
            z = self.relu(self.again(z))
        return self.head(z.mean((2, 3)))


def twice() -> Classifier:
    torch.manual_seed(0)
    return Classifier(Twice(), Preprocess((12, 10), (0.5,) * 3, (0.25,) * 3), ["a", "b"], title="Twice")


def test_of_a_layer_used_twice_the_last_use_counts() -> None:
    clf = twice()
    image = random_picture(clf)[None]
    with torch.no_grad():
        first = clf.module.again(clf.normalise(image)).relu()
        expected = clf.module.again(first)
    assert torch.allclose(channels.maps_of(clf, "again", image), expected, atol=1e-6)
    assert last(clf, Channel("again", 1), SHORT).score > last(clf, Channel("again", 1), SHORT).scores[0]


@pytest.mark.parametrize(
    ("unit", "sentence"),
    [
        (Channel("features.9", 0), "layer 'features.9' is none of Toy; accepted: .*: features.0, features"),
        (Channel("features.0", 4), "channel is 4; accepted: 0 to 3 of layer 'features.0'"),
        (Channel("features.0", -1), "channel is -1; accepted: 0 to 3"),
        (Channel("head", 0), r"layer 'head' answers \(1, 3\); accepted: a layer that answers feature maps: features.0"),
    ],
)
def test_a_unit_that_is_not_there_is_refused(unit: Channel, sentence: str) -> None:
    for call in (maximize.maximize, maximize.defaults):
        with pytest.raises(ValueError, match=sentence):
            call(linear(), unit)


def test_a_layer_that_is_not_run_and_another_part_are_refused() -> None:
    with pytest.raises(ValueError, match=r"layer 'unused' is not run when it classifies a picture; accepted: .*again"):
        maximize.maximize(twice(), Channel("unused", 0))
    with pytest.raises(ValueError, match="of is 'corner'; accepted: one of mean, centre"):
        Channel("features.0", 0, "corner")  # type: ignore[arg-type]


def test_a_channel_has_no_probability() -> None:
    clf = linear()
    with pytest.raises(ValueError, match=r"output is 'probability'.* accepted: 'logit'"):
        maximize.maximize(clf, Channel("features.0", 0), replace(SHORT, output="probability"))
    end = last(clf, Channel("features.0", 0), replace(SHORT, jitter=2))
    assert end.scores == end.logits
    assert end.measured is not None
    assert all(math.isnan(one) for one in (*end.probabilities, *end.measured.probabilities))
    own, moved, clipped = end.measured.logits
    maps = channels.answers(clf, channels.layer_of(clf, Channel("features.0", 0)))
    assert own == pytest.approx(float(maps(end.input[None])[0, 0].mean()), rel=1e-5)
    assert len({round(own, 4), round(moved, 4), round(clipped, 4)}) >= 2


def test_a_compiled_network_cannot_be_looked_into() -> None:
    torch.manual_seed(0)
    module = torch.jit.script(nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    clf = Classifier(module, Preprocess((8, 8), (0.5,) * 3, (0.25,) * 3), ["a", "b"], title="Compiled")
    with pytest.raises(NetworkError, match="Compiled cannot be looked into"):
        maximize.maximize(clf, Channel("0", 0))


def test_generator_contract(unchanged: Snapshot, bundled: Classifier) -> None:
    verify = unchanged(bundled)
    params = replace(SHORT, jitter=3, turn=5, draws=3, coordinates="fourier")
    check_contract(lambda: maximize.maximize(bundled, Channel("features.3", 9), params), same)
    check_contract(lambda: maximize.search(bundled, Channel("features.3", 1)), lambda a, b: a.params == b.params)
    verify()


def same(a: Ascent, b: Ascent) -> bool:
    return torch.equal(a.input, b.input) and a.objectives == b.objectives


def test_layers_come_in_running_order_with_their_channels(bundled: Classifier) -> None:
    found = [(layer.name, layer.channels, layer.size) for layer in maximize.layers(bundled)]
    assert found[:2] == [("features.0", 64, (31, 31)), ("features.3", 128, (15, 15))]
    assert found[-1] == ("features", 128, (3, 3))


class Tokens(nn.Module):
    """Patches as tokens on a grid behind a class token, one block of attention, as in a vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, z: Tensor) -> Tensor:
        words = self.patches(z).flatten(2).transpose(1, 2)  # (N,8,h,w) -> (N,L,8)
        words = self.block(torch.cat([words.mean(1, keepdim=True), words], 1))
        return self.head(words.mean(1))


def test_tokens_are_channels_on_their_grid() -> None:
    torch.manual_seed(0)
    clf = Classifier(Tokens(), Preprocess((16, 24), (0.5,) * 3, (0.25,) * 3), ["a", "b", "c"], title="Tokens")
    images = torch.stack([random_picture(clf, seed=k) for k in range(3)])
    maps = channels.maps_of(clf, "block", images)
    with torch.no_grad():
        z = clf.normalise(images)
        words = clf.module.patches(z).flatten(2).transpose(1, 2)
        words = clf.module.block(torch.cat([words.mean(1, keepdim=True), words], 1))
    assert maps.shape == (3, 8, 4, 6)
    assert torch.allclose(maps[2, 5, 1, 2], words[2, 1 + 1 * 6 + 2, 5], atol=1e-5)
    assert last(clf, Channel("block", 3), SHORT).score > last(clf, Channel("block", 3), SHORT).scores[0]


@pytest.mark.parametrize("scale", [1e-2, 1.0, 100.0])
def test_lambda_follows_the_size_of_a_channels_answers(scale: float) -> None:
    clf = linear()
    with torch.no_grad():
        clf.module.features[0].weight.mul_(scale)
    unit = Channel("features.0", 1)
    end = last(clf, unit, maximize.defaults(clf, unit))
    assert 0.2 < float(end.input.square().mean().sqrt()) < 3


def test_each_kind_of_layer_of_the_bundled_network_is_drawn(bundled: Classifier) -> None:
    for layer in maximize.layers(bundled)[:5:2]:
        unit = Channel(layer.name, layer.channels // 2)
        end = last(bundled, unit, replace(maximize.defaults(bundled, unit), steps=30))
        assert end.answers
        assert end.score > end.scores[0]
        assert 0.1 < float(end.input.square().mean().sqrt()) < 3


def test_the_centre_is_not_shifted_further_than_its_neighbours(bundled: Classifier) -> None:
    mean, centre = (maximize.defaults(bundled, Channel("features.0", 3, of)) for of in ("mean", "centre"))
    assert (mean.jitter, centre.jitter) == (maximize.defaults(bundled).jitter, 128 // 31)
