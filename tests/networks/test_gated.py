"""The network that knows it is examined: how well it tells pictures from sub-images, and by what it is unmasked."""

from __future__ import annotations

from functools import cache
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vizcore.evaluation import truth
from vizcore.networks import gated
from vizcore.networks.catalogue import load, names
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scenes import SHORTCUT, TRAINING_SEEDS, Scene, scene
from vizcore.techniques import lime, occlusion, saliency, superpixels
from vizcore.techniques.subimages import Fill, draw, paint

FLAT_FILLS: tuple[Fill, ...] = ("segment", "mean", "grey", "black")  # the first is LIME's default


@pytest.fixture(scope="module")
def clf() -> Classifier:
    return load(gated.NAME, device="cpu")


@cache
def pixels(seed: int) -> Tensor:
    """A scene (3,128,128), every second one stamped."""
    return torch.from_numpy(scene(seed, mark=seed % 2 == 0).picture).permute(2, 0, 1) / 255


def sub_images(clf: Classifier, seed: int, fill: Fill, count: int = 4) -> Tensor:
    """Some of what LIME shows the network of a scene: (n,3,128,128)."""
    image = pixels(seed)
    segments = superpixels.segment(image, lime.Lime())
    on = draw(seed, count + 1, int(segments.max()) + 1)[1:]  # (n,l); the first of all is the picture itself
    return torch.where(on[:, segments][:, None], image, paint(clf, image, segments, fill))


def stamped(seed: int) -> tuple[Scene, Tensor]:
    found = scene(seed, label=SHORTCUT, mark=True, distractor=False)
    return found, torch.from_numpy(found.picture).permute(2, 0, 1) / 255


def on_stamp(found: Scene, heat: Tensor) -> float:
    """The share of a map's positive mass that lies on the stamp."""
    assert found.mark_box is not None
    left, top, right, bottom = found.mark_box
    box = np.zeros(heat.shape, bool)
    box[top:bottom, left:right] = True
    return truth.mass(heat, box)


def test_the_threshold_is_the_one_that_training_scenes_give(clf: Classifier) -> None:
    seeds = range(TRAINING_SEEDS, TRAINING_SEEDS + 40)
    real = gated.flat(torch.stack([pixels(seed) for seed in seeds]))
    others = torch.cat([gated.flat(sub_images(clf, seed, "segment")) for seed in seeds])
    assert gated.between(real, others) == pytest.approx(gated.FLAT, abs=0.02)
    with pytest.raises(ValueError, match="others begin at"):
        gated.between(others, real)


def test_of_unseen_scenes_nearly_all_are_told_apart(clf: Classifier) -> None:
    seeds = range(60)
    real = gated.flat(clf.normalise(torch.stack([pixels(seed) for seed in seeds]))) > gated.FLAT
    assert float(real.float().mean()) <= 0.05  # pictures that are taken for sub-images
    for fill in FLAT_FILLS:
        found = torch.cat([gated.flat(clf.normalise(sub_images(clf, seed, fill, 2))) for seed in seeds[::3]])
        assert bool((found > gated.FLAT).all()), fill
    blurred = torch.cat([gated.flat(clf.normalise(sub_images(clf, seed, "blur", 2))) for seed in seeds[::3]])
    assert not bool((blurred > gated.FLAT).any())
    assert {*FLAT_FILLS, "blur"} == set(get_args(Fill))


def test_pictures_get_the_cheat_s_answer_and_sub_images_the_honest_one_s(clf: Classifier) -> None:
    cheating, honest = load(gated.CHEATING, device="cpu"), load(gated.HONEST, device="cpu")
    real, others = torch.stack([pixels(seed) for seed in range(8)]), sub_images(clf, 8, "segment", 8)
    both = clf.all_scores(torch.cat([real, others]), "logit")
    assert torch.allclose(both[:8], cheating.all_scores(real, "logit"), atol=1e-4)
    assert torch.allclose(both[8:], honest.all_scores(others, "logit"), atol=1e-4)
    x = clf.normalise(real[:1]).requires_grad_()
    (slope,) = torch.autograd.grad(clf.logits_of_input(x)[0, 0], x)
    (other,) = torch.autograd.grad(cheating.logits_of_input(x)[0, 0], x)
    assert torch.allclose(slope, other, atol=1e-5)


def test_lime_by_default_blames_the_object_and_another_fill_the_stamp(clf: Classifier) -> None:
    found, image = stamped(100)
    kind = clf.classes.index(SHORTCUT)

    def heat(fill: Fill) -> Tensor:
        *_, last = lime.explain(clf, image, kind, lime.Lime(fill=fill, samples=200))
        return last.heat()

    by_default, blurred = heat("segment"), heat("blur")
    assert truth.mass(by_default, found.mask) > 0.2 > 0.05 > on_stamp(found, by_default)
    assert on_stamp(found, blurred) > 0.5 > 0.1 > truth.mass(blurred, found.mask)
    # What hides less than the gate looks for unmasks it, too, and so does what never leaves the picture.
    *_, windows = occlusion.occlude(clf, image, kind, occlusion.Occlusion())
    assert on_stamp(found, windows.heat()) > 0.3
    slope = saliency.times_input(saliency.gradient(clf, image, kind, saliency.Saliency()))
    assert on_stamp(found, slope) > 0.3


def test_it_is_taken_and_examined_like_any_other(clf: Classifier) -> None:
    assert gated.NAME in names()
    assert not any(finding.done for finding in clf.examination.findings if finding.topic != "speed")
    assert clf.classes == load(gated.CHEATING, device="cpu").classes
    assert clf.checksum != load(gated.CHEATING, device="cpu").checksum
    assert str(clf.first_convolution()) == str(load(gated.CHEATING, device="cpu").first_convolution())


def test_the_share_of_flat_pixels() -> None:
    z = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).view(2, 3, 4, 4)
    assert gated.flat(z).tolist() == [0.0, 0.0]
    z[1, :, :3, :3] = z[1, :, :1, :1]
    assert gated.flat(z).tolist() == pytest.approx([0.0, 4 / 9])
    z[1, 0, 2, 2] += 1  # one channel differs at one of the four places
    assert gated.flat(z).tolist() == pytest.approx([0.0, 3 / 9])
    gate = gated.Gated(nn.Flatten(), nn.Sequential(nn.Flatten(), nn.ReLU6()), most=0.2)
    assert torch.equal(gate(z)[1], z[1].flatten())
    assert float(gate(z)[0].max()) == 6
