"""Private copies of a network: their hooks and changes are seen by nobody else."""

from __future__ import annotations

import copy

from torch import nn


def private_copy(module: nn.Module) -> nn.Module:
    """A copy of the network's structure over the very same weights: hooks on it are invisible to everybody else.

    Costs no memory for weights and a few milliseconds for a hundred layers.
    """
    memo = {id(tensor): tensor for tensor in [*module.parameters(), *module.buffers()]}
    return copy.deepcopy(module, memo)
