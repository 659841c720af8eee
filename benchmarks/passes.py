"""Forward and backward passes of small networks beside their plain module, in one run.

    python -m benchmarks.passes
    python -m benchmarks.passes --networks mobilenet_v3_small timm/repvgg_a0 --side 64 --rounds 60

Ratios of the time of ours over that of the module as it is installed, and of its copy in channels-last, on one thread:
each pass in turn, and of its times the tenth-fastest in a hundred. The module's own gradients may be wrong where ours
are mended (:mod:`vizcore.acceleration.norms`). A network ``timm/NAME`` is of timm, where that is installed.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

from vizcore.networks.classifier import Classifier
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.networks.preprocessing import Preprocess

DEFAULT = (
    "squeezenet1_1", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x1_0", "resnet18", "timm/skresnet18",
    "timm/edgenext_xx_small", "timm/repvgg_a0",
)  # fmt: skip
_CLASSES = 10


@dataclass(frozen=True)
class Ratio:
    """Milliseconds of ours for ``count`` pictures, with a gradient or without, and its ratios to the two modules."""

    network: str
    count: int
    gradient: bool
    milliseconds: float
    plain: float
    channels_last: float


def module(name: str) -> nn.Module:
    """The network at random weights, in eval mode, without gradients for its weights."""
    torch.manual_seed(0)
    models = torchvision_models()  # timm imports torchvision, too
    if name.startswith("timm/"):
        made: nn.Module = importlib.import_module("timm").create_model(name[5:], num_classes=_CLASSES)
    else:
        made = getattr(models, name)(weights=None, num_classes=_CLASSES)
    return made.eval().requires_grad_(False)


def ratios(name: str, side: int, rounds: int, counts: Sequence[int] = (1, 8)) -> Iterator[Ratio]:
    """Of one network on pictures of so many pixels."""
    plain = module(name)
    preprocess = Preprocess(size=(side, side), mean=(0.0,) * 3, std=(1.0,) * 3)
    ours = Classifier(copy.deepcopy(plain), preprocess, [str(k) for k in range(_CLASSES)]).passes
    last = copy.deepcopy(plain).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for count, gradient in product(counts, (False, True)):
        z = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))
        jobs = [
            (ours, z),
            (plain, z),
            (last, z.contiguous(memory_format=torch.channels_last)),
        ]
        taken: list[list[float]] = [[], [], []]
        for _ in range(rounds):
            for times, (forward, given) in zip(taken, jobs, strict=True):
                times.append(_seconds(forward, given, gradient))
        mine, own, laid = (sorted(times)[len(times) // 10] for times in taken)
        yield Ratio(name, count, gradient, 1000 * mine, mine / own, mine / laid)


def _seconds(forward: Callable[[Tensor], Tensor], z: Tensor, gradient: bool) -> float:
    leaf = z.clone().requires_grad_(gradient)
    begun = time.perf_counter()
    if gradient:
        torch.autograd.grad(forward(leaf)[:, 0].sum(), leaf)
    else:
        with torch.no_grad():
            forward(leaf)
    return time.perf_counter() - begun


def line(ratio: Ratio) -> str:
    """A row of the table in Markdown."""
    way = "forward and backward" if ratio.gradient else "forward"
    numbers = f"{ratio.milliseconds:.1f} | {ratio.plain:.2f} | {ratio.channels_last:.2f}"
    return f"| {ratio.network} | {ratio.count} | {way} | {numbers} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, row by row."""
    about = argparse.ArgumentParser(
        "python -m benchmarks.passes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--networks", nargs="+", default=list(DEFAULT), metavar="NETWORK")
    about.add_argument("--side", type=int, default=64, help="of the pictures, in pixels")
    about.add_argument("--rounds", type=int, default=60, help="of all three, one after the other")
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    print("| network | pictures | passes | ours, ms | ours / plain | ours / channels-last |\n|---|---|---|---|---|---|")
    for name in given.networks:
        for ratio in ratios(name, given.side, given.rounds):
            print(line(ratio), flush=True)


if __name__ == "__main__":
    main()
