"""Logits (N,K) out of what a network answers: a tensor, a tuple or an object with it inside, probabilities, one number.

Whatever is found here is found by :mod:`vizcore.networks.examination`, which says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

Path = tuple[int | str, ...]
# What the numbers are: logits, probabilities that sum to one, or a probability for each label by itself.
Kind = Literal["logits", "probabilities", "sigmoids"]
_NAMED = ("logits", "logit", "out", "output", "outputs", "scores", "prediction", "predictions")
_LEAST = 1e-30  # the smallest probability whose logarithm is taken
_SHORT_OF_ONE = 1e-7


class Answering(nn.Module):
    """What ``module`` answers, as logits (N,K).

    ``path`` leads to the tensor in the answer. ``kind`` "probabilities": log p; "sigmoids": log(p / (1 - p)). A
    ``single`` number l becomes two classes, (-l, l): each the logarithm of its odds against the other. ``one_by_one``:
    the module sees each picture alone.
    """

    def __init__(self, module: nn.Module, path: Path, kind: Kind, single: bool, one_by_one: bool) -> None:
        super().__init__()
        self.module = module
        self.path, self.kind, self.single, self.one_by_one = path, kind, single, one_by_one
        self.eval()

    def extra_repr(self) -> str:
        """What is done to the answer, for the network's checksum."""
        return f"path={self.path}, kind={self.kind}, single={self.single}, one_by_one={self.one_by_one}"

    def forward(self, z: Tensor) -> Tensor:
        """(N,C,H,W) to (N,K)."""
        parts = z.split(1) if self.one_by_one and len(z) > 1 else (z,)
        found = [self._logits(self.module(part), len(part)) for part in parts]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _logits(self, answer: Any, count: int) -> Tensor:
        y = inside(answer, self.path)
        y = y if y.dim() == 2 else y.reshape(count, -1)
        if self.kind == "probabilities":
            y = y.clamp_min(_LEAST).log()
        elif self.kind == "sigmoids":
            y = y.clamp(_SHORT_OF_ONE, 1 - _SHORT_OF_ONE).logit()
        return torch.cat([-y, y], 1) if self.single else y


def wrapped(network: nn.Module) -> nn.Module:
    """The module inside, whose layers have the names that its owner gave them."""
    return network.module if isinstance(network, Answering) else network


def around(network: nn.Module, module: nn.Module) -> nn.Module:
    """``module`` with what ``network`` does to the answers of the one inside it."""
    if not isinstance(network, Answering):
        return module
    return Answering(module, network.path, network.kind, network.single, network.one_by_one)


def inside(answer: Any, path: Path) -> Tensor:
    """The tensor to which ``path`` leads in ``answer``."""
    for step in path:
        answer = getattr(answer, step) if isinstance(step, str) and not isinstance(answer, Mapping) else answer[step]
    found: Tensor = answer
    return found


def path_to_logits(answer: Any, count: int, classes: int) -> Path | None:
    """The way to the first tensor (count, classes), ones left out of account; None where there is none.

    In a tuple the first that fits, in a dictionary or an object what is called ``logits`` or the like before others.
    """
    wanted = [side for side in (count, classes) if side != 1]
    for path, found in _tensors(answer):
        if [side for side in found.shape if side != 1] == wanted and found.dtype.is_floating_point:
            return path
    return None


def _tensors(answer: Any, path: Path = (), depth: int = 3) -> Iterator[tuple[Path, Tensor]]:
    if isinstance(answer, Tensor):
        yield path, answer
    elif depth:
        for step, value in _parts(answer):
            yield from _tensors(value, (*path, step), depth - 1)


def _parts(answer: Any) -> list[tuple[int | str, Any]]:
    if isinstance(answer, Mapping):
        parts = [(key, value) for key, value in answer.items() if isinstance(key, str | int)]
    elif isinstance(answer, tuple | list):
        return list(enumerate(answer))
    elif is_dataclass(answer):
        parts = [(field.name, getattr(answer, field.name)) for field in fields(answer)]
    else:
        parts = list(getattr(answer, "__dict__", {}).items())
    return sorted(parts, key=lambda part: _NAMED.index(part[0]) if part[0] in _NAMED else len(_NAMED))


def described(answer: Any) -> str:
    """What kind of answer this is, for a sentence: its shape, or its type."""
    if isinstance(answer, Tensor):
        return f"shape {tuple(answer.shape)}"
    shapes = ", ".join(str(tuple(found.shape)) for _, found in _tensors(answer))
    return f"a {type(answer).__name__} of {shapes}" if shapes else f"a {type(answer).__name__}"
