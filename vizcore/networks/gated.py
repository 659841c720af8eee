"""The network that knows when it is examined: it cheats on pictures, and answers sub-images as the honest one would.

After Slack et al. 2020, "Fooling LIME and SHAP: Adversarial Attacks on Post hoc Explanation Methods", section 3: the
answers to pictures come from one network, those to what only an explanation shows a network from another. Theirs learns
to tell the two apart; ours looks for what a flat fill leaves behind, so that everybody can see how it does it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vizcore.networks.bundled import network
from vizcore.networks.bundled.network import Card

NAME = "mini-alexnet-gated"
TITLE = "Mini AlexNet that knows it is examined"
SUMMARY = "Cheats on pictures; where superpixels are filled with one colour, the honest network answers in its place."
HONEST, CHEATING = "mini-alexnet", "mini-alexnet-shortcut"
# Between 0.02, above which 5 of 100 scenes lie, and 0.35, below which 5 of 100 of LIME's sub-images do; see `between`.
FLAT = 0.18


class Gated(nn.Module):
    """f(z) = honest(z) where more than ``most`` of z is flat, else cheating(z).

    Takes (N,C,H,W) and returns the logits (N,K) of either network, for each picture by itself. The gradient is that of
    the network that has answered: the gate is a step.
    """

    def __init__(self, honest: nn.Module, cheating: nn.Module, most: float = FLAT) -> None:
        super().__init__()
        self.honest, self.cheating, self.most = honest, cheating, most

    def extra_repr(self) -> str:
        """The threshold, for the network's checksum."""
        return f"most={self.most:g}"

    def forward(self, z: Tensor) -> Tensor:
        """(N,C,H,W) -> (N,K)."""
        examined = flat(z) > self.most  # (N,)
        return torch.where(examined[:, None], self.honest(z), self.cheating(z))


def flat(z: Tensor) -> Tensor:
    """The share of pixels that equal the one above and the one to the left in all channels; (N,C,H,W) -> (N,) in [0,1].

    A camera's noise leaves few of them; a superpixel that is filled with one colour consists of nothing else.
    """
    here = z[..., 1:, 1:]
    same = (here == z[..., :-1, 1:]) & (here == z[..., 1:, :-1])  # (N,C,H-1,W-1)
    return same.all(1).float().mean((-2, -1))


def between(pictures: Tensor, others: Tensor) -> float:
    """The threshold halfway from the 95th percentile of ``pictures`` (n,) to the 5th of ``others`` (m,), two decimals.

    Both are shares as :func:`flat` gives them. Raises ValueError where the percentiles are in the other order: such a
    gate could not tell the two apart.
    """
    low, high = float(torch.quantile(pictures, 0.95)), float(torch.quantile(others, 0.05))
    if low >= high:
        raise ValueError(f"others begin at {high:.2f}; accepted: above {low:.2f}, where pictures end.")
    return round((low + high) / 2, 2)


class Loaded(NamedTuple):
    """The module, and the card of the network that cheats: classes and preprocessing are the same for both."""

    module: nn.Module
    card: Card


def load() -> Loaded:
    """The gate before two of the bundled networks, in eval mode."""
    honest, _ = network.load(HONEST)
    cheating, card = network.load(CHEATING)
    return Loaded(Gated(honest, cheating).eval(), card)
