"""Input maximisation against w / (2 lambda), and what each setting changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.params import ParameterError
from vizcore.techniques.maximize import START_NOISE, Ascent, Basis, Maximisation, blurred, maximize, total_variation

Snapshot = Callable[[Classifier], Callable[[], None]]
SHORT = Maximisation(steps=10)


def last(clf: Classifier, target: int, params: Maximisation, start_image: Tensor | None = None) -> Ascent:
    *_, ascent = maximize(clf, target, params, start_image)
    return ascent


def weights(clf: Classifier, target: int) -> Tensor:
    tensor = clf.module.weights
    assert isinstance(tensor, Tensor)
    return tensor[target]


@pytest.mark.parametrize("start", ["noise", "grey", "picture"])
@pytest.mark.parametrize(("lambda_", "step_size"), [(0.1, 0.05), (0.03, 0.2), (1.0, 0.05)])
@pytest.mark.parametrize("coordinates", ["pixels", "fourier"])
def test_on_a_linear_network_it_converges_to_w_over_two_lambda(
    start: str, lambda_: float, step_size: float, coordinates: Basis
) -> None:
    clf = linear_classifier(mean=0.4, std=0.25)  # the closed form is in the zero-centred input, not in pixels
    # In Fourier coordinates what photographs hardly have, such as fine green against purple, is further away.
    step_size = step_size if coordinates == "pixels" else min(0.5, 6 * step_size)
    params = Maximisation(lambda_, step_size, 600, start=start, coordinates=coordinates)  # type: ignore[arg-type]
    ascent = last(clf, 1, params, random_picture(clf))
    w = weights(clf, 1)
    expected = w / (2 * lambda_)
    assert float((ascent.input - expected).norm() / expected.norm()) < 0.01
    # There the score is |w|^2 / (2 lambda), the penalty half of it, and so is the objective.
    square = float(w.square().sum())
    assert ascent.score == pytest.approx(square / (2 * lambda_), rel=1e-2)
    assert ascent.penalty == pytest.approx(square / (4 * lambda_), rel=1e-2)
    assert ascent.objective == pytest.approx(square / (4 * lambda_), rel=1e-2)


@pytest.mark.parametrize("coordinates", ["pixels", "fourier"])
def test_bounded_it_keeps_within_the_colours_of_a_screen(coordinates: Basis) -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    free = Maximisation(0.03, 0.2, 100, coordinates=coordinates)
    low, high = (float(clf.normalise(torch.full((1, *clf.input_shape), end)).mean()) for end in (0.0, 1.0))
    optimum = weights(clf, 1) / (2 * free.lambda_)
    assert float(((optimum < low) | (optimum > high)).float().mean()) > 0.1  # else nothing is bounded
    end = last(clf, 1, replace(free, bounded=True))
    assert low - 1e-3 < float(end.input.min())
    assert float(end.input.max()) < high + 1e-3
    assert torch.allclose(clf.denormalise(end.input[None])[0], end.image, atol=1e-3)
    best = optimum.clamp(low, high)  # pixel by pixel the nearest to the free optimum, and so the bounded one
    value = float((weights(clf, 1) * best).sum() - free.lambda_ * best.square().sum())
    bias = end.score - float((weights(clf, 1) * end.input).sum())
    if coordinates == "pixels":
        assert float((end.input - best).norm() / best.norm()) < 0.02
        assert end.objective - bias == pytest.approx(value, rel=1e-2)
    assert 0.7 * value < end.objective - bias < value * 1.001


def test_the_ascent_comes_to_rest() -> None:
    clf = linear_classifier()
    *_, before, final = maximize(clf, 1, Maximisation(lambda_=1e-5, steps=50))  # far from its goal, so never slowed
    assert float((final.input - before.input).abs().max()) < 0.01 * Maximisation().step_size


def test_the_image_is_the_input_with_the_mean_added_and_clamped() -> None:
    clf = linear_classifier(mean=0.4, std=0.25)
    ascent = last(clf, 0, Maximisation(lambda_=0.03, step_size=0.2))
    assert torch.allclose(ascent.image, (ascent.input * 0.25 + 0.4).clamp(0, 1), atol=1e-6)
    assert ascent.image.min() == 0.0  # and clamping does happen here


def test_the_history_is_that_of_the_recorded_inputs() -> None:
    clf = linear_classifier()
    params = Maximisation(lambda_=0.01, steps=10, start="grey")
    ascents = list(maximize(clf, 2, params))
    assert [a.step for a in ascents] == list(range(1, 11))
    final = ascents[-1]
    assert final.scores[0] == final.penalties[0] == 0.0  # the start, a zero input
    for ascent in ascents:
        assert len(ascent.scores) == len(ascent.objectives) == len(ascent.logits) == ascent.step + 1
        assert ascent.scores == final.scores[: ascent.step + 1]
        z = ascent.input
        assert ascent.logit == pytest.approx(float((weights(clf, 2) * z).sum()), rel=1e-4)
        assert ascent.penalty == pytest.approx(0.01 * float(z.square().sum()), rel=1e-4)
        assert ascent.objective == pytest.approx(ascent.score - ascent.penalty, rel=1e-6)
        assert ascent.objectives[-1] == ascent.objective
        assert ascent.probability == pytest.approx(float(clf.logits_of_input(z[None]).softmax(1)[0, 2]), rel=1e-4)
    assert final.objective > final.objectives[1] > final.objectives[0]


def test_probability_and_logit_are_different_scores() -> None:
    clf = linear_classifier()
    one, other = (last(clf, 0, replace(SHORT, output=output)) for output in ("logit", "probability"))
    assert one.scores == one.logits
    assert other.scores == other.probabilities
    # The probability also rises by making the other classes less likely: its gradient is along w_0 less their mean.
    assert not torch.allclose(one.input, other.input, atol=1e-2)


def test_more_lambda_means_a_smaller_picture() -> None:
    clf = linear_classifier()
    sizes = [float(last(clf, 0, Maximisation(lambda_=value)).input.norm()) for value in (0.0, 0.01, 0.1, 1.0)]
    assert all(a > b for a, b in itertools.pairwise(sizes))


@pytest.mark.parametrize("coordinates", ["pixels", "fourier"])
def test_generator_contract(unchanged: Snapshot, coordinates: Basis) -> None:
    clf = linear_classifier()
    verify = unchanged(clf)
    start = random_picture(clf)
    before = start.clone()
    additions = Maximisation(steps=12, jitter=2, turn=5, zoom=0.1, draws=2, blur=0.5, variation=1e-3)
    params = replace(additions, start="picture", coordinates=coordinates)
    check_contract(lambda: maximize(clf, 1, params, start), same)
    assert torch.equal(start, before)
    verify()


def same(a: Ascent, b: Ascent) -> bool:
    return torch.equal(a.input, b.input) and torch.equal(a.image, b.image) and a.objectives == b.objectives


def test_generator_contract_on_the_bundled_network(bundled: Classifier, unchanged: Snapshot) -> None:
    verify = unchanged(bundled)
    estimates = check_contract(lambda: maximize(bundled, 3, replace(SHORT, output="probability")), same)
    assert estimates[-1].objective > estimates[0].objectives[0]
    verify()


def test_the_start_picture_is_taken_when_the_ascent_is_asked_for() -> None:
    clf = linear_classifier()
    start = random_picture(clf)
    params = replace(SHORT, start="picture")
    expected = last(clf, 1, params, start.clone())
    ascent = maximize(clf, 1, params, start)
    start.zero_()  # before the first step
    assert same(list(ascent)[-1], expected)


def test_the_seed_decides_the_noise_and_nothing_else() -> None:
    clf = linear_classifier()
    assert same(last(clf, 1, SHORT), last(clf, 1, SHORT))
    assert not same(last(clf, 1, SHORT), last(clf, 1, replace(SHORT, seed=1)))
    quiet = replace(SHORT, start="grey")
    assert same(last(clf, 1, quiet), last(clf, 1, replace(quiet, seed=1)))


@pytest.mark.parametrize("coordinates", ["pixels", "fourier"])
@pytest.mark.parametrize("addition", [{"jitter": 3}, {"turn": 20}, {"zoom": 0.3}, {"blur": 1.0}, {"variation": 1e-2}])
def test_additions_are_off_by_default_and_do_something(addition: dict[str, float], coordinates: Basis) -> None:
    assert all(getattr(Maximisation(), name) == 0 for name in addition)
    clf, short = linear_classifier(), replace(SHORT, coordinates=coordinates)
    plain, other = last(clf, 1, short), last(clf, 1, replace(short, **addition))  # type: ignore[arg-type]
    assert not torch.allclose(plain.input, other.input, atol=1e-4)
    rough = [float(total_variation(a.input[None])) for a in (plain, other)]
    if "blur" in addition or "variation" in addition:
        assert rough[1] < rough[0]


def test_a_blur_does_not_outrun_the_ascent() -> None:
    clf = linear_classifier()
    smooth = torch.ones_like(clf.module.weights).cumsum(3) / 10  # a ramp has little that a blur could take away
    clf.module.weights.data = smooth
    plain, other = (last(clf, 0, Maximisation(lambda_=0.1, step_size=0.2, blur=blur)) for blur in (0.0, 1.0))
    assert other.score > 0.9 * plain.score


def test_three_scores_are_measured_of_one_picture(bundled: Classifier) -> None:
    params = Maximisation(steps=60, step_size=0.2, lambda_=1e-4, jitter=8, turn=10, coordinates="fourier")
    none, early, end = (a for a in maximize(bundled, 0, params) if a.step in (49, 50, 60))
    assert none.measured is None
    assert (early.measured.step, end.measured.step) == (50, 60)  # type: ignore[union-attr]
    assert end.measured is not None
    own, moved, clipped = end.measured.logits
    assert own == pytest.approx(float(bundled.logits_of_input(end.input[None])[0, 0]), rel=1e-4)
    assert clipped == pytest.approx(float(bundled.logits(end.image[None])[0, 0]), rel=1e-4)
    assert len({round(own, 2), round(moved, 2), round(clipped, 2)}) == 3
    assert moved > 3.0  # what was climbed, though in other draws
    probabilities = bundled.logits(end.image[None]).softmax(1)[0, 0]
    assert end.measured.probabilities[2] == pytest.approx(float(probabilities), abs=1e-4)


def test_without_transformations_the_mean_over_them_is_the_score_itself() -> None:
    end = last(linear_classifier(), 1, SHORT)
    assert end.measured is not None
    assert end.measured.logits[0] == end.measured.logits[1] == pytest.approx(end.score, rel=1e-5)


class Deaf(nn.Module):
    """Answers only to pixels beyond a threshold, as a network without a bias for faint noise does."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(2, 3, 12, 10) * torch.tensor([1.0, -1.0])[:, None, None, None])
        self.threshold = threshold

    def forward(self, z: Tensor) -> Tensor:
        return ((z - self.threshold).relu()[:, None] * self.weights).sum((2, 3, 4))  # (N,1,C,H,W) -> (N,K)


