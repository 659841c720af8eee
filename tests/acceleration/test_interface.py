"""The one door to acceleration: with it shut, every technique works all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.conftest import random_picture
from vizcore.acceleration import interface
from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.networks.gradients import gradients
from vizcore.techniques import gradcam, integrated_gradients, lime, maximize, occlusion, saliency

TECHNIQUES: dict[str, Callable[[Classifier, Tensor], Tensor]] = {
    "scores": lambda clf, image: clf.all_scores(image.expand(9, -1, -1, -1), "logit"),
    "gradients": lambda clf, image: gradients(clf, image[None], 2)[0],
    "smoothgrad": lambda clf, image: (
        Run(saliency.smoothgrad(clf, image, 2, saliency.SmoothGrad(copies=5))).finish().gradient
    ),
    "integrated": lambda clf, image: (
        Run(
            integrated_gradients.integrated_gradients(clf, image, 2, integrated_gradients.IntegratedGradients(steps=10))
        )
        .finish()
        .gradient
    ),
    "gradcam": lambda clf, image: gradcam.grad_cam(clf, image, 2, gradcam.GradCam()).signed,
    "occlusion": lambda clf, image: (
        Run(occlusion.occlude(clf, image, 2, occlusion.Occlusion(stride=24, output="logit"))).finish().drop
    ),
    "lime": lambda clf, image: Run(lime.explain(clf, image, 2, lime.Lime(samples=60))).finish().weights,
    "maximize": lambda clf, image: (
        next(maximize.maximize(clf, 2, maximize.Maximisation(output="logit", start="picture"), image)).input
    ),
}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Classifier:
    """The bundled network with all acceleration switched off, which notices any use of it."""

    def used(*given: object, **named: object) -> None:
        raise AssertionError("something behind the door was used")

    for module, name in (
        (interface.workers, "side_by_side"),
        (interface.workers, "count"),
        (interface, "Proven"),
        (interface.half, "kind"),
    ):
        monkeypatch.setattr(module, name, used)
    monkeypatch.setattr("vizcore.acceleration.activations.plan_of", used)
    monkeypatch.setenv(interface.VARIABLE, "1")
    return load("mini-alexnet", device="cpu")


@pytest.fixture(scope="module")
def accelerated() -> dict[str, Tensor]:
    """Every technique's array as usual."""
    clf = load("mini-alexnet", device="cpu")
    return {name: technique(clf, random_picture(clf)) for name, technique in TECHNIQUES.items()}


@pytest.mark.parametrize("name", TECHNIQUES)
def test_every_technique_works_without_acceleration(
    name: str, accelerated: dict[str, Tensor], without: Classifier
) -> None:
    plain = TECHNIQUES[name](without, random_picture(without))
    torch.testing.assert_close(plain, accelerated[name], rtol=0, atol=1e-3 * float(plain.abs().max()))


def test_acceleration_is_on_unless_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(interface.VARIABLE, raising=False)
    assert not interface.plain()
    assert load("mini-alexnet", device="cpu").passes.layout == torch.channels_last
    monkeypatch.setenv(interface.VARIABLE, "1")
    assert interface.plain()
    assert load("mini-alexnet", device="cpu").passes.layout == torch.contiguous_format
