"""Receptive-field arithmetic: which part of every layer can a change inside a window of the picture reach?

A position o of a layer with kernel k, stride s, padding p and dilation d reads the positions o s - p + j d, j < k, of
the layer before. A change of the rows [lo, hi) there therefore reaches the rows from ceil((lo + p - (k-1) d) / s) to
floor((hi - 1 + p) / s). Rows and columns are independent of each other, and so is every table here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from vizcore.acceleration.graph import Node, Ref, aten
from vizcore.acceleration.layout import norm_channels

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Kind = Literal["input", "window", "point", "join", "cat", "mean", "other"]

# Operations on each position by itself, whatever their further arguments (numbers, or one tensor entry per channel).
_POINT = {
    *(aten.relu, aten.relu_, aten.leaky_relu, aten.leaky_relu_, aten.elu, aten.elu_, aten.gelu, aten.silu, aten.silu_),
    *(aten.hardswish, aten.hardswish_, aten.hardsigmoid, aten.hardsigmoid_, aten.hardtanh, aten.hardtanh_),
    *(aten.sigmoid, aten.sigmoid_, aten.tanh, aten.tanh_, aten.clamp, aten.clamp_, aten.clamp_min, aten.clamp_min_),
    *(aten.add, aten.add_, aten.sub, aten.sub_, aten.mul, aten.mul_, aten.div, aten.div_, aten.neg, aten.clone),
}
_JOIN = {aten.add, aten.add_, aten.sub, aten.sub_, aten.mul, aten.mul_, aten.maximum, aten.minimum}

# A region that covers this share of a layer is not worth cutting out any more.
MOST = 0.85

# What moving one number costs beside one multiplication and addition of a convolution, as measured on AVX-512.
_MOVE = 20


@dataclass(frozen=True)
class Slide:
    """A window operation along one axis."""

    kernel: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def span(self) -> int:
        """Positions of the input from the first to the last that one output reads."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def trivial(self) -> bool:
        """Whether every output reads the input at its own position and nothing else."""
        return self.span == 1 and self.stride == 1 and self.padding == 0


@dataclass(frozen=True)
class Step:
    """What a node does to regions. ``regional``: a changed region of its inputs gives a changed region of its value.

    ``cost`` is the work per position of the value where it is regional, else for the whole value, in multiplications.
    A window operation reads ``beyond`` the borders of its input (top, left, bottom, right); there stands ``outside``.
    """

    kind: Kind
    regional: bool
    cost: float
    slides: tuple[Slide, Slide] = (Slide(), Slide())
    beyond: tuple[int, int, int, int] = (0, 0, 0, 0)
    outside: float = 0.0

    @property
    def in_place(self) -> bool:
        """Whether every position of the value depends on the same position of one input alone."""
        return self.kind == "point" or (self.kind == "window" and all(slide.trivial for slide in self.slides))


def classify(nodes: Sequence[Node]) -> list[Step]:
    """For each node what it does to regions; whatever is not known to keep them is ``other`` and done in full."""
    steps: list[Step] = []
    for node in nodes:
        kind, slides, outside = _kind(node, nodes)
        sizes = {nodes[i].shape[2:] for i in node.inputs}
        regional = kind not in ("mean", "other") and all(steps[i].regional for i in node.inputs)
        regional = regional and (kind == "window" or len(sizes) <= 1)
        cost = _cost(node) / (node.shape[2] * node.shape[3] if regional else 1)
        beyond = _beyond(nodes[node.inputs[0]], node, slides) if kind == "window" else (0, 0, 0, 0)
        steps.append(Step(kind, regional, cost, slides, beyond, outside if any(beyond) else 0.0))
    return steps


def _beyond(source: Node, node: Node, slides: tuple[Slide, Slide]) -> tuple[int, int, int, int]:
    ends = [
        (length_out - 1) * slide.stride + slide.span - slide.padding - length  # more than the padding with ceil_mode
        for slide, length_out, length in zip(slides, node.shape[2:], source.shape[2:], strict=True)
    ]
    return slides[0].padding, slides[1].padding, max(0, ends[0]), max(0, ends[1])


