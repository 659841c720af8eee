"""The fastest way to a network's answers that agrees with its own module."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import cast

import torch
from torch import Tensor, nn

from vizcore.acceleration import proof
from vizcore.acceleration.passes import Passes
from vizcore.copies import identity


class Proven:
    """Logits of the zero-centred input: by faster passes, else by the module itself, in the layout that it stands.

    ``layout`` is how z is to be laid out: channels last, unless the network answers otherwise by it (a ``view`` after
    a convolution, a ``contiguous`` that is meant to copy). A module that keeps values on itself while it computes is
    passed by one thread at a time. A change of the module's tensors or layers is followed, and proven anew.
    """

    def __init__(self, module: nn.Module, device: torch.device, shape: tuple[int, ...]) -> None:
        """``shape`` (C,H,W) is that of one input; raises whatever the module raises on one."""
        self._module, self._device, self._shape = module, device, shape
        self._lock = threading.Lock()
        self._find()

    @property
    def kept(self) -> int | None:
        """About how many numbers a backward pass needs of the forward pass of one picture, where that is known."""
        return self._kept

    def folded(self) -> nn.Module:
        """The network with its batch norms folded as its weights are now, else as it is; to be read, not altered."""
        self._follow()
        return self._module if self._passes is None else self._passes.folded()

    def __call__(self, z: Tensor, kind: torch.dtype | None = None) -> Tensor:
        """(N,C,H,W) to (N,K), with numbers of this ``kind`` where autocast allows it."""
        self._follow()
        with self._alone or nullcontext():
            if self._passes is not None:
                return self._passes(z, kind)
            if kind is not None:
                with torch.autocast(self._device.type, kind):
                    return cast(Tensor, self._module(z))
            return cast(Tensor, self._module(z))

    def _follow(self) -> None:
        if identity(self._module) != self._identity:
            with self._lock:
                if identity(self._module) != self._identity:
                    self._find()

    def _find(self) -> None:
        module = self._module
        self._identity = identity(module)
        first = next(module.parameters(), None)
        z = proof.pictures(self._shape, first).to(self._device)
        module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        before = proof.state(module)
        reference = _reference(module, z)
        self._alone = threading.RLock() if proof.state(module) != before else None
        self._passes: Passes | None = None
        self._kept: int | None = None
        if reference is None:
            self.layout = torch.contiguous_format
            return
        self.layout = torch.channels_last
        try:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            passes = Passes(module, self._device, self._shape)
            fault = reference.fault(passes, self.layout)
        except Exception as error:
            fault = f"it raises {type(error).__name__}"
        if fault is None:
            self._passes, self._kept = passes, passes.kept
            return
        if reference.fault(module, self.layout) is None:
            proof.switch_off("faster passes", fault)
            return
        self.layout = torch.contiguous_format
        module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        proof.switch_off("channels-last", fault)


def _reference(module: nn.Module, z: Tensor) -> proof.Reference | None:
    """What the module answers to all of z, or where memory is short to one of them; None where it is short for that.

    Whoever asks for a computation is told of it then; nothing is used meanwhile that was not proven.
    """
    for count in (len(z), 1):
        try:
            return proof.Reference(module, z[:count])
        except torch.OutOfMemoryError:
            continue
    return None
