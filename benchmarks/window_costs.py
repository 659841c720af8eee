"""What the prices of vizcore/acceleration/window_costs.py are, and how well they tell what pays.

    python -m benchmarks.window_costs
    python -m benchmarks.window_costs --grids squeezenet1_1,64,16,8 timm/repvgg_a0,64,16,8 --rounds 5

A grid is NETWORK,SIDE,WINDOW,STRIDE. For each, CPU time on one thread of the whole map, computed incrementally and by
full passes in turns, the median; then least squares over all of them, each relative to its own time and no price below
zero. The table shows the ratio measured and the ratio counted with the prices that stand in the code.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from unittest import mock

import numpy as np
import torch
from scipy.optimize import nnls

from benchmarks.passes import module
from vizcore.acceleration import window_costs
from vizcore.acceleration.activations import Activations
from vizcore.acceleration.plan import plan_of
from vizcore.acceleration.window_costs import Counts
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.networks.preprocessing import Preprocess
from vizcore.techniques.occlusion import Occlusion, occlude
from vizcore.techniques.occlusion import grid as edges

DEFAULT = (
    "squeezenet1_1,64,16,8", "squeezenet1_1,64,16,4", "squeezenet1_1,96,16,8", "squeezenet1_1,128,16,8",
    "squeezenet1_1,224,32,16", "mobilenet_v3_small,64,16,8", "mobilenet_v3_small,128,16,8",
    "shufflenet_v2_x0_5,64,16,8", "mnasnet0_5,64,16,4", "mnasnet0_5,128,16,8", "resnet18,64,16,8", "resnet18,64,8,4",
    "resnet18,128,16,16", "resnet18,224,32,32", "regnet_y_400mf,64,16,8", "efficientnet_b0,64,16,8",
    "alexnet,224,32,32",
)  # fmt: skip
_PRICES = ("unit", "CALL", "WEIGHT", "PIECE", "NODE", "PIXEL")


@dataclass(frozen=True)
class Measured:
    """Seconds of one grid, incrementally and in full, and what is counted of it."""

    grid: str
    incremental: float
    full: float
    counts: Counts


def measured(grid: str, rounds: int) -> Measured:
    """Both ways in turns; raises ValueError where the network cannot be taken apart."""
    name, side, window, stride = grid.split(",")
    preprocess = Preprocess(size=(int(side),) * 2, mean=(0.5,) * 3, std=(0.25,) * 3)
    clf = Classifier(module(name), preprocess, [str(k) for k in range(10)])
    image = torch.rand(3, int(side), int(side), generator=torch.Generator().manual_seed(0))
    params = Occlusion(int(window), int(stride), output="logit")
    rows, columns = edges(clf, params)
    plan = plan_of(clf, image)
    if plan is None:
        raise ValueError(f"grid is {grid!r}; accepted: a network that can be taken apart, which {name} cannot.")
    taken: list[list[float]] = [[], []]
    for _ in range(rounds + 1):
        for times, most in zip(taken, (math.inf, 0.0), strict=True):
            with mock.patch.object(window_costs, "WORTHWHILE", most):
                begun = time.process_time()
                Run(occlude(clf, image, 0, params, Activations(clf, image))).finish()
                times.append(time.process_time() - begun)
    incremental, full = (statistics.median(times[1:]) for times in taken)  # the first has more to do
    return Measured(grid, incremental, full, window_costs.grid(clf, plan, rows, columns, params.window).counts)


def prices(found: Sequence[Measured]) -> np.ndarray:
    """Seconds for the unit and for each of the prices (6,), by least squares."""
    terms = np.array([way for one in found for way in one.counts.terms()])  # (2n,6)
    seconds = np.array([time for one in found for time in (one.incremental, one.full)])  # (2n,)
    solution: np.ndarray = nnls(terms / seconds[:, None], np.ones(len(seconds)))[0]
    return solution


def line(one: Measured) -> str:
    """A row of the table in Markdown."""
    costs = one.counts.costs()
    ratios = f"{one.incremental / one.full:.2f} | {costs.incremental / costs.full:.2f}"
    return f"| {one.grid} | {1000 * one.incremental:.0f} | {1000 * one.full:.0f} | {ratios} | {costs.pays} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, row by row, and the prices."""
    about = argparse.ArgumentParser(
        "python -m benchmarks.window_costs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--grids", nargs="+", default=list(DEFAULT), metavar="GRID")
    about.add_argument("--rounds", type=int, default=5, help="of both, one after the other")
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    print("| grid | incremental, ms | in full, ms | ratio | counted | used |\n|---|--:|--:|--:|--:|---|")
    found = []
    for grid in given.grids:
        found.append(measured(grid, given.rounds))
        print(line(found[-1]), flush=True)
    unit, *others = prices(found)
    print(f"\nunit: {1e12 * unit:.1f} ps")
    for name, price in zip(_PRICES[1:], others, strict=True):
        print(f"{name}: {price / unit if unit else math.nan:.3g} units; in the code {getattr(window_costs, name):.3g}")


if __name__ == "__main__":
    main()
