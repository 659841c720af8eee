"""The smallest change: its closed form on a linear network, a plain projected gradient beside it, and grey levels."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.conftest import linear_classifier
from tests.helpers.contract import check_contract
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scenes import scene
from vizcore.techniques.smallest_change import (
    Change,
    Norm,
    SmallestChange,
    levels,
    margins,
    rounded,
    smallest_change,
)

NORMS = get_args(Norm)


def middling(clf: Classifier) -> Tensor:
    """A picture (C,H,W) far from black and white, so that no change is cut."""
    return 0.5 + 0.1 * torch.rand(clf.input_shape, generator=torch.Generator().manual_seed(3))


def found(clf: Classifier, image: Tensor, towards: int, **settings: object) -> Change:
    return Run(smallest_change(clf, image, towards, SmallestChange(**settings))).finish()  # type: ignore[arg-type]


@pytest.mark.parametrize("norm", NORMS)
def test_on_a_linear_network_it_is_the_step_to_the_boundary(norm: Norm) -> None:
    clf = linear_classifier(size=(12, 10), classes=2)
    image = middling(clf)
    answers = clf.logits(image[None])[0]
    towards = int(answers.argmin())
    w: Tensor = clf.module.weights[towards] - clf.module.weights[1 - towards]  # of the margin, (C,H,W)
    margin = float(answers[towards] - answers[1 - towards])
    exact = -margin * w / w.square().sum() if norm == "l2" else -margin * w.sign() / w.abs().sum()
    change = found(clf, image, towards, norm=norm)
    assert change.reached
    assert change.size(norm) >= (1 - 1e-4) * (exact.norm() if norm == "l2" else exact.abs().max())
    torch.testing.assert_close(change.change, exact, rtol=5e-3, atol=5e-3 * float(exact.abs().max()))
    assert change.margin >= 0


def projected_gradient(clf: Classifier, image: Tensor, towards: int, radius: float, norm: Norm, steps: int) -> bool:
    """Whether Madry's attack, with the cross-entropy of the wanted class and a fixed radius, gets there."""
    x = image.clone()
    for _ in range(steps):
        x.requires_grad_()
        loss = torch.nn.functional.cross_entropy(clf.logits(x[None]), torch.tensor([towards]))
        (slope,) = torch.autograd.grad(loss, x)
        with torch.no_grad():
            if norm == "linf":
                moved = (x - 2.5 * radius / steps * slope.sign() - image).clamp(-radius, radius)
            else:
                moved = x - 2.5 * radius / steps * slope / slope.norm() - image
                moved = moved * (radius / moved.norm().clamp(min=radius))
            x = (image + moved).clamp(0, 1)
        if int(clf.logits(x[None]).argmax()) == towards:
            return True
    return False


@pytest.mark.parametrize("norm", NORMS)
def test_a_plain_projected_gradient_needs_as_much(bundled: Classifier, norm: Norm) -> None:
    image = bundled.pixels(Image.fromarray(scene(34).picture))
    towards = int(bundled.logits(image[None])[0].argsort()[-2])
    change = found(bundled, image, towards, norm=norm)
    size = change.size(norm)
    assert change.reached
    assert int(bundled.logits((image + change.change)[None]).argmax()) == towards
    assert projected_gradient(bundled, image, towards, 1.15 * size, norm, 40)
    assert not projected_gradient(bundled, image, towards, 0.85 * size, norm, 40)


@pytest.mark.parametrize("norm", NORMS)
def test_the_picture_stays_in_its_bounds_and_the_change_only_shrinks(bundled: Classifier, norm: Norm) -> None:
    image = (torch.rand(bundled.input_shape, generator=torch.Generator().manual_seed(5)) > 0.5).float()  # black, white
    towards = (int(bundled.logits(image[None]).argmax()) + 3) % len(bundled.classes)
    estimates = list(smallest_change(bundled, image, towards, SmallestChange(norm, 5)))
    for one in estimates:
        changed = image + one.change
        assert float(changed.min()) >= -1e-6
        assert float(changed.max()) <= 1 + 1e-6
    sizes = [one.size(norm) for one in estimates if one.reached]
    assert sizes == sorted(sizes, reverse=True)
    assert estimates[-1].reached


@pytest.mark.parametrize("norm", NORMS)
def test_it_is_a_generator_like_the_others(norm: Norm) -> None:
    clf = linear_classifier()
    image = middling(clf)
    towards = int(clf.logits(image[None]).argmin())
    check_contract(
        lambda: smallest_change(clf, image, towards, SmallestChange(norm, 5)),
        lambda a, b: torch.equal(a.change, b.change),
    )


def test_no_change_is_needed_where_the_network_says_it_already(bundled: Classifier) -> None:
    image = middling(bundled)
    says = int(bundled.logits(image[None]).argmax())
    change = found(bundled, image, says)
    assert change.reached
    assert float(change.change.abs().max()) == 0.0


def test_what_no_change_reaches_is_said_to_be_unreached() -> None:
    clf = linear_classifier(size=(4, 4), classes=2)
    with torch.no_grad():
        clf.module.weights[0], clf.module.weights[1] = 1.0, 0.5  # on no picture but a black one is it the second
        clf.module.weights[0, 0, 0, 0] = clf.module.weights[1, 0, 0, 0] = 0.0
    image = torch.full(clf.input_shape, 0.5)
    short = Run(smallest_change(clf, image, 1, SmallestChange("l2", 5))).advance()
    assert short is not None
    assert not short.reached
    assert short.margin < 0


def test_grey_levels_are_whole_and_the_answer_to_them_is_told(bundled: Classifier) -> None:
    image = (middling(bundled) * 255).round() / 255
    towards = int(bundled.logits(image[None])[0].argsort()[-2])
    change = found(bundled, image, towards)
    file = rounded(bundled, image, change.change, towards)
    assert torch.equal(file.picture, (file.picture * 255).round() / 255)
    assert file.reached == (int(bundled.logits(file.picture[None]).argmax()) == towards)
    assert file.reached
    assert 1 <= file.times <= 3
    assert not rounded(bundled, image, torch.zeros_like(image), towards).reached
    most, root = levels(torch.tensor([3 / 255, -4 / 255]))
    assert (most, root) == (pytest.approx(4), pytest.approx(3.5355, rel=1e-4))


def test_the_margin_is_to_the_strongest_other() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [0.0, -1.0, -2.0]])
    assert margins(logits, 1).tolist() == [1.0, -1.0]


def test_a_class_the_network_does_not_have_is_refused(bundled: Classifier) -> None:
    with pytest.raises(ValueError, match="accepted: a class index from 0 to 11"):
        smallest_change(bundled, middling(bundled), 12)
