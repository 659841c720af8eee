"""How many multiplications exact occlusion needs, whatever the speed of the machine.

    python -m benchmarks.arithmetic --networks alexnet resnet18 --window 32 --stride 8

For each window only what its receptive fields reach has to be computed again: *least* counts the multiplications of
the convolutions in these regions and those of the fully connected layers, averaged over the grid. *full / least* is the
most that keeping the activations can gain over full passes with the same multiplications. *done* counts what vizcore
carries out: a batch computes regions of one size, and some 3 x 3 and 5 x 5 convolutions need fewer multiplications
(vizcore/acceleration/winograd.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import networks
from vizcore.acceleration.activations import Activations
from vizcore.acceleration.convolution import Convolution
from vizcore.acceleration.graph import Node, aten
from vizcore.acceleration.places import place
from vizcore.acceleration.plan import Plan, plan_of
from vizcore.acceleration.product import multiply
from vizcore.acceleration.regions import partial, spans
from vizcore.acceleration.winograd import points
from vizcore.techniques.occlusion import FIRST_WINDOWS, Occlusion, grid
from vizcore.techniques.windows import coarse_to_fine


@dataclass(frozen=True)
class Counts:
    """Multiplications for one window, in millions."""

    full: float
    least: float
    done: float


def count(name: str, params: Occlusion) -> Counts:
    """For the network called ``name``; raises ValueError where it cannot be taken apart or full passes are as good."""
    clf = networks.classifier(name)
    image = clf.pixels(networks.picture())
    rows, columns = grid(clf, params)
    plan, windows = plan_of(clf, image), Activations(clf, image).windows(rows, columns, params.window)
    if plan is None or windows is None:
        raise ValueError(f"{name} is computed by full passes with windows of {params.window} px.")
    tables = [
        spans(plan.nodes, plan.steps, np.asarray(s), params.window, axis) for axis, s in enumerate((rows, columns))
    ]
    (top, bottom), (left, right) = tables
    full = least = done = 0.0
    for index, node in enumerate(plan.nodes):
        cost, area = _each(node), _area(node)
        regions = (bottom - top)[index][:, None] * (right - left)[index][None, :]
        full += cost * area
        least += cost * (float(regions.mean()) if plan.steps[index].regional else area)
    cells = [windows.order(level.cells) for level in coarse_to_fine(len(rows), len(columns), FIRST_WINDOWS)]
    for order in cells:
        for begin in range(0, len(order), windows.batch):
            done += _batch(plan, tables, order[begin : begin + windows.batch])
    return Counts(full / 1e6, least / 1e6, done / sum(map(len, cells)) / 1e6)


def _batch(plan: Plan, tables: list[tuple[np.ndarray, np.ndarray]], cells: Sequence[tuple[int, int]]) -> float:
    places = place(plan.nodes, tables, cells)
    regional = partial(plan.nodes, plan.steps, places.heights, places.widths)
    total = 0.0
    for index, node in enumerate(plan.nodes):
        height, width = (
            (int(places.heights[index]), int(places.widths[index])) if regional[index] else node.shape[2:4] or (1, 1)
        )
        fewer = node.op.fewer if isinstance(node.op, Convolution) else None
        beyond = fewer.weight.shape[-1] - 1 if fewer is not None else 0
        if fewer is not None and (size := fewer.pays(len(cells), height + beyond, width + beyond)):
            out, channels, kernel, _ = fewer.weight.shape
            tiles = -(-height // size) * -(-width // size)
            total += len(cells) * tiles * points(size, kernel) * out * channels
        else:
            total += len(cells) * _each(node) * height * width
    return total


def _each(node: Node) -> float:
    """Multiplications for each position of the value."""
    if isinstance(node.op, Convolution):
        return float(node.op.weight.numel())
    if node.op is aten.convolution.default:
        return float(node.args[1].numel())
    if node.op in (multiply, aten.addmm.default):
        return float(max(arg.numel() for arg in node.args if hasattr(arg, "numel")))
    return 0.0


def _area(node: Node) -> int:
    return node.shape[2] * node.shape[3] if len(node.shape) == 4 else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(networks.DEFAULT))
    parser.add_argument("--window", type=int, default=32)
    parser.add_argument("--stride", type=int, default=8)
    options = parser.parse_args()
    params = Occlusion(window=options.window, stride=options.stride)
    print("| network | full pass, M | least, M | done, M | full / least | full / done |")
    print("|---|--:|--:|--:|--:|--:|")
    for name in options.networks:
        counts = count(name, params)
        ratios = f"{counts.full / counts.least:.2f} | {counts.full / counts.done:.2f}"
        print(f"| {name} | {counts.full:.0f} | {counts.least:.0f} | {counts.done:.0f} | {ratios} |")


if __name__ == "__main__":
    main()
