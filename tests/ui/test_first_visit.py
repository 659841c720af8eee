"""What the overview's first sight is made of, without a browser."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import torch

from tests.conftest import random_picture
from ui.frame import sources
from ui.overview import first
from ui.viewer import gliding
from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.techniques.occlusion import Occlusion, passes
from vizcore.techniques.window_answers import window_answers


def test_both_networks_of_the_invitation_are_sure_that_it_is_a_horse(bundled: Classifier) -> None:
    for clf in (bundled, load("mini-alexnet-shortcut", device="cpu")):
        answers = clf.all_scores(clf.pixels(sources.picture(first.CHEATS).picture)[None])[0]
        assert clf.classes[int(answers.argmax())] == "horse"
        assert float(answers.max()) > 0.95


def test_a_slow_network_has_a_coarser_grid(bundled: Classifier) -> None:
    coarse, fine = first.settings(bundled)
    assert (coarse.stride, fine.stride) == (8, 2)
    assert coarse.fill == Occlusion().fill
    assert coarse.output == "probability"
    slow = cast(Any, SimpleNamespace(input_shape=(3, 224, 224), title="slow", work=1.6e9))
    slower = cast(Any, SimpleNamespace(input_shape=(3, 224, 224), title="slower", work=3e10))
    assert [one.stride for one in first.settings(slow)] == [14, 7]
    assert [one.stride for one in first.settings(slower)] == [28, 28]
    for clf in (bundled, slow):
        assert passes(clf, first.settings(clf)[1]) * clf.work <= first.LATER


def test_the_bars_hold_the_class_and_what_wins_anywhere(bundled: Classifier) -> None:
    image = random_picture(bundled)
    found = Run(window_answers(bundled, image, Occlusion(window=44, stride=42))).finish()
    shown = gliding.strongest(found.whole, 7, found)
    assert len(shown) == len(set(shown)) == gliding.ROWS
    assert 7 in shown
    peaks = found.answers.flatten(0, 1).max(0).values.maximum(found.whole)
    assert int(peaks.argmax()) in shown
    assert torch.equal(found.whole[shown], found.whole[shown].sort(descending=True).values)
