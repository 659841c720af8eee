"""What is explained: one class, or one class against another, for every technique alike."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.conftest import linear_classifier, random_picture
from tests.test_methods import Convolution, last, small
from vizcore import targets
from vizcore.methods import BASELINES, METHODS, with_output
from vizcore.networks.classifier import Classifier, Preprocess, pick
from vizcore.pictures.scenes import scene
from vizcore.targets import Contrast
from vizcore.techniques import maximize, occlusion

METHODS_OF_NETWORK = [method for method in METHODS if method not in BASELINES]


def test_a_contrast_of_logits_is_the_log_odds_of_the_two_probabilities() -> None:
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    of, against = (pick(logits, k, "probability") for k in (2, 0))
    assert torch.allclose(pick(logits, Contrast(2, 0), "logit"), (of / against).log(), atol=1e-5)
    assert torch.equal(pick(logits, Contrast(2, 0), "probability"), of - against)


def test_the_score_of_a_contrast_is_the_difference_of_the_scores(linear: Classifier) -> None:
    images = torch.stack([random_picture(linear, seed) for seed in range(3)])
    for output in ("probability", "logit"):
        one, other = (linear.scores(images, k, output) for k in (0, 2))
        assert torch.equal(linear.scores(images, Contrast(0, 2), output), one - other)


@pytest.mark.parametrize("target", [Contrast(1, 1), Contrast(0, 3), Contrast(-1, 0)])
def test_a_contrast_needs_two_different_classes_of_the_network(linear: Classifier, target: Contrast) -> None:
    with pytest.raises(ValueError, match=r"target is Contrast.* accepted: a class index from 0 to 2, or a Contrast"):
        linear.check_target(target)
    targets.check_target(Contrast(2, 0), 3)


def difference(clf: Classifier, image: torch.Tensor, method: str, params: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The map of a contrast, and the difference of its two classes' maps."""
    one, other = (last(clf, image, method, params, target=k).heat for k in (2, 0))
    return last(clf, image, method, params, target=Contrast(2, 0)).heat, one - other


@pytest.mark.parametrize("method", METHODS_OF_NETWORK)
def test_on_a_linear_network_the_contrasts_map_is_the_difference_of_the_two(method: str) -> None:
    size = (12, 10)
    clf = Classifier(Convolution(3, size), Preprocess(size, (0.4,) * 3, (0.5,) * 3), ["a", "b", "c"])
    heat, expected = difference(clf, random_picture(clf), method, with_output(small(method), "logit"))
    assert float(expected.abs().max()) > 1e-3
    assert torch.allclose(heat, expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS_OF_NETWORK)
def test_so_it_is_on_the_bundled_network_as_every_method_is_linear_in_the_logit(
    bundled: Classifier, method: str
) -> None:
    image = torch.from_numpy(scene(7).picture).permute(2, 0, 1).float() / 255
    changes = {"smoothgrad": {"copies": 2}, "integrated": {"steps": 8}, "occlusion": {"window": 64, "stride": 64}}
    changes |= {"adaline": {"samples": 20, "segments": 8}, "ridge": {"samples": 20, "segments": 8}}
    heat, expected = difference(bundled, image, method, METHODS[method](output="logit", **changes.get(method, {})))
    assert torch.allclose(heat, expected, atol=1e-4 * float(expected.abs().max()))


def test_a_contrast_of_probabilities_is_explained_as_well(linear: Classifier) -> None:
    image = random_picture(linear)
    params = occlusion.Occlusion(window=4, stride=4, output="probability")
    heat, expected = difference(linear, image, "occlusion", params)
    assert torch.allclose(heat, expected, atol=1e-6)


def test_climbing_a_contrast_of_a_linear_network_ends_at_the_difference_of_the_weights() -> None:
    clf = linear_classifier()
    weights = clf.module.weights
    assert isinstance(weights, torch.Tensor)
    params = maximize.Maximisation(lambda_=0.3, steps=400, output="logit")
    *_, end = maximize.maximize(clf, Contrast(1, 0), params)
    assert torch.allclose(end.input, (weights[1] - weights[0]) / 0.6, atol=1e-3)
