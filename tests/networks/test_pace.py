"""Others get their turn between the batches of any network, and one that is too slow for that is not taken."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import _global_forward_pre_hooks

from tests.networks.test_own import SMALL, saved, state_of
from vizcore.acceleration import interface
from vizcore.jobs import turns
from vizcore.networks import batches, gradients, own, pace
from vizcore.networks.gradients import gradient_batch
from vizcore.networks.weights import WeightsError

CPU = torch.device("cpu")


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


def test_counting_looks_at_this_thread_alone_and_leaves_no_hook() -> None:
    layer, other = nn.Conv2d(3, 5, 3), nn.Linear(4, 4)
    heard: list[int] = []

    class Both(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            beside = threading.Thread(target=lambda: other(torch.ones(1, 4)))
            beside.start()
            beside.join()
            heard.append(len(_global_forward_pre_hooks))
            return layer(x)

    assert batches.work_of(Both(), (3, 12, 10), CPU) == 2 * 5 * 3 * 9 * 10 * 8
    assert heard == [0]


def test_the_work_of_a_way_back_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = own.network(saved(state_of()), SMALL)
    usual = gradient_batch(clf)
    assert usual > 1
    clf.work = gradients._WORK // 3
    assert gradient_batch(clf) == 1
    clf.work = 10 * gradients._WORK
    assert gradient_batch(clf) == 1
    clf.work = 0  # not known
    assert gradient_batch(clf) == usual


def test_others_may_have_their_turn_before_each_batch() -> None:
    clf = own.network(saved(state_of()), SMALL)
    clf.batch_size, pictures, asked = 2, torch.zeros(7, *clf.input_shape), []
    with turns.giving_way(lambda: asked.append(1)):
        whole = clf.all_scores(pictures)
    assert len(asked) == (4 if interface.workers_for(CPU, 2 * clf.picture_bytes) == 1 else 2)
    assert torch.equal(whole, clf.all_scores(pictures))


def test_a_network_that_is_too_slow_is_refused_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIZCORE_OWN_SECONDS", "1e-9")
    with pytest.raises(WeightsError, match=r"takes .* seconds here, and everybody else waits"):
        own.network(saved(state_of()), SMALL)
    for said in ("", "soon", "-1", "nan"):
        monkeypatch.setenv("VIZCORE_OWN_SECONDS", said)
        assert pace.most_seconds() == 1.0
