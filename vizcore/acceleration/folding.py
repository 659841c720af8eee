"""Batch norms folded into the convolutions before them: the network's function, up to rounding, with less to do.

gamma (w * x + b - mean) / sqrt(var + eps) + beta is itself a convolution, with weights w' = w gamma / sqrt(var + eps)
and bias b' = (b - mean) gamma / sqrt(var + eps) + beta. Batch norms take a fifth of the time of a gradient of ResNet18.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vizcore.acceleration.tracing import Node, Ref, Trace, aten, consumers, trace
from vizcore.copies import private_copy

_BATCH_NORMS = (aten.native_batch_norm.default, aten._native_batch_norm_legit_no_training.default)
_RELUS = (aten.relu.default, aten.relu_.default)
_KINDS = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def foldable(nodes: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """The convolutions and the batch norms after them, by their numbers, where nothing else reads the convolution."""
    users = consumers(nodes)
    for index, node in enumerate(nodes):
        if node.op not in _BATCH_NORMS or any(isinstance(arg, Ref) for arg in node.args[1:]):
            continue
        training = node.op is aten.native_batch_norm.default and node.args[5]
        source = nodes[node.inputs[0]]
        alone = users[node.inputs[0]] == [index]
        if training or node.args[3] is None or not alone or source.op is not aten.convolution.default:
            continue
        _, weight, bias, *_, transposed, _, _ = source.args
        if not transposed and not isinstance(weight, Ref) and not isinstance(bias, Ref) and weight.dim() == 4:
            yield node.inputs[0], index


def folded(convolution: Node, norm: Node) -> tuple[Tensor, Tensor]:
    """(w', b'): the weights (K,C,h,w), channels-last, and the bias (K,) of a convolution and its batch norm in one."""
    _, weight, bias = convolution.args[:3]
    gamma, beta, mean, variance = norm.args[1:5]
    scale = (variance.double() + norm.args[-1]).rsqrt()
    scale = scale if gamma is None else scale * gamma.double()
    shift = -mean.double() if bias is None else bias.double() - mean.double()
    shift = shift * scale if beta is None else shift * scale + beta.double()
    new_weight = (weight.double() * scale.view(-1, 1, 1, 1)).to(weight.dtype)
    return new_weight.contiguous(memory_format=torch.channels_last), shift.to(weight.dtype)


@dataclass(frozen=True)
class _Pair:
    """A convolution and the batch norm that alone reads it: their names in the network, and what they do."""

    names: tuple[str, str]
    nodes: tuple[Node, Node]

    @property
    def tensors(self) -> list[Tensor]:
        return [arg for node in self.nodes for arg in node.args if isinstance(arg, Tensor)]


class Folding:
    """A network in eval mode with its batch norms folded; ``module`` itself is not touched.

    ``pools`` names the ReLUs, each with the pool after it, that can change places by :func:`pool_first`. ``kept`` is
    about how many numbers a backward pass needs of the forward pass of one picture, None where that was not found out.
    Weights that are changed in place are followed, unless by way of ``Tensor.data``, of which torch keeps no account.
    Safe to share between threads.
    """

    def __init__(self, module: nn.Module, shape: tuple[int, ...]) -> None:
        """``shape`` (C,H,W) is that of one input, of which a few are passed through the network to see what it does."""
        self.pools: list[tuple[str, str]] = []
        self.kept: int | None = None
        self._pairs: list[_Pair] = []
        self._tensors: list[Tensor] = []
        self._lock = threading.Lock()
        self._made = (0, module)
        kinds = {kind for layer in module.modules() if (kind := _kind(layer)) and _own(layer)}
        first = next(module.parameters(), None)
        if first is None or not (kinds >= {nn.Conv2d, nn.BatchNorm2d} or kinds >= {nn.ReLU, nn.MaxPool2d}):
            return
        try:
            self._pattern = private_copy(module)  # now, before anybody hooks the network
            self._find(torch.randn(1, *shape, generator=torch.Generator().manual_seed(0)).to(first))
        except Exception:  # somebody's own module may hold what cannot be copied, or do what cannot be followed
            self._pairs, self._tensors, self.pools = [], [], []

    def network(self) -> nn.Module:
        """The network as its weights are now; one and the same module as long as they do not change."""
        version, network = self._made
        if version == self._version():
            return network
        with self._lock:
            version = self._version()
            if version != self._made[0]:
                self._made = (version, self._fold())
            return self._made[1]

    def _version(self) -> int:
        return sum(tensor._version for tensor in self._tensors)

    def _find(self, z: Tensor) -> None:
        layers = {name: layer for name, layer in self._pattern.named_modules() if _kind(layer) and _own(layer)}
        traced = trace(self._pattern, z, layers)
        self._pairs, self.pools = _pairs(self._pattern, layers, traced), _pools(traced)
        self.kept = sum(math.prod(node.shape) for node in traced.nodes if node.op not in (None, *_BATCH_NORMS))
        self._tensors = [tensor for pair in self._pairs for tensor in pair.tensors]
        made = (self._version(), self._fold())
        z, other = z.contiguous(memory_format=torch.channels_last), private_copy(made[1])
        pool_first(other, self.pools)
        with torch.no_grad():
            if (self._pairs or self.pools) and not _close(other(z), self._pattern(z)):
                raise ValueError("the network does not always do the same: it decides in Python what to do")
        if self._pairs:
            self._made = made

    def _fold(self) -> nn.Module:
        network = private_copy(self._pattern)
        with torch.no_grad():
            for pair in self._pairs:
                convolution, norm = (network.get_submodule(name) for name in pair.names)
                weight, bias = folded(*pair.nodes)
                convolution.weight, convolution.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
                kind: Any = type(norm)
                norm.__class__ = _Absorbed if kind is nn.BatchNorm2d else _absorbed(kind)
        return network


def pool_first(network: nn.Module, pools: Sequence[tuple[str, str]]) -> None:
    """max(relu(x)) = relu(max(x)), slopes included, with fewer numbers to switch; done to a private copy itself."""
    for relu, pool in pools:
        network.get_submodule(relu).__class__ = _Later
        network.get_submodule(pool).__class__ = _PoolFirst


class _Later(nn.ReLU):
    def forward(self, x: Tensor) -> Tensor:
        return x


class _PoolFirst(nn.MaxPool2d):
    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = super().forward(x)
        return value.relu_()


class _Absorbed(nn.Identity):
    """A batch norm that the convolution before it does."""


class _WithoutNorm(TorchFunctionMode):
    """Within it a batch norm answers with what it is given."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func is F.batch_norm and args else func(*args, **(kwargs or {}))


