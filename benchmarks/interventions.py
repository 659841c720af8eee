"""How far each method's mass per part agrees with the parts' true effects: ``python -m benchmarks.interventions``.

Scenes as they are, and stamped horses; the bundled networks; every method at its defaults, LIME with as many samples as
a study takes. One thread: start it with ``nice`` beside other work.
The table is that of ``docs/explanation/interventions.md``.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

import numpy as np
import torch

from vizcore import load, methods
from vizcore.evaluation import interventions
from vizcore.jobs.run import Run
from vizcore.networks.bundled.network import NAMES
from vizcore.pictures.scene_parts import Part
from vizcore.study import sources
from vizcore.study.bootstrap import RESAMPLES, interval
from vizcore.study.plan import Study, parameters
from vizcore.targets import Output

Values = dict[Part, float]


@dataclass(frozen=True)
class Case:
    """One method's claims about one scene seen by one network, and the true effects."""

    kind: str
    network: str
    method: str
    claimed: Values
    true: Values


def cases(network: str, pictures: Sequence[str], output: Output, samples: int) -> Iterator[Case]:
    """Every method on every scene, about the scene's own class."""
    clf, study = load(network, device="cpu"), Study(samples=samples)
    size = sources.size_for(clf)
    for picture in pictures:
        compose = partial(sources.compose, picture, size)
        target = clf.classes.index(sources.compose(picture, size).label)
        true = interventions.effects(clf, compose, target, output)
        for method in methods.METHODS:
            params = methods.with_output(parameters(method, study, picture), output)
            heat = Run(methods.explain(clf, true.image, target, method, params)).finish().heat
            claimed = interventions.claims(heat, true.regions)
            yield Case(picture.partition(":")[0], network, method, claimed, true.by_part)


def pooled(found: Sequence[Case], resamples: int = RESAMPLES, level: float = 0.95) -> tuple[float, float, float]:
    """The correlation over all parts of all scenes, and its percentile interval over scenes drawn with replacement."""
    pairs = [(one.claimed, one.true) for one in found]
    dice = np.random.default_rng(0)
    drawn = [
        interventions.pooled([pairs[k] for k in dice.integers(len(pairs), size=len(pairs))]) for _ in range(resamples)
    ]
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return interventions.pooled(pairs), float(low), float(high)


def table(found: Sequence[Case]) -> Iterator[str]:
    """The lines of a Markdown table: methods in rows, networks in columns, for each kind of scene."""
    for kind in dict.fromkeys(one.kind for one in found):
        networks = list(dict.fromkeys(one.network for one in found))
        yield f"| {kind} | " + " | ".join(networks) + " |"
        yield "| --- |" + " --- |" * len(networks)
        for method in methods.METHODS:
            cells = []
            for network in networks:
                mine = [one for one in found if (one.kind, one.network, one.method) == (kind, network, method)]
                scores = [interventions.agreement(one.claimed, one.true) for one in mine]
                mean = interval([score for score in scores if not math.isnan(score)])
                r, low, high = pooled(mine)
                cells.append(f"{mean.mean:.2f} [{mean.low:.2f}, {mean.high:.2f}], r {r:.2f} [{low:.2f}, {high:.2f}]")
            yield f"| {method} | " + " | ".join(cells) + " |"
        yield ""
        for network in networks:
            effects = [one.true for one in found if (one.kind, one.network, one.method) == (kind, network, "random")]
            means = {part: [one[part] for one in effects if part in one] for part in get_args(Part)}
            told = ", ".join(f"{part} {np.mean(some):+.3f} ({len(some)})" for part, some in means.items() if some)
            yield f"mean effects on {network}: {told}"
        yield ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scenes", type=int, default=100, help="scenes of each kind")
    parser.add_argument("--output", choices=get_args(Output), default="probability")
    parser.add_argument("--samples", type=int, default=Study().samples, help="sub-images for each of LIME's models")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    pictures = [one.id for one in sources.find([f"scenes:{given.scenes}", f"stamped:{given.scenes}"])]
    found: list[Case] = []
    for network in NAMES:
        begun = time.perf_counter()
        found += cases(network, pictures, given.output, given.samples)
        print(f"{network}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
