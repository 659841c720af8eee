"""Channels of a network's layers as units to be maximised: which there are, and what they answer."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vizcore import targets
from vizcore.copies import private_copy
from vizcore.networks.answers import wrapped
from vizcore.networks.batches import in_batches
from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.networks.order import Call, calls, tensor_of, with_tensor
from vizcore.targets import Channel, Part, Target, Unit
from vizcore.techniques import gradcam, token_maps
from vizcore.techniques.token_maps import Places

Maps = Callable[[Tensor], Tensor]
# Inputs z (n,C,H,W) and the number of each one's unit -> their probabilities and logits (n,)
Answers = Callable[[Tensor, Sequence[int]], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Layer:
    """A layer that answers feature maps: so many ``channels`` of ``size`` (h,w), at the last of its ``uses``."""

    name: str
    channels: int
    places: Places
    uses: int

    @property
    def size(self) -> tuple[int, int]:
        return self.places.size


def layers(clf: Classifier) -> list[Layer]:
    """The layers with feature maps of more than one place, in running order, each tensor once.

    They are those that Grad-CAM can weigh, see :func:`vizcore.techniques.gradcam.map_layers`; by name, other layers
    that answer maps can be maximised, too. Raises :class:`~vizcore.networks.classifier.NetworkError` where there are
    none.
    """
    known, wanted = _known(clf), set(gradcam.map_layers(clf))
    return [layer for name, layer in known.items() if name in wanted and isinstance(layer, Layer)]


def layer_of(clf: Classifier, unit: Channel) -> Layer:
    """The layer of ``unit``. Raises ValueError where the network has no such channel."""
    known = _known(clf)
    found = known.get(unit.layer)
    names = ", ".join(name for name, layer in known.items() if isinstance(layer, Layer))
    if found is None:
        exists = unit.layer in dict(clf.module.named_modules())
        without = "is not run when it classifies a picture" if exists else f"is none of {clf.title}"
        raise ValueError(f"layer {unit.layer!r} {without}; accepted: a layer that answers feature maps: {names}.")
    if not isinstance(found, Layer):
        raise ValueError(f"layer {unit.layer!r} answers {found}; accepted: a layer that answers feature maps: {names}.")
    if not 0 <= unit.channel < found.channels:
        raise ValueError(f"channel is {unit.channel}; accepted: 0 to {found.channels - 1} of layer {unit.layer!r}.")
    return found


def answers(clf: Classifier, layer: Layer) -> Maps:
    """The feature maps (N,n,h,w) that ``layer`` answers to zero-centred inputs z (N,C,H,W); differentiable.

    Those of its last use, before anything overwrites them. A private copy over the same weights is looked into, one on
    each thread, and runs no further than the layer.
    """
    own = threading.local()

    def maps(z: Tensor) -> Tensor:
        if not hasattr(own, "recorder"):
            own.recorder = _Recorder(clf, layer)
        recorder: _Recorder = own.recorder
        return recorder.maps(z)

    return maps


def value(maps: Tensor, unit: Channel) -> Tensor:
    """y (N,) of ``unit`` from its layer's feature maps (N,n,h,w); differentiable."""
    return _value(maps[:, unit.channel], unit.of)


