"""A network taken apart for incremental computation: made once for each classifier."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vizcore.acceleration.convolution import Convolution, convolution
from vizcore.acceleration.graph import Node, Ref, Unsupported, aten, consumers, record
from vizcore.acceleration.network import Network
from vizcore.acceleration.product import able, multiply
from vizcore.acceleration.proof import switch_off
from vizcore.acceleration.regions import Step, classify

Padding = tuple[int, int, int, int]  # top, left, bottom, right
# Transformed kernels are kept where those of the whole network take at most so many bytes: AlexNet's, but not VGG16's.
_KERNEL_BYTES = 96 * 2**20


@dataclass(frozen=True)
class Plan:
    """The operations of a network, what each does to regions, and which values of the unchanged picture must be kept.

    ``kept`` maps (node, number beyond the border) to the padding that the readers of that value need. ``last_use``
    names for each node the last one that reads it. ``neck`` is the first vector through which all reaches the logits:
    the fully connected layers after it read many weights and want larger batches.
    """

    nodes: list[Node]
    steps: list[Step]
    last_use: list[int]
    kept: dict[tuple[int, float], Padding]
    neck: int


_plans: weakref.WeakKeyDictionary[Network, tuple[tuple[int, ...], Plan | None]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def plan_of(clf: Network, image: Tensor) -> Plan | None:
    """The network taken apart, or None if that cannot be done; made anew only when its weights were changed in place.

    ``image`` (C,H,W) in [0,1] is any picture: two forward passes with it are recorded.
    """
    found = clf.passes.version
    with _lock:
        known = _plans.get(clf)
        if known is None or known[0] != found:
            known = (found, _plan(clf, image))
            _plans[clf] = known
        return known[1]


def _plan(clf: Network, image: Tensor) -> Plan | None:
    try:
        nodes = record(clf.passes.folded(), clf.normalise(image[None]))
    except (Unsupported, RuntimeError):
        return None
    except Exception as error:  # what the planner does not know is computed in full
        switch_off("incremental occlusion", f"the planner raises {type(error).__name__}", clf)
        return None
    steps = classify(nodes)
    kept: dict[tuple[int, float], Padding] = {(0, 0.0): (0, 0, 0, 0)}

    for node, step in zip(nodes, steps, strict=True):
        if step.regional and step.in_place:
            continue  # reads the region alone
        for source in node.inputs:
            if steps[source].regional:
                # In case the region has to be widened to the whole value, and to cut patches that jut out.
                for key, padding in (((source, 0.0), (0, 0, 0, 0)), ((source, step.outside), step.beyond)):
                    top, left, bottom, right = (max(pair) for pair in zip(kept.get(key, padding), padding, strict=True))
                    kept[key] = (top, left, bottom, right)
    last_use = [max(users, default=len(nodes)) for users in consumers(nodes)]
    first_read = [min(node.inputs, default=0) for node in nodes]
    vectors = [i for i, node in enumerate(nodes) if len(node.shape) == 2 and min(first_read[i + 1 :], default=i) >= i]
    neck = vectors[0] if vectors else len(nodes) - 1
    return Plan(_keeping([_fast(node) for node in nodes]), steps, last_use, kept, neck)


def _keeping(nodes: list[Node]) -> list[Node]:
    """The same operations, with the transformed kernels kept if they are few."""
    fewer = {node.op: node.op.fewer for node in nodes if isinstance(node.op, Convolution) and node.op.fewer}
    if sum(one.kernel_bytes for one in fewer.values()) > _KERNEL_BYTES:
        return nodes
    ops = {op: replace(op, fewer=one.keeping()) for op, one in fewer.items()}
    return [replace(node, op=ops[node.op]) if node.op in ops else node for node in nodes]


def _fast(node: Node) -> Node:
    """The same operation as oneDNN computes it, where torch would choose something slower on one thread."""
    if not torch.backends.mkldnn.is_available():
        return node
    if node.op is aten.convolution.default and not node.kwargs and isinstance(node.args[1], Tensor):
        ready = convolution(*node.args[1:])
        return node if ready is None else replace(node, op=ready, args=node.args[:1])
    return _fast_linear(node)


def _fast_linear(node: Node) -> Node:
    if not able() or node.op is not aten.addmm.default or node.kwargs or not isinstance(node.args[1], Ref):
        return node
    bias, x, weight = node.args
    if not (isinstance(bias, Tensor) and isinstance(weight, Tensor)) or bias.dim() != 1:
        return node
    return replace(node, op=multiply, args=(x, weight.t(), bias)) if weight.dtype == torch.float32 else node