def spans(nodes: Sequence[Node], steps: Sequence[Step], starts: Ints, window: int, axis: int) -> tuple[Ints, Ints]:
    """(nodes,g) first and (nodes,g) one past the last position that windows at ``starts`` (g,) reach in each node.

    ``axis`` is 0 for rows and 1 for columns. Never empty: where a change gets lost between strides one position stays.
    """
    low = np.zeros((len(nodes), len(starts)), dtype=np.int64)
    high = np.ones_like(low)
    low[0], high[0] = starts, starts + window
    for index, (node, step) in enumerate(zip(nodes, steps, strict=True)):
        if not step.regional or index == 0:
            continue
        length, slide = node.shape[2 + axis], step.slides[axis]
        sources = list(node.inputs)
        first, last = low[sources].min(0), high[sources].max(0) - 1  # (inputs,g) -> (g,)
        low[index] = -((slide.span - 1 - slide.padding - first) // slide.stride)  # -(-a // s) rounds up
        low[index] = low[index].clip(0, length - 1)
        high[index] = np.clip((last + slide.padding) // slide.stride + 1, low[index] + 1, length)
    return low, high


def _kind(node: Node, nodes: Sequence[Node]) -> tuple[Kind, tuple[Slide, Slide], float]:
    still = (Slide(), Slide())
    packet = getattr(node.op, "overloadpacket", None)
    if node.op is None:
        return "input", still, 0.0
    if len(node.shape) != 4 and packet is not aten.mean:
        return "other", still, 0.0
    if packet is aten.convolution and not node.args[6] and node.inputs == (_index(node.args[0]),):
        kernel = node.args[1].shape[2:]
        return "window", _slides(kernel, node.args[3], node.args[4], node.args[5]), 0.0
    if packet is aten.max_pool2d_with_indices:
        given = dict(enumerate(node.args))
        strides = given.get(2) or node.args[1]
        return "window", _slides(node.args[1], strides, given.get(3, 0), given.get(4, 1)), -np.inf
    if packet is aten.mean and len(nodes[node.inputs[0]].shape) == 4:
        dims = sorted(dim % 4 for dim in node.args[1]) if len(node.args) > 1 and node.args[1] else []
        return ("mean" if dims == [2, 3] and not node.kwargs else "other"), still, 0.0
    if packet is aten.cat:
        channels = len(node.args) > 1 and node.args[1] in (1, -3) and all(isinstance(x, Ref) for x in node.args[0])
        return ("cat" if channels else "other"), still, 0.0
    if node.op is norm_channels:
        return "point", still, 0.0
    if packet in _JOIN and len(node.inputs) == 2:
        return "join", still, 0.0
    if packet is aten.slice and node.args[1] == 1:
        return "point", still, 0.0
    constants = [arg for arg in node.args[1:] if isinstance(arg, Tensor)]
    by_channel = all(c.dim() == 0 or (c.dim() >= 3 and tuple(c.shape[-2:]) == (1, 1)) for c in constants)
    if packet in _POINT and len(node.inputs) == 1 and isinstance(node.args[0], Ref) and by_channel:
        return "point", still, 0.0
    return "other", still, 0.0


def _index(arg: Any) -> int | None:
    return arg.index if isinstance(arg, Ref) else None


def _slides(kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Slide, Slide]:
    columns = [_pair(values) for values in (kernel, stride, padding, dilation)]
    return Slide(*(pair[0] for pair in columns)), Slide(*(pair[1] for pair in columns))


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    values = [int(v) for v in value]
    return (values[0], values[-1])


def _cost(node: Node) -> float:
    """Multiplications for the whole value of one picture, moving numbers included."""
    numbers = float(np.prod(node.shape))
    packet = getattr(node.op, "overloadpacket", None)
    if packet is aten.convolution:
        return numbers * (float(np.prod(node.args[1].shape[1:])) + _MOVE)
    if packet in (aten.addmm, aten.mm):
        return numbers * float(node.args[-1].shape[0]) if isinstance(node.args[-1], Tensor) else numbers * _MOVE
    if packet is aten.max_pool2d_with_indices:
        return numbers * _MOVE * 2
    if node.op is None or packet in (aten.t, aten.reshape, aten.permute):
        return 0.0
    return numbers * _MOVE


def partial(nodes: Sequence[Node], steps: Sequence[Step], heights: Ints, widths: Ints) -> Bools:
    """(nodes,...) whether a node is computed on regions of these sizes (nodes,...) or, from there on, in full."""
    if heights.ndim == 1:  # of one batch: plain numbers are many times faster than arrays of one
        return _partial(nodes, steps, (heights * widths).tolist())
    answer = np.zeros(np.broadcast(heights, widths).shape, dtype=bool)
    for index, (node, step) in enumerate(zip(nodes, steps, strict=True)):
        if step.regional:
            area = node.shape[2] * node.shape[3]
            answer[index] = heights[index] * widths[index] < MOST * area
            answer[index] &= answer[list(node.inputs)].all(0)
    return answer


def _partial(nodes: Sequence[Node], steps: Sequence[Step], areas: list[int]) -> Bools:
    """The same for regions of these sizes."""
    answer: list[bool] = []
    for node, step, area in zip(nodes, steps, areas, strict=True):
        small = step.regional and area < MOST * node.shape[2] * node.shape[3]
        answer.append(small and all(answer[source] for source in node.inputs))
    return np.array(answer)


def works(
    nodes: Sequence[Node], steps: Sequence[Step], rows: tuple[Ints, Ints], columns: tuple[Ints, Ints]
) -> tuple[Floats, float]:
    """Estimated multiplications (gh,gw) for each window, from the spans along both axes, and those of a full pass."""
    heights, widths = (
        (rows[1] - rows[0])[:, :, None],
        (columns[1] - columns[0])[:, None, :],
    )  # (nodes,gh,1), (nodes,1,gw)
    regional = partial(nodes, steps, heights, widths)  # (nodes,gh,gw)
    work, whole = np.zeros(regional.shape[1:]), 0.0
    for index, (node, step) in enumerate(zip(nodes, steps, strict=True)):
        positions = node.shape[2] * node.shape[3] if step.regional else 1
        work += step.cost * np.where(regional[index], heights[index] * widths[index], positions)
        whole += step.cost * positions
    return work, whole


def widest(nodes: Sequence[Node], steps: Sequence[Step], rows: tuple[Ints, Ints], columns: tuple[Ints, Ints]) -> float:
    """Bytes that one window needs at its widest place: for an operation's inputs, as regions and as patches, and value.

    Estimated from the largest regions along each axis.
    """
    heights, widths = ((high - low).max(1) for low, high in (rows, columns))  # (nodes,g) -> (nodes,)
    regional = partial(nodes, steps, heights, widths)
    areas = np.where(regional, heights * widths, [float(np.prod(node.shape[2:])) for node in nodes])
    sizes = 4 * areas * [node.shape[1] if len(node.shape) > 1 else 1 for node in nodes]
    return max(float(size + 2 * sizes[list(node.inputs)].sum()) for node, size in zip(nodes, sizes, strict=True))
