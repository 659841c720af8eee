"""Small changes of a picture that mislead a network, and training against them (Madry et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from math import cos, pi
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from vizcore.networks.bundled.network import MiniAlexNet
from vizcore.training import checkpoints
from vizcore.training.batches import Pool, draw
from vizcore.training.calibration import MEAN, STD
from vizcore.training.recipe import Recipe


def attack(
    network: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    targets: torch.Tensor,
    radius: float,
    steps: int,
    reach: float = 2.5,
) -> torch.Tensor:
    """argmax over ||x' - x||_2 <= radius, x' in [0, 1] of cross_entropy(network(x'), targets), by projected gradient.

    x' <- P(x' + reach * radius / steps * g / ||g||_2), `steps` times from x, P the projection into the ball and then
    the clamp to [0, 1], which leads no further out. `x` (n, 3, H, W) in [0, 1], `network` takes such pictures,
    `targets` (n,) class numbers or (n, classes) shares. `radius` is one length over all pixels and colours: to change
    every value by c takes c * sqrt(3 H W). Returns (n, 3, H, W) without gradient; at radius 0 or zero steps x itself.
    Madry et al. 2018, section 2.1, in L2 as Engstrom et al. 2019, appendix A; from x and not from a random point.
    """
    stride = reach * radius / max(steps, 1)
    moved = torch.zeros_like(x)
    for _ in range(steps):
        shown = (x + moved).requires_grad_()
        loss = cross_entropy(network(shown).float(), targets, reduction="sum")
        (slope,) = torch.autograd.grad(loss, shown)
        moved = moved + stride * slope / length(slope)
        moved = moved * (radius / length(moved)).clamp(max=1)
        moved = (x + moved).clamp(0, 1) - x
    return (x + moved).detach()


def length(change: torch.Tensor) -> torch.Tensor:
    """||change||_2 of each picture, (n, 3, H, W) -> (n, 1, 1, 1); at least 1e-12, so that one may divide by it."""
    return change.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)


class Normalised(nn.Module):
    """x -> network((x - mean) / std): a bundled network of pictures in [0, 1]."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network((x - self.mean) / self.std)
        return logits


def harden(
    network: MiniAlexNet,
    recipe: Recipe,
    pool: Pool,
    device: str = "cpu",
    checkpoint: Path | None = None,
    tick: Callable[[int, float], None] = lambda step, loss: None,
    begun: str = "",
) -> MiniAlexNet:
    """min over the weights of the mean over pictures of max over ||x' - x||_2 <= radius of the cross-entropy at x'.

    `recipe.robust_steps` steps of SGD in eval mode from the weights given, the inner maximum by `attack` in few steps
    and the radius growing linearly to `recipe.robust_radius` in the first quarter. Resumes from `checkpoint` as
    ``train`` does, if that run began from weights with the same checksum `begun`. Changes the network and returns it.
    Madry et al. 2018, equation 2.1.
    """
    network = network.to(device).eval()
    optimiser = torch.optim.SGD(network.parameters(), recipe.robust_rate, recipe.momentum, weight_decay=recipe.decay)
    key = {**asdict(recipe), "begun": begun}
    start = checkpoints.resume(checkpoint, key, network, optimiser)
    judged = Normalised(network).to(device)
    for step in range(start, recipe.robust_steps):
        done = step / recipe.robust_steps
        for group in optimiser.param_groups:
            group["lr"] = recipe.robust_rate * 0.5 * (1 + cos(pi * done))
        x, targets, _ = draw(pool, recipe.robust_batch, (recipe.seed + 3000, step), False)
        x, targets = x.to(device), targets.to(device)
        network.requires_grad_(False)  # the attack needs the picture's gradient only
        x = attack(judged, x, targets, recipe.robust_radius * min(1.0, 4 * done), recipe.robust_attack, reach=2.0)
        network.requires_grad_(True)
        loss = cross_entropy(judged(x), targets)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        tick(step + 1, loss.item())
        checkpoints.keep(checkpoint, key, network, optimiser, step + 1)
    return network
