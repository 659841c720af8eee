"""A window's answers for all classes: occlusion's own numbers, and the textbook's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore import textbook
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.params import ParameterError
from vizcore.techniques.occlusion import FIRST_WINDOWS, Occlusion, filling, occlude, occluded
from vizcore.techniques.window_answers import WindowAnswers, window_answers

FINE = Occlusion(window=24, stride=10)


def finished(clf: Classifier, image: Tensor, params: Occlusion) -> WindowAnswers:
    return Run(window_answers(clf, image, params)).finish()


def test_each_answer_is_the_network_s_to_the_picture_with_that_window_covered(bundled: Classifier) -> None:
    image = random_picture(bundled)
    found = finished(bundled, image, FINE)
    for row, col in ((0, 0), (3, 7), (len(found.rows) - 1, len(found.columns) - 1)):
        picture = occluded(bundled, image, FINE, row, col)
        torch.testing.assert_close(found.answers[row, col], bundled.all_scores(picture[None])[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.whole, bundled.all_scores(image[None])[0])


@pytest.mark.parametrize("target", [0, 5])
def test_the_map_is_occlusion_s(bundled: Classifier, target: int) -> None:
    image = random_picture(bundled)
    ours, theirs = finished(bundled, image, FINE).map(target), Run(occlude(bundled, image, target, FINE)).finish()
    torch.testing.assert_close(ours.drop, theirs.drop, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ours.heat(), theirs.heat(), rtol=1e-4, atol=1e-6)
    assert torch.equal(ours.top_class, theirs.top_class)


def test_the_map_is_the_textbook_s() -> None:
    clf = linear_classifier(size=(12, 16))
    image, params = random_picture(clf), Occlusion(window=4, stride=3, output="logit")
    fill = filling(clf, image, params.fill)
    drop, heat = textbook.occlusion(lambda x: clf.logits(x)[:, 1], image, 4, 3, fill)
    found = finished(clf, image, params).map(1)
    torch.testing.assert_close(found.drop, drop, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.heat(), heat, rtol=1e-4, atol=1e-5)


def test_every_estimate_is_a_complete_grid_that_grows_finer() -> None:
    clf = linear_classifier(size=(24, 24))
    image, params = random_picture(clf), Occlusion(window=4, stride=1)
    estimates = check_contract(
        lambda: window_answers(clf, image, params), lambda a, b: torch.allclose(a.answers, b.answers, atol=1e-6)
    )
    assert estimates[0].answers[..., 0].numel() <= FIRST_WINDOWS
    last = estimates[-1]
    assert last.answers.shape == (21, 21, len(clf.classes))
    for one in estimates:
        assert one.answers.shape[:2] == (len(one.rows), len(one.columns))
        assert (int(one.rows[0]), int(one.rows[-1]), int(one.columns[-1])) == (0, 20, 20)
        same = last.answers[one.rows][:, one.columns]  # the stride is 1: an edge is its own index
        torch.testing.assert_close(one.answers, same, rtol=1e-5, atol=1e-6)


def test_a_window_larger_than_the_picture_is_refused() -> None:
    clf = linear_classifier(size=(12, 16))
    with pytest.raises(ParameterError, match="accepted: at most 12 px"):
        window_answers(clf, random_picture(clf), Occlusion(window=16))
