"""In which order a network's layers answer, and on which answers its logits depend: told by one pass over a copy."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vizcore.copies import private_copy
from vizcore.networks.answers import wrapped
from vizcore.seeds import generator


class Network(Protocol):
    """What a pass needs of a classifier."""

    module: nn.Module
    network: nn.Module

    @property
    def layout(self) -> torch.memory_format: ...

    @property
    def input_shape(self) -> tuple[int, int, int]: ...

    def normalise(self, x: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Call:
    """One answer of one layer: its ``shape``, and whether a gradient leads to it from the logits (``depends``).

    ``same`` is the number of the first call that handed on the very same tensor: its own, unless the layer only passes
    on what another one within it has answered. Of an answer with several parts, the first tensor is meant.
    """

    name: str
    shape: tuple[int, ...]
    depends: bool
    same: int


def calls(clf: Network) -> tuple[Call, ...]:
    """Every answer of every layer to one picture of noise, in the order in which they are complete.

    Found once for each network, and anew where its layers were exchanged. Raises whatever the network raises when it
    is run with gradients and looked into.
    """
    structure = tuple((name, id(layer)) for name, layer in clf.module.named_modules())
    known = _calls.get(clf.module)
    if known is None or known[0] != structure:
        known = structure, traced(private_copy(clf.network), probe(clf))
        _calls[clf.module] = known
    return known[1]


_calls: weakref.WeakKeyDictionary[nn.Module, tuple[object, tuple[Call, ...]]] = weakref.WeakKeyDictionary()


def traced(
    network: nn.Module, z: Tensor, heed: Callable[[int, Tensor], None] | None = None, seed: int = 0
) -> tuple[Call, ...]:
    """The calls of one pass of ``network``, a private copy, with the input z (1,C,H,W).

    Where ``heed`` is given, it is told by (number of the call, gradient) what a random sum of the logits has for a
    gradient in the answers that it depends on.
    """
    answers: list[tuple[str, Tensor]] = []
    nodes: list[object] = []
    leaves = [z.clone().requires_grad_()]
    handles = []

    def note(name: str, answer: object) -> object:
        part = tensor_of(answer)
        if part is None or not part.is_floating_point():
            return None
        kept = part
        if torch.is_grad_enabled() and not part.requires_grad:  # cut off from the input, as behind a rounding
            leaves.append(part.detach().requires_grad_())
            kept = leaves[-1].clone()
        if heed is not None and kept.requires_grad:
            number = len(answers)
            kept.register_hook(lambda slope: heed(number, slope))
        answers.append((name, kept))
        nodes.append(kept.grad_fn)  # now: what comes next may overwrite the answer in place
        return None if kept is part else with_tensor(answer, kept)

    for name, layer in wrapped(network).named_modules():
        if name:
            handles.append(layer.register_forward_hook(lambda _, __, answer, name=name: note(name, answer)))
    try:
        with torch.enable_grad():
            logits = tensor_of(network(leaves[0].clone()))  # a network may overwrite its input
            if logits is None:
                raise TypeError(f"the network answers {type(logits).__name__}; accepted: logits.")
            if heed is not None and logits.requires_grad:
                weights = torch.randn(logits.shape, generator=generator(seed)).to(logits)
                torch.autograd.grad((logits * weights).sum(), leaves, allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    reached = _behind(logits.grad_fn)
    first: dict[int, int] = {}
    return tuple(
        Call(name, tuple(part.shape), node in reached, first.setdefault(id(part), number))
        for number, ((name, part), node) in enumerate(zip(answers, nodes, strict=True))
    )


def convolutions(clf: Network) -> list[str]:
    """The two-dimensional convolutions that run for a picture, beginning with the first on which the logits depend.

    They stand in running order; what runs before the first one, and changes no logit, comes last. Where none of them
    is ever called, or the pass fails, all of them stand in the order of their definition.
    """
    defined = [name for name, layer in clf.module.named_modules() if isinstance(layer, nn.Conv2d)]
    try:
        found = calls(clf)
        ran = [name for name in dict.fromkeys(call.name for call in found) if name in defined]
        depends = {call.name for call in found if call.depends}
        first = next((at for at, name in enumerate(ran) if name in depends or _matters(clf, name)), 0)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever a stranger's network raises when it is looked into
        return defined
    return [*ran[first:], *ran[:first]] or defined


def _matters(clf: Network, name: str) -> bool:
    """Whether the logits change with what the layer answers, though no gradient leads there, as behind a no_grad."""

    def logits(other: bool) -> Tensor | None:
        network = private_copy(clf.network)

        def alter(layer: nn.Module, inputs: object, answer: Tensor) -> Tensor:
            return torch.randn(answer.shape, generator=generator(0)).to(answer) if other else answer

        wrapped(network).get_submodule(name).register_forward_hook(alter)
        with torch.no_grad():
            return tensor_of(network(probe(clf)))

    one, two = logits(False), logits(True)
    return one is None or two is None or not torch.equal(one, two)


def probe(clf: Network) -> Tensor:
    """A picture of noise as the network's input (1,C,H,W): a flat one would be zero for a network that scales it."""
    picture = torch.rand(1, *clf.input_shape, generator=generator(0))
    return clf.normalise(picture).contiguous(memory_format=clf.layout)


def tensor_of(answer: Any) -> Tensor | None:
    """The tensor that a layer answers, the first one of a tuple, a list or a dictionary."""
    if isinstance(answer, Tensor):
        return answer
    parts = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, tuple | list) else ()
    return next((part for part in parts if isinstance(part, Tensor)), None)


def with_tensor(answer: Any, tensor: Tensor) -> Any:
    """The same answer with ``tensor`` in the place of its :func:`tensor_of`."""
    old = tensor_of(answer)
    if isinstance(answer, dict):
        return type(answer)((key, tensor if part is old else part) for key, part in answer.items())
    if isinstance(answer, tuple | list):
        parts = [tensor if part is old else part for part in answer]
        return type(answer)(*parts) if hasattr(answer, "_fields") else type(answer)(parts)
    return tensor


def _behind(node: Any) -> set[object]:
    """All nodes of the graph from which ``node`` is computed, itself among them."""
    seen: set[object] = set()
    waiting = [node] if node is not None else []
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += [before for before, _ in one.next_functions if before is not None]
    return seen
