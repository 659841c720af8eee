"""The fastest way to a network's answers that agrees with its own module."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vizcore.acceleration import proof
from vizcore.acceleration.laid import Sample, laid_out, lie
from vizcore.acceleration.norms import SoundNorms
from vizcore.acceleration.passes import Passes
from vizcore.copies import Unchanged, version

_WITH = {"faster passes": "With the faster passes", "channels-last": "With channels last in memory"}
_WITHOUT = {"faster passes": "They are not used on it.", "channels-last": "Its numbers lie in the usual order."}


@dataclass(frozen=True, eq=False)
class _Way:
    """One way to the answers: by ``module`` or by ``passes`` over it, with inputs in ``layout``. ``norms`` are passed.

    ``keeps_values``, ``overwrites`` and ``own_norms`` tell of the network's own module: it keeps values on itself while
    it computes, writes to its input, passes norms. ``unchanged`` is the network when this way was found, None where its
    own forward pass changes it or nothing was copied; ``sample`` a few numbers of the weights that were. ``faults`` are
    the parts that were switched off on it, with the reason.
    """

    module: nn.Module
    layout: torch.memory_format
    passes: Passes | None
    norms: bool
    unchanged: Unchanged | None
    sample: Sample
    faults: dict[str, str]
    keeps_values: bool
    overwrites: bool
    own_norms: bool

    def holds(self) -> bool:
        """Whether the network is still the one for which this way was found."""
        return self.unchanged is None or (self.unchanged.holds() and self.sample.holds())


class Proven:
    """Logits of the zero-centred input: by faster passes, else by the module itself, in the layout that it stands.

    ``layout`` is how z is to be laid out: channels last, unless the network answers otherwise by it (a ``view`` after
    a convolution, a ``contiguous`` that is meant to copy). A module that keeps values on itself while it computes is
    passed by one thread at a time. Norms whose gradient torch may get wrong are handed what it gets right. A change of
    the module's tensors or layers is followed, and proven anew. The module stays as it is.
    """

    def __init__(self, module: nn.Module, device: torch.device, shape: tuple[int, ...]) -> None:
        """``shape`` (C,H,W) is that of one input; raises whatever the module raises on one."""
        self._module, self._device, self._shape = module, device, shape
        self._finding, self._passing = threading.Lock(), threading.RLock()
        self._way = self._found()

    @property
    def layout(self) -> torch.memory_format:
        """How z is to be laid out in memory."""
        return self._way.layout

    def sound(self) -> AbstractContextManager[object]:
        """To be within while the network's own layers compute with gradients: those of its norms are right there."""
        return SoundNorms() if self._way.own_norms else nullcontext()

    def remarks(self) -> list[tuple[str, str]]:
        """What was found when the acceleration was proven on this network, and what is done about it."""
        said = [(f"{_WITH[part]} {fault}.", _WITHOUT[part]) for part, fault in self._way.faults.items()]
        if isinstance(self._module, torch.jit.ScriptModule):
            said.append(("It is compiled by TorchScript.", "One computation at a time goes through it, as it is."))
        elif self._way.keeps_values:
            said.append(("It keeps values on itself while it computes.", "One computation at a time goes through it."))
        if self._way.overwrites:
            said.append(("It overwrites its input.", "It is given a copy."))
        if self._way.passes is not None:
            said.append(("The faster passes answer as its own module does, gradient included.", ""))
        return said

    @property
    def kept(self) -> int | None:
        """About how many numbers a backward pass needs of the forward pass of one picture, where that is known."""
        passes = self._way.passes
        return None if passes is None else passes.kept

    @property
    def in_parts(self) -> bool:
        """Whether the network can be taken apart into operations on pictures that lie channels last."""
        return self._way.passes is not None and not self._way.keeps_values

    @property
    def version(self) -> tuple[int, ...]:
        """Another one once the network's layers, tensors or attributes have changed, by somebody else than itself."""
        return version(self._module, attributes=not self._way.keeps_values)

    def folded(self) -> nn.Module:
        """The network with its batch norms folded as its weights are now, else as it is; to be read, not altered."""
        way = self._followed()
        return way.module if way.passes is None else way.passes.folded()

    def __call__(self, z: Tensor, kind: torch.dtype | None = None) -> Tensor:
        """(N,C,H,W) to (N,K), with numbers of this ``kind`` where autocast allows it."""
        way = self._followed()
        z = lie(z, way.layout)
        with (
            self._passing if way.keeps_values else nullcontext(),
            SoundNorms() if way.norms and z.requires_grad else nullcontext(),
        ):
            if way.overwrites:
                z = z.clone(memory_format=torch.preserve_format)
            return self._answer(way, z, kind)

    def _answer(self, way: _Way, z: Tensor, kind: torch.dtype | None) -> Tensor:
        if way.passes is not None:
            return way.passes(z, kind)
        with nullcontext() if kind is None else torch.autocast(self._device.type, kind):
            answer: Tensor = way.module(z)
        return answer

    def _followed(self) -> _Way:
        way = self._way
        if way.holds():
            return way
        with self._finding:
            if not self._way.holds():
                self._way = self._found()
            return self._way

    def _found(self) -> _Way:
        module, found = self._module, Unchanged(self._module)
        first = next(module.parameters(), None)
        z = proof.pictures(self._shape).to(self._device, first.dtype if first is not None else torch.float32)
        try:
            plain = laid_out(module, torch.contiguous_format)
        except Exception:  # somebody's own module may hold what cannot be copied
            plain = module
        before = proof.state(plain)
        reference = _reference(plain, z)
        keeps_values = proof.state(plain) != before
        if keeps_values and plain is not module and _lies_plainly(module):
            plain = module  # whatever else it counts or is told, it does itself
        known = found if plain is not module and found.holds() else None
        few = Sample(module)
        faults: dict[str, str] = {}
        usual = torch.contiguous_format
        if reference is None:  # what it does is not known: the most careful way
            return _Way(plain, usual, None, True, known, few, faults, keeps_values, overwrites=True, own_norms=True)
        about = keeps_values, reference.overwrites, reference.norms
        for part, passes, laid in () if keeps_values else self._candidates(faults):
            fault = reference.fault(passes or laid, torch.channels_last)
            if fault is None:
                return _Way(laid, torch.channels_last, passes, reference.norms_seen, known, few, faults, *about)
            faults[part] = fault
            proof.switch_off(part, fault, module)
        return _Way(plain, usual, None, reference.norms, known, few, faults, *about)

    def _candidates(self, faults: dict[str, str]) -> Iterator[tuple[str, Passes | None, nn.Module]]:
        """What might be used, fastest first."""
        try:
            laid = laid_out(self._module, torch.channels_last)
        except Exception as error:
            faults["channels-last"] = f"it raises {type(error).__name__}, as it cannot be copied"
            return
        try:
            passes = Passes(laid, self._device, self._shape)
        except Exception as error:
            faults["faster passes"] = f"it raises {type(error).__name__}"
        else:
            yield "faster passes", passes, laid
        yield "channels-last", None, laid


def _lies_plainly(module: nn.Module) -> bool:
    return all(value.is_contiguous() for value in module.parameters())


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
