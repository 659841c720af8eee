"""Acceleration proves itself on each network, or the plain way answers: networks of which each once gave wrong maps."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.acceleration import proof, proven, winograd
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.networks.gradients import gradients
from vizcore.networks.preprocessing import Preprocess
from vizcore.techniques import lime, occlusion, saliency

PLAIN = Preprocess((32, 32), (0.0,) * 3, (1.0,) * 3)
IMAGE = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))
OBJECT = torch.zeros(3, 32, 32)
OBJECT[:, 12:18, 12:18] = IMAGE[:, 12:18, 12:18]


class Base(nn.Module):
    """Two convolutions and a linear layer of five classes."""

    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 3, padding=1), nn.ReLU())
        self.f = nn.Linear(8, 5)


class Augmented(Base):
    """Stacks a mirror image in the batch."""

    def forward(self, x: Tensor) -> Any:
        f = self.c(x)
        f = torch.cat([f, f.flip(3) * torch.linspace(0, 1, 32)])
        return self.f(f.amax((2, 3))).view(2, -1, 5).mean(0)


class TokensFirst(Base):
    """Places in the first axis, where the batch is expected."""

    def forward(self, x: Tensor) -> Any:
        t = self.c(x).flatten(2).permute(2, 0, 1)
        return self.f(t.reshape(-1, 8)).view(1024, -1, 5).amax(0)


class Copies(Base):
    """Relies on ``contiguous`` to copy."""

    def forward(self, x: Tensor) -> Any:
        f = self.c(x)
        h = f.permute(0, 2, 3, 1).contiguous()
        h.mul_(-1).add_(1)
        return self.f((h.permute(0, 3, 1, 2) * f).amax((2, 3)))


class Keeps(Base):
    """Keeps a value on itself between two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.k = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        self.skip = self.c(x)
        return self.f((self.k(self.skip).relu() * self.skip).mean((2, 3)))


class Views(nn.Module):
    """Flattens by ``view``, as the LeNet of every tutorial."""

    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 6, 5)
        self.f = nn.Linear(6 * 28 * 28, 5)

    def forward(self, x: Tensor) -> Any:
        return self.f(F.relu(self.c(x)).view(x.size(0), -1))


class Shares(nn.Module):
    """Divides by a sum that may vanish."""

    def __init__(self) -> None:
        super().__init__()
        two = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1, bias=False)]
        self.c = nn.Sequential(*two, nn.ReLU())
        self.f = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Any:
        f = self.c(x).mean((2, 3))
        return self.f(10 * f / (f.sum(1, keepdim=True) + 1e-12))


def made(kind: type[nn.Module]) -> tuple[Classifier, nn.Module]:
    """A classifier, and an untouched copy of its module in double precision."""
    torch.manual_seed(2)
    network = kind().eval()
    plain = copy.deepcopy(network).double().requires_grad_(False)
    return Classifier(network, PLAIN, list("abcde")), plain


@pytest.mark.parametrize(
    ("kind", "image", "settings"),
    [
        (Augmented, IMAGE, {"window": 8, "stride": 4}),
        (TokensFirst, IMAGE, {"window": 8, "stride": 4}),
        (Copies, IMAGE, {"window": 8, "stride": 4}),
        (Keeps, IMAGE, {"window": 8, "stride": 4}),
        (Views, IMAGE, {"window": 8, "stride": 4}),
        (Shares, OBJECT, {"window": 12, "stride": 2, "fill": "black"}),
    ],
)
def test_occlusion_is_that_of_the_untouched_module(
    kind: type[nn.Module], image: Tensor, settings: dict[str, Any]
) -> None:
    clf, plain = made(kind)
    params = occlusion.Occlusion(output="logit", **settings)
    found = Run(occlusion.occlude(clf, image, 0, params)).finish().drop
    rows, columns = occlusion.grid(clf, params)
    whole = plain(image[None].double())[0, 0]
    expected = torch.zeros(len(rows), len(columns), dtype=torch.float64)
    for r in range(len(rows)):
        for c in range(len(columns)):
            expected[r, c] = whole - plain(occlusion.occluded(clf, image, params, r, c)[None].double())[0, 0]
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-4 * float(expected.abs().max()) + 1e-6)


