"""What training against small changes gave: accuracy under attack, gradients, and who recognises whose pictures.

`python -m vizcore.training.robustness` prints the figures of all bundled networks side by side.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from vizcore.evaluation.truth import truth
from vizcore.networks import catalogue
from vizcore.networks.bundled.network import NAMES
from vizcore.networks.classifier import Classifier
from vizcore.pictures import figures
from vizcore.pictures.scenes import CLASSES, Scene, scene
from vizcore.techniques import maximize, saliency
from vizcore.training.adversary import attack
from vizcore.training.quality import GRID, UNSEEN, last, tensor

ATTACKED = UNSEEN[:200]  # scenes to be changed
RADII = (3.0, 5.0)  # L2 lengths of pictures in [0, 1]
STEPS = 20  # of the attack
SEEDS = range(3)  # of the maximised pictures


def robust_accuracy(clf: Classifier, radius: float, seeds: Sequence[int] = ATTACKED, steps: int = STEPS) -> float:
    """Share of scenes still named rightly after `attack` with this L2 radius, in [0, 1]: an upper bound.

    A stronger search could mislead the network in more of them (Athalye et al. 2018).
    """
    right = []
    for start in range(0, len(seeds), 50):
        shown = [scene(seed) for seed in seeds[start : start + 50]]
        x = torch.stack([tensor(s.picture) for s in shown])
        labels = torch.tensor([CLASSES.index(s.label) for s in shown])
        changed = attack(clf.logits, x, labels, radius, steps)
        with torch.no_grad():
            right.append(clf.logits(changed).argmax(1) == labels)
    return float(torch.cat(right).double().mean())


def gradient_figures(clf: Classifier, seeds: Sequence[int] = ATTACKED) -> dict[str, float]:
    """How the gradient of the true class's logit lies to the object, means over scenes.

    `hit`, `mass`, `precision`: of max_c |dy/dI_c| by ``truth.truth``; `share`: the objects' share of the picture, which
    a map that knows nothing scores in all three. `cosine`: |<z, dy/dz>| / (||z|| ||dy/dz||) with z the network's
    normalised input, the alignment of Etmann et al. 2019, section 2, divided by ||z||.
    """
    rows = [_gradient_row(clf, scene(seed)) for seed in seeds]
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def _gradient_row(clf: Classifier, shown: Scene) -> dict[str, float]:
    image = tensor(shown.picture)
    found = saliency.gradient(clf, image, CLASSES.index(shown.label))
    told = truth(saliency.absolute_max(found), shown.mask, blur=GRID / 2)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (clf.preprocess.mean, clf.preprocess.std))
    z, slope = ((image - mean) / std).flatten().double(), (found.gradient * std).flatten().double()
    cosine = float((z @ slope).abs() / (z.norm() * slope.norm()).clamp(min=1e-30))
    return {
        "hit": float(told.hit),
        "mass": told.mass,
        "precision": told.precision,
        "share": told.share,
        "cosine": cosine,
    }


def recognised(pictures: Sequence[torch.Tensor], judge: Classifier) -> float:
    """Share of pictures, in the order of CLASSES and again, that the judge takes for the class they were drawn for.

    Each is first rounded to the bytes of a picture file.
    """
    shown = torch.stack([torch.from_numpy(figures.picture(one)).permute(2, 0, 1).float() / 255 for one in pictures])
    with torch.no_grad():
        answers = torch.cat([judge.logits(part).argmax(1) for part in shown.split(64)])
    return float((answers == torch.arange(len(pictures)) % len(CLASSES)).double().mean())


def drawn(clf: Classifier, target: int, plain: bool, seed: int = 0) -> torch.Tensor:
    """A class maximised (3, H, W): by the formula alone with the lambda found for the network, or as the page opens."""
    settings = maximize.defaults(clf)
    settings = maximize.Maximisation(lambda_=settings.lambda_) if plain else settings
    return last(maximize.maximize(clf, target, replace(settings, seed=seed))).image


def table(rows: dict[str, dict[str, float]], columns: Sequence[str]) -> str:
    """One row of Markdown for each figure, one column for each network."""
    head = [f"| | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    return "\n".join(
        head + [f"| {name} | {' | '.join(f'{row[one]:.3f}' for one in columns)} |" for name, row in rows.items()]
    )


def measure(networks: dict[str, Classifier], scenes: int, seeds: Sequence[int]) -> dict[str, dict[str, float]]:
    """All figures of this module: `rows[figure][network]`; for recognition the column is the network that drew."""
    rows: dict[str, dict[str, float]] = {}
    attacked = ATTACKED[:scenes]
    for name, clf in networks.items():
        found = {f"accuracy at radius {r:g}": robust_accuracy(clf, r, attacked) for r in (0.0, *RADII)}
        found |= {f"gradient: {key}": value for key, value in gradient_figures(clf, attacked).items()}
        for kind, plain in (("formula alone", True), ("page's defaults", False)):
            pictures = [drawn(clf, k, plain, seed) for seed in seeds for k in range(len(CLASSES))]
            for other, judge in networks.items():
                found[f"{kind}: recognised by {other}"] = recognised(pictures, judge)
        for key, value in found.items():
            rows.setdefault(key, {})[name] = value
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m vizcore.training.robustness", description=__doc__)
    parser.add_argument("--scenes", type=int, default=len(ATTACKED), help="to be changed (default %(default)s)")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="of each class's picture (default %(default)s)")
    given = parser.parse_args(arguments)
    networks = {name: catalogue.load(name, device="cpu") for name in NAMES}
    print(table(measure(networks, given.scenes, range(given.seeds)), NAMES))


if __name__ == "__main__":
    main()
