"""Layers in the order in which they run, whatever the order of their definition, and those that the logits need."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.conftest import random_picture
from vizcore import snippets
from vizcore.networks import order
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.networks.layers import answer_of, layers
from vizcore.techniques import filters

Snapshot = Callable[[Classifier], Callable[[], None]]


def made(module: nn.Module, classes: int = 3) -> Classifier:
    return Classifier(module, Preprocess((16, 16), (0.5,) * 3, (0.25,) * 3), [str(k) for k in range(classes)])


class Late(nn.Module):
    """The convolution that runs first is defined last; one beside the way, one whose answer is dropped, one unused."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Conv2d(3, 7, 1)
        self.second = nn.Conv2d(8, 6, 3)
        self.side = nn.Conv2d(3, 2, 1)
        self.beside = nn.Conv2d(8, 1, 1)
        self.head = nn.Linear(6, 3)
        self.stem = nn.Conv2d(3, 8, 3)

    def forward(self, z: Tensor) -> Tensor:
        self.kept = self.side(z)  # runs before all others, for nothing
        h = F.relu_(self.stem(z))
        self.mask = self.beside(h).detach()
        answer: Tensor = self.head(F.relu(self.second(h)).mean((2, 3)))
        return answer


def test_the_first_layer_is_the_first_that_runs_and_matters(unchanged: Snapshot) -> None:
    torch.manual_seed(0)
    clf = made(Late())
    verify = unchanged(clf)
    assert order.convolutions(clf) == ["stem", "beside", "second", "side"]
    assert clf.first_convolution() is clf.module.stem
    assert [name for name, _ in layers(clf)] == ["stem", "beside", "second", "side"]
    found = filters.kernels(clf)
    assert found.layer == "stem"
    assert torch.equal(found.weights, clf.module.stem.weight)
    image = random_picture(clf)
    assert torch.equal(filters.activations(clf, image), answer_of(clf, "stem", image))
    verify()


def test_the_snippet_takes_the_layer_that_runs_first() -> None:
    names: dict[str, object] = {"clf": made(Late())}
    code = snippets.snippet("filters", network=[])
    exec(code, names)  # noqa: S102
    pictures = names["pictures"]
    assert isinstance(pictures, Tensor)
    assert pictures.shape == (8, 3, 3, 3)
    assert torch.allclose(pictures, filters.rgb(filters.kernels(names["clf"])))  # type: ignore[arg-type]


@pytest.mark.parametrize("habit", ["no_grad", "rounded", "detached"])
def test_the_first_layer_counts_where_no_gradient_leads_to_it(habit: str) -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.second, self.side, self.first = nn.Conv2d(4, 5, 3), nn.Conv2d(3, 2, 1), nn.Conv2d(3, 4, 3)
            self.head = nn.Linear(5, 3)

        def forward(self, z: Tensor) -> Tensor:
            with torch.set_grad_enabled(habit != "no_grad" and torch.is_grad_enabled()):
                self.side(z)
                h = F.relu(self.first(z.mul(255).round() if habit == "rounded" else z))
            h = h.detach() if habit == "detached" else h
            answer: Tensor = self.head(self.second(h).mean((2, 3)))
            return answer

    assert order.convolutions(made(Cut())) == ["first", "second", "side"]


def test_layers_that_are_called_by_no_pass_stand_as_they_are_defined() -> None:
    class ByHand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3)

        def forward(self, z: Tensor) -> Tensor:
            answer: Tensor = F.conv2d(F.conv2d(z, self.one.weight), self.two.weight).mean((2, 3))
            return answer

    assert order.convolutions(made(ByHand())) == ["one", "two"]


def test_a_pass_that_fails_leaves_the_order_of_the_definition() -> None:
    class Shy(Late):
        def forward(self, z: Tensor) -> Tensor:
            if self.stem._forward_hooks:
                raise RuntimeError("not while somebody looks")
            return super().forward(z)

    clf = made(Shy())
    assert order.convolutions(clf) == ["unused", "second", "side", "beside", "stem"]
    assert clf.first_convolution() is clf.module.unused


def test_the_order_is_found_once_and_anew_for_other_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = made(Late())
    passes: list[nn.Module] = []
    traced = order.traced

    def counted(network: nn.Module, z: Tensor) -> tuple[order.Call, ...]:
        passes.append(network)
        return traced(network, z)

    monkeypatch.setattr(order, "traced", counted)
    assert order.calls(clf) == order.calls(clf)
    assert len(passes) == 1
    clf.module.stem = nn.Conv2d(3, 8, 3)
    order.calls(clf)
    assert len(passes) == 2


def test_calls_tell_what_is_handed_on_and_what_the_logits_need() -> None:
    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
            self.pair = Pair()
            self.head = nn.Linear(4, 3)

        def forward(self, z: Tensor) -> Tensor:
            h, self.mask = self.pair(self.body(z.sub_(0.1)))  # the input in place, too
            answer: Tensor = self.head(h.mul_(2).mean((2, 3)))
            return answer

    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.seg = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 1)

        def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
            return self.conv(h), self.seg(h)

    found = order.calls(made(Parts()))
    assert [(call.name, call.depends) for call in found] == [
        ("body.0", True), ("body.1", True), ("body", True), ("pair.conv", True), ("pair.seg", False), ("pair", True),
        ("head", True),
    ]  # fmt: skip
    assert [call.same for call in found] == [0, 0, 0, 3, 4, 3, 6]
    assert found[5].shape == (1, 4, 14, 14)
