"""The networks that can be asked for by name: the bundled ones, torchvision's, and the operator's own."""

from __future__ import annotations

from collections.abc import Callable

import torch

from vizcore.acceleration import interface
from vizcore.networks import gated, own, zoo
from vizcore.networks.bundled import network
from vizcore.networks.classifier import Classifier
from vizcore.networks.preprocessing import Preprocess

SMALL = (*network.NAMES, gated.NAME)  # those that come with the package, and know the scenes' classes


def names() -> list[str]:
    """The names that :func:`load` takes: the operator's own networks first, the bundled ones, then torchvision's."""
    return [*own.named(), *SMALL, *zoo.NAMES]


def load(
    name: str, device: str | torch.device = "auto", progress: Callable[[int, int], None] | None = None
) -> Classifier:
    """The classifier called ``name``: bundled, one of torchvision's with its published weights, or the operator's own.

    ``progress(done, total)`` is called with bytes while weights are downloaded. Raises ValueError for an unknown name,
    and :class:`WeightsError`, whose message is a sentence for the user, where weights cannot be had.
    """
    if name in own.named():
        return own.call(name)
    if name in network.NAMES:
        module, card = network.load(name)
        preprocess = Preprocess(size=(card.input_size, card.input_size), mean=tuple(card.mean), std=tuple(card.std))
        module.to(memory_format=interface.layout())  # type: ignore[call-overload]
        return Classifier(
            module,
            preprocess,
            card.classes,
            name=name,
            title=card.title,
            summary=card.summary,
            device=device,
            checksum=card.sha256,
        )
    if name == gated.NAME:
        module, card = gated.load()
        preprocess = Preprocess(size=(card.input_size, card.input_size), mean=tuple(card.mean), std=tuple(card.std))
        module.to(memory_format=interface.layout())  # type: ignore[call-overload]
        return Classifier(
            module, preprocess, card.classes, name=name, title=gated.TITLE, summary=gated.SUMMARY, device=device
        )
    if name in zoo.NAMES:
        return zoo.load(name, device, progress)
    raise ValueError(f"There is no network called {name!r}; accepted: {', '.join(names())}.")
