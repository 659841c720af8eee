"""A network's changes are noticed, quickly or not."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from vizcore.copies import Unchanged, version


def network() -> nn.Sequential:
    torch.manual_seed(0)
    within = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), within, nn.Identity())


def renewed(module: nn.Sequential) -> None:
    module[0].weight = nn.Parameter(module.get_parameter("0.weight").detach().clone())


def moved(module: nn.Sequential) -> None:
    module.get_parameter("0.weight").data = module.get_parameter("0.weight").detach().clone()


def given_a_layer(module: nn.Sequential) -> None:
    module[3].extra = nn.ReLU()  # into one that had none


CHANGES: dict[str, Callable[[nn.Sequential], object]] = {
    "a weight in place": lambda module: module.get_parameter("0.weight").detach().mul_(2),
    "a buffer in place": lambda module: module.get_buffer("1.running_mean").add_(1),
    "another weight of equal values": renewed,
    "other data of a weight": moved,
    "a layer": lambda module: module.__setitem__(2, nn.ReLU()),
    "a layer more": given_a_layer,
    "a layer within another": lambda module: module.get_submodule("2").register_module("0", nn.GELU()),
    "another kind": lambda module: setattr(module[1], "__class__", nn.InstanceNorm2d),
    "an attribute": lambda module: setattr(module[0], "stride", (2, 2)),
    "an attribute more": lambda module: setattr(module, "skip", 1),
    "an attribute that cannot be compared": lambda module: setattr(module[0], "stride", torch.ones(2)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_noticed(what: str) -> None:
    module = network()
    unchanged = Unchanged(module)
    assert unchanged.holds()
    CHANGES[what](module)
    assert not unchanged.holds()


def test_passing_and_copying_change_nothing() -> None:
    module = network().eval()
    unchanged, known = Unchanged(module), version(module)
    module(torch.rand(2, 3, 8, 8))
    copy.deepcopy(module)
    setattr(module[0], "stride", (1, 1))  # noqa: B010 - an equal one
    assert unchanged.holds()
    assert len(version(module)) == len(known)


def test_tensors_of_inference_mode_have_no_version() -> None:
    with torch.inference_mode():
        module = network()
    assert Unchanged(module).holds()
