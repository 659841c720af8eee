"""What a step of input maximisation costs beside the bare forward and backward pass of the untouched module.

    python -m benchmarks.ascent
    python -m benchmarks.ascent --networks mini-alexnet squeezenet1_0 --rounds 9

CPU time on one thread: a bare pass and a step of each kind in turn. Of every 50 turns, in which all happens that does
not happen in each, the ratio of the sums; of these the median. The bare pass asks the module as it is installed, its
weights frozen, for a class's logit and its gradient for one input; *ours* is the same by the accelerated passes. Steps
are those that the page climbs, with the frames that it keeps: at ``maximize.defaults`` (Fourier coordinates,
transformations, bounds), and the formula alone in pixels. Networks without weights on disk have random ones.

The second table is of several pictures, at ``maximize.defaults``: a step of all of them in one batch beside a step of
each by itself, in turn.
"""

from __future__ import annotations

import argparse
import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import torch
from torch import Tensor

from benchmarks.networks import as_installed, classifier, weights_of
from benchmarks.timing import cpu_seconds
from ui.filters import channels
from ui.maximisation import films, strips
from ui.maximisation.ascending import alone
from vizcore.networks.classifier import Classifier
from vizcore.techniques import maximize

DEFAULT = ("mini-alexnet", "squeezenet1_0", "alexnet", "resnet18")
_TARGET, _TURNS = 0, 50  # the three scores of an ascent are measured as often


@dataclass(frozen=True)
class Step:
    """Milliseconds of the bare pass, and what else was measured in turn with it as ratios to it."""

    network: str
    bare: float
    ours: float
    defaults: float
    formula: float


def bare(module: Callable[[Tensor], Tensor], z: Tensor) -> Callable[[], object]:
    """One forward and backward pass of the module to its input z (1,C,H,W)."""
    leaf = z.clone().requires_grad_()

    def one() -> Tensor:
        (slope,) = torch.autograd.grad(module(leaf)[0, _TARGET], leaf)
        return slope

    return one


def steps(clf: Classifier, params: maximize.Maximisation) -> Callable[[], object]:
    """One step more of the page's ascent with each call, of one after the other."""
    ascents = itertools.chain.from_iterable(_climb(clf, params) for _ in itertools.count())
    return lambda: next(ascents)


def _climb(clf: Classifier, params: maximize.Maximisation) -> Iterator[maximize.Ascent]:
    return films.filmed(maximize.maximize(clf, _TARGET, params), ("benchmark", params))


def measured(name: str, rounds: int) -> Step:
    """Of one network."""
    clf = classifier(name)
    module = as_installed(copy.deepcopy(clf.network)).requires_grad_(False)
    params = replace(maximize.defaults(clf), steps=(rounds + 1) * _TURNS)
    z = torch.randn(1, *clf.input_shape, generator=torch.Generator().manual_seed(0))
    jobs = [bare(module, z), bare(clf.passes, z), steps(clf, params), steps(clf, alone(params))]
    sums = _sums(jobs, rounds)
    ours, defaults, formula = (median(one[k] / one[0] for one in sums) for k in (1, 2, 3))
    return Step(name, 1000 * median(one[0] for one in sums) / _TURNS, ours, defaults, formula)


@dataclass(frozen=True)
class Several:
    """What so many pictures need for a step in one batch, as a ratio to what they need one after the other."""

    network: str
    what: str
    count: int
    ratio: float


def several(name: str, rounds: int) -> Iterator[Several]:
    """Of one network: its strips of seeds and lambdas, and channels of an early, a middle and a late layer."""
    clf = classifier(name)
    params = replace(maximize.defaults(clf), steps=(rounds + 1) * _TURNS)
    seeds: list[maximize.Climb] = [(_TARGET, replace(params, seed=seed)) for seed in range(strips.SEEDS)]
    lambdas: list[maximize.Climb] = [
        (_TARGET, replace(params, lambda_=value)) for value in strips.around(params.lambda_)
    ]
    found = {"seeds": seeds, "lambdas": lambdas}
    layers = maximize.layers(clf)
    for layer in (layers[0], layers[len(layers) // 2], layers[-1]):
        units = [maximize.Channel(layer.name, k) for k in range(min(channels.TOGETHER, layer.channels))]
        found[f"channels of {layer.name}"] = [(unit, params) for unit in units]
    for what, climbs in found.items():
        together, alone = maximize.together(clf, climbs), [maximize.maximize(clf, *climb) for climb in climbs]
        jobs = [partial(next, together), partial(_one_of_each, alone)]
        yield Several(name, what, len(climbs), median(one / other for one, other in _sums(jobs, rounds)))


def _one_of_each(ascents: Sequence[Iterator[maximize.Ascent]]) -> None:
    for one in ascents:
        next(one)


def _sums(jobs: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Seconds of each job in each of so many rounds of 50 turns; one more, in which all gets warm, goes first."""
    found = []
    for _ in range(rounds + 1):
        turns = [[cpu_seconds(job) for job in jobs] for _ in range(_TURNS)]
        found.append([sum(times) for times in zip(*turns, strict=True)])
    return found[1:]


def line(step: Step) -> str:
    """A row of the table in Markdown."""
    numbers = f"{step.bare:.1f} | {step.ours:.2f} | {step.defaults:.2f} | {step.formula:.2f}"
    return f"| {step.network} ({weights_of(step.network)}) | {numbers} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, row by row."""
    about = argparse.ArgumentParser(
        "python -m benchmarks.ascent", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--networks", nargs="+", default=list(DEFAULT), metavar="NETWORK")
    about.add_argument("--rounds", type=int, default=3, help="of 50 turns each")
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    print("| network | bare pass, ms | ours / bare | step / bare | formula alone / bare |\n|---|--:|--:|--:|--:|")
    for name in given.networks:
        print(line(measured(name, given.rounds)), flush=True)
    print("\n| network | pictures | together / one after the other |\n|---|---|--:|")
    for name in given.networks:
        for one in several(name, given.rounds):
            print(f"| {one.network} | {one.count} {one.what} | {one.ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
