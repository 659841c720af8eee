"""A forged map: judged on the network itself, within its bounds, and the network is as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.conftest import linear_classifier
from tests.helpers.contract import check_contract
from vizcore.evaluation import forging
from vizcore.evaluation.forging import Forged, Forging, corner, forge, mass
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.pictures.scenes import scene
from vizcore.techniques.saliency import Saliency, absolute_max, gradient


def small() -> Classifier:
    """A network of two convolutions whose map can be bent."""
    torch.manual_seed(3)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(200, 4)
    )  # fmt: skip
    return Classifier(module, Preprocess((28, 28), (0.5,) * 3, (0.5,) * 3), list("abcd"), title="small")


def picture(clf: Classifier) -> Tensor:
    return (torch.rand(clf.input_shape, generator=torch.Generator().manual_seed(1)) * 255).round() / 255


def heat(clf: Classifier, image: Tensor, target: int) -> Tensor:
    return absolute_max(gradient(clf, image, target, Saliency("logit")))


def test_the_map_of_the_bundled_network_moves_and_the_answer_stays(
    bundled: Classifier, unchanged: Callable[[Classifier], Callable[[], None]]
) -> None:
    image = bundled.pixels(Image.fromarray(scene(3, size=256).picture))
    target = int(bundled.all_scores(image[None]).argmax())
    wish = corner(bundled.preprocess.size, 0.375)
    before = heat(bundled, image, target)
    verify = unchanged(bundled)
    *_, found = forge(bundled, image, target, wish, Forging(steps=10))
    verify()
    assert torch.equal(heat(bundled, image, target), before)
    assert found.mass_before == pytest.approx(mass(before, wish))
    assert found.mass == pytest.approx(mass(heat(bundled, found.picture, target), wish))
    assert found.mass > 2.5 * found.mass_before
    answers = bundled.all_scores(torch.stack([image, found.picture]))[:, target].tolist()
    assert answers == pytest.approx([found.answer_before, found.answer], abs=1e-5)
    assert abs(answers[0] - answers[1]) <= 0.05
    levels = 255 * found.picture
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert float((levels - 255 * image).abs().max()) <= 8 + 1e-3
    noise = image + 8 / 255 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).sign()
    assert mass(heat(bundled, noise.clamp(0, 1), target), wish) < 0.6 * found.mass  # not any change does it


def test_the_slope_is_that_of_the_loss_in_double_precision() -> None:
    clf = small()
    clf.module.double()
    image, wish = picture(clf), corner((28, 28), 0.5)
    answers = clf.logits(image[None]).detach()
    network = forging.private_copy(clf.network)
    x = image.double()[None]

    def loss(x: Tensor) -> float:
        z = (x - 0.5) / 0.5
        z.requires_grad_()
        a = nn.functional.softplus(clf.module[0](z), beta=3.0)
        b = nn.functional.softplus(clf.module[2](a), beta=3.0)
        logits = clf.module[5](b.flatten(1))
        (w,) = torch.autograd.grad(logits[0, 1], z)
        map_ = w[0].abs().amax(0)
        moved = (logits.detach() - answers).square().mean()
        return float(-((map_ * wish).sum() / map_.sum()).log() + forging._STAY * moved)

    slope = forging._slope(clf, network, x, 1, wish, answers, 3.0)
    for c, row, column in ((0, 3, 4), (1, 20, 22), (2, 14, 9)):
        there, back = x.clone(), x.clone()
        there[0, c, row, column] += 1e-5
        back[0, c, row, column] -= 1e-5
        assert float(slope[c, row, column]) == pytest.approx((loss(there) - loss(back)) / 2e-5, rel=1e-3, abs=1e-5)


def test_the_map_of_a_linear_network_cannot_be_forged() -> None:
    clf = linear_classifier(size=(12, 12))
    image = picture(clf)
    *_, found = forge(clf, image, 0, corner((12, 12)), Forging(steps=10, tolerance=0.5))
    assert found.mass == pytest.approx(found.mass_before)


def test_it_is_a_generator_like_the_others() -> None:
    clf = small()
    image = picture(clf)

    def same(a: Forged, b: Forged) -> bool:
        return torch.equal(a.picture, b.picture) and a.mass == b.mass

    check_contract(lambda: forge(clf, image, 2, corner((28, 28)), Forging(steps=10, tolerance=0.5)), same)


def test_a_wish_that_does_not_fit_is_refused() -> None:
    clf = small()
    for wish in (torch.zeros(28, 28), torch.ones(28, 27), -torch.ones(28, 28)):
        with pytest.raises(ValueError, match=r"accepted: \(28, 28\), values of at least 0"):
            forge(clf, picture(clf), 0, wish)


def test_the_mass_in_a_wish() -> None:
    assert mass(torch.tensor([[1.0, -3.0], [0.0, 4.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])) == 3 / 8
    assert mass(torch.zeros(2, 2), torch.ones(2, 2)) == 0.0
    assert corner((8, 12), 0.25).nonzero().min(0).values.tolist() == [6, 9]