def deaf(threshold: float) -> Classifier:
    return Classifier(Deaf(threshold), Preprocess((12, 10), (0.0,) * 3, (1.0,) * 3), ["a", "b"])


@pytest.mark.parametrize("coordinates", ["pixels", "fourier"])
def test_a_start_that_nothing_answers_to_is_made_louder(coordinates: Basis) -> None:
    params = replace(SHORT, coordinates=coordinates)
    assert last(linear_classifier(), 0, params).noise == START_NOISE
    first = next(maximize(deaf(1.0), 0, params))
    assert first.noise > START_NOISE
    assert first.answers
    assert last(deaf(1.0), 0, params).score > first.scores[0]


def test_what_stays_dead_is_said_to_be() -> None:
    end = last(deaf(0.9), 0, replace(SHORT, start="grey"))
    assert not end.answers
    assert not end.input.any()
    assert last(linear_classifier(), 0, replace(SHORT, start="grey")).answers


def test_total_variation_is_part_of_the_objective() -> None:
    clf = linear_classifier()
    ascent = last(clf, 1, replace(SHORT, variation=0.01))
    expected = 0.01 * float(total_variation(ascent.input[None]))
    assert ascent.variations[-1] == pytest.approx(expected, rel=1e-4)
    assert ascent.objective == pytest.approx(ascent.score - ascent.penalty - expected, rel=1e-4)


