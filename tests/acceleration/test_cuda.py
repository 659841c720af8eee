"""What only a graphics card can show: every technique as on the processor, twice the same, and short of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import random_picture
from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.techniques.gradcam import grad_cam
from vizcore.techniques.integrated_gradients import integrated_gradients
from vizcore.techniques.lime import Lime, explain
from vizcore.techniques.maximize import Maximisation, maximize
from vizcore.techniques.occlusion import Occlusion, occlude
from vizcore.techniques.saliency import SmoothGrad, gradient, smoothgrad

DEVICE = "cuda"
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def end(estimates: Iterator[Any]) -> Any:
    return Run(estimates).finish()


MAPS: dict[str, Callable[[Classifier, Tensor], Tensor]] = {
    "maximisation": lambda clf, x: end(maximize(clf, 3, Maximisation(steps=10, jitter=0))).image,
    "gradient": lambda clf, x: gradient(clf, x, 3).gradient,
    "SmoothGrad": lambda clf, x: end(smoothgrad(clf, x, 3, SmoothGrad(copies=20))).gradient,
    "integrated gradients": lambda clf, x: end(integrated_gradients(clf, x, 3)).gradient,
    "Grad-CAM": lambda clf, x: grad_cam(clf, x, 3).map,
    "occlusion": lambda clf, x: end(occlude(clf, x, 3, Occlusion(stride=8))).heat(),
    "LIME": lambda clf, x: end(explain(clf, x, 3, Lime(samples=100))).heat(),
    "LIME, half precision": lambda clf, x: end(explain(clf, x, 3, Lime(samples=100, half=True))).heat(),
}


@pytest.fixture(scope="module")
def pair() -> tuple[Classifier, Classifier]:
    return load("mini-alexnet", "cpu"), load("mini-alexnet", DEVICE)


@pytest.mark.parametrize("name", MAPS)
def test_the_map_is_that_of_the_processor_and_twice_the_same(name: str, pair: tuple[Classifier, Classifier]) -> None:
    picture = random_picture(pair[0])
    here, there, again = (MAPS[name](clf, picture).double().cpu() for clf in (*pair, pair[1]))
    assert torch.equal(there, again)
    assert float((here - there).abs().max() / here.abs().max()) < (0.1 if "half" in name else 0.01)


def test_a_full_card_gets_smaller_batches_and_the_same_scores(pair: tuple[Classifier, Classifier]) -> None:
    here, there = pair
    pictures = torch.rand(256, *here.input_shape, generator=torch.Generator().manual_seed(0))
    before = there.batch_size = len(pictures)
    torch.cuda.empty_cache()
    room = torch.cuda.memory_reserved() + 96 * 2**20
    torch.cuda.set_per_process_memory_fraction(room / torch.cuda.get_device_properties(0).total_memory)
    try:
        scores = there.all_scores(pictures)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert there.batch_size < before
    torch.testing.assert_close(scores, here.all_scores(pictures), rtol=1e-2, atol=1e-4)
