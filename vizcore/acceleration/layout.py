"""A recorded network in which channels stay the second dimension throughout, whatever the network itself does.

ConvNeXt moves channels to the end and back for every layer norm and linear layer. On values that lie in memory with
their channels last this moves nothing, and each of these layers does one thing to every position by itself: a norm over
its channels, and a convolution of one position. Said in this way it can be computed for a region alone.

Liu et al. 2022, "A ConvNet for the 2020s", section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_map

from vizcore.acceleration.tracing import Node, Ref, aten

# How the network sees a value (n,C,h,w): as it is, with channels last (n,h,w,C), or as rows of these (nhw,C).
Layout = Literal["plain", "last", "rows"]

_ALONE = {
    *(aten.relu, aten.gelu, aten.silu, aten.hardswish, aten.hardsigmoid, aten.hardtanh, aten.leaky_relu, aten.elu),
    *(aten.sigmoid, aten.tanh, aten.clone),
}


def norm_channels(x: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias, mean and variance over the channels of each position.

    x (n,C,h,w), ``shape`` [C]; Ba, Kiros & Hinton 2016, "Layer Normalization", section 3.
    """
    value: Tensor = F.layer_norm(x.permute(0, 2, 3, 1), shape, weight, bias, eps).permute(0, 3, 1, 2)
    return value


def channels_second(nodes: Sequence[Node]) -> list[Node]:
    """The same operations, with those on channels that come last said of channels that come second."""
    return _Rewriting().over(nodes)


class _Rewriting:
    def __init__(self) -> None:
        self.made: list[Node] = []
        self.seen: dict[int, tuple[int, Layout]] = {}  # node of the network -> node made, and how it is looked at
        self.shown: dict[tuple[int, Layout], int] = {}  # nodes made so that others can look at a value in this way

    def over(self, nodes: Sequence[Node]) -> list[Node]:
        for index, node in enumerate(nodes):
            self.seen[index] = self._known(node, nodes) or (self._as_it_is(node), "plain")
        return self.made[: self._shown(len(nodes) - 1) + 1]

    def _known(self, node: Node, nodes: Sequence[Node]) -> tuple[int, Layout] | None:
        """The node made and its layout, where this one is understood."""
        if len(node.inputs) != 1 or node.kwargs.keys() - {"approximate"}:
            return None
        at, layout = self.seen[node.inputs[0]]
        source, packet = self.made[at], getattr(node.op, "overloadpacket", None)
        if len(source.shape) < 2:  # a number for each picture
            return None
        channels = source.shape[1]
        if packet is aten.permute and len(source.shape) == 4:
            turned = {("plain", (0, 2, 3, 1)): "last", ("last", (0, 3, 1, 2)): "plain"}
            found: Layout | None = turned.get((layout, tuple(node.args[1])))  # type: ignore[assignment]
            return found and (at, found)
        if layout == "plain":
            return None
        if packet is aten.reshape:
            if layout == "last" and list(node.args[1]) == [-1, channels]:
                return at, "rows"
            if layout == "rows" and list(node.args[1]) == [-1, *source.shape[2:], channels]:
                return at, "last"
            return None
        if packet is aten.native_layer_norm and layout == "last" and list(node.args[1]) == [channels]:
            return self._make(Node(norm_channels, (Ref(at), *node.args[1:]), {}, (at,), source.shape)), layout
        if packet is aten.addmm and layout == "rows" and not node.kwargs and isinstance(node.args[1], Ref):
            bias, _, weight = node.args
            kernels = weight.t()[:, :, None, None]  # (C,O) -> (O,C,1,1)
            shape = (1, len(kernels), *source.shape[2:])
            args = (Ref(at), kernels, bias, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
            return self._make(Node(aten.convolution.default, args, {}, (at,), shape)), layout
        if packet in _ALONE and not any(isinstance(arg, Tensor) for arg in node.args):
            return self._make(replace(node, args=(Ref(at), *node.args[1:]), inputs=(at,), shape=source.shape)), layout
        return None

    def _as_it_is(self, node: Node) -> int:
        """The operation itself, on values that look as the network expects them."""
        there = {source: self._shown(source) for source in node.inputs}

        def moved(leaf: Any) -> Any:
            return Ref(there[leaf.index]) if isinstance(leaf, Ref) else leaf

        args, kwargs = tree_map(moved, node.args), tree_map(moved, node.kwargs)
        if getattr(node.op, "overloadpacket", None) is aten.mul and len(args) == 2 and isinstance(args[0], Tensor):
            args = args[::-1]  # a scale for each channel (ConvNeXt's): the picture's value first, as everywhere
        return self._make(Node(node.op, args, kwargs, tuple(there[source] for source in node.inputs), node.shape))

    def _shown(self, index: int) -> int:
        """A node whose value looks as that of the network's node does; made where there is none yet."""
        at, layout = self.seen[index]
        if layout == "plain":
            return at
        if (at, layout) not in self.shown:
            channels, *size = self.made[at].shape[1:]
            shape = (1, *size, channels)
            last = self.shown.get((at, "last"))
            if last is None:
                last = self._make(Node(aten.permute.default, (Ref(at), [0, 2, 3, 1]), {}, (at,), shape))
                self.shown[at, "last"] = last
            if layout == "rows":
                rows = Node(aten.reshape.default, (Ref(last), [-1, channels]), {}, (last,), (1, channels))
                self.shown[at, "rows"] = self._make(rows)
        return self.shown[at, layout]

    def _make(self, node: Node) -> int:
        self.made.append(node)
        return len(self.made) - 1
