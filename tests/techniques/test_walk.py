"""A walk from the picture: on a linear network the promise is kept; noise has the size of the step."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.techniques.saliency import Saliency, gradient
from vizcore.techniques.walk import Walk, WalkAnswers, along, walk

SIZES = (-2.0, -0.5, 0.0, 0.5, 2.0)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_linear_network_keeps_its_promise_even_where_the_picture_is_cut(norm: str) -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    change = torch.randn(image.shape, generator=torch.Generator().manual_seed(2)) * 0.3
    found = Run(walk(clf, image, 1, change, SIZES, norm, Walk(draws=2))).finish()  # type: ignore[arg-type]
    torch.testing.assert_close(found.actual, found.promised.float(), rtol=1e-4, atol=1e-5)
    expected = torch.stack([clf.logits(along(image, change, s)[None])[0].softmax(0) for s in SIZES])
    torch.testing.assert_close(found.probabilities, expected, rtol=1e-4, atol=1e-6)


def test_along_the_gradient_the_score_rises_and_noise_of_that_size_moves_it_less(bundled: Classifier) -> None:
    image = random_picture(bundled)
    w = gradient(bundled, image, 4, Saliency("logit")).gradient
    found = Run(walk(bundled, image, 4, 0.3 * w / w.norm(), SIZES)).finish()
    actual = found.actual.tolist()
    assert actual == sorted(actual)
    rise = actual[3] - actual[2]
    assert rise > 0
    assert float((found.noise[3] - actual[2]).abs().max()) < 0.2 * rise
    assert torch.equal(found.noise[2], found.noise[2, 0].expand(8))  # of no size, none


def test_noise_has_the_size_of_the_step() -> None:
    clf = linear_classifier(size=(40, 40))
    image = torch.full(clf.input_shape, 0.5)
    change = torch.full(image.shape, 0.01)
    answers = Run(walk(clf, image, 0, change, (1.0,), "linf", Walk(draws=64))).finish()
    spread = float((answers.noise[0] - answers.actual.new_tensor(0) - clf.logits(image[None])[0, 0]).std())
    expected = 0.01 * float(clf.module.weights[0].norm())  # of independent signs
    assert spread == pytest.approx(expected, rel=0.25)


def same(a: WalkAnswers, b: WalkAnswers) -> bool:
    return torch.allclose(a.actual, b.actual) and torch.allclose(a.noise, b.noise)


def test_it_is_a_generator_like_the_others(bundled: Classifier) -> None:
    image = random_picture(bundled)
    check_contract(
        lambda: walk(bundled, image, 0, torch.ones_like(image) / 255, (0.5, 1.0), "l2", Walk(draws=30)), same
    )


def test_a_change_of_another_shape_is_refused() -> None:
    clf = linear_classifier()
    with pytest.raises(ValueError, match="accepted: \\(3, 12, 10\\)"):
        walk(clf, random_picture(clf), 0, torch.zeros(3, 2, 2), SIZES)
