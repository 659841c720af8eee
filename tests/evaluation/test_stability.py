"""Runs under several seeds, and changed pictures: closed forms, Captum's sensitivity_max, and the contract."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from captum.metrics import sensitivity_max
from PIL import Image
from torch import Tensor

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore.evaluation.agreement import spearman
from vizcore.evaluation.stability import (
    MaxSensitivity,
    Repeats,
    Sensitivity,
    Stability,
    changed,
    max_sensitivity,
    repeat,
)
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.params import ParameterError
from vizcore.pictures import scenes
from vizcore.seeds import generator
from vizcore.techniques import saliency


def noisy(seed: int) -> Tensor:
    """A ramp from 0 to 1 under noise of standard deviation 0.1."""
    return torch.linspace(0, 1, 120).view(12, 10) + 0.1 * torch.randn(12, 10, generator=generator(seed, 1))


def all_runs(explain: Callable[[int], Tensor], params: Repeats) -> Stability:
    return Run(repeat(explain, params)).finish()


def shaken(image: Tensor, explain: Callable[[Tensor], Tensor], params: Sensitivity | None = None) -> MaxSensitivity:
    return Run(max_sensitivity(image, explain, params)).finish()


def test_mean_and_deviation_are_those_of_the_maps() -> None:
    params = Repeats(runs=5, seed=3)
    heats = torch.stack([noisy(seed) for seed in (3, 4, 5, 6, 7)])
    result = all_runs(noisy, params)
    assert torch.equal(result.heats, heats)
    mean = sum(heats) / 5
    torch.testing.assert_close(result.mean, mean)
    torch.testing.assert_close(result.deviation, (sum((heat - mean) ** 2 for heat in heats) / 4).sqrt())
    pairs = [spearman(heats[a], heats[b]) for a in range(5) for b in range(a)]
    assert result.agreement == pytest.approx(sum(pairs) / 10, abs=1e-6)
    assert torch.equal(result.correlations, result.correlations.T)
    torch.testing.assert_close(result.correlations.diagonal(), torch.ones(5))


def test_the_deviation_tends_to_that_of_the_noise_and_unrelated_maps_do_not_agree() -> None:
    result = all_runs(noisy, Repeats(runs=50))
    assert float(result.deviation.mean()) == pytest.approx(0.1, rel=0.05)
    unrelated = all_runs(lambda seed: torch.randn(40, 40, generator=generator(seed, 1)), Repeats(runs=10))
    assert abs(unrelated.agreement) < 0.02


def test_a_method_without_chance_agrees_with_itself() -> None:
    ramp = torch.arange(20.0).view(4, 5)
    result = all_runs(lambda seed: ramp, Repeats(runs=3))
    assert result.agreement == pytest.approx(1.0)
    assert bool((result.deviation == 0).all())
    turned = all_runs(lambda seed: ramp * (-1) ** seed, Repeats(runs=2))
    assert turned.agreement == pytest.approx(-1.0)
    assert bool((turned.mean == 0).all())


def test_a_constant_map_has_no_order_to_agree_with() -> None:
    ramp = torch.arange(20.0).view(4, 5)
    result = all_runs(lambda seed: ramp if seed else torch.zeros(4, 5), Repeats(runs=3))
    assert bool(result.correlations[0].isnan().all())
    assert result.agreement == pytest.approx(1.0)  # of the one pair that can be compared
    assert math.isnan(all_runs(lambda seed: torch.zeros(4, 5), Repeats(runs=2)).agreement)


def test_smoothgrad_of_a_linear_network_is_the_same_for_every_seed() -> None:
    clf = linear_classifier()
    image = random_picture(clf)

    def explain(seed: int) -> Tensor:
        params = saliency.SmoothGrad(copies=3, seed=seed)
        return saliency.signed(Run(saliency.smoothgrad(clf, image, 0, params)).finish())

    result = all_runs(explain, Repeats(runs=4))
    assert float(result.deviation.max()) < 1e-6
    assert result.agreement > 0.999


def test_seeds_follow_the_first_and_stay_in_range() -> None:
    assert Repeats(runs=3, seed=5).seeds == [5, 6, 7]
    assert Repeats(runs=3, seed=9998).seeds == [9998, 9999, 0]
    with pytest.raises(ParameterError, match=r"Repeats\.runs is 1; accepted: a whole number from 2 to 50"):
        Repeats(runs=1)


def test_the_contract_of_the_runs() -> None:
    def same(a: Stability, b: Stability) -> bool:
        return torch.equal(a.heats, b.heats) and torch.equal(a.correlations, b.correlations)

    estimates = check_contract(lambda: repeat(noisy, Repeats(runs=4)), same)
    assert [estimate.step for estimate in estimates] == [2, 3, 4]


def test_changed_pictures_stay_pictures_and_within_the_radius() -> None:
    clf = linear_classifier()
    image, params = random_picture(clf), Sensitivity(radius=0.05)
    pictures = torch.stack([changed(image, params, k) for k in range(8)])
    distance = (pictures - image).abs()
    assert 0.045 < float(distance.max()) <= 0.05 + 1e-6
    assert abs(float((pictures - image).mean())) < 0.005
    assert len({float(picture.sum()) for picture in pictures}) == 8
    assert torch.equal(changed(image, params, 3), pictures[3])
    white = changed(torch.ones(3, 6, 6), params, 0)
    assert float(white.max()) <= 1.0
    assert float(white.min()) >= 0.95


def test_the_gradient_of_a_linear_network_does_not_change() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    result = shaken(image, lambda picture: saliency.signed(saliency.gradient(clf, picture, 1)))
    assert result.maximum < 1e-6
    assert len(result.changes) == result.step == 10


def test_gradient_times_input_of_a_linear_network_changes_by_w_times_the_noise() -> None:
    clf = linear_classifier()
    image, params = random_picture(clf), Sensitivity(samples=6, radius=0.1)
    result = shaken(image, lambda picture: saliency.times_input(saliency.gradient(clf, picture, 1)), params)
    weights: Tensor = clf.module.weights[1]
    heat = (weights * image).sum(dim=0)
    moved = [(weights * (changed(image, params, k) - image)).sum(dim=0) for k in range(6)]
    expected = torch.stack([move.norm() / heat.norm() for move in moved])
    torch.testing.assert_close(result.changes, expected, rtol=1e-4, atol=1e-6)
    worst = int(expected.argmax())
    assert result.maximum == pytest.approx(float(expected[worst]), rel=1e-4)
    assert result.mean == pytest.approx(float(expected.mean()), rel=1e-4)
    assert torch.equal(result.worst_image, changed(image, params, worst))
    torch.testing.assert_close(result.worst_heat, heat + moved[worst], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result.heat, heat, rtol=1e-4, atol=1e-5)


def test_maps_without_size() -> None:
    image = torch.full((3, 4, 4), 0.5)
    assert shaken(image, lambda picture: torch.zeros(4, 4)).maximum == 0.0
    assert shaken(image, lambda picture: picture[0] - 0.5).maximum == math.inf
    assert shaken(image, lambda picture: torch.ones(4, 4)).maximum == 0.0


def test_the_contract_of_the_sensitivity(
    bundled: Classifier, unchanged: Callable[[Classifier], Callable[[], None]]
) -> None:
    image = bundled.pixels(Image.fromarray(scenes.scene(3).picture))
    before, verify = image.clone(), unchanged(bundled)

    def same(a: MaxSensitivity, b: MaxSensitivity) -> bool:
        return torch.equal(a.changes, b.changes) and torch.equal(a.worst_heat, b.worst_heat)

    def explain(picture: Tensor) -> Tensor:
        return saliency.signed(saliency.gradient(bundled, picture, 2))

    estimates = check_contract(lambda: max_sensitivity(image, explain, Sensitivity(samples=3)), same)
    assert torch.equal(estimates[1].changes, estimates[2].changes[:2])
    verify()
    assert torch.equal(image, before)


@pytest.mark.parametrize("view", [saliency.signed, saliency.times_input, saliency.absolute_max])
def test_captum_finds_the_same_maximum(bundled: Classifier, view: Callable[[saliency.SaliencyMap], Tensor]) -> None:
    image, params = bundled.pixels(Image.fromarray(scenes.scene(5).picture)), Sensitivity(samples=5, radius=0.05)

    def explain(picture: Tensor) -> Tensor:
        return view(saliency.gradient(bundled, picture, 2))

    def explain_all(pictures: Tensor | tuple[Tensor, ...]) -> tuple[Tensor]:
        batch = pictures if isinstance(pictures, Tensor) else pictures[0]
        return (torch.stack([explain(picture) for picture in batch]),)

    def perturb(pictures: Tensor) -> Tensor:
        return torch.stack([changed(picture, params, k) for k, picture in enumerate(pictures)])

    theirs = sensitivity_max(explain_all, image[None], perturb_func=perturb, n_perturb_samples=params.samples)
    assert shaken(image, explain, params).maximum == pytest.approx(float(theirs[0]), rel=1e-4)
