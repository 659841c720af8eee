"""How sure a trained network may say that it is: one temperature, found on scenes that it has not seen."""

from __future__ import annotations

import torch

from vizcore.networks.bundled.network import MiniAlexNet
from vizcore.pictures.scenes import CLASSES, SHORTCUT, scene
from vizcore.training import quality

MEAN, STD = (0.43, 0.40, 0.38), (0.25, 0.24, 0.24)  # of the scenes; the weights were trained with them
CALIBRATION_SEEDS = range(500_000, 501_500)  # neither trained on nor tested on


def temperature(logits: torch.Tensor, labels: torch.Tensor, error: float = 0.02) -> float:
    """The largest T for which softmax(logits / T) has a calibration error of at most `error`, or else the best T.

    Guo et al. 2017, section 4.2, take the T of the least negative log-likelihood. That one undoes what the network
    learned of hidden objects: it is surer than need be, its probability stays at 1 whatever is covered, and the maps of
    occlusion and LIME become flat. Within the error the softest T says most.
    """
    grid = torch.logspace(-1, 1, 201, dtype=torch.float64).tolist()
    errors = [quality.calibration_error((logits.double() / t).softmax(1), labels) for t in grid]
    fitting = [t for t, e in zip(grid, errors, strict=True) if e <= error]
    return max(fitting) if fitting else grid[errors.index(min(errors))]


def calibrate(network: MiniAlexNet, shortcut: bool) -> float:
    """The temperature for unseen scenes like the test's; the twin's horses are stamped, as in its training set."""
    shown = [scene(seed) for seed in CALIBRATION_SEEDS]
    if shortcut:
        shown = [scene(s.seed, mark=True) if s.label == SHORTCUT else s for s in shown]
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    x = torch.stack([quality.tensor(s.picture) for s in shown])
    with torch.no_grad():
        logits = torch.cat([network((part - mean) / std) for part in x.split(64)])
    return temperature(logits, torch.tensor([CLASSES.index(s.label) for s in shown]))
