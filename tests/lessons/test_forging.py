"""What a lesson on forged maps may ask for, on the network itself."""

from __future__ import annotations

import pytest
import torch

from vizcore.evaluation.forging import corner, mass
from vizcore.lessons import links
from vizcore.lessons.quantities import forging
from vizcore.lessons.truths import Given
from vizcore.networks.classifier import Classifier


def test_map_share_answer_and_order_are_of_one_picture(bundled: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forging, "STEPS", 10)
    forging._last.pop(bundled, None)
    given = Given(links.read("/saliency?picture=scene:3"), lambda name: bundled)
    estimates = list(forging.forged_map(given, 8))
    assert [one.step for one in estimates] == [5, 10]
    truth = estimates[-1]
    assert isinstance(truth.value, torch.Tensor)
    wish = corner(bundled.preprocess.size, forging.SHARE)
    assert truth.numbers["after"] == pytest.approx(100 * mass(truth.value, wish))
    assert truth.numbers["after"] > 2 * truth.numbers["before"]  # type: ignore[operator]
    (share,) = forging.forged_share(given, 8)  # from what is known already
    (answer,) = forging.forged_answer(given, 8)
    assert (share.value, answer.value) == (truth.numbers["after"], truth.numbers["answer"])
    assert answer.value == pytest.approx(100 * float(given.probabilities[given.target]), abs=5)
    *_, order = forging.forged_methods(given, 8, ["gradcam", "gradient"])
    assert order.value == ("gradient", "gradcam")
    assert order.numbers["gradient"] == pytest.approx(truth.numbers["after"] - truth.numbers["before"])  # type: ignore[operator]
    assert order.step == order.of
    with pytest.raises(ValueError, match="accepted: gradient"):
        list(forging.forged_methods(given, 8, ["guess"]))
    forging._last.pop(bundled, None)  # other tests forge in as many steps as a lesson does
