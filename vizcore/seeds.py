"""Random numbers that depend on a seed and on nothing else: no global generator, no order of computation."""

from __future__ import annotations

import numpy as np
import torch


def generator(*numbers: int) -> torch.Generator:
    """A generator on the CPU that depends on these whole numbers, each at least 0, alone; (0, 1) and (1, 0) differ,
    but zeros at the end do not count.

    With (seed, k) as numbers the k-th random thing is the same whatever was drawn before it, and neighbours in seed or
    k are unrelated.
    """
    mixed = np.random.SeedSequence(list(numbers)).generate_state(1, np.uint32)[0]
    return torch.Generator().manual_seed(int(mixed))