def test_total_variation_of_a_ramp_and_blur_of_a_point() -> None:
    ramp = torch.arange(5.0).expand(1, 2, 4, 5)
    assert float(total_variation(ramp)) == 2 * 4 * 4  # two channels, four rows, four unit steps each
    point = torch.zeros(1, 2, 21, 21)
    point[0, 1, 10, 10] = 1.0
    soft = blurred(point, 1.5)
    assert soft.shape == point.shape
    assert float(soft[0, 0].abs().max()) == 0.0  # channels do not mix
    assert float(soft.sum()) == pytest.approx(1.0, abs=1e-5)
    places = torch.arange(21.0) - 10
    assert float((soft[0, 1].sum(0) * places**2).sum()) == pytest.approx(1.5**2, rel=0.05)
    flat = torch.full((1, 3, 6, 5), 0.3)
    assert torch.allclose(blurred(flat, 2.0), flat, atol=1e-6)  # no dark rim


def test_what_it_does_not_accept() -> None:
    clf = linear_classifier()
    with pytest.raises(ValueError, match="target is 3; accepted: a class index from 0 to 2"):
        maximize(clf, 3)
    with pytest.raises(ValueError, match="start is 'picture' but start_image is None; accepted"):
        maximize(clf, 0, Maximisation(start="picture"))
    with pytest.raises(ValueError, match="image has shape"):
        maximize(clf, 0, Maximisation(start="picture"), torch.zeros(3, 5, 5))
    with pytest.raises(ParameterError, match=r"Maximisation.lambda_ is -1.0; accepted: a number from 0 to 1"):
        Maximisation(lambda_=-1.0)
    with pytest.raises(ParameterError, match=r"Maximisation.start is 'zero'; accepted: one of noise, grey, picture"):
        Maximisation(start="zero")  # type: ignore[arg-type]


def test_the_default_draws_a_visible_picture_of_the_class(bundled: Classifier) -> None:
    ascent = last(bundled, 2, Maximisation())
    assert ascent.probability > 0.99
    assert float((ascent.image - ascent.image.mean(dim=(1, 2), keepdim=True)).std()) > 0.05  # not a grey field
    assert float(((ascent.image == 0) | (ascent.image == 1)).float().mean()) < 0.5  # nor clipped noise


@pytest.mark.squeezenet
def test_the_first_steps_on_squeezenet_already_climb(squeezenet: Classifier) -> None:
    ascent = last(squeezenet, 130, SHORT)
    assert ascent.objective > ascent.objectives[0] + 5.0
