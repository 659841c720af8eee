"""Batch norms folded into convolutions: the network's own answers and slopes, and nothing folded that must not be."""

from __future__ import annotations

import copy
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.acceleration.test_incremental import classifier, lively
from tests.conftest import random_picture
from vizcore.acceleration.folding import Folding, pool_first
from vizcore.acceleration.graph import aten, record
from vizcore.acceleration.passes import Passes
from vizcore.acceleration.plan import plan_of
from vizcore.copies import private_copy
from vizcore.networks.installed_torchvision import torchvision_models

CPU = torch.device("cpu")
SHAPE = (3, 20, 24)
needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")


def batch_norms(network: nn.Module, shape: tuple[int, ...] = SHAPE) -> int:
    """How many batch norms are really computed in one pass."""

    class Counting(TorchDispatchMode):
        seen = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.seen += "batch_norm" in func._schema.name
            return func(*args, **(kwargs or {}))

    with Counting() as counting, torch.no_grad():
        network(torch.zeros(1, *shape))
    return counting.seen


def slopes(network: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.clone().requires_grad_()
    answer = network(leaf)
    (grad,) = torch.autograd.grad((answer * torch.linspace(-1, 1, answer.shape[1]).to(x)).sum(), leaf)
    return answer.detach(), grad


def check(module: nn.Module, left: int, shape: tuple[int, ...] = SHAPE) -> Folding:
    """Assert that ``left`` batch norms stay, and that answers and slopes do: in double precision to 1e-10."""
    module = lively(module).eval().requires_grad_(False).double()
    folding = Folding(module, shape)
    assert batch_norms(copy.deepcopy(folding.network()).float(), shape) == left
    x = torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for found, expected in zip(slopes(folding.network(), x), slopes(module, x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10 * float(expected.abs().max()))
    return folding


class Head(nn.Module):
    """The mean over all places of what the body answers."""

    body: nn.Sequential

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.body(x)
        return value.mean((2, 3))


def ready(module: Head) -> Head:
    lively(module).eval().requires_grad_(False)
    return module


class Around(Head):
    """The convolution's answer has another reader beside the batch norm."""

    def forward(self, x: Tensor) -> Tensor:
        before = self.body[0](x)
        return (self.body[1](before).relu() + before).mean((2, 3))


class Twice(Head):
    """The same convolution and batch norm for two inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.body(x).sigmoid()).mean((2, 3))


class TwoNorms(Head):
    """One convolution, and for each of its two answers a batch norm of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return (self.body[1](self.body[0](x)) + self.body[2](self.body[0](x.flip(3)))).relu().mean((2, 3))


class Borrowed(Head):
    """The weights are read a second time, without the module."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.body[0].weight
        assert isinstance(weight, Tensor)
        return super().forward(x).relu() + weight.abs().sum()


class Aside(Head):
    """What the ReLU answers has another reader beside the pool."""

    def forward(self, x: Tensor) -> Tensor:
        active = self.body[1](self.body[0](x))
        return self.body[2](active).mean((2, 3)) + active.mean((2, 3))


class Active(nn.BatchNorm2d):
    """A norm and its ReLU in one layer, which changes in place what the norm answers."""

    def forward(self, x: Tensor) -> Tensor:
        given = self.running_mean, self.running_var, self.weight, self.bias, False, 0.1, self.eps
        return F.batch_norm(x, *given).relu_()


class Halved(Active):
    """By weights that are not what it has."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight / 2, self.bias, False, 0.1, self.eps)


class Shuffled(Head):
    """Half of the channels go another way, and the two are shuffled."""

    def forward(self, x: Tensor) -> Tensor:
        one, other = self.body[0](x).chunk(2, dim=1)
        joined = torch.cat([one, self.body[1:](other)], 1)
        return joined.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2).mean((2, 3))


class Before(Head):
    """What the ReLU reads has another reader, which comes later."""

    def forward(self, x: Tensor) -> Tensor:
        raw = self.body[0](x)
        pooled = self.body[2](self.body[1](raw))
        return pooled.mean((2, 3)) + raw.sigmoid_().mean((2, 3))


class Peeking(Head):
    """The batch norm's weights are asked for in Python."""

    def forward(self, x: Tensor) -> Tensor:
        assert not self.body[1].training
        assert self.body[1].weight is not None
        return self.body(x).relu().mean((2, 3))


def conv(*args: Any, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(*args, **options)


@pytest.mark.parametrize(
    ("module", "left"),
    [
        (Head(conv(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True)), 0),
        (Head(conv(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU()), 0),
        (Head(conv(3, 6, 3, groups=3), nn.BatchNorm2d(6), nn.Hardswish()), 0),
        (Head(conv(3, 6, 3, padding="same", padding_mode="reflect"), nn.BatchNorm2d(6), nn.ReLU()), 0),
        (Head(conv(3, 4, 3), nn.BatchNorm2d(4), conv(4, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)), 1),
        (Head(nn.BatchNorm2d(3), conv(3, 4, 3), nn.ReLU()), 1),
        (Head(nn.ConvTranspose2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), 1),
        (Head(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(4)), 1),
        (Around(conv(3, 4, 3), nn.BatchNorm2d(4)), 1),
        (Twice(conv(3, 3, 3), nn.BatchNorm2d(3)), 2),
        (TwoNorms(conv(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)), 2),
        (Borrowed(conv(3, 4, 3), nn.BatchNorm2d(4)), 1),
        (Peeking(conv(3, 4, 3), nn.BatchNorm2d(4)), 0),
        (Head(conv(3, 4, 3), Active(4), conv(4, 4, 3), Active(4)), 0),
        (Head(conv(3, 4, 3), Halved(4)), 1),
        (Shuffled(conv(3, 8, 3), conv(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU()), 0),
    ],
)
def test_what_is_folded_and_what_is_not(module: nn.Module, left: int) -> None:
    check(module, left)


def test_a_batch_norm_without_weights_of_its_own_and_one_without_statistics() -> None:
    plain = nn.BatchNorm2d(4, affine=False)
    assert plain.running_mean is not None
    plain.running_mean.normal_(generator=torch.Generator().manual_seed(2))
    frozen = [nn.Conv2d(3, 4, 3), plain, nn.ReLU()]
    folding = Folding(Head(*frozen).eval().requires_grad_(False), SHAPE)
    assert batch_norms(folding.network()) == 0
    x = torch.randn(2, *SHAPE)
    for found, expected in zip(slopes(folding.network(), x), slopes(Head(*frozen).eval(), x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    module = Head(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)).eval().requires_grad_(False)
    assert Folding(module, SHAPE).network() is module  # it is another function for every batch


@pytest.mark.parametrize(
    ("name", "count"), [("resnet18", 20), ("mobilenet_v3_large", 46), ("googlenet", 57), ("densenet121", 121)]
)
def test_networks_of_the_catalogue(name: str, count: int) -> None:
    options = {"aux_logits": False, "transform_input": True, "init_weights": False} if name == "googlenet" else {}
    module = getattr(torchvision_models(), name)(weights=None, **options)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in module.modules()) == count
    # DenseNet normalises what it has joined: only the batch norm after each bottleneck, and the first, follow one.
    check(module, 62 if name == "densenet121" else 0, (3, 64, 64))


def test_a_network_that_decides_in_python_is_left_as_it_is() -> None:
    class Fickle(Head):
        def forward(self, x: Tensor) -> Tensor:
            before = self.body[0](x)
            return (self.body[1](before) if len(x) == 2 else before).mean((2, 3))

    module = ready(Fickle(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    assert Folding(module, SHAPE).network() is module


def test_layers_that_are_hooked_or_that_learn_are_left_as_they_are() -> None:
    def body() -> Head:
        return ready(Head(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))

    hooked, learning, patched = body(), body(), body()
    hooked.body[0].register_forward_hook(lambda *_: None)
    learning.requires_grad_(True)
    patched.body[1].forward = lambda x: x * 2
    for module in (hooked, learning, patched):
        assert Folding(module, SHAPE).network() is module


@needs_onednn
@pytest.mark.parametrize(
    ("module", "found"),
    [
        (Head(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)), [("body.1", "body.2")]),
        (Head(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, 2, 1, ceil_mode=True)), [("body.1", "body.2")]),
        (Head(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1)), [("body.2", "body.3")]),
        (Head(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(2)), []),
        (Aside(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)), []),
        (Before(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)), []),
        (Twice(nn.Conv2d(3, 3, 3), nn.ReLU(), nn.MaxPool2d(2)), []),
    ],
)
def test_a_pool_before_its_relu_gives_the_same_numbers(module: Head, found: list[tuple[str, str]]) -> None:
    folding = Folding(ready(module), SHAPE)
    assert folding.pools == found
    x = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(3))
    other = private_copy(folding.network())
    pool_first(other, folding.pools)
    for ours, expected in zip(slopes(other, x), slopes(folding.network(), x), strict=True):
        assert torch.equal(ours, expected)
    for ours, expected in zip(slopes(Passes(module, CPU, SHAPE), x), slopes(module, x), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


@needs_onednn
def test_the_network_is_not_touched_and_its_later_hooks_stay_silent() -> None:
    module = ready(Head(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    kinds, x = [type(layer) for layer in module.modules()], torch.randn(1, *SHAPE)
    passes = Passes(module, CPU, SHAPE)
    fired: list[int] = []
    for layer in module.modules():
        layer.register_forward_hook(lambda *_: fired.append(1))
    passes(x)
    next(module.parameters()).mul_(2)
    passes(x)
    assert not fired
    assert [type(layer) for layer in module.modules()] == kinds
    before["body.0.weight"] *= 2
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(value.requires_grad or value.grad is not None for value in module.parameters())


@needs_onednn
@pytest.mark.parametrize("which", ["weight", "bias", "gamma", "beta", "mean", "variance", "head"])
def test_weights_that_change_in_place_are_followed(which: str) -> None:
    first, norm, last = nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1)
    module = ready(Head(first, norm, nn.ReLU(), last))
    assert first.bias is not None
    passes, x = Passes(module, CPU, SHAPE), torch.randn(2, *SHAPE)
    assert passes.folded() is passes.folded()
    before = passes(x)
    names = {"weight": first.weight, "bias": first.bias, "gamma": norm.weight, "beta": norm.bias}
    changed = {**names, "mean": norm.running_mean, "variance": norm.running_var, "head": last.weight}[which]
    assert changed is not None
    changed.add_(0.5)
    for found, expected in zip(slopes(passes, x), slopes(module, x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(passes(x), before, atol=1e-3)


@needs_onednn
def test_threads_that_share_a_network_fold_it_once_and_agree() -> None:
    clf = classifier(Head(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 5, 1)), (20, 24))
    x = torch.rand(2, *SHAPE)
    clf.module.body[1].running_mean.add_(1)
    found: list[tuple[nn.Module, Tensor]] = []
    ready = threading.Barrier(6)

    def answer() -> None:
        ready.wait()
        found.append((clf.passes.folded(), clf.logits(x)))

    threads = [threading.Thread(target=answer) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = clf.module(clf.normalise(x))
    assert len({id(network) for network, _ in found}) == 1
    assert all(torch.allclose(logits, expected, atol=1e-5) for _, logits in found)


@needs_onednn
def test_incremental_computation_uses_the_very_same_weights() -> None:
    body = [nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 3, groups=1), nn.BatchNorm2d(5)]
    clf = classifier(Head(*body), (40, 44))
    folded = clf.passes.folded()
    own = {id(weight) for weight in folded.parameters()}
    nodes = record(folded, clf.normalise(random_picture(clf)[None]))
    convolutions = [node for node in nodes if node.op is aten.convolution.default]
    assert len(convolutions) == 2
    assert all(id(tensor) in own for node in convolutions for tensor in node.args[1:3])
    plan = plan_of(clf, random_picture(clf))
    assert plan is not None
    ready = [node.op for node in plan.nodes if hasattr(node.op, "weight")]
    assert len(ready) == 2
    assert all(id(tensor) in own for operation in ready for tensor in (operation.weight, operation.bias))


def test_a_network_that_is_gone_takes_its_folded_weights_along() -> None:
    clf = classifier(Head(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 1)), (20, 24))
    plan_of(clf, random_picture(clf))
    weights = [weakref.ref(value) for value in clf.passes.folded().parameters()]
    weights += [weakref.ref(value) for value in clf.module.parameters()]
    F.relu(clf.logits(torch.rand(1, *SHAPE)))
    del clf
    gc.collect()
    assert all(weight() is None for weight in weights)
