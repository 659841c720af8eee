"""What a layer inside the network answers, looked at without touching the network that others share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from vizcore.copies import private_copy
from vizcore.networks.answers import wrapped
from vizcore.networks.classifier import Classifier
from vizcore.networks.order import convolutions


class _Enough(Exception):
    """Raised inside a forward pass as soon as the wanted layer has answered."""


def layers(clf: Classifier) -> list[tuple[str, tuple[int, ...]]]:
    """The two-dimensional convolutions in running order: (name, shape of the weights (n, C/groups, kh, kw)).

    The first is :meth:`~vizcore.networks.classifier.Classifier.first_convolution`. What runs before it, and changes no
    logit, comes last; what never runs is left out. See :func:`vizcore.networks.order.convolutions`.
    """
    found = [(name, clf.module.get_submodule(name)) for name in convolutions(clf)]
    return [(name, tuple(layer.weight.shape)) for name, layer in found if isinstance(layer, nn.Conv2d)]


def convolution(clf: Classifier, layer: str | None = None) -> tuple[str, nn.Conv2d]:
    """(name, layer) of the convolution called ``layer``, by default the first one that runs.

    Raises ValueError for a name that is no convolution, or where the network has none.
    """
    first = clf.first_convolution()
    for name, module in clf.module.named_modules():
        if isinstance(module, nn.Conv2d) and (name == layer if layer is not None else module is first):
            return name, module
    names = [name for name, _ in layers(clf)]
    raise ValueError(f"layer is {layer!r}; accepted: a convolution of {clf.title}: {', '.join(names)}.")


def answer_of(clf: Classifier, layer: str, image: Tensor) -> Tensor:
    """The output (n,h,w) of ``layer`` on one picture (C,H,W) in [0,1]; no gradient, on the CPU.

    The network runs only up to the layer, so whatever comes before it (GoogLeNet rescales its input) is respected. A
    layer that is passed more than once shows its first answer. Raises ValueError where the picture never reaches it.
    """
    answers: list[Tensor] = []

    def stop(module: nn.Module, inputs: object, answer: Tensor) -> None:
        answers.append(answer.detach().float().cpu())
        raise _Enough

    network = private_copy(clf.module)
    network.get_submodule(layer).register_forward_hook(stop)
    try:
        with torch.no_grad():
            network(network_input(clf, image[None]))
    except _Enough:
        return answers[0][0].contiguous()  # (1,n,h,w) -> (n,h,w)
    raise ValueError(f"layer is {layer!r}; accepted: a layer that {clf.title} uses when it classifies a picture.")


def through(network: nn.Module, z: Tensor, layer: str, alter: Callable[[Any], Any]) -> Tensor:
    """Logits (N,K) of a private copy whose ``layer`` has its answer replaced by ``alter(answer)`` on the way."""
    handle = wrapped(network).get_submodule(layer).register_forward_hook(lambda module, inputs, answer: alter(answer))
    try:
        logits: Tensor = network(z).float()
        return logits
    finally:
        handle.remove()


def network_input(clf: Classifier, x: Tensor) -> Tensor:
    """The zero-centred input (N,C,H,W) on the device, laid out as the convolutions are fastest at."""
    return clf.normalise(x).contiguous(memory_format=clf.layout)
