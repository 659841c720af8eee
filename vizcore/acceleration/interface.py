"""The one door to what exists for speed only; the results are the same without it, up to rounding.

With ``VIZCORE_PLAIN=1`` in the environment nothing behind this door is used: the network answers by its own module, in
one batch after the other, and every covered picture is computed in full.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn

from vizcore import memory
from vizcore.acceleration import half, workers
from vizcore.acceleration.activations import Activations
from vizcore.acceleration.laid import lie
from vizcore.acceleration.network import Forward, Network
from vizcore.acceleration.norms import SoundNorms
from vizcore.acceleration.proof import switched_off
from vizcore.acceleration.proven import Proven
from vizcore.acceleration.watching import Watching
from vizcore.copies import version

__all__ = [
    "Activations",
    "Forward",
    "Watching",
    "activations",
    "forward",
    "layout",
    "short_format",
    "side_by_side",
    "switched_off",
    "workers_for",
]

A = TypeVar("A")
B = TypeVar("B")
VARIABLE = "VIZCORE_PLAIN"


def plain() -> bool:
    """Whether all acceleration is switched off."""
    return os.environ.get(VARIABLE, "") == "1"


if not plain():
    memory.keep()  # before the first network


class Plain:
    """The network's own module, as it is; one thread at a time, in case it keeps values on itself."""

    kept: int | None = None
    layout = torch.contiguous_format
    in_parts = False

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._alone = threading.RLock()

    @property
    def version(self) -> tuple[int, ...]:
        """Another one once the network's layers or tensors have changed."""
        return version(self._module, attributes=False)

    def __call__(self, z: Tensor, kind: torch.dtype | None = None) -> Tensor:
        """(N,C,H,W) to (N,K); ``kind`` is not looked at, as :func:`short_format` names none."""
        with self._alone, self.sound() if z.requires_grad else nullcontext():
            answer: Tensor = self._module(lie(z.clone(), self.layout))  # its first step may be in place
        return answer

    def sound(self) -> AbstractContextManager[object]:
        """Within which the gradients of norms are right, whatever torch does."""
        return SoundNorms()

    def remarks(self) -> list[tuple[str, str]]:
        """That nothing is used."""
        return [("Acceleration is switched off.", "The network answers by its own module.")]

    def folded(self) -> nn.Module:
        """The module itself."""
        return self._module


def forward(module: nn.Module, device: torch.device, shape: tuple[int, ...]) -> Forward:
    """What answers for ``module``, fastest, and proven to answer as it does; ``shape`` (C,H,W) is that of one input."""
    half.never_unasked(device)
    return Plain(module) if plain() else Proven(module, device, shape)


def layout() -> torch.memory_format:
    """How convolutions are fastest at finding their weights; whatever lies otherwise is copied for it."""
    return torch.contiguous_format if plain() else torch.channels_last


def short_format(device: torch.device) -> torch.dtype | None:
    """The short numbers that ``device`` multiplies faster than float32; None where there are none."""
    return None if plain() else half.kind(device)


def workers_for(device: torch.device, size: int) -> int:
    """How many batches of ``size`` bytes to compute side by side."""
    return 1 if plain() else workers.count(device, size)


def side_by_side(work: Callable[[A], B], parts: Sequence[A], most: int) -> list[B]:
    """``work`` of each of the parts, in their order; at most ``most`` at a time."""
    return [work(part) for part in parts] if plain() else workers.side_by_side(work, parts, most)


def activations(network: Network, image: Tensor) -> Activations:
    """What the layers make of one unchanged picture (C,H,W) in [0,1], for the scores of its covered copies.

    Its ``windows`` are None where every covered picture is as well computed in full, and always when switched off.
    """
    return Activations(network, image, off=plain())
