"""Settings that fit a network: lambda by its closed form on a linear one, kept, and something drawn on any."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from tests.conftest import linear_classifier
from tests.helpers.contract import check_contract
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.params import specs
from vizcore.targets import Channel
from vizcore.techniques import default_settings
from vizcore.techniques.fourier import Fourier
from vizcore.techniques.maximize import Maximisation, defaults, maximize

STOPS = specs(Maximisation)["lambda_"].levels  # type: ignore[union-attr]


def smooth_classifier(scale: float) -> Classifier:
    """A linear network whose weights have the spectrum of photographs."""
    clf = linear_classifier((32, 32), std=0.25)
    space = Fourier.of_network(clf, 1.5)
    weights = [space.picture(space.noise(torch.Generator().manual_seed(k)))[0] for k in range(3)]
    clf.module.weights.data = scale * torch.stack(weights)
    return clf


@pytest.mark.parametrize("scale", [1e-3, 1e-2, 0.1])
def test_on_a_linear_network_the_optimum_has_about_the_contrast_wanted(scale: float) -> None:
    clf = smooth_classifier(scale)
    optimum = clf.module.weights[0] / (2 * defaults(clf).lambda_)
    contrast = float(optimum.square().mean().sqrt())
    # The I that is climbed leans away from w, which makes lambda smaller, and lambda is rounded to half a decade.
    assert default_settings.CONTRAST / 2 < contrast < default_settings.CONTRAST * 3


def test_lambda_is_a_stop_of_its_slider_and_other_settings_are_the_same_for_all() -> None:
    one, other = linear_classifier((28, 28)), linear_classifier((224, 200), seed=1)
    assert defaults(one).lambda_ in STOPS
    assert (defaults(one).jitter, defaults(other).jitter) == (2, 14)
    assert replace(defaults(one), lambda_=0.0, jitter=0) == replace(defaults(other), lambda_=0.0, jitter=0)


def test_it_is_found_once_and_anew_where_the_network_was_changed() -> None:
    clf = linear_classifier((32, 32))
    before = defaults(clf)
    assert next(default_settings.search(clf)).step == next(default_settings.search(clf)).of == 1
    clf.module.weights.data.mul_(100.0)
    with torch.no_grad():
        clf.module.weights.mul_(1.0)  # in place, as training does it
    assert defaults(clf).lambda_ > before.lambda_
    held = len(default_settings._found)
    del clf
    gc.collect()
    assert len(default_settings._found) < held


def test_the_search_keeps_the_contract_of_generators() -> None:
    check_contract(lambda: default_settings.search(linear_classifier()), lambda a, b: a == b)


@pytest.mark.parametrize("near", [0.0, 0.02, 10.0])  # none is climbed again, few are, all are
def test_channels_in_a_batch_find_what_each_finds_alone(near: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_settings, "_NEAR", near)
    units = [Channel("2", channel) for channel in range(5)]
    *_, found = default_settings.search_channels(convolutional(3, 28, 4), units)
    alone = convolutional(3, 28, 4)
    assert [one.params for one in found] == [defaults(alone, unit) for unit in units]
    assert len({one.params.lambda_ for one in found}) > 1


def test_what_a_batch_might_have_decided_is_climbed_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    climbs: list[int] = []
    original = default_settings.climb_in_a_batch

    def noted(*given: Any) -> Any:
        climbs.append(len(given[1]))
        return original(*given)

    monkeypatch.setattr(default_settings, "climb_in_a_batch", noted)
    monkeypatch.setattr(default_settings, "_ONE_STEP", 10.0)
    units = [Channel("2", channel) for channel in range(5)]
    for near, expected in ((0.0, [5]), (10.0, [5, 1, 1, 1, 1, 1])):
        monkeypatch.setattr(default_settings, "_NEAR", near)
        climbs.clear()
        list(default_settings.search_channels(convolutional(3, 28, 4), units))
        assert climbs == expected


def test_the_search_of_several_channels_keeps_the_contract_of_generators(bundled: Classifier) -> None:
    def one(k: int) -> Iterator[default_settings.Search]:
        clf = Classifier(bundled.module, bundled.preprocess, bundled.classes)  # which knows nothing yet
        return (found[k] for found in default_settings.search_channels(clf, [Channel("features.8", c) for c in (5, 6)]))

    check_contract(lambda: one(0), lambda a, b: a == b)


def convolutional(channels: int, side: int, classes: int, multi_label: bool = False) -> Classifier:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(channels, 8, 5), nn.ReLU(), nn.Conv2d(8, 16, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(64, classes),
    )  # fmt: skip
    preprocess = Preprocess((side, side), (0.5,) * channels, (0.25,) * channels)
    return Classifier(module, preprocess, [str(k) for k in range(classes)], multi_label=multi_label)


@pytest.mark.parametrize(
    ("channels", "side", "classes", "multi_label"), [(1, 28, 10, False), (3, 28, 2, False), (3, 40, 5, True)]
)
def test_something_is_drawn_on_strangers_networks(channels: int, side: int, classes: int, multi_label: bool) -> None:
    clf = convolutional(channels, side, classes, multi_label)
    params = defaults(clf)
    assert params == defaults(convolutional(channels, side, classes, multi_label))  # deterministic
    for target in range(2):
        end = Run(maximize(clf, target, params)).finish()
        assert end.answers
        assert end.score > end.scores[0]
        assert 0.1 < float(end.input.square().mean().sqrt()) < 4


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "squeezenet1_1"])
def test_lambda_is_found_and_something_drawn_whatever_the_weights(name: str) -> None:
    torch.manual_seed(0)
    module = getattr(torchvision_models(), name)(weights=None, num_classes=5).eval()
    clf = Classifier(module, Preprocess((64, 64), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), list("abcde"))
    params = replace(defaults(clf), steps=30)
    assert params.lambda_ in STOPS
    assert params.lambda_ > 0
    end = Run(maximize(clf, 1, params)).finish()
    assert end.answers
    assert end.score > end.scores[0]
    assert float(end.image.std()) > 0.02  # one sees something


class Constant(nn.Module):
    """Answers the same whatever it sees."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return (0 * z).sum((1, 2, 3))[:, None] + torch.tensor([1.0, 2.0])  # (N,C,H,W) -> (N,2)


def test_where_there_is_nothing_to_climb_lambda_stays() -> None:
    clf = Classifier(Constant(), Preprocess((8, 8), (0.5,) * 3, (0.25,) * 3), ["a", "b"])
    assert defaults(clf).lambda_ == Maximisation().lambda_


def test_every_class_of_the_bundled_network_is_drawn(bundled: Classifier) -> None:
    params = defaults(bundled)
    for target in range(len(bundled.classes)):
        end = Run(maximize(bundled, target, params)).finish()
        assert end.answers
        assert int(bundled.all_scores(end.image[None])[0].argmax()) == target  # of what one sees
        assert 0.3 < float(end.input.square().mean().sqrt()) < 2.5
