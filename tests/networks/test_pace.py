"""Others get their turn between the batches of any network, and one that is too slow for that is not taken."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import random_picture
from tests.networks.test_own import SMALL, saved, state_of
from vizcore.networks import batches, own, pace
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.networks.weights import WeightsError
from vizcore.techniques import lime, occlusion

CPU = torch.device("cpu")


class Slow(nn.Module):
    """A mean, after a while for each picture."""

    def __init__(self) -> None:
        super().__init__()
        self.wait = 0.0

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(self.wait * len(x))
        return torch.stack([x.mean((1, 2, 3)), x.amax((1, 2, 3))], 1)


def slow(wait: float) -> Classifier:
    module = Slow()
    clf = Classifier(module, Preprocess((32, 32), (0.5,) * 3, (0.5,) * 3), ["a", "b"])
    clf.batch_size, module.wait = 2, wait
    return clf


def test_the_work_of_a_batch_is_bounded() -> None:
    layer = nn.Conv2d(3, 5, 3, bias=False)
    work = batches.work_of(layer, (3, 12, 10), CPU)
    assert work == 2 * 5 * 3 * 9 * 10 * 8
    assert batches.first_batch_size(CPU, (224, 224), 10**6, None, work) == 8
    assert batches.first_batch_size(CPU, (224, 224), 10**6, None, 20 * 10**9) == 3
    assert batches.first_batch_size(CPU, (224, 224), 10**6, None, 10**12) == 1


def test_a_network_that_does_not_stand_being_watched_is_not_bounded() -> None:
    def fails(x: Tensor) -> Any:
        raise RuntimeError

    assert batches.work_of(fails, (3, 8, 8), CPU) == 0


def test_a_slow_network_has_estimates_before_the_first_round_is_complete() -> None:
    clf = slow(0.1)
    first = next(occlusion.occlude(clf, random_picture(clf), 0, occlusion.Occlusion(window=8, stride=8)))
    assert 1 <= first.step <= 8
    assert torch.equal(first.drop[~first.done], first.drop[first.done].mean().expand(int((~first.done).sum())))
    quick = next(occlusion.occlude(slow(0.0), random_picture(clf), 0, occlusion.Occlusion(window=8, stride=8)))
    assert quick.step >= 9


def test_lime_gives_way_after_each_batch_of_a_slow_network() -> None:
    clf = slow(0.2)
    estimates = lime.explain(clf, random_picture(clf), 0, lime.Lime(samples=40, segments=4))
    steps = [next(estimates).step for _ in range(3)]
    assert steps[2] - steps[1] <= clf.at_once


def test_a_network_that_is_too_slow_is_refused_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIZCORE_OWN_SECONDS", "1e-9")
    with pytest.raises(WeightsError, match=r"takes .* seconds here, and everybody else waits"):
        own.network(saved(state_of()), SMALL)
    for said in ("", "soon", "-1", "nan"):
        monkeypatch.setenv("VIZCORE_OWN_SECONDS", said)
        assert pace.most_seconds() == 1.0
