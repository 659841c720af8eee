"""A network as a flat list of tensor operations, recorded while it answers once.

torch.fx would trace the module's source, but while it does so it replaces ``nn.Module.__call__`` for the whole process,
and a forward pass on another thread would be caught in it. A dispatch mode belongs to one thread, hooks nothing, and
sees what really ran (convolution, batch norm, relu, ...), whatever the module calls it.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from vizcore.acceleration.watching import Watching

aten = torch.ops.aten

_SPLITS = (aten.split.Tensor, aten.split_with_sizes.default)
BATCH = 2  # pictures in the recorded pass; a leading size that is baked into a view is recognised by it


class Unsupported(RuntimeError):
    """The network does something that cannot be replayed from a flat list of operations."""


@dataclass(frozen=True)
class Ref:
    """Stands in a node's arguments for the value of an earlier node."""

    index: int


@dataclass(frozen=True)
class Node:
    """``op(*args, **kwargs)``: one operation. Its value (the first, if it has several) has ``shape`` for one picture.

    ``inputs`` are the earlier nodes that it takes, in order. ``op`` is None for the network's input.
    """

    op: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[int, ...]
    shape: tuple[int, ...]

    def run(self, values: Sequence[Tensor | None] | Mapping[int, Tensor]) -> Tensor:
        """The operation on the values of the earlier nodes, for any number of pictures.

        What the network overwrites is overwritten here too: by then it has no other reader, as in the network itself.
        """
        answer = self.op(*_filled(self.args, values), **_filled(self.kwargs, values))
        value: Tensor = answer[0] if isinstance(answer, (tuple, list)) else answer
        return value


def _filled(argument: Any, values: Sequence[Tensor | None] | Mapping[int, Tensor]) -> Any:
    """The argument with the values in the places of their references; many times faster than a ``tree_map``."""
    if isinstance(argument, Ref):
        return values[argument.index]
    if type(argument) in (tuple, list):
        return type(argument)(_filled(part, values) for part in argument)
    return {name: _filled(part, values) for name, part in argument.items()} if type(argument) is dict else argument


@dataclass(frozen=True)
class Trace:
    """What ran: ``nodes``, up to the answer. ``reads``: how often each tensor that is no node's was read, by its id.
    ``layers``: the name of the layer that answered with a node, for layers that were called once."""

    nodes: list[Node]
    reads: Mapping[int, int]
    layers: Mapping[int, str]


