"""Gradient and SmoothGrad against closed forms on a linear network and against Captum on real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from captum.attr import NoiseTunnel
from captum.attr import Saliency as CaptumSaliency
from torch import Tensor, nn

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore import machine
from vizcore.networks.classifier import Classifier, Output, Preprocess
from vizcore.networks.gradients import gradient_batch, gradients
from vizcore.params import ParameterError
from vizcore.techniques.saliency import (
    Saliency,
    SaliencyMap,
    SmoothGrad,
    absolute_max,
    gradient,
    noisy_copies,
    signed,
    smoothgrad,
    times_input,
)

Snapshot = Callable[[Classifier], Callable[[], None]]


class Pixels(nn.Module):
    """The network as Captum must see it, to differentiate by the pixels and not by the normalised input."""

    def __init__(self, clf: Classifier, output: Output = "logit") -> None:
        super().__init__()
        self.clf, self.output = clf, output

    def forward(self, x: Tensor) -> Tensor:
        logits = self.clf.logits(x)
        return logits.softmax(dim=1) if self.output == "probability" else logits


class Bent(nn.Module):
    """y = (sum (w z)^3, -the same): a smooth network whose gradient does depend on the place."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(5)))

    def forward(self, z: Tensor) -> Tensor:
        y = (self.weights * z).pow(3).sum(dim=(1, 2, 3))
        return torch.stack([y, -y], dim=1)


@pytest.fixture
def bent() -> Classifier:
    return Classifier(Bent((3, 9, 8)), Preprocess((9, 8), (0.5,) * 3, (0.5,) * 3), ["up", "down"], device="cpu")


def last(clf: Classifier, image: Tensor, target: int, params: SmoothGrad, **more: SaliencyMap) -> SaliencyMap:
    *_, final = smoothgrad(clf, image, target, params, **more)
    return final


def weights(clf: Classifier, target: int) -> Tensor:
    tensor = clf.module.weights
    assert isinstance(tensor, Tensor)
    return tensor[target]


def test_the_gradient_is_w_per_unit_of_the_pixels() -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image = random_picture(clf)
    saliency = gradient(clf, image, 1)
    assert torch.allclose(saliency.gradient, weights(clf, 1) / 0.25, atol=1e-6)
    assert saliency.score == pytest.approx(float((weights(clf, 1) * (image - 0.4) / 0.25).sum()), rel=1e-4)


def test_the_gradient_of_the_probability_is_that_of_the_softmax() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    saliency = gradient(clf, image, 0, Saliency(output="probability"))
    p = clf.logits(image[None])[0].softmax(0)
    expected = p[0] * (weights(clf, 0) - sum(p[k] * weights(clf, k) for k in range(3)))
    assert torch.allclose(saliency.gradient, expected, atol=1e-7)
    assert saliency.score == pytest.approx(float(p[0]))


def test_views() -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image = random_picture(clf)
    saliency = gradient(clf, image, 2)
    w = weights(clf, 2) / 0.25
    assert torch.allclose(absolute_max(saliency), w.abs().max(dim=0).values, atol=1e-6)
    assert torch.allclose(signed(saliency), w.sum(dim=0), atol=1e-5)
    # On a linear network without bias the contributions add up to the score.
    assert float(times_input(saliency).sum()) == pytest.approx(saliency.score, rel=1e-4)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5])
def test_smoothgrad_of_a_linear_network_is_w_for_every_sigma(noise: float) -> None:
    clf = linear_classifier(std=0.25)
    final = last(clf, random_picture(clf), 1, SmoothGrad(noise=noise, copies=7))
    assert torch.allclose(final.gradient, weights(clf, 1) / 0.25, atol=1e-6)
    assert final.changes == pytest.approx((1.0, *(0.0,) * 6), abs=1e-6)


def test_smoothgrad_averages_signed_gradients(bent: Classifier) -> None:
    image = random_picture(bent)
    params = SmoothGrad(copies=9, noise=0.3)
    copies = noisy_copies(image, params, range(9)).requires_grad_()
    (grads,) = torch.autograd.grad(bent.logits(copies)[:, 0].sum(), copies)
    assert torch.allclose(last(bent, image, 0, params).gradient, grads.mean(dim=0), rtol=1e-4, atol=1e-4)


