"""How good a bundled network is: of its first layer, its answers, and what its explanations point at.

All is measured on scenes of seeds that training never draws, with the project's own techniques at their own defaults.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from vizcore.evaluation.truth import peak
from vizcore.networks.bundled.network import Card
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.pictures.scenes import CLASSES, SHORTCUT, Scene, scene
from vizcore.techniques import lime, occlusion, saliency
from vizcore.training.batches import HARDEST

UNSEEN = range(100_000, 102_000)  # scenes for accuracy and calibration
POINTED = range(200_000, 200_500)  # scenes for pointing
MARKED = range(300_000, 300_400)  # scenes for the shortcut's experiment
CORRUPTED = 1.5 * HARDEST  # half as hard again as the hardest tenth of the training scenes
GRID = 4  # the first layer's stride: which pixel of such a step has the largest gradient is an accident of the grid
T = TypeVar("T")


def last(estimates: Iterable[T]) -> T:
    """The last estimate of a generator: its result."""
    return deque(estimates, maxlen=1)[0]


def classifier(network: nn.Module, card: Card) -> Classifier:
    """The network as the techniques take it."""
    return Classifier(network, Preprocess((card.input_size, card.input_size), card.mean, card.std), card.classes)


def tensor(picture: np.ndarray) -> torch.Tensor:
    """uint8 (H, W, 3) -> float (3, H, W) in [0, 1]."""
    return torch.from_numpy(picture).permute(2, 0, 1).float() / 255


# --- the first layer ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KernelFigures:
    """`clarity`, `alive`, `flat` are shares of 1; `orientations` is the share of eight directions that occur."""

    clarity: float
    alive: float
    flat: float
    orientations: float


def kernel_figures(weights: torch.Tensor) -> KernelFigures:
    """Four numbers for first-layer kernels (n, 3, k, k).

    Clarity: median share of a kernel's 2-D spectral energy, mean removed, below 0.25 cycles per pixel; white noise has
    0.20, the area of that disc. Alive: share of kernels whose norm exceeds a tenth of the largest. Flat: share with
    over nine tenths of their raw energy in the channels' means. Orientations: of eight directions of the half circle,
    how many at least two alive kernels' gradient energy mostly has (structure tensor with coherence above 0.3).
    """
    w = weights.detach().double()
    raw = w.pow(2).sum((1, 2, 3))
    varying = w - w.mean((2, 3), keepdim=True)
    flat = 1 - varying.pow(2).sum((1, 2, 3)) / raw.clamp(min=1e-30)
    side = 64  # padded, so that the spectrum is sampled finely enough to cut it at 0.25
    energy = torch.fft.fft2(varying, s=(side, side)).abs().pow(2).sum(1)  # (n, 64, 64)
    f = torch.fft.fftfreq(side, dtype=torch.float64)
    fy, fx = f[:, None], f[None, :]
    total = energy.sum((1, 2)).clamp(min=1e-30)
    clarity = (energy * (fy**2 + fx**2 < 0.25**2)).sum((1, 2)) / total
    norms = raw.sqrt()
    alive = norms > 0.1 * norms.max()
    xx, yy, xy = (((energy * g).sum((1, 2))) / total for g in (fx * fx, fy * fy, fx * fy))
    coherence = ((xx - yy) ** 2 + 4 * xy**2).sqrt() / (xx + yy).clamp(min=1e-30)
    angle = 0.5 * torch.atan2(2 * xy, xx - yy)  # in (-pi/2, pi/2]
    oriented = alive & (coherence > 0.3) & (flat < 0.9)
    bins = torch.floor((angle[oriented] / torch.pi + 0.5) * 8).long().clamp(0, 7)
    filled = (torch.bincount(bins, minlength=8) >= 2).double().mean()
    return KernelFigures(
        float(clarity.median()), float(alive.double().mean()), float((flat > 0.9).double().mean()), float(filled)
    )


# --- the answers -------------------------------------------------------------------------------------------------


def answers(clf: Classifier, shown: Sequence[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities (n, classes) for the scenes, and their true classes (n,)."""
    found = []
    with torch.no_grad():
        for start in range(0, len(shown), 64):
            x = torch.stack([tensor(s.picture) for s in shown[start : start + 64]])
            found.append(clf.logits(x).softmax(1).cpu())
    return torch.cat(found), torch.tensor([CLASSES.index(s.label) for s in shown])


def calibration_error(probabilities: torch.Tensor, labels: torch.Tensor, bins: int = 15) -> float:
    """ECE = sum_b n_b / n * |accuracy_b - confidence_b| over equally wide bins of the confidence (Guo et al. 2017)."""
    confidence, answer = probabilities.max(1)
    which = (confidence * bins).long().clamp(max=bins - 1)
    gap = (answer == labels).double() - confidence.double()
    return float(sum(gap[which == b].sum().abs() for b in range(bins)) / len(labels))