def trace(module: nn.Module, z: Tensor, layers: Mapping[str, nn.Module] | None = None) -> Trace:
    """All that the network does to answer BATCH copies of one input z (1,C,H,W). Raises :class:`Unsupported`.

    ``layers`` of it are hooked meanwhile, to learn what they answer.
    """
    recorder = _Recorder()
    pictures = z.repeat(BATCH, 1, 1, 1).contiguous(memory_format=torch.channels_last)  # (1,C,H,W) -> (2,C,H,W)
    recorder.know(pictures, Node(None, (), {}, (), (1, *z.shape[1:])))
    answers: dict[str, list[int | None]] = {name: [] for name in layers or {}}

    def note(name: str, layer: nn.Module, inputs: object, answer: object) -> None:
        answers[name].append(recorder.known.get(id(answer)) if isinstance(answer, Tensor) else None)

    hooks = [layer.register_forward_hook(partial(note, name)) for name, layer in (layers or {}).items()]
    try:
        with torch.no_grad(), recorder:
            answer = module(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    end = recorder.known.get(id(answer)) if isinstance(answer, Tensor) else None
    if end is None:
        raise Unsupported("the answer is not one tensor that was computed from the picture")
    once = {found[0]: name for name, found in answers.items() if len(found) == 1 and found[0] is not None}
    return Trace(recorder.nodes[: end + 1], recorder.reads, once)


class _Recorder(Watching):
    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.known: dict[int, int | None] = {}  # id of a living tensor -> its node; None where no node stands for it
        self.residents: dict[int, set[int]] = {}  # address of a storage -> ids of the living tensors that see it
        self.watched: dict[int, weakref.ref[Tensor]] = {}
        self.reads: Counter[int] = Counter()

    def know(self, tensor: Tensor, node: Node) -> None:
        self.nodes.append(node)
        self._watch(tensor, len(self.nodes) - 1)
        self.residents.setdefault(tensor.untyped_storage().data_ptr(), set()).add(id(tensor))

    def _watch(self, tensor: Tensor, index: int | None) -> None:
        """Take a tensor's id for its name as long as it lives: to keep it would be to keep all activations."""
        name, address = id(tensor), tensor.untyped_storage().data_ptr()

        def forget(_: object) -> None:
            del self.known[name], self.watched[name]
            self.residents.get(address, set()).discard(name)

        self.known[name] = index
        if name not in self.watched:
            self.watched[name] = weakref.ref(tensor, forget)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        inputs: list[int] = []

        def named(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor):
                return leaf
            if id(leaf) not in self.known:
                self.reads[id(leaf)] += 1
                return leaf
            index = self.known[id(leaf)]
            if index is None:
                raise Unsupported(f"{func} takes the second value of an operation")
            inputs.append(index)
            return Ref(index)

        named_args, named_kwargs = tree_map(named, args), tree_map(named, kwargs or {})
        mutates = func._schema.is_mutable
        if mutates and func is not aten.as_strided_.default:
            self._vacate(func, args)
        answer = func(*args, **(kwargs or {}))
        if not inputs:
            return answer  # of weights and numbers alone: a constant
        if func in _SPLITS:
            return self._parts(named_args, named_kwargs, inputs, answer)
        first, *others = answer if isinstance(answer, (tuple, list)) else (answer,)
        if not isinstance(first, Tensor) or first.dim() == 0:
            raise Unsupported(f"{func} answers with no batch of tensors")
        # A first axis that is not the batch (branches stacked in it, tokens first, one picture of it) is marked by 0.
        shape = (1 if len(first) == BATCH else 0, *first.shape[1:])
        if func is aten.as_strided_.default:  # torch tidies up the strides of sizes of one; the values stay
            if shape != self.nodes[inputs[0]].shape:
                raise Unsupported(f"{func} changes a shape")
            return answer
        self.know(first, Node(func, tuple(named_args), named_kwargs, tuple(inputs), shape))
        for other in others:
            if isinstance(other, Tensor):
                self._watch(other, None)
        return answer

    def _parts(self, args: Any, kwargs: Any, inputs: list[int], answer: Sequence[Tensor]) -> Sequence[Tensor]:
        """What a value is split into, each as the slice that it is."""
        dim = kwargs.get("dim", args[2] if len(args) > 2 else 0) % answer[0].dim()
        if dim == 0:
            raise Unsupported("the batch is split")
        begin = 0
        for part in answer:
            end, shape = begin + part.shape[dim], (1 if len(part) == BATCH else 0, *part.shape[1:])
            self.know(part, Node(aten.slice.Tensor, (args[0], dim, begin, end), {}, tuple(inputs), shape))
            begin = end
        return answer

    def _vacate(self, func: Any, args: Any) -> None:
        """Allow an operation to overwrite its first argument if that is a value of the network that no other sees."""
        index = self.known.get(id(args[0])) if args and isinstance(args[0], Tensor) else None
        if not index:  # None, or 0: the picture itself
            raise Unsupported(f"{func} overwrites something other than an intermediate value")
        if self.residents[args[0].untyped_storage().data_ptr()] - {id(args[0])}:
            raise Unsupported(f"{func} overwrites a value that others see")


def consumers(nodes: Sequence[Node]) -> list[list[int]]:
    """For each node the later nodes that take its value."""
    users: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for source in set(node.inputs):
            users[source].append(index)
    return users
