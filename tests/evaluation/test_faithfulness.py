"""Deletion and insertion curves against closed forms on a linear network, and their contract as paused generators."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore.evaluation.faithfulness import (
    FIRST_POINTS,
    Band,
    Curves,
    Faithfulness,
    counts,
    curves,
    random_band,
    ranks,
    removed,
)
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.params import ParameterError
from vizcore.pictures import scenes
from vizcore.targets import Contrast
from vizcore.techniques import occlusion, saliency
from vizcore.techniques.occlusion import Fill, filling

LOGIT = Faithfulness(steps=8, output="logit")


def last(clf: Classifier, image: Tensor, target: int, heat: Tensor, params: Faithfulness = LOGIT) -> Curves:
    return Run(curves(clf, image, target, heat, params)).finish()


def band(clf: Classifier, image: Tensor, target: int, params: Faithfulness = LOGIT, orders: int = 20) -> Band:
    return Run(random_band(clf, image, target, params, orders)).finish()


def gains(clf: Classifier, image: Tensor, target: int, fill: Fill = "grey") -> Tensor:
    """(H,W) what each pixel is worth to a linear network: the true map."""
    weights: Tensor = clf.module.weights[target] / clf.std[0]
    return (weights * (image - filling(clf, image, fill))).sum(dim=0)


@pytest.mark.parametrize("fill", get_args(Fill))
def test_both_curves_of_a_linear_network_are_running_sums(fill: Fill) -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    image, params = random_picture(clf), Faithfulness(fill=fill, steps=8, output="logit")
    worth = gains(clf, image, 1, fill)
    result = last(clf, image, 1, worth, params)
    whole, nothing = clf.scores(torch.stack([image, filling(clf, image, fill)]), 1, "logit")
    sums = torch.cat([torch.zeros(1), worth.reshape(-1).sort(descending=True).values.cumsum(0)])
    assert result.fractions.tolist() == [k / 8 for k in range(9)]
    taken = sums[counts(120, params)]  # of 12 x 10 pixels
    torch.testing.assert_close(result.deletion, whole - taken, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(result.insertion, nothing + taken, rtol=1e-4, atol=1e-4)


def test_no_order_beats_the_true_one_on_a_linear_network() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    worth = gains(clf, image, 0)
    best, worst = last(clf, image, 0, worth), last(clf, image, 0, -worth)
    for seed in range(20):
        rival = last(clf, image, 0, torch.rand(12, 10, generator=torch.Generator().manual_seed(seed)))
        assert best.deletion_area < rival.deletion_area < worst.deletion_area
        assert best.insertion_area > rival.insertion_area > worst.insertion_area


def test_a_random_order_is_expected_to_follow_the_straight_line() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    ends = clf.scores(torch.stack([image, filling(clf, image, "grey")]), 0, "logit")
    result = band(clf, image, 0, orders=200)
    error = result.areas.std() / 200**0.5
    assert float(error) < 0.05 * float((ends[0] - ends[1]).abs())
    assert abs(float(result.areas.mean() - ends.mean())) < 4 * float(error)
    line = ends[0] + result.fractions * (ends[1] - ends[0])
    spread = result.deletion.std(dim=0) / 200**0.5
    assert bool(((result.deletion.mean(dim=0) - line).abs() <= 4 * spread + 1e-5).all())


def test_inserting_is_deleting_in_reverse_order_read_backwards() -> None:
    clf = linear_classifier()
    image, heat = random_picture(clf), torch.rand(12, 10, generator=torch.Generator().manual_seed(3))
    params = Faithfulness(steps=8)
    one, other = last(clf, image, 2, heat, params), last(clf, image, 2, -heat, params)
    torch.testing.assert_close(one.insertion, other.deletion.flip(0))
    assert one.insertion_area == pytest.approx(other.deletion_area)
    result = band(clf, image, 2, params, orders=3)
    torch.testing.assert_close(result.insertion, result.deletion.flip(1))
    torch.testing.assert_close(torch.trapezoid(result.insertion, result.fractions, dim=1), result.areas)


def test_the_curves_of_a_contrast_are_the_difference_of_those_of_its_classes() -> None:
    clf = linear_classifier()
    image, heat = random_picture(clf), torch.rand(12, 10, generator=torch.Generator().manual_seed(3))
    both = Run(curves(clf, image, Contrast(0, 2), heat, LOGIT)).finish()
    of, against = last(clf, image, 0, heat), last(clf, image, 2, heat)
    torch.testing.assert_close(both.deletion, of.deletion - against.deletion)
    torch.testing.assert_close(both.insertion, of.insertion - against.insertion)


def test_a_curve_that_stays_has_the_area_of_a_rectangle() -> None:
    clf = linear_classifier()
    with torch.no_grad():
        clf.module.weights.zero_()
    result = last(clf, random_picture(clf), 0, torch.zeros(12, 10), Faithfulness())
    assert result.deletion_area == pytest.approx(1 / 3, abs=1e-6)
    assert result.insertion_area == pytest.approx(1 / 3, abs=1e-6)


def test_ranks_fall_with_the_heat_and_break_ties_by_chance() -> None:
    heat = torch.tensor([[0.0, 3.0, 0.0], [-1.0, 0.0, 2.0]])
    order = ranks(heat)
    assert order[0, 1] == 0
    assert order[1, 2] == 1
    assert order[1, 0] == 5
    assert sorted(order.reshape(-1).tolist()) == list(range(6))
    assert torch.equal(ranks(heat), order)
    firsts = [ranks(heat, seed)[0, 0].item() for seed in range(60)]
    assert {firsts.count(place) > 8 for place in (2, 3, 4)} == {True}  # 20 each is what chance would give
    flat = torch.stack([ranks(torch.zeros(16, 16), seed).float() for seed in range(20)]).mean(dim=0)
    assert abs(float(flat[:8].mean() - flat[8:].mean())) < 15  # from the top left it would be 128


def test_the_pictures_between() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    paint, order = filling(clf, image, "grey"), ranks(torch.arange(120.0).view(12, 10))
    nothing, picture, everything = removed(image, paint, order, torch.tensor([0, 10, 120])[:, None, None])
    assert bool((picture[:, 11] == 0.5).all())
    assert torch.equal(picture[:, :11], image[:, :11])
    assert torch.equal(nothing, image)
    assert torch.equal(everything, paint)


def test_points_lie_evenly_and_never_closer_than_one_pixel() -> None:
    assert counts(120, Faithfulness(steps=8)).tolist() == [0, 15, 30, 45, 60, 75, 90, 105, 120]
    assert counts(6, Faithfulness(steps=32)).tolist() == [0, 1, 2, 3, 4, 5, 6]
    uneven = counts(1000, Faithfulness(steps=64))
    assert torch.equal(uneven, 1000 - uneven.flip(0))


def test_the_first_estimate_covers_both_curves() -> None:
    clf = linear_classifier(size=(16, 8))
    image = random_picture(clf)
    worth = gains(clf, image, 0)
    first, *_, final = curves(clf, image, 0, worth, Faithfulness(steps=32, output="logit"))
    assert int(first.done.sum()) == first.step == FIRST_POINTS
    assert bool(first.done[0] & first.done[-1])
    assert first.of == final.step == 33
    assert bool(final.done.all())
    torch.testing.assert_close(first.deletion[first.done], final.deletion[first.done])
    inner = (first.deletion[0] + first.deletion[4]) / 2
    assert float(first.deletion[2]) == pytest.approx(float(inner), rel=1e-3)
    assert first.deletion_area == pytest.approx(final.deletion_area, rel=0.1)


def test_the_contract_of_the_curves(bundled: Classifier, unchanged: Callable[[Classifier], Callable[[], None]]) -> None:
    image = bundled.pixels(Image.fromarray(scenes.scene(3).picture))
    before, verify = image.clone(), unchanged(bundled)
    heat = saliency.times_input(saliency.gradient(bundled, image, 2))

    def same(a: Curves, b: Curves) -> bool:
        return torch.equal(a.deletion, b.deletion) and torch.equal(a.insertion, b.insertion)

    estimates = check_contract(lambda: curves(bundled, image, 2, heat, Faithfulness(steps=16)), same)
    assert len(estimates) > 1
    verify()
    assert torch.equal(image, before)


def test_the_contract_of_the_band() -> None:
    clf = linear_classifier()
    image = random_picture(clf)

    def same(a: Band, b: Band) -> bool:
        return torch.equal(a.deletion, b.deletion)

    estimates = check_contract(lambda: random_band(clf, image, 0, LOGIT, 5), same)
    assert [len(e.areas) for e in estimates] == [1, 2, 3, 4, 5]
    assert torch.equal(band(clf, image, 0, orders=2).deletion, estimates[1].deletion)
    assert not torch.equal(estimates[1].deletion[0], estimates[1].deletion[1])
    other = band(clf, image, 0, Faithfulness(steps=8, output="logit", seed=1), orders=2)
    assert not torch.equal(other.deletion, estimates[1].deletion)


def test_the_chunk_does_not_matter() -> None:
    clf = linear_classifier()
    image, heat = random_picture(clf), torch.rand(12, 10, generator=torch.Generator().manual_seed(3))
    results = []
    for clf.batch_size in (1, 5, 64):
        results.append(last(clf, image, 1, heat, Faithfulness(steps=32)))
    for result in results[1:]:
        torch.testing.assert_close(result.deletion, results[0].deletion)
        torch.testing.assert_close(result.insertion, results[0].insertion)


def test_the_interval_holds_the_middle_of_the_orders() -> None:
    fractions = torch.tensor([0.0, 1.0])
    result = Band(101, 101, fractions, torch.arange(101.0)[:, None].expand(101, 2))
    low, high = result.interval(result.areas)
    assert (float(low), float(high)) == pytest.approx((5.0, 95.0))
    low, high = result.interval(result.deletion, level=0.5)
    assert low.tolist() == pytest.approx([25.0, 25.0])
    assert high.tolist() == pytest.approx([75.0, 75.0])


def test_nonsense_is_refused_before_anything_is_computed() -> None:
    clf = linear_classifier()
    image, heat = random_picture(clf), torch.zeros(12, 10)
    with pytest.raises(ValueError, match=r"heat has shape \(10, 12\); accepted: \(12, 10\)"):
        curves(clf, image, 0, heat.T)
    with pytest.raises(ValueError, match=r"heat has shape \(3, 12, 10\); accepted: \(H,W\)"):
        curves(clf, image, 0, image)
    with pytest.raises(ValueError, match="not finite"):
        curves(clf, image, 0, heat / 0)
    with pytest.raises(ValueError, match="target is 3"):
        curves(clf, image, 3, heat)
    with pytest.raises(ValueError, match="image has shape"):
        random_band(clf, image[:2], 0)
    with pytest.raises(ParameterError, match="orders is 0; accepted: a whole number of at least 1"):
        random_band(clf, image, 0, orders=0)
    with pytest.raises(ParameterError, match=r"Faithfulness\.steps is 2"):
        Faithfulness(steps=2)


def test_on_the_bundled_network_gradient_and_occlusion_leave_the_band_of_chance(bundled: Classifier) -> None:
    params = Faithfulness(steps=16, fill="mean")  # which is also what the gradient is multiplied against
    areas: dict[str, list[tuple[float, float]]] = {"gradient": [], "occlusion": []}
    for seed in range(3):
        image = bundled.pixels(Image.fromarray(scenes.scene(seed).picture))
        target = bundled.top(image)[0][0]
        chance = band(bundled, image, target, params, 6)
        low, high = float(chance.areas.min()), float(chance.areas.max())
        maps = {
            "gradient": saliency.times_input(saliency.gradient(bundled, image, target)),
            "occlusion": Run(occlusion.occlude(bundled, image, target, occlusion.Occlusion(stride=16))).finish().heat(),
        }
        for name, heat in maps.items():
            result = last(bundled, image, target, heat, params)
            areas[name].append((low - result.deletion_area, result.insertion_area - high))
    for name, margins in areas.items():
        assert float(np.min(margins)) > 0, (name, margins)