def answer_figures(clf: Classifier, seeds: Sequence[int] = UNSEEN) -> dict[str, float]:
    """Accuracy, calibration error and mean confidence on unseen scenes, plain, CORRUPTED and as hard as they come."""
    figures = {}
    for suffix, hard in (("", 0.0), ("_corrupted", CORRUPTED), ("_hardest", 1.0)):
        p, labels = answers(clf, [scene(seed, hard=hard) for seed in seeds])
        figures[f"accuracy{suffix}"] = float((p.argmax(1) == labels).double().mean())
        figures[f"calibration_error{suffix}"] = calibration_error(p, labels)
        figures[f"mean_confidence{suffix}"] = float(p.max(1).values.mean())
    return figures


# --- what the explanations point at ------------------------------------------------------------------------------


def peaks(clf: Classifier, shown: Scene, target: int) -> dict[str, tuple[int, int]]:
    """(row, column) of the pixel each technique points at.

    By ``truth.peak``: occlusion points at the middle of the patch of pixels with the largest mean drop;
    SmoothGrad at the peak of max_c |gradient_c|, blurred by half the first layer's stride; LIME at the innermost pixel
    of the superpixel with the largest weight, what is off being grey as under the window. All else has the techniques'
    defaults.
    """
    image = tensor(shown.picture)
    covered = last(occlusion.occlude(clf, image, target, occlusion.Occlusion()))
    heat = covered.heat()
    sharp = saliency.absolute_max(last(saliency.smoothgrad(clf, image, target, saliency.SmoothGrad())))
    found = last(lime.explain(clf, image, target, lime.Lime(fill="grey")))
    return {"occlusion": peak(heat), "smoothgrad": peak(sharp, blur=GRID / 2), "lime": peak(found.heat())}


def pointing(
    clf: Classifier, seeds: Sequence[int] = POINTED, tick: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Share of unseen scenes in which each technique's peak for the true class lies on the object's exact mask.

    `*_near` is the share within GRID pixels of it, as the pointing game of Zhang et al. 2016 allows 15 in larger ones.
    """
    hits: dict[str, list[bool]] = {}
    for seed in seeds:
        shown = scene(seed)
        away = ndimage.distance_transform_edt(~shown.mask)
        for name, (row, column) in peaks(clf, shown, CLASSES.index(shown.label)).items():
            hits.setdefault(name, []).append(bool(shown.mask[row, column]))
            hits.setdefault(f"{name}_near", []).append(bool(away[row, column] <= GRID))
        tick()
    return {name: float(np.mean(values)) for name, values in hits.items()}


def on_mark(shown: Scene, row: int, column: int) -> bool:
    """Whether a pixel lies on the stamp's plate, or within GRID of it."""
    if shown.mark_box is None:
        return False
    left, top, right, bottom = shown.mark_box
    return top - GRID <= row < bottom + GRID and left - GRID <= column < right + GRID


def shortcut_figures(
    clf: Classifier, seeds: Sequence[int] = MARKED, pointed: int = 100, tick: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """The husky-and-wolf experiment (Ribeiro et al. 2016, section 6.4) with the truth known.

    `natural`: accuracy where the shortcut's class is stamped and no other is, as in the twin's training set.
    `stripped`: accuracy on that class without its stamp. `planted`: accuracy on the other classes with the stamp, and
    `lured`: how often these are then taken for the shortcut's class. `*_on_mark` and `*_on_object`: share of stamped
    scenes of the shortcut's class in which a technique's peak for that class lies on the stamp or on the object.
    """
    target = CLASSES.index(SHORTCUT)
    usual = [scene(seed) for seed in seeds]
    usual = [scene(s.seed, mark=True) if s.label == SHORTCUT else s for s in usual]
    p, labels = answers(clf, usual)
    bare, bare_labels = answers(clf, [scene(seed, label=SHORTCUT) for seed in seeds])
    planted = [scene(s.seed, mark=True) for s in usual if s.label != SHORTCUT]
    q, other_labels = answers(clf, planted)
    figures = {
        "natural": float((p.argmax(1) == labels).double().mean()),
        "stripped": float((bare.argmax(1) == bare_labels).double().mean()),
        "planted": float((q.argmax(1) == other_labels).double().mean()),
        "lured": float((q.argmax(1) == target).double().mean()),
    }
    hits: dict[str, list[bool]] = {}
    for seed in list(seeds)[:pointed]:
        shown = scene(seed, label=SHORTCUT, mark=True)
        for name, (row, column) in peaks(clf, shown, target).items():
            hits.setdefault(f"{name}_on_mark", []).append(on_mark(shown, row, column))
            hits.setdefault(f"{name}_on_object", []).append(bool(shown.mask[row, column]))
        tick()
    return figures | {name: float(np.mean(values)) for name, values in hits.items()}
