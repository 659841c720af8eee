"""What acceleration asks of a network, so that it needs to know no classifier."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor, nn


class Forward(Protocol):
    """Logits (N,K) of the zero-centred input z (N,C,H,W), differentiable in z."""

    def __call__(self, z: Tensor, kind: torch.dtype | None = None) -> Tensor:
        """With numbers of this ``kind`` where it is given."""
        ...

    @property
    def kept(self) -> int | None:
        """About how many numbers a backward pass needs of the forward pass of one picture, where that is known."""
        ...

    @property
    def layout(self) -> torch.memory_format:
        """How z and the weights are laid out in memory."""
        ...

    @property
    def in_parts(self) -> bool:
        """Whether the network can be taken apart into operations on pictures that lie channels last."""
        ...

    def remarks(self) -> list[tuple[str, str]]:
        """What was found when the acceleration was proven on this network, and what is done about it."""
        ...

    @property
    def version(self) -> tuple[int, ...]:
        """Another one once the network has changed."""
        ...

    def sound(self) -> AbstractContextManager[object]:
        """To be within while the network's own layers compute with gradients: those of its norms are right there."""
        ...

    def folded(self) -> nn.Module:
        """The network with its batch norms folded as its weights are now, else as it is; to be read, not altered."""
        ...


class Network(Protocol):
    """A classifier, as far as exact passes and incremental occlusion look at it."""

    module: nn.Module
    device: torch.device
    passes: Forward

    @property
    def picture_bytes(self) -> int:
        """What a forward pass needs for each picture, about."""
        ...

    @property
    def at_once(self) -> int:
        """How many pictures to ask about at once to be answered fastest."""
        ...

    def check_image(self, image: Tensor) -> None:
        """Raise ValueError unless ``image`` is one input (C,H,W) of this network in [0,1]."""
        ...

    def normalise(self, x: Tensor) -> Tensor:
        """Pixels (N,C,H,W) in [0,1] to the zero-centred input, on the device."""
        ...

    def logits_of_input(self, z: Tensor) -> Tensor:
        """Logits (N,K) of the zero-centred input."""
        ...
