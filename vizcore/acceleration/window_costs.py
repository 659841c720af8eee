"""What a grid of windows costs, each computed incrementally or in full: counted and never timed.

So one seed stays one result on every start. The unit is one multiplication and addition within a large convolution;
what else costs is given in it, by least squares over times of a few dozen grids on networks small and large, on one
thread (``python -m benchmarks.window_costs``; AVX-512, where the unit is 9 ps).
"""

from __future__ import annotations

import math
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vizcore.acceleration.convolution import Convolution
from vizcore.acceleration.incremental import BATCH, batch_of
from vizcore.acceleration.network import Network
from vizcore.acceleration.plan import Plan
from vizcore.acceleration.regions import Ints, partial, spans, widest, works

# Incremental only where it is estimated to need less than this share of full passes.
WORTHWHILE = 0.9

CALL = 2_900_000  # one operation of the network on one batch, beside its arithmetic
WEIGHT = 120  # one weight of a convolution, which each batch lays out anew
PIECE = 1_300_000  # cutting what an operation reads around one region out of what was kept, and laying the region over
NODE = 10_500_000  # one operation: to find where its regions lie, and what it makes of the unchanged picture
PIXEL = 1_000  # one pixel of a covered picture: to copy, cover and normalise it


@dataclass(frozen=True)
class Costs:
    """Of a whole grid, in the units above: ``incremental`` and by full passes."""

    incremental: float
    full: float

    @property
    def pays(self) -> bool:
        """Whether incremental is worth while."""
        return self.incremental < WORTHWHILE * self.full


@dataclass(frozen=True)
class Counts:
    """What is counted of a grid of ``windows`` on a network of ``nodes`` operations and so many ``weights``.

    ``work`` and ``whole``: multiplications for a window's regions, and for a whole picture of ``pixels``. ``pieces``:
    regions of one window around which something is cut. ``batch`` and ``at_once``: windows that are computed together,
    incrementally and in full.
    """

    windows: int
    nodes: int
    weights: int
    work: float
    whole: float
    pieces: float
    batch: int
    at_once: int
    pixels: int

    def terms(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """How many units, CALLs, WEIGHTs, PIECEs, NODEs and PIXELs incremental takes, and how many full passes take."""
        few, many = (_batches(self.windows, size) for size in (self.batch, self.at_once))
        own = self.windows * self.work + self.whole  # and once the unchanged picture
        pieces = self.windows * self.pieces
        return (
            (own, few * self.nodes, few * self.weights, pieces, self.nodes, 0.0),
            (self.windows * self.whole, many * self.nodes, many * self.weights, 0.0, 0.0, self.windows * self.pixels),
        )

    def costs(self) -> Costs:
        """Of both ways."""
        prices = (1, CALL, WEIGHT, PIECE, NODE, PIXEL)
        return Costs(*(math.fsum(map(math.prod, zip(prices, terms, strict=True))) for terms in self.terms()))


@dataclass(frozen=True, eq=False)
class Grid:
    """Some windows: their ``tables`` of spans along both axes, and their ``counts``.

    ``work`` is the mean of their multiplications, ``each`` how many bytes one needs where the network is widest.
    """

    tables: list[tuple[Ints, Ints]]
    work: float
    each: float
    counts: Counts

    @property
    def pays(self) -> bool:
        """Whether to compute them incrementally."""
        return self.counts.costs().pays


def _batches(windows: int, size: int) -> int:
    """The first estimate has batches of its own."""
    first = min(windows, BATCH)
    return -(-first // size) - (-(windows - first) // size)


def counts(
    plan: Plan, tables: list[tuple[Ints, Ints]], work: float, whole: float, batch: int, at_once: int, pixels: int
) -> Counts:
    """Of the windows with these ``tables`` of spans, along the rows and along the columns."""
    heights, widths = (high - low for low, high in tables)  # (nodes,g)
    regional = partial(plan.nodes, plan.steps, heights[:, :, None], widths[:, None, :]).mean((1, 2))  # (nodes,)
    cut = [
        len(node.inputs) if step.kind in ("cat", "join") else float(step.kind == "window" and not step.in_place)
        for node, step in zip(plan.nodes, plan.steps, strict=True)
    ]
    weights = sum(node.op.weight.numel() for node in plan.nodes if isinstance(node.op, Convolution))
    windows = heights.shape[1] * widths.shape[1]
    return Counts(
        windows, len(plan.nodes), weights, work, whole, float(regional @ np.array(cut)), batch, at_once, pixels
    )


_GRIDS = 8  # of each network, the last ones
_known: weakref.WeakKeyDictionary[Network, tuple[Plan, OrderedDict[object, Grid]]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def grid(clf: Network, plan: Plan, rows: Sequence[int], columns: Sequence[int], window: int) -> Grid:
    """The windows with these top and left edges; the network's last ones are remembered."""
    key, at_once = (tuple(rows), tuple(columns), window, clf.at_once), clf.at_once
    with _lock:
        known = _known.get(clf)
        if known is None or known[0] is not plan:
            known = _known[clf] = (plan, OrderedDict())
        grids = known[1]
        if key not in grids:
            grids[key] = _grid(plan, rows, columns, window, at_once)
            if len(grids) > _GRIDS:
                grids.popitem(last=False)
        grids.move_to_end(key)
        return grids[key]


def _grid(plan: Plan, rows: Sequence[int], columns: Sequence[int], window: int, at_once: int) -> Grid:
    nodes, steps = plan.nodes, plan.steps
    tables = [spans(nodes, steps, np.asarray(starts), window, axis) for axis, starts in enumerate((rows, columns))]
    work, whole = works(nodes, steps, *tables)
    each, pixels = widest(nodes, steps, *tables), math.prod(nodes[0].shape[2:])
    mean = float(work.mean())
    counted = counts(plan, tables, mean, whole, batch_of(plan, each), at_once, pixels)
    return Grid(tables, mean, each, counted)
