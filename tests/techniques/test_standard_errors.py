"""Standard errors against closed forms, against other seeds, and what a run does that may stop when it is settled."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.conftest import linear_classifier, random_picture
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.params import from_json
from vizcore.pictures import scenes
from vizcore.techniques import lime, saliency
from vizcore.techniques.adaline import ridge, train
from vizcore.techniques.lime import Lime, Model
from vizcore.techniques.saliency import SmoothGrad
from vizcore.techniques.standard_errors import Covariance, standard_errors
from vizcore.techniques.subimages import Sampling, draw, pairs

FEW = Lime(samples=300, segments=16, output="logit")


def explained(clf: Classifier, image: Tensor, params: Lime) -> lime.LimeMap:
    return Run(lime.explain(clf, image, int(clf.logits(image[None])[0].argmax()), params)).finish()


@pytest.fixture
def picture(bundled: Classifier) -> Tensor:
    return bundled.pixels(Image.fromarray(scenes.scene(4).picture))


def test_rows_that_are_pairs_are_complementary_and_no_others_are_one() -> None:
    for count in (1, 3, 17):
        n = 12 * count + 5
        on, number = draw(2, n, count, "pairs"), pairs(n, count)
        assert bool(on[0].all())
        for one in number.unique().tolist():
            rows = on[number == one]
            assert len(rows) <= 2
            if one == 0:
                assert len(rows) == 1  # the whole picture
            elif len(rows) == 2:
                assert torch.equal(rows[0], ~rows[1])
        assert sum(int((number == one).sum()) == 1 for one in number.unique()) <= 2  # besides, an unfinished pair
        assert torch.equal(number[1 : 1 + 2 * count], number[1 + 2 * count : 1 + 4 * count])


def test_fewer_paired_rows_are_the_first_of_more() -> None:
    many = draw(3, 200, 11, "pairs")
    for n in (1, 10, 23, 44, 45, 46, 199):
        assert torch.equal(draw(3, n, 11, "pairs"), many[:n])
    assert not torch.equal(draw(4, 200, 11, "pairs"), many)


def test_independent_rows_are_those_of_before_there_was_a_choice() -> None:
    generator = np.random.Generator(np.random.PCG64([5, 9]))
    before = torch.from_numpy(generator.random((30, 9)) < 0.5)
    assert torch.equal(draw(5, 30, 9)[1:], before[1:])


def test_links_and_exports_of_before_mean_independent_samples() -> None:
    assert from_json(Lime, {"samples": 40}) == (Lime(samples=40, sampling="independent"), [])
    assert from_json(Lime, {}, Lime(seed=3))[0] == Lime(seed=3, sampling="independent")
    assert from_json(Lime, {"sampling": "pairs"})[0] == Lime()


def test_least_squares_has_whites_error_with_the_leverages_of_its_rows() -> None:
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(60, 4, generator=generator) < 0.5).double()
    y = x @ torch.randn(4, generator=generator).double() + torch.randn(60, generator=generator).double()
    fitted = ridge(x, y, alpha=0.0)
    residuals = y - x @ fitted.weights - fitted.bias
    design = torch.cat([x, torch.ones(60, 1)], 1)  # the textbook's form, with the bias as a column
    bread = torch.linalg.inv(design.T @ design)
    leverage = ((design @ bread) * design).sum(1) - 1 / 60  # ours are those of the weights, without the bias
    meat = (design * (residuals.square() / (1 - leverage))[:, None]).T @ design
    expected = (bread @ meat @ bread).diagonal().sqrt()[:4]
    torch.testing.assert_close(standard_errors(fitted.solution, x, residuals), expected)


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_the_solution_takes_the_scores_to_the_weights(alpha: float) -> None:
    generator = torch.Generator().manual_seed(1)
    x, y = torch.rand(50, 5, generator=generator) < 0.5, torch.randn(50, generator=generator)
    c = 0.1 + torch.rand(50, generator=generator).double()
    for fitted in (ridge(x, y, alpha=alpha, sample_weights=c), train(x, y, alpha=alpha, sample_weights=c)):
        share = c / c.sum()
        centred = x.double() - share @ x.double()
        torch.testing.assert_close(fitted.solution @ (centred.T @ (share * y.double())), fitted.weights)


def test_a_linear_network_leaves_no_error(bundled: Classifier) -> None:
    clf = linear_classifier(size=(24, 20))
    params = Lime(samples=200, segments=8, alpha=0.0, learning_rate=1.0, epochs=2000, output="logit")
    result = explained(clf, random_picture(clf), params)
    assert float(result.errors.max()) < 1e-5 * float(result.weights.abs().max())


def test_with_fewer_than_two_samples_for_each_weight_the_error_is_unknown() -> None:
    clf = linear_classifier(size=(24, 20))
    few = explained(clf, random_picture(clf), Lime(samples=20, segments=20))
    assert bool(few.errors.isnan().all())
    assert math.isnan(few.error)


@pytest.mark.parametrize("sampling", ["pairs", "independent"])
def test_the_error_is_the_spread_over_seeds(bundled: Classifier, picture: Tensor, sampling: Sampling) -> None:
    params = replace(FEW, samples=160, segments=12, sampling=sampling)
    runs = [explained(bundled, picture, replace(params, seed=seed)) for seed in range(12)]
    for model in get_args(Model):
        chosen = replace(params, model=model)
        fits = [lime.fit(run.vectors, run.scores, chosen) for run in runs]
        spread = torch.stack([fitted.weights for fitted in fits]).std(0).square().mean().sqrt()
        errors = [lime.errors(run.vectors, run.scores, chosen, fit) for run, fit in zip(runs, fits, strict=True)]
        assert 0.75 < float(torch.stack(errors).square().mean().sqrt() / spread) < 1.33


def test_what_two_superpixels_do_together_leaves_the_weights_of_pairs_alone() -> None:
    generator = torch.Generator().manual_seed(4)
    weights, together = torch.randn(2, 14, generator=generator).double()

    def miss(sampling: Sampling) -> float:
        x = draw(1, 401, 14, sampling)[1:]
        scores = x.double() @ weights + ((x.double() - 0.5) @ together).square()  # linear, and even about the middle
        return float((ridge(x, scores, alpha=0.0).weights - weights).norm())

    assert miss("pairs") < 1e-10
    assert miss("independent") > 0.05


def test_a_settled_fit_stops_and_says_so(bundled: Classifier, picture: Tensor) -> None:
    whole = explained(bundled, picture, FEW)
    settled = explained(bundled, picture, replace(FEW, settled=0.1))
    assert settled.step == settled.of < FEW.samples
    assert settled.step % 50 == 0
    assert settled.error <= 0.1
    before = explained(bundled, picture, replace(FEW, samples=settled.step - 50))
    assert not before.error <= 0.1  # it stopped the first time that it could
    same = explained(bundled, picture, replace(FEW, samples=settled.step))
    torch.testing.assert_close(settled.weights, same.weights, rtol=1e-4, atol=1e-5)
    known = lime.explain(
        bundled, picture, int(bundled.logits(picture[None])[0].argmax()), settled.params, samples=whole.samples
    )
    again = Run(known).finish()
    assert again.step == settled.step  # also where more is known already
    assert len(again.samples) == FEW.samples
    never = explained(bundled, picture, replace(FEW, samples=100, settled=0.02))
    assert never.step == never.of == 100


def covered(clf: Classifier, image: Tensor, params: SmoothGrad) -> saliency.SaliencyMap:
    return Run(saliency.smoothgrad(clf, image, 0, params)).finish()


def test_the_error_of_a_mean_is_that_of_statistics() -> None:
    draws = torch.randn(7, 2, 3, 4, generator=torch.Generator().manual_seed(2))
    found = Covariance(7, draws.double().sum(0), torch.einsum("nchw,ndhw->cdhw", draws.double(), draws.double()))
    for along in (torch.ones(2, 3, 4), torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(3))):
        expected = (draws * along).sum(1).std(0) / math.sqrt(7)
        torch.testing.assert_close(found.error(along), expected)
    share = (draws.var(0).sum() / 7).sqrt() / draws.mean(0).norm()
    assert found.share() == pytest.approx(float(share), rel=1e-4)
    assert math.isnan(Covariance(1, draws[0].double(), draws[:1].double().transpose(0, 1)).share())


@pytest.mark.parametrize("view", ["signed", "times_input", "absolute"])
def test_the_error_of_smoothgrad_is_the_spread_over_seeds(bundled: Classifier, picture: Tensor, view: str) -> None:
    views = {"signed": saliency.signed, "times_input": saliency.times_input, "absolute": saliency.absolute_max}
    runs = [covered(bundled, picture, SmoothGrad(copies=20, seed=seed)) for seed in range(12)]
    spread = torch.stack([views[view](run) for run in runs]).std(0).square().mean().sqrt()
    foretold = torch.stack([saliency.standard_error(run, view) for run in runs]).square().mean().sqrt()
    # The largest of three channels varies less than the one that is largest, by about a tenth.
    assert 0.8 < float(foretold / spread) < (1.35 if view == "absolute" else 1.25)


def test_a_linear_networks_average_has_no_error(linear: Classifier) -> None:
    found = covered(linear, random_picture(linear), SmoothGrad(copies=12))
    assert float(saliency.standard_error(found, "signed").max()) < 1e-5 * float(saliency.signed(found).abs().max())


def test_a_settled_average_stops_and_is_carried_on_from(bundled: Classifier, picture: Tensor) -> None:
    whole = SmoothGrad(copies=100)
    at_rest = covered(bundled, picture, replace(whole, settled=0.2))
    assert at_rest.step == at_rest.of < 100
    assert at_rest.step % 10 == 0
    assert at_rest.covariance is not None
    assert at_rest.covariance.share() <= 0.2
    same = covered(bundled, picture, replace(whole, copies=at_rest.step))
    torch.testing.assert_close(at_rest.gradient, same.gradient, rtol=1e-3, atol=1e-5)
    shares = []
    for estimate in saliency.smoothgrad(bundled, picture, 0, replace(whole, copies=40)):
        assert estimate.covariance is not None
        shares.append(estimate.covariance.share())
    assert all(b < 1.3 * a for a, b in pairwise(shares[1:]))


def test_where_nothing_was_sampled_there_is_no_error(linear: Classifier) -> None:
    plain = saliency.gradient(linear, random_picture(linear), 0)
    with pytest.raises(ValueError, match="accepted: a map that is an average"):
        saliency.standard_error(plain, "signed")
    with pytest.raises(ValueError, match="view is 'other'"):
        saliency.standard_error(plain, "other")
