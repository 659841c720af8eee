"""Every technique on small networks beside the bare passes of their plain module, in one run.

    python -m benchmarks.small
    python -m benchmarks.small --networks mobilenet_v3_small timm/repvgg_a0 --side 64 --rounds 9

Ratios of CPU time on one thread, each the median over so many rounds in which all take turns. *Bare*: ours over as many
passes of the untouched module as the technique needs, in batches of one size, the fastest of some; estimates on the
way, superpixels and linear models are ours alone. *Switched off*: ours over ours with ``VIZCORE_PLAIN=1``, which is
what the acceleration does. A network ``timm/NAME`` is of timm, where that is installed.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from unittest import mock

import torch
from torch import Tensor, nn

from benchmarks import integrated, lime, occlusion, smoothgrad
from benchmarks.contender import Stage, Technique, Work
from benchmarks.job import Settings
from benchmarks.passes import module
from benchmarks.timing import cpu_seconds
from vizcore.acceleration.interface import VARIABLE
from vizcore.networks.classifier import Classifier
from vizcore.networks.preprocessing import Preprocess

DEFAULT = (
    "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0", "regnet_y_400mf",
    "resnet18", "timm/levit_128s", "timm/skresnet18", "timm/edgenext_xx_small", "timm/repvgg_a0",
)  # fmt: skip
TECHNIQUES: dict[str, tuple[Technique, Callable[[Stage], Work], Settings]] = {
    "occlusion": (occlusion.TECHNIQUE, occlusion.ours, {"window": 16, "stride": 4}),
    "lime": (lime.TECHNIQUE, lime.ours, {"samples": 500}),
    "smoothgrad": (smoothgrad.TECHNIQUE, smoothgrad.ours, {"copies": 50}),
    "integrated": (integrated.TECHNIQUE, integrated.ours, {"steps": 64}),
}
_CLASSES = 10
_FIXED = {"timm/levit_128s": 224}  # which takes pictures of no other side
_BATCHES = (8, 32, 128)  # of the bare passes, to choose from


@dataclass(frozen=True)
class Ratio:
    """Milliseconds of ours, and its ratios to the bare passes of the plain module and to ours without acceleration."""

    network: str
    technique: str
    milliseconds: float
    bare: float
    switched_off: float


def ratios(name: str, side: int, rounds: int, techniques: Sequence[str]) -> Iterator[Ratio]:
    """Of one network on pictures of so many pixels."""
    plain, side = module(name), _FIXED.get(name, side)
    preprocess = Preprocess(size=(side, side), mean=(0.5,) * 3, std=(0.25,) * 3)
    image = torch.rand(3, side, side, generator=torch.Generator().manual_seed(0))

    def stage() -> Stage:
        return Stage(Classifier(copy.deepcopy(plain), preprocess, [str(k) for k in range(_CLASSES)]), image, 0)

    own = stage()
    with mock.patch.dict(os.environ, {VARIABLE: "1"}):
        off = stage()
    for key in techniques:
        yield _ratio(name, key, (own, off), plain, rounds)


def _ratio(name: str, key: str, stages: tuple[Stage, Stage], plain: nn.Module, rounds: int) -> Ratio:
    technique, prepare, settings = TECHNIQUES[key]
    works = [prepare(stage) for stage in stages]
    z = stages[0].clf.normalise(stages[0].image[None])
    count = technique.passes(settings, z.shape[-1])

    def passes(size: int) -> None:
        bare(plain, z, count, size, technique.backward)

    def without() -> None:
        with mock.patch.dict(os.environ, {VARIABLE: "1"}):
            works[1](settings, 0)

    size = min(_BATCHES, key=lambda size: min(cpu_seconds(lambda: passes(size)) for _ in range(2)))
    jobs = [lambda: works[0](settings, 0), lambda: passes(size), without]
    for job in jobs:
        job()
    taken = [[cpu_seconds(job) for job in jobs] for _ in range(rounds)]
    beside = [statistics.median(row[0] / row[other] for row in taken) for other in (1, 2)]
    return Ratio(name, key, 1000 * statistics.median(row[0] for row in taken), *beside)


def bare(network: nn.Module, z: Tensor, count: int, size: int, backward: bool) -> None:
    """``count`` passes of one input z (1,C,H,W), ``size`` at a time, and no more; with its gradient if asked for."""
    batch = z.repeat(min(size, count), 1, 1, 1)  # (1,C,H,W) -> (n,C,H,W)
    for done in range(0, count, len(batch)):
        part = batch[: count - done]
        if backward:
            leaf = part.detach().requires_grad_()
            torch.autograd.grad(network(leaf)[:, 0].sum(), leaf)
        else:
            with torch.no_grad():
                network(part)


def line(ratio: Ratio) -> str:
    """A row of the table in Markdown."""
    numbers = f"{ratio.milliseconds:.0f} | {ratio.bare:.2f} | {ratio.switched_off:.2f}"
    return f"| {ratio.network} | {ratio.technique} | {numbers} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, row by row."""
    about = argparse.ArgumentParser(
        "python -m benchmarks.small", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--networks", nargs="+", default=list(DEFAULT), metavar="NETWORK")
    about.add_argument("--techniques", nargs="+", default=list(TECHNIQUES), choices=list(TECHNIQUES))
    about.add_argument("--side", type=int, default=64, help="of the pictures, in pixels")
    about.add_argument("--rounds", type=int, default=7, help="of all three, one after the other")
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    print("| network | technique | ours, ms | ours / bare | ours / switched off |\n|---|---|--:|--:|--:|")
    for name in given.networks:
        for ratio in ratios(name, given.side, given.rounds, given.techniques):
            print(line(ratio), flush=True)


if __name__ == "__main__":
    main()
