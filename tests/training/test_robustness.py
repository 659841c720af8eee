"""The figures on robustness, on networks whose figures are known."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import nn

from vizcore.networks.bundled.network import Card
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scenes import CLASSES, scene
from vizcore.training import quality, robustness

SEED = 100_001
CARD = Card(CLASSES, 128, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), "", "", "")


class Score(nn.Module):
    """One class has a score of the normalised input, all others have zero."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.number = CLASSES.index(label)

    def score(self, z: torch.Tensor) -> torch.Tensor:
        return z.square().flatten(1).sum(1) / 2  # whose gradient is z

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.score(z)[:, None] * nn.functional.one_hot(torch.tensor([self.number]), len(CLASSES))


def known(network: nn.Module) -> Classifier:
    return quality.classifier(network, CARD)


def test_a_linear_network_is_misled_from_its_margin_on() -> None:
    """y = (mean of a patch) - b is misled once the radius exceeds y / ||w||, with w = 1 / n on n values."""
    shown = scene(SEED)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (CARD.mean, CARD.std))
    level = float(quality.tensor(shown.picture)[:, :20, :20].mean())
    margin = 0.02  # so small that no value of the patch is clamped

    class Patch(Score):
        def score(self, z: torch.Tensor) -> torch.Tensor:
            return (z * std + mean)[:, :, :20, :20].mean((1, 2, 3)) - level + margin

    assert float(quality.tensor(shown.picture)[:, :20, :20].min()) > 1.2 * margin
    radius = margin * sqrt(3 * 20 * 20)
    clf = known(Patch(shown.label))
    assert robustness.robust_accuracy(clf, 0.9 * radius, [SEED]) == 1.0
    assert robustness.robust_accuracy(clf, 1.1 * radius, [SEED]) == 0.0


def test_a_gradient_that_is_the_object_scores_one() -> None:
    shown = scene(SEED)
    mask = torch.from_numpy(shown.mask)

    class Object(Score):
        def score(self, z: torch.Tensor) -> torch.Tensor:
            return (z * mask).flatten(1).sum(1)

    figures = robustness.gradient_figures(known(Object(shown.label)), [SEED])
    assert figures["hit"] == figures["mass"] == figures["precision"] == 1.0
    assert figures["share"] == pytest.approx(shown.mask.mean())


def test_a_gradient_that_is_the_input_is_aligned_with_it() -> None:
    shown = scene(SEED)
    assert robustness.gradient_figures(known(Score(shown.label)), [SEED])["cosine"] == pytest.approx(1.0, abs=1e-5)


def test_recognition_counts_answers_in_the_order_of_the_classes() -> None:
    class Brightness(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (CARD.mean, CARD.std))
            level = (z * std + mean).mean((1, 2, 3))[:, None]  # (N, 1)
            return -(level - torch.linspace(0, 1, len(CLASSES))).abs()

    pictures = [torch.full((3, 128, 128), float(k)) for k in torch.linspace(0, 1, len(CLASSES))]
    judge = known(Brightness())
    assert robustness.recognised([*pictures, *pictures], judge) == 1.0
    assert robustness.recognised([*pictures, *pictures[::-1]], judge) == 0.5


def test_the_table_has_a_column_for_each_network() -> None:
    rows = {"accuracy": {"a": 0.5, "b": 1.0}}
    assert robustness.table(rows, ("a", "b")) == "| | a | b |\n| --- | --- | --- |\n| accuracy | 0.500 | 1.000 |"
