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


def identity(module: nn.Module) -> tuple[int, ...]:
    """Which layers and tensors a network consists of: another tuple once a layer or a tensor is replaced."""
    found: list[int] = []
    for part in module.modules():
        found.append(id(part))
        found += [id(tensor) for tensor in part._parameters.values()]
        found += [id(tensor) for tensor in part._buffers.values()]
    return tuple(found)


def version(module: nn.Module) -> tuple[int, ...]:
    """:func:`identity`, and how often each tensor was changed in place, buffers that are not saved among them."""
    tensors = [*module.parameters(), *module.buffers()]
    return (*identity(module), *(0 if tensor.is_inference() else tensor._version for tensor in tensors))