def test_the_gradient_of_one_picture_is_a_finite_difference() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.InstanceNorm2d(8), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 5)).eval()
    plain = copy.deepcopy(network).double()
    found = saliency.gradient(Classifier(network, PLAIN, list("abcde")), IMAGE, 0).gradient
    chance = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for _ in range(20):
            at = tuple(int(torch.randint(side, (1,), generator=chance)) for side in IMAGE.shape)
            step = torch.zeros(3, 32, 32, dtype=torch.float64)
            step[at] = 1e-6
            slope = (plain((IMAGE + step)[None])[0, 0] - plain((IMAGE - step)[None])[0, 0]) / 2e-6
            assert float(found[at]) == pytest.approx(float(slope), abs=1e-5)


def test_a_module_that_keeps_a_value_on_itself_is_passed_by_one_thread_at_a_time() -> None:
    clf, plain = made(Keeps)
    x = torch.rand(400, 3, 32, 32)
    with ThreadPoolExecutor(2) as pool:
        found = torch.cat(list(pool.map(lambda part: clf.all_scores(part, "logit"), x.split(100))))
    torch.testing.assert_close(found.double(), plain(x.double()), rtol=0, atol=1e-4)


def test_replaced_tensors_and_layers_are_followed() -> None:
    clf, _ = made(Views)
    network: nn.Module = clf.module
    clf.all_scores(IMAGE[None])
    fresh = {key: torch.randn_like(value) for key, value in network.state_dict().items()}
    network.load_state_dict(fresh, assign=True)
    network.requires_grad_(False)
    torch.testing.assert_close(clf.all_scores(IMAGE[None], "logit"), network(IMAGE[None]), rtol=1e-4, atol=1e-3)
    network.f = nn.Linear(6 * 28 * 28, 5).requires_grad_(False)
    torch.testing.assert_close(clf.all_scores(IMAGE[None], "logit"), network(IMAGE[None]), rtol=1e-4, atol=1e-3)


def test_what_is_switched_off_is_counted_and_logged_without_a_stranger_s_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = proof.switched_off().get("channels-last", 0)
    clf, _ = made(Views)
    assert proof.switched_off()["channels-last"] == before + 1
    assert clf.layout == torch.contiguous_format
    assert "channels-last is switched off for a network: it raises RuntimeError" in caplog.text


def test_parameters_of_five_dimensions_do_not_stop_a_network() -> None:
    network = nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 30 * 30, 5))
    plain = copy.deepcopy(network).double()
    clf = Classifier(network, PLAIN, list("abcde"))
    found = clf.all_scores(IMAGE[None], "logit")
    torch.testing.assert_close(found.double(), plain(IMAGE[None].double()), rtol=0, atol=1e-5)


def test_a_wrong_gradient_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from vizcore.acceleration import passes

    own = passes.one_at_a_time
    monkeypatch.setattr(passes, "one_at_a_time", lambda *given: 1.1 * own(*given))
    monkeypatch.setattr(passes, "turned_back", lambda *given: 1.1 * own(*given))
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    plain = copy.deepcopy(network).double()
    clf = Classifier(network, PLAIN, list("abcde"))
    leaf = IMAGE[None].double().requires_grad_()
    (expected,) = torch.autograd.grad(plain(leaf)[0, 0], leaf)
    found = saliency.gradient(clf, IMAGE, 0).gradient
    torch.testing.assert_close(found.double(), expected[0], rtol=0, atol=1e-5)


def test_gradients_of_norms_are_right_wherever_their_numbers_lie() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c, self.norm, self.f = nn.Conv2d(3, 8, 3, padding=1), nn.InstanceNorm2d(8), nn.Linear(8, 5)

        def forward(self, x: Tensor) -> Any:
            t = self.norm(self.c(x)).flatten(2).permute(2, 0, 1)  # (n,C,H,W) -> (L,n,C)
            return self.f(t.tanh().amax(0))

    torch.manual_seed(0)
    network = Tokens().eval()
    plain = copy.deepcopy(network).double()
    clf = Classifier(network, PLAIN, list("abcde"))
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    leaf = x.double().requires_grad_()
    (right,) = torch.autograd.grad(plain(leaf)[:, 1].sum(), leaf)
    for count in (1, 3):
        found, _ = gradients(clf, x[:count], 1)
        torch.testing.assert_close(found.double(), right[:count], rtol=0, atol=1e-4 * float(right.abs().max()))


