"""The norms of a private copy are right by themselves, wherever their numbers lie."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.acceleration.norms import make_sound


class WithActivation(nn.BatchNorm2d):
    """As libraries have it: a norm and what follows it in one layer, which asks for the norm itself."""

    def forward(self, x: Tensor) -> Tensor:
        given = self.running_mean, self.running_var, self.weight, self.bias, False, 0.1, self.eps
        return F.batch_norm(x, *given).sigmoid()


class Doubled(nn.BatchNorm2d):
    """By other weights than its own."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, 2 * self.weight, self.bias, False, 0.1, self.eps)


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "usual": lambda x: x.contiguous(),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "turned": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    "a part": lambda x: torch.cat([x, x], 1)[:, : x.shape[1]],
    "spread": lambda x: x[:, :, :1, :1].expand_as(x),
}


def norm(kind: Callable[..., Any], channels: int = 6, **options: bool) -> Any:
    made = kind(channels, **options).eval().requires_grad_(False)
    chance = torch.Generator().manual_seed(0)
    for name, value in made.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=chance) + (0.2 if "var" in name else -0.5))
    return made


def private(module: nn.Module) -> Any:
    other = nn.Sequential(copy.deepcopy(module))
    make_sound(other)
    return other


def both(module: nn.Module, x: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.detach().requires_grad_()
    answer = module(leaf)
    return answer.detach(), torch.autograd.grad(answer, leaf, slope)[0]


@pytest.mark.parametrize("given", LAYOUTS)
@pytest.mark.parametrize("back", LAYOUTS)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", [nn.BatchNorm2d, WithActivation, Doubled])
def test_a_batch_norm_by_statistics_that_stand(kind: type[nn.Module], count: int, given: str, back: str) -> None:
    torch.manual_seed(1)
    module = norm(kind)
    x, slope = LAYOUTS[given](torch.randn(count, 6, 9, 7)), LAYOUTS[back](torch.randn(count, 6, 9, 7))
    right = both(copy.deepcopy(module).double(), x.double().contiguous(), slope.double().contiguous())
    for found, expected in zip(both(private(module), x, slope), right, strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{"affine": False}, {"track_running_stats": False}])
@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (nn.BatchNorm2d, (4, 6, 5, 5)),
        (nn.BatchNorm1d, (4, 6)),
        (nn.BatchNorm1d, (4, 6, 5)),
        (nn.InstanceNorm2d, (4, 6, 5, 5)),
    ],
)
def test_every_other_norm(kind: type[nn.Module], shape: tuple[int, ...], options: dict[str, bool]) -> None:
    torch.manual_seed(2)
    module, x, slope = norm(kind, **options), torch.randn(shape), torch.randn(shape)
    right = both(copy.deepcopy(module).double(), x.double(), slope.double())
    for found, expected in zip(both(private(module), x, slope), right, strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)


def test_weights_that_change_in_place_are_followed() -> None:
    module = norm(nn.BatchNorm2d)
    fast, x = private(module), torch.randn(2, 6, 4, 4)
    before = fast(x)
    for one in (module, fast[0]):
        one.weight.mul_(2)
        one.running_mean.add_(0.5)
    torch.testing.assert_close(fast(x), module(x), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(fast(x), before, atol=1e-2)


def test_one_that_learns_or_counts_is_left_as_it_is() -> None:
    module, x = norm(nn.BatchNorm2d), torch.randn(4, 6, 4, 4)
    learning = private(module.requires_grad_(True))
    learning(x).square().sum().backward()
    assert all(one.grad is not None for one in learning.parameters())
    counting = private(module.requires_grad_(False).train())
    torch.testing.assert_close(counting(x), copy.deepcopy(module)(x), rtol=1e-5, atol=1e-5)
    assert not torch.equal(counting[0].running_mean, module.running_mean)
