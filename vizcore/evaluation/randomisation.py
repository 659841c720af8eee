"""A network without what it has learned: a twin whose layers, from the output down, hold random weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vizcore.copies import private_copy
from vizcore.networks.classifier import Classifier
from vizcore.networks.layers import network_input
from vizcore.seeds import generator


@dataclass(frozen=True)
class Layer:
    """One layer with weights, and what scales or normalises its answer: the unit that is randomised at once.

    ``name`` is that of the module with the weights, ``parameters`` are the full names of all tensors that go with it,
    ``norms`` the names of the batch normalisations among them.
    """

    name: str
    parameters: tuple[str, ...]
    norms: tuple[str, ...]


def layers_from_the_top(clf: Classifier) -> list[Layer]:
    """The layers with weights in the order in which the cascade reaches them: the last to answer comes first.

    Found by one forward pass of a private copy, so that the order is that of the computation and not that in which an
    architecture declares its parts. Normalisations and single scales (ConvNeXt's) go with the layer before them, whose
    answer they scale. A part that is never called itself goes with the layer that holds it and may use its weights, as
    in attention; where none does, it is left out.
    """
    layers: list[Layer] = []
    begun = False  # with a layer that has weights; a normalisation of the input goes with the first one
    for name, module, own in _called(clf):
        norms = (name,) if isinstance(module, _BatchNorm) else ()
        heavy = any(_is_matrix(p) for p in module.parameters(recurse=False))
        if not layers or (heavy and begun):
            layers.append(Layer(name, own, norms))
        else:
            before = layers.pop()
            layers.append(Layer(name if heavy else before.name, before.parameters + own, before.norms + norms))
        begun = begun or heavy
    return layers[::-1]


def draw(clf: Classifier, layers: list[Layer], seed: int, network: int = 0) -> dict[str, Tensor]:
    """Random values for every tensor of the layers: w' ~ N(0, mean w^2), element by element, by the tensor's name.

    Offsets and scales, which have one value for each channel, are drawn around their own mean: b' ~ N(mean b, var b).
    The k-th layer's values depend on (seed, network, k) alone; ``network`` counts further ones of the same seed.
    Keeping each tensor's size, and nothing else, keeps the answers of deep networks in a range where maps are more
    than rounding errors, which the usual first weights do not.
    """
    found: dict[str, Tensor] = {}
    for k, layer in enumerate(layers):
        chance = generator(seed, network, k + 1)
        for name in layer.parameters:
            trained = clf.module.get_parameter(name).detach()
            noise = torch.randn(trained.shape, generator=chance).to(trained)
            if _is_matrix(trained):
                fresh = trained.square().mean().sqrt() * noise
            else:
                fresh = trained.mean() + trained.std(correction=0) * noise
            found[name] = fresh.contiguous(memory_format=torch.channels_last) if fresh.dim() == 4 else fresh
    return found


def randomised(clf: Classifier, layers: list[Layer], drawn: dict[str, Tensor], image: Tensor) -> Classifier:
    """A twin of the classifier in which ``layers`` hold the tensors of ``drawn``; all others are shared, not copied.

    The twin is a classifier of its own, with its own checksum; the given one is not touched. A batch normalisation
    among the layers would divide by the spread of answers that no longer come: its running mean and variance are taken
    anew, by one pass with ``image`` (C,H,W) and its three mirror images.
    """
    network = private_copy(clf.module)
    names = {name for layer in layers for name in layer.parameters}
    for prefix, module in network.named_modules():
        for key, trained in module.named_parameters(recurse=False):
            name = f"{prefix}.{key}" if prefix else key
            values = drawn[name] if name in names else trained.detach()
            module.register_parameter(key, nn.Parameter(values, requires_grad=False))  # the shared object stays as is
    _normalise_anew(clf, network, {name for layer in layers for name in layer.norms}, image)
    return clf.twin(network)


def _called(clf: Classifier) -> list[tuple[str, nn.Module, tuple[str, ...]]]:
    """(name, module, full names of its tensors) of all modules with tensors, in the order of their answers.

    A module's tensors include those of its parts that were never called.
    """
    network = private_copy(clf.module)
    holding = {name: m for name, m in network.named_modules() if next(m.parameters(recurse=False), None) is not None}
    parts: dict[str, list[str]] = {}
    for name, module in holding.items():

        def note(module: nn.Module, inputs: object, answer: object, name: str = name) -> None:
            parts.setdefault(name, [name])

        module.register_forward_hook(note)
    with torch.no_grad():
        network(network_input(clf, torch.zeros(1, *clf.input_shape)))
    called = list(parts)
    for name in holding.keys() - parts.keys():
        holders = [holder for holder in called if not holder or name.startswith(f"{holder}.")]
        if holders:
            parts[max(holders, key=len)].append(name)

    def tensors(part: str) -> list[str]:
        return [f"{part}.{key}" if part else key for key, _ in holding[part].named_parameters(recurse=False)]

    return [
        (name, holding[name], tuple(key for part in sorted(parts[name]) for key in tensors(part))) for name in called
    ]


def _is_matrix(tensor: Tensor) -> bool:
    """Whether it mixes channels or places; else it holds one value for each channel, in whatever shape."""
    return tensor.numel() > max(tensor.shape, default=1)


def _normalise_anew(clf: Classifier, network: nn.Module, names: set[str], image: Tensor) -> None:
    norms = [m for name, m in network.named_modules() if name in names and isinstance(m, _BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats and norm.running_mean is not None]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        for key, shared in norm.named_buffers(recurse=False):
            setattr(norm, key, shared.clone())
        norm.momentum = 1.0  # the running values become those of this pass
        norm.train()
    mirrored = torch.stack([image.flip(dims) for dims in ((), (2,), (1,), (1, 2))])  # (C,H,W) -> (4,C,H,W)
    with torch.no_grad():
        network(network_input(clf, mirrored))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