def test_sigma_is_a_share_of_the_pictures_range() -> None:
    image = 0.25 + 0.5 * random_picture(linear_classifier((64, 64)))
    spread = noisy_copies(image, SmoothGrad(noise=0.2), range(20)) - image
    assert float(spread.std()) == pytest.approx(0.2 * float(image.max() - image.min()), rel=0.01)
    assert abs(float(spread.mean())) < 1e-3
    # Copies are independent of one another.
    flat = spread.flatten(1)
    assert torch.corrcoef(flat).fill_diagonal_(0).abs().max() < 0.05


def test_a_copys_noise_depends_on_seed_and_number_alone() -> None:
    image = random_picture(linear_classifier())
    params = SmoothGrad()
    many = noisy_copies(image, params, range(5))
    assert torch.equal(many[3], noisy_copies(image, params, [3])[0])
    other = noisy_copies(image, replace(params, seed=1), range(5))
    assert not any(torch.equal(a, b) for a in many for b in other)


def test_the_batch_size_changes_nothing_but_rounding(bent: Classifier) -> None:
    image = random_picture(bent)
    params = SmoothGrad(copies=13)
    results = []
    for batch in (1, 2, 6, 64):
        bent.batch_size = batch
        results.append(last(bent, image, 0, params))
    for other in results[1:]:
        assert torch.allclose(other.gradient, results[0].gradient, rtol=1e-5, atol=1e-5)
        assert other.changes == pytest.approx(results[0].changes, rel=1e-3)


@pytest.mark.parametrize(("few", "many"), [(1, 2), (5, 6), (7, 20), (10, 21), (12, 13)])
def test_more_copies_are_added_to_those_there_are(bent: Classifier, few: int, many: int) -> None:
    bent.batch_size = 8
    image = random_picture(bent)
    asked = _counting(bent)
    begun = last(bent, image, 0, SmoothGrad(copies=few))
    asked.clear()
    resumed = last(bent, image, 0, SmoothGrad(copies=many), resume=begun)
    resumed_chunks = asked[1:]  # after the one picture whose score is asked for
    assert sum(resumed_chunks) < many - few + gradient_batch(bent)
    asked.clear()
    fresh = last(bent, image, 0, SmoothGrad(copies=many))
    # The chunks fall where they fall without a pause, else a network's rounding would tell the two apart.
    assert resumed_chunks == asked[-len(resumed_chunks) :]
    assert torch.equal(resumed.gradient, fresh.gradient)
    assert resumed.changes == fresh.changes
    assert len(resumed.changes) == many


def test_an_estimate_that_was_left_halfway_can_be_carried_on(bent: Classifier) -> None:
    bent.batch_size = 8
    image = random_picture(bent)
    estimates = list(smoothgrad(bent, image, 0, SmoothGrad(copies=40)))
    assert len(estimates) > 3
    for estimate in estimates[:-1]:
        alone = last(bent, image, 0, SmoothGrad(copies=estimate.step))
        assert torch.allclose(estimate.gradient, alone.gradient, rtol=1e-5)  # the mean of the copies so far
        resumed = last(bent, image, 0, SmoothGrad(copies=40), resume=estimate)
        assert torch.equal(resumed.gradient, estimates[-1].gradient)


def test_maps_of_other_settings_are_not_carried_on(bent: Classifier) -> None:
    image = random_picture(bent)
    params = SmoothGrad(copies=6)
    fresh = last(bent, image, 0, params)
    twin = Classifier(Bent((3, 9, 8)), bent.preprocess, bent.classes, device="cpu")
    for other in (
        last(bent, image, 1, params),
        last(bent, 1 - image, 0, params),
        last(bent, image, 0, replace(params, seed=1)),
        last(bent, image, 0, replace(params, noise=0.3)),
        last(bent, image, 0, replace(params, output="probability")),
        last(twin, image, 0, params),
        gradient(bent, image, 0),
        last(bent, image, 0, replace(params, copies=9)),  # more than are asked for
    ):
        resumed = last(bent, image, 0, params, resume=other)
        assert torch.equal(resumed.gradient, fresh.gradient)
        assert len(resumed.changes) == 6


