"""Private copies of a network: their hooks and changes are seen by nobody else."""

from __future__ import annotations

import copy

from torch import Tensor, nn


def private_copy(module: nn.Module) -> nn.Module:
    """A copy of the network's structure over the very same weights: hooks on it are invisible to everybody else.

    Costs no memory for weights and a few milliseconds for a hundred layers. Tensors that a module keeps on itself are
    shared as well.
    """
    memo = {id(tensor): tensor for tensor in [*module.parameters(), *module.buffers(), *_kept(module)]}
    return copy.deepcopy(module, memo)


def version(module: nn.Module, attributes: bool = True) -> tuple[int, ...]:
    """What a network consists of now: another tuple once a layer, a tensor or an attribute was replaced or changed.

    A tensor's change in place counts, unless through ``Tensor.data``, of which torch keeps no account; so does other
    data given to it, and buffers that are not saved. Without ``attributes``: layers and tensors alone.
    """
    found: list[int] = []
    for part in module.modules():
        found.append(id(part))
        if attributes:
            found += map(id, vars(part).values())
        for tensors in (part._parameters, part._buffers):
            for tensor in tensors.values():
                if tensor is not None:
                    found += (id(tensor), tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version)
    return tuple(found)


def _kept(module: nn.Module) -> list[Tensor]:
    """Tensors that are plain attributes: one with a history cannot be copied."""
    return [value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor)]
