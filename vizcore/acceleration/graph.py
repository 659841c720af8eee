"""A recorded network as a flat list of tensor operations that can be replayed for any number of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_map

from vizcore.acceleration.folding import foldable, folded
from vizcore.acceleration.layout import channels_second
from vizcore.acceleration.tracing import Node, Ref, Unsupported, aten, consumers, trace

__all__ = ["Node", "Ref", "Unsupported", "aten", "consumers", "record"]

_VIEWS = (aten.view.default, aten._unsafe_view.default, aten.reshape.default)


def record(module: nn.Module, z: Tensor) -> list[Node]:
    """The operations that turn one input z (1,C,H,W) into logits, in order; node 0 is the input, the last the answer.

    Operations on weights alone are done once and become constants, and batch norms are folded into the convolutions
    before them: the same function, up to rounding. Raises :class:`Unsupported` where a flat list cannot be had.
    """
    traced = trace(module, z).nodes
    nodes = [_any_batch(_no_pooling(node, traced)) for node in traced]
    nodes = _compact(channels_second(_compact(_fold_batch_norms(_join_selects(nodes)))))
    if any(node.shape[0] != 1 for node in nodes):
        raise Unsupported("the first axis of some value is not the batch")
    return nodes


def _any_batch(node: Node) -> Node:
    """A view to a fixed batch becomes one to any batch."""
    if node.op not in _VIEWS or -1 in node.args[1][1:]:
        return node
    return replace(node, op=aten.reshape.default, args=(node.args[0], [-1, *node.args[1][1:]]))


def _no_pooling(node: Node, nodes: Sequence[Node]) -> Node:
    """Adaptive pooling to the size that the value has already (AlexNet, VGG) is a copy."""
    if node.op is not aten._adaptive_avg_pool2d.default or node.shape != nodes[node.inputs[0]].shape:
        return node
    return replace(node, op=aten.clone.default, args=node.args[:1])


def _join_selects(nodes: list[Node]) -> list[Node]:
    """x[:, c].unsqueeze(1) is the slice x[:, c:c+1], which keeps four dimensions throughout (GoogLeNet's input)."""
    joined, users = list(nodes), consumers(nodes)
    for index, node in enumerate(nodes):
        source = nodes[node.inputs[0]] if node.inputs else node
        if node.op is not aten.unsqueeze.default or node.args[1] != 1 or users[node.inputs[0]] != [index]:
            continue
        if source.op is aten.select.int and source.args[1] == 1:
            channel = source.args[2] % nodes[source.inputs[0]].shape[1]
            args = (source.args[0], 1, channel, channel + 1)
            joined[index] = Node(aten.slice.Tensor, args, {}, source.inputs, node.shape)
    return joined


def _fold_batch_norms(nodes: list[Node]) -> list[Node]:
    """Those that :mod:`vizcore.acceleration.folding` leaves, such as after a convolution that is passed twice."""
    result = list(nodes)
    for source, norm in foldable(nodes):
        args = nodes[source].args
        result[norm] = replace(nodes[source], args=(args[0], *folded(nodes[source], nodes[norm]), *args[3:]))
    return result


def _compact(nodes: list[Node]) -> list[Node]:
    """Without the nodes that no longer lead to the last one, and numbered anew."""
    needed = {len(nodes) - 1}
    for index in range(len(nodes) - 1, -1, -1):
        if index in needed:
            needed.update(nodes[index].inputs)
    place = {old: new for new, old in enumerate(sorted(needed | {0}))}

    def moved(leaf: Any) -> Any:
        return Ref(place[leaf.index]) if isinstance(leaf, Ref) else leaf

    return [
        replace(
            nodes[old],
            args=tree_map(moved, nodes[old].args),
            kwargs=tree_map(moved, nodes[old].kwargs),
            inputs=tuple(place[i] for i in nodes[old].inputs),
        )
        for old in place
    ]