class NormAndActivation(nn.BatchNorm2d):
    """As libraries have it: a norm and what follows it in one layer."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).sigmoid()


class TokensOfNorms(nn.Module):
    """The gradient reaches its norms in an order that torch gets wrong."""

    def __init__(self, within: bool) -> None:
        super().__init__()
        self.c, self.norm, self.f = nn.Conv2d(3, 8, 3, padding=1), NormAndActivation(8), nn.Linear(8, 5)
        self.within = within

    def forward(self, x: Tensor) -> Any:
        y = self.c(x).tanh()  # after which no norm is folded
        y = self.norm(y) if self.within else F.instance_norm(y)
        return self.f(y.flatten(2).permute(2, 0, 1).tanh().amax(0))  # (n,C,H,W) -> (L,n,C)


@pytest.mark.parametrize("within", [True, False])
def test_norms_of_layers_are_right_by_themselves_and_others_are_watched(within: bool) -> None:
    torch.manual_seed(0)
    network = TokensOfNorms(within).eval()
    plain = copy.deepcopy(network).double()
    forward = proven.Proven(network.requires_grad_(False), torch.device("cpu"), (3, 32, 32))
    leaf = IMAGE[None].double().requires_grad_()
    (right,) = torch.autograd.grad(plain(leaf)[:, 1].sum(), leaf)
    leaf = IMAGE[None].clone().requires_grad_()
    with mock.patch.object(proven, "SoundNorms", wraps=proven.SoundNorms) as watched:
        (found,) = torch.autograd.grad(forward(leaf)[:, 1].sum(), leaf)
    assert bool(watched.called) != within
    torch.testing.assert_close(found.double(), right, rtol=0, atol=1e-4 * float(right.abs().max()))


class Scaled(Base):
    """With a plain number on itself."""

    scale = 1.0

    def forward(self, x: Tensor) -> Any:
        return self.f(self.c(x).amax((2, 3)) * self.scale)


def test_changes_behind_torch_s_back_and_of_attributes_are_followed() -> None:
    clf, _ = made(Scaled)
    network: Scaled = clf.module
    x = IMAGE[None]
    before = clf.all_scores(x, "logit")
    network.get_parameter("c.0.weight").data.mul_(2)
    torch.testing.assert_close(clf.all_scores(x, "logit"), network(x), rtol=1e-4, atol=1e-5)
    network.scale = 3.0
    torch.testing.assert_close(clf.all_scores(x, "logit"), network(x), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(clf.all_scores(x, "logit"), before, atol=1e-4)


def test_wrong_tiles_of_winograd_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    own = winograd.transformed
    monkeypatch.setattr(winograd, "transformed", lambda weight, outputs: 1.01 * own(weight, outputs))
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.Flatten()]
    network = nn.Sequential(*layers, nn.Linear(64 * 32 * 32, 5)).eval()
    before = proof.switched_off().get("faster passes", 0)
    clf = Classifier(network, PLAIN, list("abcde"))
    expected = before + (winograd.prepare(network.get_parameter("2.weight"), None) is not None)
    assert proof.switched_off().get("faster passes", 0) == expected
    x = torch.rand(8, 3, 32, 32)
    torch.testing.assert_close(clf.all_scores(x, "logit"), network(x), rtol=0, atol=1e-4)


class Buffered(Base):
    """With a buffer that is not saved."""

    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(8), persistent=False)

    def forward(self, x: Tensor) -> Any:
        return self.f((self.c(x).amax((2, 3)) + self.shift).square())


def test_maps_after_a_change_are_those_of_the_changed_network() -> None:
    clf, _ = made(Buffered)
    network: Buffered = clf.module
    settings = occlusion.Occlusion(window=8, stride=8, output="logit")
    few = lime.Lime(samples=60, output="logit")
    Run(occlusion.occlude(clf, IMAGE, 0, settings)).finish()
    earlier = Run(lime.explain(clf, IMAGE, 0, few)).finish()
    first = Run(saliency.smoothgrad(clf, IMAGE, 0, saliency.SmoothGrad(copies=2))).finish()
    network.shift.add_(torch.linspace(1, 4, 8))
    fresh = Classifier(copy.deepcopy(network), PLAIN, list("abcde"))
    found, expected = (Run(occlusion.occlude(one, IMAGE, 0, settings)).finish().drop for one in (clf, fresh))
    torch.testing.assert_close(found, expected)
    again = Run(lime.explain(clf, IMAGE, 0, few, samples=earlier.samples)).finish()
    torch.testing.assert_close(again.scores, Run(lime.explain(fresh, IMAGE, 0, few)).finish().scores)
    assert not torch.allclose(again.scores, earlier.scores)
    more = saliency.SmoothGrad(copies=4)
    found, expected = (
        Run(saliency.smoothgrad(one, IMAGE, 0, more, resume=first)).finish().gradient for one in (clf, fresh)
    )
    torch.testing.assert_close(found, expected)