@cache
def _absorbed(kind: Any) -> Any:
    """A layer that does more than its batch norm, which the convolution before it does."""

    class Absorbed(kind):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            with _WithoutNorm():
                return super().forward(*args, **kwargs)

    return Absorbed


def _close(one: Tensor, other: Tensor) -> bool:
    """Whether two answers (N,K) are the same up to rounding, which deep networks amplify."""
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=1e-3 * float(other.abs().max()))


def _pairs(network: nn.Module, layers: Mapping[str, nn.Module], traced: Trace) -> list[_Pair]:
    """What can be folded of these ``layers``: those that are called once, and whose weights nothing else reads."""
    found = []
    norms = {id(layer.running_mean): name for name, layer in layers.items() if isinstance(layer, nn.BatchNorm2d)}
    for source, norm in foldable(traced.nodes):
        names = traced.layers.get(source), norms.get(id(traced.nodes[norm].args[3]))
        if names[0] is None or names[1] is None:
            continue
        pair = _Pair((names[0], names[1]), (traced.nodes[source], traced.nodes[norm]))
        layer = layers[names[1]]
        held = [layer.weight, layer.bias, layer.running_mean, layer.running_var]
        own = all(one is other for one, other in zip(pair.nodes[1].args[1:5], held, strict=True))
        if (
            own
            and network.get_submodule(names[0]).weight is pair.nodes[0].args[1]
            and all(traced.reads[id(tensor)] == 1 for tensor in pair.tensors)
        ):
            found.append(pair)
    return found


def _pools(traced: Trace) -> list[tuple[str, str]]:
    """The ReLUs, and the pools after them, that can change places: nothing else reads what goes in or lies between."""
    users, found = consumers(traced.nodes), []
    for index, node in enumerate(traced.nodes):
        if node.op not in _RELUS or users[node.inputs[0]] != [index] or len(users[index]) != 1:
            continue
        reader = users[index][0]
        names = traced.layers.get(index), traced.layers.get(reader)
        if traced.nodes[reader].op is aten.max_pool2d_with_indices.default and names[0] and names[1]:
            found.append((names[0], names[1]))
    return found


def _kind(layer: nn.Module) -> type[nn.Module] | None:
    """What it is of the layers that change: a batch norm may do more than its class, such as the ReLU after it."""
    return nn.BatchNorm2d if isinstance(layer, nn.BatchNorm2d) else next((k for k in _KINDS if type(layer) is k), None)


def _own(layer: nn.Module) -> bool:
    """Whether the layer does what its class says, on frozen weights of which torch counts the changes."""
    hooked = any(getattr(layer, name, None) for name in _HOOKS) or "forward" in vars(layer)
    tensors = [*layer.parameters(), *layer.buffers()]
    return not hooked and not any(tensor.requires_grad or tensor.is_inference() for tensor in tensors)
