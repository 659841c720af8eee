"""ADALINE against the delta rule written out, the closed forms it converges to, and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from torch import Tensor

from vizcore.params import ParameterError
from vizcore.techniques.adaline import largest_stable_rate, r_squared, ridge, train

N, L = 120, 7


@pytest.fixture
def data() -> tuple[Tensor, Tensor, Tensor]:
    """{0,1} vectors (n,l), scores (n,) that are almost linear in them, and sample weights (n,)."""
    generator = torch.Generator().manual_seed(3)
    vectors = torch.rand(N, L, generator=generator) < 0.5
    scores = vectors.double() @ torch.randn(L, generator=generator).double() + 0.7
    scores += 0.3 * torch.randn(N, generator=generator).double()
    return vectors, scores, 0.1 + torch.rand(N, generator=generator).double()


def least_squares(vectors: Tensor, scores: Tensor, weights: Tensor) -> Tensor:
    """(l+1,) weights and bias by numpy, from rows scaled with the root of their weight."""
    root = weights.sqrt()
    design = torch.cat([vectors.double(), torch.ones(len(vectors), 1)], dim=1) * root[:, None]
    return torch.from_numpy(np.linalg.lstsq(design.numpy(), (scores * root).numpy(), rcond=None)[0])


@pytest.mark.parametrize("weighted", [False, True])
def test_adaline_converges_to_least_squares(data: tuple[Tensor, Tensor, Tensor], weighted: bool) -> None:
    vectors, scores, weights = data
    given = weights if weighted else None
    expected = least_squares(vectors, scores, weights if weighted else torch.ones(N).double())
    for fit in (
        train(vectors, scores, learning_rate=1.0, epochs=600, sample_weights=given),
        ridge(vectors, scores, alpha=0.0, sample_weights=given),
    ):
        torch.testing.assert_close(fit.weights, expected[:-1], rtol=1e-8, atol=1e-8)
        assert fit.bias == pytest.approx(float(expected[-1]), abs=1e-8)
        predicted = vectors.double() @ fit.weights + fit.bias
        assert fit.r2 == pytest.approx(r2_score(scores, predicted, sample_weight=given), abs=1e-12)
        assert 0.5 < fit.r2 < 1


@pytest.mark.parametrize("alpha", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_adaline_and_ridge_reach_the_ridge_of_scikit_learn(
    data: tuple[Tensor, Tensor, Tensor], weighted: bool, alpha: float
) -> None:
    vectors, scores, weights = data
    given = weights if weighted else None
    reference = Ridge(alpha=alpha).fit(vectors.numpy(), scores.numpy(), sample_weight=given)
    for fit in (
        train(vectors, scores, learning_rate=1.0, epochs=600, alpha=alpha, sample_weights=given),
        ridge(vectors, scores, alpha=alpha, sample_weights=given),
    ):
        np.testing.assert_allclose(fit.weights.numpy(), reference.coef_, rtol=1e-7, atol=1e-8)
        assert fit.bias == pytest.approx(float(reference.intercept_), abs=1e-8)
        assert fit.r2 == pytest.approx(reference.score(vectors.numpy(), scores.numpy(), sample_weight=given), abs=1e-9)


@pytest.mark.parametrize("eta", [0.4, 1.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_each_epoch_is_the_averaged_delta_rule_and_its_error(
    data: tuple[Tensor, Tensor, Tensor], weighted: bool, eta: float
) -> None:
    vectors, scores, weights = data
    c = weights if weighted else torch.ones(N).double()
    alpha = 2.0
    fit = train(vectors, scores, learning_rate=eta, epochs=12, alpha=alpha, sample_weights=c if weighted else None)
    assert fit.history is not None
    assert fit.history.weights.shape == (13, L)
    share = c / c.sum()
    x = vectors.double() - share @ vectors.double()
    w, b = torch.zeros(L).double(), 0.0
    for epoch in range(13):
        torch.testing.assert_close(fit.history.weights[epoch], w, rtol=1e-10, atol=1e-12)
        bias = b - float(w @ (share @ vectors.double()))
        assert float(fit.history.bias[epoch]) == pytest.approx(bias, abs=1e-10)
        predicted = vectors.double() @ w + bias
        assert float(fit.history.error[epoch]) == pytest.approx(float(share @ (scores - predicted) ** 2), abs=1e-10)
        e = scores - (x @ w + b)
        w, b = w + eta * ((share * e) @ x - alpha / c.sum() * w), b + eta * float(share @ e)
    assert torch.equal(fit.history.weights[-1], fit.weights)
    assert float(fit.history.bias[-1]) == fit.bias
    assert fit.learning_rate == eta
    assert bool((fit.history.error.diff() < 0).all())


def test_the_regularisation_does_not_touch_the_bias(data: tuple[Tensor, Tensor, Tensor]) -> None:
    vectors, scores, _ = data
    for fit in (ridge(vectors, scores, alpha=1e9), train(vectors, scores, alpha=1e3, learning_rate=0.1, epochs=2000)):
        assert float(fit.weights.abs().max()) < 0.1
        predicted = vectors.double() @ fit.weights + fit.bias
        assert float(predicted.mean()) == pytest.approx(float(scores.mean()), abs=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 400.0])
def test_the_largest_stable_rate_is_where_training_begins_to_diverge(
    data: tuple[Tensor, Tensor, Tensor], alpha: float
) -> None:
    vectors, scores, weights = data
    limit = largest_stable_rate(vectors, scores, alpha=alpha, sample_weights=weights)
    share = weights / weights.sum()
    x, best = vectors.double() - share @ vectors.double(), ridge(vectors, scores, alpha=alpha, sample_weights=weights)
    goal = torch.cat([best.weights, (share @ scores)[None]])

    def distance(rate: float) -> float:
        theta = torch.zeros(L + 1).double()
        for _ in range(1500):
            e = scores - (x @ theta[:-1] + theta[-1])
            theta = theta + rate * torch.cat([(share * e) @ x - alpha / weights.sum() * theta[:-1], (share @ e)[None]])
        return float((theta - goal).norm())

    assert distance(0.98 * limit) < 1e-3
    assert distance(1.02 * limit) > 1e3
    close = train(vectors, scores, learning_rate=0.98 * limit, epochs=2000, alpha=alpha, sample_weights=weights)
    torch.testing.assert_close(close.weights, best.weights, rtol=1e-6, atol=1e-6)
    with pytest.raises(ParameterError) as caught:
        train(vectors, scores, learning_rate=1.02 * limit, alpha=alpha, sample_weights=weights)
    assert f"learning_rate is {1.02 * limit:g}" in str(caught.value)
    assert f"below {limit:.4g}" in str(caught.value)


def test_a_rate_that_is_too_large_can_be_replaced_by_half_of_the_largest_stable_one(
    data: tuple[Tensor, Tensor, Tensor],
) -> None:
    limit = largest_stable_rate(*data[:2], alpha=3.0)
    replaced = train(*data[:2], learning_rate=1.01 * limit, alpha=3.0, stabilise=True)
    assert replaced.learning_rate == limit / 2
    assert torch.equal(replaced.weights, train(*data[:2], learning_rate=limit / 2, alpha=3.0).weights)
    assert train(*data[:2], learning_rate=0.99 * limit, alpha=3.0, stabilise=True).learning_rate == 0.99 * limit


def test_a_small_variance_on_a_large_mean_is_explained_as_well(data: tuple[Tensor, Tensor, Tensor]) -> None:
    vectors, scores, _ = data
    small = 0.9 + 1e-5 * scores
    fit = train(vectors, small, learning_rate=1.0, epochs=600)
    assert fit.r2 == pytest.approx(train(vectors, scores, learning_rate=1.0, epochs=600).r2, abs=1e-8)
    assert fit.r2 == pytest.approx(r_squared(small, vectors.double() @ fit.weights + fit.bias), abs=1e-10)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_learning_rate_that_is_no_step_is_refused(data: tuple[Tensor, Tensor, Tensor], rate: float) -> None:
    with pytest.raises(ParameterError, match=r"learning_rate is .*accepted: above 0"):
        train(*data[:2], learning_rate=rate)


def test_other_nonsense_is_refused_by_name(data: tuple[Tensor, Tensor, Tensor]) -> None:
    vectors, scores, weights = data
    with pytest.raises(ParameterError, match="epochs is 0"):
        train(vectors, scores, epochs=0)
    for fit in (train, ridge):
        with pytest.raises(ParameterError, match="alpha is -1"):
            fit(vectors, scores, alpha=-1.0)
        with pytest.raises(ValueError, match=r"vectors has shape \(120, 7\) and scores \(119,\)"):
            fit(vectors, scores[1:])
        with pytest.raises(ValueError, match=r"vectors has shape \(0, 7\)"):
            fit(vectors[:0], scores[:0])
        for wrong in (weights[1:], -weights, 0 * weights):
            with pytest.raises(ValueError, match="sample_weights"):
                fit(vectors, scores, sample_weights=wrong)


def test_where_samples_are_too_few_the_shortest_weights_are_taken() -> None:
    vectors = torch.tensor([[1, 1, 0], [0, 0, 0]])
    scores = torch.tensor([1.0, 0.0])
    for fit in (ridge(vectors, scores, alpha=0.0), train(vectors, scores, learning_rate=1.0, epochs=500)):
        torch.testing.assert_close(fit.weights, torch.tensor([0.5, 0.5, 0.0]).double())
        assert fit.bias == pytest.approx(0.0, abs=1e-9)
        assert fit.r2 == pytest.approx(1.0)


def test_one_sample_and_equal_scores_leave_nothing_to_explain() -> None:
    vectors = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) < 0.5
    for rows in (1, 20):
        for fit in (ridge(vectors[:rows], torch.full((rows,), 0.4)), train(vectors[:rows], torch.full((rows,), 0.4))):
            assert fit.r2 == 0.0
            assert float(fit.weights.abs().max()) < 1e-7
            assert fit.bias == pytest.approx(0.4)


def test_r_squared_is_its_definition(data: tuple[Tensor, Tensor, Tensor]) -> None:
    _, scores, weights = data
    predicted = scores + torch.linspace(-1, 1, N).double()
    assert r_squared(scores, predicted) == pytest.approx(r2_score(scores, predicted), abs=1e-12)
    assert r_squared(scores, predicted, weights) == pytest.approx(
        r2_score(scores, predicted, sample_weight=weights), abs=1e-12
    )
    assert r_squared(scores, scores) == 1.0
    assert r_squared(scores, torch.full_like(scores, 99.0)) < 0