def test_changes_are_the_relative_steps_of_the_average(bent: Classifier) -> None:
    image = random_picture(bent)
    final = last(bent, image, 0, SmoothGrad(copies=4))
    maps = [last(bent, image, 0, SmoothGrad(copies=n)).gradient for n in (1, 2, 3, 4)]
    expected = [1.0, *(float((b - a).norm() / b.norm()) for a, b in pairwise(maps))]
    assert final.changes == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("work", "first"), [(0, 2), (10**3, 25), (10**10, 2)])
def test_generator_contract(
    bent: Classifier, unchanged: Snapshot, monkeypatch: pytest.MonkeyPatch, work: int, first: int
) -> None:
    monkeypatch.setattr(bent, "work", work)  # 0 where it is not known
    verify = unchanged(bent)
    image = random_picture(bent)
    before = image.clone()
    estimates = check_contract(lambda: smoothgrad(bent, image, 0, SmoothGrad(copies=25)), same)
    assert estimates[0].step == first  # after two copies, whatever the batch, or after all where these are quick
    assert torch.equal(image, before)
    assert not image.requires_grad
    verify()


def same(a: SaliencyMap, b: SaliencyMap) -> bool:
    return torch.equal(a.gradient, b.gradient) and a.score == b.score and a.changes == b.changes


def test_gradient_leaves_everything_as_it_was(bent: Classifier, unchanged: Snapshot) -> None:
    verify = unchanged(bent)
    image = random_picture(bent).requires_grad_()
    expected = gradient(bent, image, 0).gradient
    assert image.grad is None
    with torch.no_grad():
        assert torch.equal(gradient(bent, image, 0).gradient, expected)
        assert not torch.is_grad_enabled()
    verify()


