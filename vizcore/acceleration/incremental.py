"""Exact incremental occlusion: compute again only what a covered window can change, layer by layer.

The activations of the unchanged picture are kept. For a batch of windows the region that each layer's receptive field
lets change is cut out of them together with its border, the part that did change is laid over it, and the layer is
applied to this small patch alone. Once a region covers most of a layer the rest of the network is computed in full.

Nakandala, Kumar & Papakonstantinou 2019, "Incremental and Approximate Inference for Faster Occlusion-based Deep CNN
Explanations" (Krypton), SIGMOD, section 4. Deviations: no approximation (their projective field thresholds), a recorded
list of operations instead of one kernel per architecture, and batches of windows whose regions are alike.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vizcore.acceleration.convolution import Convolution
from vizcore.acceleration.graph import aten
from vizcore.acceleration.patches import Kept, cut, max_pool, nowhere, overlay, region_sum
from vizcore.acceleration.places import Places, place
from vizcore.acceleration.plan import Plan
from vizcore.acceleration.regions import Bools, Ints, partial
from vizcore.acceleration.window_order import alike
from vizcore.acceleration.workers import side_by_side
from vizcore.jobs.turns import give_way

# Windows in one batch: more amortise the reading of the weights; fewer are more alike and stay in the cache. As many as
# a first estimate has, so that none is left over for a batch of its own. Their regions need at most so many bytes where
# the network is widest, or so large a share of its kernels.
BATCH, _BATCH_BYTES, _BATCH_SHARE = 25, 12 * 2**20, 0.4
# Multiplications between two estimates, a third of a second on one thread, and the most batches that this may take.
_CHUNK, _CHUNK_BATCHES = 30e9, 8


# A mean that falls below this share of what it was is taken anew, over all places.
_CANCELS = 1e-3

Key = tuple[int, float]


class Values(Protocol):
    """What the layers make of the unchanged picture, kept as far as somebody has needed it."""

    means: dict[int, Tensor]

    def kept(self, needed: set[Key]) -> dict[Key, Kept]:
        """At least the values that are ``needed``: (node, number beyond the border)."""
        ...


class Windows:
    """A grid of windows over one picture. Batches of ``batch``, so many ``beside`` each other, are computed at once.

    ``chunk`` is how many windows are quickly done. ``in_full`` answers where computing the regions alone fails.
    """

    def __init__(
        self,
        plan: Plan,
        values: Values,
        tables: list[tuple[Ints, Ints]],
        work: float,
        batch: int,
        beside: int,
        in_full: Callable[[Sequence[tuple[int, int]], Kept, Exception | None], Tensor] | None = None,
    ) -> None:
        self._plan, self._values, self._tables = plan, values, tables
        self._kept: dict[Key, Kept] = {}
        self._lock = threading.Lock()
        self.batch, self.beside, self._in_full, self._failed = batch, beside, in_full, False
        few = max(1, min(_CHUNK_BATCHES * BATCH // self.batch, round(_CHUNK / work / self.batch)))
        self.chunk = self.batch * self.beside * few

    def order(self, cells: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """The cells so that neighbours in the list have regions alike in height and in width.

        A batch computes regions of one size for all its windows, and at the borders of the picture they are smaller.
        """
        weights = np.array([step.cost * step.regional for step in self._plan.steps])  # (nodes,)
        height, width = (np.rint(weights @ (high - low)).tolist() for low, high in self._tables)  # (nodes,g) -> (g,)
        return alike(cells, height, width, self.batch)

    def logits(self, cells: Sequence[tuple[int, int]], paint: Kept) -> Tensor:
        """Logits (n,K) of the picture with each of the n cells' windows covered by ``paint``."""
        if self._failed and self._in_full is not None:
            return self._in_full(cells, paint, None)
        try:
            return self._logits(cells, paint)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # somebody's own network may do what only some windows bring about
            if self._in_full is None:
                raise
            self._failed = True
            return self._in_full(cells, paint, error)

    def _logits(self, cells: Sequence[tuple[int, int]], paint: Kept) -> Tensor:
        nodes, neck = self._plan.nodes, self._plan.neck
        with torch.no_grad():
            batches = [cells[i : i + self.batch] for i in range(0, len(cells), self.batch)]
            vectors: list[Tensor] = []
            for begin in range(0, len(batches), self.beside):
                give_way()
                some = batches[begin : begin + self.beside]
                vectors += side_by_side(lambda part: self._batch(part, paint), some, self.beside)
            values = {neck: torch.cat(vectors)}  # (n,D)
            for index in range(neck + 1, len(nodes)):
                values[index] = nodes[index].run(values)
        return values[len(nodes) - 1].float()

    def _batch(self, cells: Sequence[tuple[int, int]], paint: Kept) -> Tensor:
        """The value (n,D) of the neck for a few windows whose regions are alike."""
        plan = self._plan
        places = place(plan.nodes, self._tables, cells)
        regional = partial(plan.nodes, plan.steps, places.heights, places.widths)
        needed = needs(plan, places, regional)
        with self._lock:  # so that no worker replaces the table that another has seen to by an older one
            self._kept = self._values.kept(needed)
        regions: dict[int, Tensor] = {0: cut(paint, *places.of(0))}  # node -> what may have changed, (n,C,h,w)
        wholes: dict[int, Tensor] = {}  # node -> the whole value, (n,...)
        for index in range(1, plan.neck + 1):
            node = plan.nodes[index]
            if regional[index]:
                regions[index] = self._region(index, places, regions)
            elif plan.steps[index].kind == "mean" and node.inputs[0] in regions:
                wholes[index] = self._mean(index, places, regions[node.inputs[0]])
            else:
                for source in node.inputs:
                    if source not in wholes:
                        wholes[source] = self._widened(source, places, regions[source])
                wholes[index] = node.run(wholes)
            for source in node.inputs:
                if plan.last_use[source] == index:
                    regions.pop(source, None)
                    wholes.pop(source, None)
        return wholes[plan.neck]

    def _region(self, index: int, places: Places, regions: dict[int, Tensor]) -> Tensor:
        node, step = self._plan.nodes[index], self._plan.steps[index]
        if step.kind == "window":
            return self._slide(index, places, regions[node.inputs[0]])
        if step.kind == "point":
            return node.run(regions)
        if step.kind == "cat":
            return self._concatenated(index, places, regions)
        return node.run({source: self._moved(source, index, places, regions[source]) for source in node.inputs})

    def _slide(self, index: int, places: Places, region: Tensor) -> Tensor:
        """A convolution or pooling of the region and its border; padding is part of what was kept."""
        node, (down, right) = self._plan.nodes[index], self._plan.steps[index].slides
        source = node.inputs[0]
        tops, lefts, height, width = places.of(index)
        if not (down.trivial and right.trivial):
            corner_y, corner_x = tops * down.stride - down.padding, lefts * right.stride - right.padding
            size = ((height - 1) * down.stride + down.span, (width - 1) * right.stride + right.span)
            outside = self._plan.steps[index].outside
            region = self._patch(source, outside, corner_y, corner_x, size, places, region)
        if isinstance(node.op, Convolution):
            return node.op.valid(region)
        if node.op is aten.convolution.default:
            value: Tensor = node.op(region, *node.args[1:4], [0, 0], *node.args[5:])
            return value
        return max_pool(region, (down, right))

    def _concatenated(self, index: int, places: Places, regions: dict[int, Tensor]) -> Tensor:
        """The inputs' regions side by side in the channels, each brought to the place of the widest."""
        tops, _, height, width = places.of(index)
        channels = [regions[source].shape[1] for source in self._plan.nodes[index].inputs]
        joined = regions[self._plan.nodes[index].inputs[0]].new_empty(len(tops), height, width, sum(channels))
        parts = joined.permute(0, 3, 1, 2).split(channels, dim=1)  # (n,h,w,C) -> several (n,c,h,w)
        for source, part in zip(self._plan.nodes[index].inputs, parts, strict=True):
            self._moved(source, index, places, regions[source], part)
        return joined.permute(0, 3, 1, 2)  # (n,h,w,C) -> (n,C,h,w)

    def _moved(self, source: int, index: int, places: Places, region: Tensor, into: Tensor | None = None) -> Tensor:
        """The region of ``source`` brought to the place and size that the region of ``index`` has."""
        tops, lefts, height, width = places.of(index)
        if not places.same(source, index):
            return self._patch(source, 0.0, tops, lefts, (height, width), places, region, into)
        return region if into is None else into.copy_(region)

    def _widened(self, source: int, places: Places, region: Tensor) -> Tensor:
        """The whole value of ``source``: what was kept, with the changed region laid over it."""
        corner = nowhere(len(region))
        return self._patch(source, 0.0, corner, corner, self._plan.nodes[source].shape[2:], places, region)

    def _patch(
        self,
        source: int,
        outside: float,
        y: Ints,
        x: Ints,
        size: tuple[int, ...],
        places: Places,
        region: Tensor,
        into: Tensor | None = None,
    ) -> Tensor:
        """Patches (n,C,h,w) of ``source`` with corners (y, x) (n,): what was kept, under what has changed."""
        kept = self._kept[source, outside]
        patch = cut(kept, y, x, size[0], size[1], into)
        tops, lefts, _, _ = places.of(source)
        overlay(patch, region, tops - y, lefts - x)
        return patch

    def _mean(self, index: int, places: Places, region: Tensor) -> Tensor:
        """mean(new) = mean(old) + sum over the region of (new - old) / (H W), unless the two nearly cancel."""
        (source,), mean = self._plan.nodes[index].inputs, self._values.means[index]
        kept = self._kept[source, 0.0]
        tops, lefts, height, width = places.of(source)
        before = cut(kept, tops, lefts, height, width)
        change = region_sum(region) - region_sum(before)  # (n,C)
        _, _, whole_height, whole_width = self._plan.nodes[source].shape
        found = mean + change.view(-1, *mean.shape[1:]) / (whole_height * whole_width)
        # What nearly cancels is rounding where the truth may be 0, by which a network may divide.
        if bool((found.abs() < _CANCELS * mean.abs()).any()):
            whole = self._widened(source, places, region).mean((2, 3))  # (n,C,H,W) -> (n,C)
            return whole.view(-1, *mean.shape[1:])
        return found


def batch_of(plan: Plan, each: float) -> int:
    """How many windows to compute at once where each needs so many bytes."""
    kernels = sum(node.op.weight.nbytes for node in plan.nodes if isinstance(node.op, Convolution))
    return max(1, min(BATCH, int(max(_BATCH_BYTES, _BATCH_SHARE * kernels) / each)))


def needs(plan: Plan, places: Places, regional: Bools) -> set[Key]:
    """The values of the unchanged picture that a batch with these regions reads: (node, number beyond the border)."""
    found: set[Key] = set()
    for index in range(1, plan.neck + 1):
        node, step = plan.nodes[index], plan.steps[index]
        if not regional[index]:  # the mean, or whatever needs the whole values of its inputs
            found.update((source, 0.0) for source in node.inputs if regional[source] or source == 0)
        elif step.kind == "window" and not step.in_place:
            found.add((node.inputs[0], step.outside))
        elif step.kind in ("cat", "join"):
            found.update((source, 0.0) for source in node.inputs if not places.same(source, index))
    return found