def _value(own: Tensor, of: Part) -> Tensor:
    """y (N,) of one map each (N,h,w)."""
    if of == "mean":
        return own.mean(dim=(1, 2))
    return own[:, own.shape[1] // 2, own.shape[2] // 2]


def answering(clf: Classifier, units: Sequence[Unit]) -> Answers:
    """What the units answer, differentiable: probability and logit of a class, NaN and its value of a channel.

    They are classes and contrasts, or channels of one layer of which the same part counts.
    """
    first = units[0]
    if isinstance(first, Channel):
        maps, of, numbers = answers(clf, layer_of(clf, first)), first.of, [unit.channel for unit in units]  # type: ignore[union-attr]

        def of_channels(z: Tensor, own: Sequence[int]) -> tuple[Tensor, Tensor]:
            y = _value(maps(z)[list(range(len(z))), [numbers[k] for k in own]], of)  # (n,c,h,w) -> (n,h,w) -> (n,)
            return torch.full_like(y.detach(), torch.nan), y

        return of_channels

    def of_classes(z: Tensor, own: Sequence[int]) -> tuple[Tensor, Tensor]:
        logits = clf.logits_of_input(z)
        wanted: list[Target] = [units[k] for k in own]  # type: ignore[misc]
        return targets.values(clf.probabilities(logits), wanted), targets.values(logits, wanted)

    return of_classes


def maps_of(clf: Classifier, name: str, images: Tensor) -> Tensor:
    """The feature maps (N,n,h,w) of the layer called ``name`` for pictures (N,C,H,W) in [0,1]; no gradient; on the CPU.

    Raises ValueError for a layer without feature maps.
    """
    look = answers(clf, layer_of(clf, Channel(name, 0)))

    def work(part: Tensor) -> Tensor:
        with torch.no_grad():
            return look(clf.normalise(part)).cpu()

    return torch.cat(in_batches(clf, images, work, lambda: clf.batch_size, clf.picture_bytes))


class _Enough(Exception):
    """Raised inside a forward pass as soon as the layer has answered for the last time."""


class _Recorder:
    """A private copy of the network that is looked into; for one thread."""

    def __init__(self, clf: Classifier, layer: Layer) -> None:
        self._clf, self._layer = clf, layer
        self._network = private_copy(clf.network)
        self._parts: list[Tensor] = []
        wrapped(self._network).get_submodule(layer.name).register_forward_hook(self._note)

    def _note(self, module: nn.Module, inputs: object, answer: object) -> object:
        part = tensor_of(answer)
        if part is None or not part.is_floating_point():
            return None
        self._parts.append(part)
        if len(self._parts) == self._layer.uses:
            raise _Enough
        return with_tensor(answer, part.clone())  # a ReLU in place must not overwrite the maps

    def maps(self, z: Tensor) -> Tensor:
        alone = getattr(self._network, "one_by_one", False)
        found = [self._pass(part) for part in (z.split(1) if alone else (z,))]
        return self._clf.finite(torch.cat(found) if len(found) > 1 else found[0])

    def _pass(self, z: Tensor) -> Tensor:
        self._parts.clear()
        # A clone, since a network may overwrite its input.
        z = z.to(self._clf.device, self._clf.dtype).clone(memory_format=self._clf.layout)
        try:
            with self._clf.passes.sound():
                self._network(z)
        except _Enough:
            pass
        last = self._parts.pop()
        self._parts.clear()
        # Of half precision float32, as with logits.
        return self._layer.places.all_maps(last if last.element_size() > 2 else last.float())


_found: weakref.WeakKeyDictionary[Classifier, tuple[tuple[Call, ...], dict[str, Layer | str]]] = (
    weakref.WeakKeyDictionary()
)


def _known(clf: Classifier) -> dict[str, Layer | str]:
    """Each layer that runs, in order of its last answer; of one without feature maps, what it answers."""
    found = _calls(clf)
    known = _found.get(clf)
    if known is None or known[0] is not found:  # these are found anew where layers were exchanged
        known = _found[clf] = found, _described(clf, found)
    return known[1]


def _calls(clf: Classifier) -> tuple[Call, ...]:
    compiled = any(isinstance(part, torch.jit.ScriptModule) for part in clf.module.modules())
    try:
        if not compiled:
            return calls(clf)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a stranger's network raises when it is looked into
        raise NetworkError(_closed(clf)) from error
    raise NetworkError(_closed(clf))


def _closed(clf: Classifier) -> str:
    return f"{clf.title} cannot be looked into layer by layer, so its channels cannot be maximised."


def _described(clf: Classifier, found: tuple[Call, ...]) -> dict[str, Layer | str]:
    known: dict[str, Layer | str] = {}
    uses: dict[str, int] = {}
    for call, places in zip(found, token_maps.places(clf.module, found), strict=True):
        uses[call.name] = uses.get(call.name, 0) + 1
        known.pop(call.name, None)  # its last answer counts, also for the order
        if places is None:
            known[call.name] = str(call.shape)
        else:
            channels = call.shape[1] if places.layout == "maps" else call.shape[-1]
            known[call.name] = Layer(call.name, channels, places, uses[call.name])
    return known