def test_running_out_of_memory_halves_the_chunk_and_keeps_the_finished_ones(
    bent: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.rand(11, *bent.input_shape, generator=torch.Generator().manual_seed(0))
    expected, _ = gradients(bent, x, 0)
    bent.batch_size = 16
    seen: list[int] = []
    whole = bent.module.forward

    def cramped(z: Tensor) -> Tensor:
        seen.append(len(z))
        if len(z) > 3 or (len(seen) == 4 and len(z) > 1):
            raise torch.OutOfMemoryError("out of memory")
        answer: Tensor = whole(z)
        return answer

    monkeypatch.setattr(bent.module, "forward", cramped)
    bent.scores(x[:1], 0)  # the network has changed, and is examined anew
    seen.clear()
    grads, scores = gradients(bent, x, 0)
    assert torch.allclose(grads, expected, atol=1e-5)
    assert len(scores) == 11
    assert seen[:5] == [8, 4, 2, 2, 1]  # the fourth fails although it is small, and nothing before it is done again
    assert sum(seen[2:]) == 11 + 2

    def never(z: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(bent.module, "forward", never)
    with pytest.raises(torch.OutOfMemoryError):
        gradients(bent, x, 0)


def test_small_networks_take_more_pictures_at_once_and_run_out_of_memory_all_the_same(
    bundled: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = Classifier(bundled.module, bundled.preprocess, bundled.classes, device="cpu")
    half = [(1, 1), (8, 4), (24, 12)]
    small = [(1, 1), (4, 4), (8, 8), (12, 12), (24, 24)]
    for kept, expected in ((None, half), (10**8, half), (10**7, [(1, 1), (8, 5), (24, 12)]), (10**6, small)):
        monkeypatch.setattr(type(twin.passes), "kept", kept)
        for twin.batch_size, pictures in expected:
            assert gradient_batch(twin) == pictures
    # Many kernels to be read let it be more, but never without bound, nor more than there is memory for.
    monkeypatch.setattr(type(twin.passes), "kept", 10**7)
    large, none = 2**36, None
    for kernels, total, expected_pictures in (
        *((10**6, large, 12), (15 * 10**6, large, 15), (10**9, large, 22)),
        *((10**9, none, 22), (10**9, 2**32, 13), (10**9, 2**30, 12)),
    ):
        monkeypatch.setattr(machine, "total", lambda total=total: total)
        monkeypatch.setattr(twin, "kernels", kernels)
        assert gradient_batch(twin) == expected_pictures
    monkeypatch.setattr(type(twin.passes), "kept", 5 * 10**6)
    x = torch.rand(8, *twin.input_shape, generator=torch.Generator().manual_seed(0))
    expected_grads, _ = gradients(twin, x, 0)
    twin.batch_size, seen = 8, []

    def small_memory(z: Tensor, own: Callable[[Tensor], Tensor] = twin.passes) -> Tensor:
        seen.append(len(z))
        if len(z) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return own(z)

    small_memory.kept = 10**6  # type: ignore[attr-defined]
    monkeypatch.setattr(twin, "passes", small_memory)
    grads, _ = gradients(twin, x, 0)
    assert seen == [8, 4, 2, 2, 2, 2]
    # Rounding depends on how many go at once, and may switch a ReLU or the place of a maximum.
    assert float((grads - expected_grads).norm()) < 2e-3 * float(expected_grads.norm())
    close = (grads - expected_grads).abs() < 1e-5 * float(expected_grads.abs().max())
    assert float(close.float().mean()) > 0.9


@pytest.mark.parametrize("output", ["logit", "probability"])
def test_captums_saliency_on_the_bundled_network(bundled: Classifier, output: Output) -> None:
    image = random_picture(bundled)
    leaf = image[None].clone().requires_grad_()
    theirs = CaptumSaliency(Pixels(bundled, output)).attribute(leaf, target=2, abs=False)[0]
    ours = gradient(bundled, image, 2, Saliency(output=output)).gradient
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=float(theirs.abs().max()) * 1e-5)


def test_captums_smoothgrad_on_the_same_noise(bundled: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    image = random_picture(bundled)
    params = SmoothGrad(copies=6, noise=0.1, seed=1)  # no ReLU that rounding alone would switch
    ours = last(bundled, image, 2, params).gradient
    sigma = 0.1 * float(image.max() - image.min())
    noise = (noisy_copies(image, params, range(6)) - image) / sigma
    # Captum draws its noise from torch.normal: let it draw ours.
    monkeypatch.setattr(torch, "normal", lambda mean, std: (mean + std * noise).clone())
    tunnel = NoiseTunnel(CaptumSaliency(Pixels(bundled)))
    theirs = tunnel.attribute(image[None], nt_type="smoothgrad", nt_samples=6, stdevs=sigma, target=2, abs=False)[0]
    assert torch.allclose(ours, theirs, rtol=1e-3, atol=float(theirs.abs().max()) * 1e-4)


@pytest.mark.squeezenet
def test_captums_saliency_on_squeezenet(squeezenet: Classifier) -> None:
    image = random_picture(squeezenet)
    leaf = image[None].clone().requires_grad_()
    theirs = CaptumSaliency(Pixels(squeezenet)).attribute(leaf, target=281, abs=False)[0]
    ours = gradient(squeezenet, image, 281).gradient
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=float(theirs.abs().max()) * 1e-4)


def test_what_they_do_not_accept() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    with pytest.raises(ValueError, match="target is -1; accepted: a class index from 0 to 2"):
        smoothgrad(clf, image, -1)
    with pytest.raises(ValueError, match="target is 3; accepted"):
        gradient(clf, image, 3)
    with pytest.raises(ValueError, match=r"image has values from .* accepted: 0 to 1"):
        smoothgrad(clf, image * 255, 0)
    with pytest.raises(ValueError, match="image has shape"):
        gradient(clf, image[:, :5], 0)
    with pytest.raises(ParameterError, match=r"SmoothGrad.noise is 2.0; accepted: a number from 0 to 0.5"):
        SmoothGrad(noise=2.0)
    with pytest.raises(ParameterError, match=r"Saliency.output is 'softmax'; accepted: one of probability, logit"):
        Saliency(output="softmax")  # type: ignore[arg-type]


def _counting(clf: Classifier) -> list[int]:
    """Counts the pictures that the network is asked about, from now on and for this classifier only."""
    asked: list[int] = []
    whole = clf.module.forward

    def counted(z: Tensor) -> Tensor:
        asked.append(len(z))
        answer: Tensor = whole(z)
        return answer

    clf.module.forward = counted
    clf.scores(torch.zeros(1, *clf.input_shape), 0)  # the network has changed, and is examined anew
    asked.clear()
    return asked
