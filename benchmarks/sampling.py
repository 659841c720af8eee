"""How far LIME's weights are from those of many samples, by its sampling, and what stopping when settled saves.

    python -m benchmarks.sampling                              the bundled network on eight scenes
    python -m benchmarks.sampling --network squeezenet1_0 --pictures FOLDER

The error is ||w - w_many|| / ||w_many||, a mean over seeds and pictures; w_many is the fit to ``--many`` further
samples in pairs and as many independent ones. For what is saved, the map of a run that stops is correlated with that of
the whole run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import get_args

import torch
from PIL import Image
from torch import Tensor

from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.pictures import scenes
from vizcore.targets import Output
from vizcore.techniques import lime, saliency
from vizcore.techniques.lime import Lime, Model
from vizcore.techniques.saliency import SmoothGrad
from vizcore.techniques.subimages import Sampling

_SAMPLES = (100, 200, 300, 500)
_SETTLED = (0.1, 0.2, 0.3)
_MANY_SEED = 9000  # none of the seeds that are compared


@dataclass(frozen=True)
class Case:
    """One picture and the class that the network gives it."""

    clf: Classifier
    image: Tensor
    target: int

    def lime(self, params: Lime, known: lime.LimeMap | None = None) -> lime.LimeMap:
        """The map; what ``known`` has asked the network already costs nothing again."""
        samples = None if known is None else known.samples
        return Run(lime.explain(self.clf, self.image, self.target, params, samples=samples)).finish()

    def smoothgrad(self, params: SmoothGrad) -> saliency.SaliencyMap:
        return Run(saliency.smoothgrad(self.clf, self.image, self.target, params)).finish()


def cases(clf: Classifier, folder: Path | None, count: int) -> Iterator[Case]:
    """The first pictures of a folder, by name, or scenes where there is none."""
    if folder is None:
        found = [Image.fromarray(scenes.scene(seed).picture) for seed in range(1, count + 1)]
    else:
        found = [Image.open(one).convert("RGB") for one in sorted(folder.iterdir())[:count]]
    for picture in found:
        image = clf.pixels(picture)
        yield Case(clf, image, int(clf.logits(image[None])[0].argmax()))


Maps = dict[Sampling, list[lime.LimeMap]]


def runs(case: Case, seeds: Iterable[int], samples: int) -> Maps:
    """LIME's maps of one picture, by sampling and seed."""
    most = Lime(samples=samples, output="logit")
    return {
        sampling: [case.lime(replace(most, sampling=sampling, seed=seed)) for seed in seeds]
        for sampling in get_args(Sampling)
    }


def far(case: Case, output: Output, found: Maps, long: Maps) -> Iterator[tuple[Model, Sampling, int, float]]:
    """(model, sampling, samples, error) of one picture, the mean over the maps ``found``, by those of many samples."""
    again = [case.lime(replace(one.params, output=output), one) for own in long.values() for one in own]
    vectors, scores = (torch.cat([getattr(one, name) for one in again]) for name in ("vectors", "scores"))
    for model in get_args(Model):
        truth = lime.fit(vectors, scores, Lime(model=model, alpha=0.0)).weights
        for sampling, own in found.items():
            asked = [case.lime(replace(one.params, output=output), one) for one in own]
            for n in _SAMPLES:
                chosen = Lime(model=model, sampling=sampling)
                fits = [lime.fit(one.vectors[:n], one.scores[:n], chosen).weights for one in asked]
                yield model, sampling, n, mean(float((w - truth).norm() / truth.norm()) for w in fits)


def saved(case: Case, settled: float) -> tuple[float, float, float, float]:
    """Share of LIME's samples that are taken, its map's correlation with that of all; and the same of SmoothGrad."""
    weights, copies = Lime(samples=1000, output="logit"), SmoothGrad(copies=200)
    whole, stopped = case.lime(weights), case.lime(replace(weights, settled=settled))
    smooth, brief = case.smoothgrad(copies), case.smoothgrad(replace(copies, settled=settled))
    return (
        stopped.step / whole.step,
        _alike(stopped.heat(), whole.heat()),
        brief.step / smooth.step,
        _alike(saliency.times_input(brief), saliency.times_input(smooth)),
    )


def _alike(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mini-alexnet")
    parser.add_argument("--pictures", type=Path, help="a folder of photographs")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--many", type=int, default=2000)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    chosen = list(cases(load(asked.network, device="cpu"), asked.pictures, asked.count))
    print(f"{asked.network}, {len(chosen)} pictures, {asked.seeds} seeds\n")
    print("| score, model | samples | independent | pairs | pairs / independent | closer on |\n" + "|---" * 6 + "|")
    short = [runs(case, range(asked.seeds), max(_SAMPLES)) for case in chosen]
    long = [runs(case, [_MANY_SEED], asked.many) for case in chosen]
    for output in get_args(Output):
        found = [list(far(case, output, *both)) for case, *both in zip(chosen, short, long, strict=True)]
        by: dict[tuple[Model, int], dict[Sampling, list[float]]] = {}
        for one in found:
            for model, sampling, n, error in one:
                by.setdefault((model, n), {}).setdefault(sampling, []).append(error)
        for (model, n), errors in by.items():
            alone, paired = mean(errors["independent"]), mean(errors["pairs"])
            won = sum(b < a for a, b in zip(errors["independent"], errors["pairs"], strict=True))
            figures = f"{alone:.3f} | {paired:.3f} | {paired / alone:.2f} | {won} of {len(chosen)}"
            print(f"| {output}, {model} | {n} | {figures} |", flush=True)
    print("\n| settled at | LIME: samples | correlation | SmoothGrad: copies | correlation |\n" + "|---" * 5 + "|")
    for settled in _SETTLED:
        columns = zip(*(saved(case, settled) for case in chosen), strict=True)
        samples, first, copies, second = (mean(one) for one in columns)
        print(f"| {settled:.0%} | {samples:.0%} | {first:.3f} | {copies:.0%} | {second:.3f} |", flush=True)


if __name__ == "__main__":
    main()
