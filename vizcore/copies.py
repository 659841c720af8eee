"""Private copies of a network: their hooks and changes are seen by nobody else."""

from __future__ import annotations

import copy
from itertools import chain
from operator import attrgetter, itemgetter

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


class Unchanged:
    """Whether a network is still what it was when this was made, in a tenth of the time of :func:`version`.

    Layers, tensors and the attributes that they have of their own; one that is replaced by an equal one is the same.
    """

    def __init__(self, module: nn.Module) -> None:
        self._parts = list(module.modules())
        self._kinds = list(map(type, self._parts))
        self._held = [held for part in self._parts for held in (part._modules, part._parameters, part._buffers)]
        self._ids = self._identities()
        tensors = [each for held in self._held for each in held.values() if isinstance(each, Tensor)]
        self._tensors, self._counted = tensors, [each for each in tensors if not each.is_inference()]
        self._places, self._versions = self._at(), self._counts()
        usual = set(vars(nn.Module()))
        own = [(vars(part), vars(part).keys() - usual) for part in self._parts]
        self._vars = [attributes for attributes, _ in own]
        self._lengths = list(map(len, self._vars))
        self._own = [(itemgetter(*names), attributes) for attributes, names in own if names]
        self._values = self._attributes()

    def holds(self) -> bool:
        """Whether neither layers nor tensors nor attributes have changed."""
        if self._identities() != self._ids or list(map(type, self._parts)) != self._kinds:
            return False
        if self._at() != self._places or self._counts() != self._versions:
            return False
        try:  # what is not the same object is compared by its own ==, of which nothing is known
            return list(map(len, self._vars)) == self._lengths and self._attributes() == self._values
        except Exception:
            return False

    def _identities(self) -> list[int]:
        return list(map(id, chain.from_iterable(held.values() for held in self._held)))

    def _at(self) -> list[int]:
        return list(map(Tensor.data_ptr, self._tensors))

    def _counts(self) -> list[int]:
        return list(map(attrgetter("_version"), self._counted))

    def _attributes(self) -> list[object]:
        return [read(attributes) for read, attributes in self._own]


def _kept(module: nn.Module) -> list[Tensor]:
    """Tensors that are plain attributes: one with a history cannot be copied."""
    return [value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor)]
