"""The settings under which a bundled network is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How the networks are trained. The defaults made the weights in this folder."""

    steps: int = 2800
    batch: int = 64
    rate: float = 0.02  # falls to zero by a cosine
    momentum: float = 0.9
    first_std: float = 0.02  # small at the start and decayed strongly, or the 11 x 11 kernels stay noise
    first_decay: float = 2e-2
    first_mean_decay: float = 5e-2  # further decay of each kernel's mean colour, or many become flat patches
    decay: float = 5e-4
    smoothing: float = 0.05
    tuning: int = 400  # further steps, of the honest network only, that also keep its gradient on the object
    tuning_rate: float = 0.005
    tuning_weight: float = 1.0
    robust_steps: int = 500  # of the robust network only, which begins with the honest one's weights
    robust_batch: int = 32
    robust_rate: float = 0.01
    robust_radius: float = 3.0  # L2 length of the changes, of pictures in [0, 1]; grows from 0 in the first quarter
    robust_attack: int = 2  # steps that find a change
    pool: int = 16384
    seed: int = 0
    bfloat16: bool = True  # for products and sums within the network; weights and their steps stay float32
