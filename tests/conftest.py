"""Networks and pictures that several tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from xdist.scheduler import LoadScopeScheduling

from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier, Preprocess

# Two cores, tiny networks: more threads only add noise, and the order of sums stays the same.
torch.set_num_threads(1)

SHARED = Path(os.environ.get("VIZCORE_SHARED", Path(__file__).parents[2] / "shared"))


class _Parts(LoadScopeScheduling):
    """One process for all tests with browsers, one for all with servers alone, which take each other's time.

    Of the others one for each file; so the lessons in a browser, which are many and would keep all the others waiting.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        alone = file == "tests/browser/test_learn.py" or folder not in ("tests/browser", "tests/server")
        return file if alone else folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Parts:
    """How several processes share the tests."""
    return _Parts(config, log)


class Linear(nn.Module):
    """y_k = w_k . I over the normalised input, the network on which every technique has a closed form."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)  # (K,C,H,W)

    def forward(self, z: Tensor) -> Tensor:
        # No matrix product: MKL's last digit depends on where in memory its operands lie, which each thread decides.
        return (z[:, None] * self.weights).sum((2, 3, 4))  # (N,1,C,H,W) * (K,C,H,W) -> (N,K)


def linear_classifier(
    size: tuple[int, int] = (12, 10), classes: int = 3, seed: int = 0, mean: float = 0.0, std: float = 1.0
) -> Classifier:
    """A linear network with known weights; with mean 0 and std 1 its input is the picture itself."""
    weights = torch.randn(classes, 3, *size, generator=torch.Generator().manual_seed(seed)) * 0.1
    preprocess = Preprocess(size=size, mean=(mean,) * 3, std=(std,) * 3)
    return Classifier(Linear(weights), preprocess, [f"class {k}" for k in range(classes)], name="linear")


def random_picture(classifier: Classifier, seed: int = 1) -> Tensor:
    """One (C,H,W) picture in [0,1]."""
    return torch.rand(classifier.input_shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def linear() -> Classifier:
    return linear_classifier()


@pytest.fixture(scope="session")
def bundled() -> Classifier:
    """The bundled network on the CPU."""
    return load("mini-alexnet", device="cpu")


def _shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        reason = f"{name} is not beside the checkout (set VIZCORE_SHARED to the folder that holds weights/ and images/)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder of real ImageNet photographs, named by WordNet id and class."""
    return _shared("images")


@pytest.fixture(scope="session")
def squeezenet() -> Classifier:
    """The real ImageNet SqueezeNet on the CPU, from the folder beside the checkout."""
    path = _shared("weights/squeezenet1_0.pth")
    before = os.environ.get("VIZCORE_WEIGHTS")
    os.environ["VIZCORE_WEIGHTS"] = str(path.parent)
    try:
        return load("squeezenet1_0", device="cpu")
    finally:
        if before is None:
            del os.environ["VIZCORE_WEIGHTS"]
        else:
            os.environ["VIZCORE_WEIGHTS"] = before


@pytest.fixture
def unchanged() -> Callable[[Classifier], Callable[[], None]]:
    """Take a snapshot of a classifier and of the grad mode; call the result to assert that nothing changed."""

    def snapshot(classifier: Classifier) -> Callable[[], None]:
        weights = {key: value.clone() for key, value in classifier.module.state_dict().items()}
        mode = torch.is_grad_enabled()

        def verify() -> None:
            assert torch.is_grad_enabled() == mode
            assert not classifier.module.training
            for layer in classifier.module.modules():
                assert not layer._forward_hooks
                assert not layer._backward_hooks
                assert not layer._forward_pre_hooks
            for key, value in classifier.module.state_dict().items():
                assert torch.equal(value, weights[key]), key
            assert all(p.grad is None and not p.requires_grad for p in classifier.module.parameters())

        return verify

    return snapshot
