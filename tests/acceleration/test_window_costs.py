"""Windows are computed incrementally where that is counted to cost less, and nowhere else."""

from __future__ import annotations

from unittest import mock

import pytest
import torch

from tests.acceleration.test_incremental import classifier
from tests.conftest import random_picture
from vizcore.acceleration import incremental, window_costs
from vizcore.acceleration.activations import Activations
from vizcore.acceleration.plan import plan_of
from vizcore.acceleration.window_costs import Counts
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.techniques.occlusion import Occlusion, grid, occlude


def network(name: str, side: int) -> Classifier:
    return classifier(getattr(torchvision_models(), name)(weights=None, num_classes=5), (side, side))


def incremental_windows(clf: Classifier, params: Occlusion) -> bool:
    rows, columns = grid(clf, params)
    return Activations(clf, random_picture(clf)).windows(rows, columns, params.window) is not None


@pytest.mark.parametrize(
    ("name", "side", "pays"),
    [
        ("squeezenet1_1", 64, False),  # half the multiplications, but more calls than they are worth
        ("squeezenet1_1", 224, True),
        ("mobilenet_v3_small", 64, False),
        ("shufflenet_v2_x0_5", 64, False),
        ("resnet18", 64, False),  # many weights, which every batch lays out
        ("resnet18", 224, True),
    ],
)
def test_the_choice_follows_network_and_size(name: str, side: int, pays: bool) -> None:
    clf = network(name, side)
    params = Occlusion(window=16, stride=8) if side == 64 else Occlusion(window=32, stride=32)
    assert [incremental_windows(clf, params) for _ in range(2)] == [pays] * 2


def test_fewer_windows_may_not_be_worth_what_they_have_in_common() -> None:
    clf = network("squeezenet1_1", 96)
    assert incremental_windows(clf, Occlusion(window=16, stride=8))
    assert not incremental_windows(clf, Occlusion(window=16, stride=80))


def test_either_way_the_map_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = network("squeezenet1_1", 64)
    params, image = Occlusion(window=16, stride=8, output="logit"), random_picture(clf)
    own = incremental.Windows.logits
    with mock.patch.object(incremental.Windows, "logits", autospec=True, side_effect=own) as asked:
        full = Run(occlude(clf, image, 1, params)).finish()
        assert not asked.called
        monkeypatch.setattr(window_costs, "WORTHWHILE", 1e9)
        parts = Run(occlude(clf, image, 1, params)).finish()
        assert asked.called
    torch.testing.assert_close(parts.drop, full.drop, rtol=0, atol=1e-4 * float(full.drop.abs().max()))


def test_what_is_counted() -> None:
    """30 windows are 25 and 5, so that batches of 10 are 3 and 1, and those of 64 one each."""
    counted = Counts(30, nodes=7, weights=11, work=2.0, whole=5.0, pieces=3.0, batch=10, at_once=64, pixels=13)
    regions, passes = counted.terms()
    assert regions == (30 * 2 + 5, 4 * 7, 4 * 11, 30 * 3, 7, 0)
    assert passes == (30 * 5, 2 * 7, 2 * 11, 0, 0, 30 * 13)
    prices = (1, window_costs.CALL, window_costs.WEIGHT, window_costs.PIECE, window_costs.NODE, window_costs.PIXEL)
    assert counted.costs().incremental == sum(p * r for p, r in zip(prices, regions, strict=True))
    assert counted.costs().full == sum(p * r for p, r in zip(prices, passes, strict=True))
    few = Counts(25, 7, 11, 2.0, 5.0, 3.0, batch=25, at_once=64, pixels=13).terms()
    assert few[0][1] == few[1][1] == 7  # one batch


def test_the_last_grids_of_a_network_are_remembered() -> None:
    clf = network("squeezenet1_1", 64)
    plan = plan_of(clf, random_picture(clf))
    assert plan is not None
    with mock.patch.object(window_costs, "_grid", wraps=window_costs._grid) as counted:
        for window in (8, 9, 8, *range(10, 17), 8, 9):
            window_costs.grid(clf, plan, [0, 8], [0, 8], window)
    made = [call.args[3] for call in counted.call_args_list]
    assert made == [8, 9, *range(10, 17), 9]  # eight of them: 9 went when the ninth came, 8 had been asked for since
