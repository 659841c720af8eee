"""Feature maps of transformers: which of a picture's tokens lies where, and which layer's tokens are the last ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vizcore.copies import private_copy
from vizcore.networks.answers import wrapped
from vizcore.networks.classifier import Classifier
from vizcore.networks.order import Call, probe, traced
from vizcore.seeds import generator

_MOST_AHEAD = 8  # tokens that may stand before those of the picture: of the class, of a teacher, registers


@dataclass(frozen=True)
class Places:
    """How a layer's answer to one picture lies on the grid (h,w) of its ``size``.

    ``layout`` is ``maps`` for (1,n,h,w), ``last`` for (1,h,w,n) as in Swin, ``tokens`` for (1,L,n) as in ViT, and
    ``sequence`` for (L,1,n), with L = ahead + h w: ``ahead`` tokens, such as the class token, have no place.
    """

    layout: Literal["maps", "last", "tokens", "sequence"]
    size: tuple[int, int]
    ahead: int = 0

    def maps(self, answer: Tensor) -> Tensor:
        """The answer, or its gradient, as feature maps (n,h,w)."""
        return self.all_maps(answer)[0]

    def all_maps(self, answer: Tensor) -> Tensor:
        """The answer to N pictures at once, as feature maps (N,n,h,w)."""
        if self.layout == "maps":
            return answer
        if self.layout == "last":
            return answer.permute(0, 3, 1, 2)  # (N,h,w,n) -> (N,n,h,w)
        tokens = answer if self.layout == "tokens" else answer.transpose(0, 1)  # (L,N,n) -> (N,L,n)
        return tokens[:, self.ahead :].transpose(1, 2).unflatten(2, self.size)  # (N,L,n) -> (N,n,h w) -> (N,n,h,w)


def places(network: nn.Module, calls: Sequence[Call]) -> list[Places | None]:
    """Where each call's answer has its places; None where it has none that are known.

    The grid of tokens is that of a convolution before them, such as the one that cuts the patches, or half of a grid
    that tokens had before, as after Swin's merging of patches.
    """
    layers = dict(network.named_modules())
    grids: list[tuple[int, int]] = []  # the latest one last
    patches: tuple[int, int] | None = None  # the grid of the latest convolution
    ends: set[tuple[int, ...]] = set()  # shapes of which it is known that the features come last
    found: list[Places | None] = []
    for call in calls:
        layer, shape = layers[call.name], call.shape
        place = None
        if isinstance(layer, nn.Conv2d) and len(shape) == 4:
            place = Places("maps", shape[2:])
            patches = place.size
            grids.append(patches)
            ends.discard(shape)
        elif len(shape) == 4 and shape[1:3] in grids and (_features_last(layer, shape) or shape in ends):
            place = Places("last", shape[1:3])
            if shape[1:3] != shape[2:]:  # else a block that answers (1,n,h,w) could not be told from one of (1,h,w,n)
                ends.add(shape)
        elif len(shape) == 4:
            place = Places("maps", shape[2:])
        elif len(shape) == 3 and 1 in shape[:2]:
            place = _of_tokens(shape, grids, patches)
        if place is not None and place.layout != "maps":
            grids += [tuple(math.ceil(side / 2) for side in place.size), place.size]  # type: ignore[list-item]
        found.append(place)
    return found


def token_layers(clf: Classifier, after: str) -> list[tuple[str, Places]]:
    """The layers whose tokens can be a map, in running order, the one with the last block's tokens at the end.

    Those are blocks, and the normalisations in them, that run after the layer ``after`` has answered, whose tokens lie
    on a grid and have a gradient there. It is the last block's own answer where its tokens are averaged, as in Swin.
    Where the class token alone goes on from there, as in ViT, the other tokens' gradient is zero: then it is the first
    normalisation of that block, from which attention reads them, or whatever comes last before it.
    """
    network = _stirred(private_copy(clf.network))
    layers = dict(wrapped(network).named_modules())
    sloped: dict[int, Tensor] = {}
    calls = traced(network, probe(clf), lambda number, slope: sloped.__setitem__(number, slope.detach()))
    begin = max((number for number, call in enumerate(calls) if call.name == after), default=-1)
    norms = {number for number, call in enumerate(calls) if _is_norm(layers[call.name])}
    known: dict[int, Places] = {}
    for number, place in enumerate(places(wrapped(network), calls)):
        layer, slope = layers[calls[number].name], sloped.get(number)
        able = place is not None and place.layout != "maps" and max(place.size) > 1
        if number > begin and able and slope is not None and (number in norms or _is_block(layer)):
            assert place is not None
            known[number] = place
    blocks = [number for number in known if number not in norms]
    # Blocks hold a normalisation, which their attention and their perceptron alone do not.
    blocks = [number for number in blocks if any(map(_is_norm, layers[calls[number].name].modules()))] or blocks
    if not blocks:
        return []
    # What only hands on a normalisation of the whole at the end is that normalisation, and not the last block.
    passing = {calls[number].same for number in norms}
    last = next((number for number in reversed(blocks) if calls[number].same not in passing), blocks[-1])
    found: dict[int, tuple[str, Places]] = {}  # once for each tensor, by the innermost block that answers it
    for number, place in known.items():
        if (
            number <= last
            and (number in norms or number in blocks)
            and bool(place.maps(sloped[number]).flatten(1).any(dim=0).sum() > 1)
        ):
            found.setdefault(calls[number].same, (calls[number].name, place))
    return list(found.values())


def has_blocks(clf: Classifier, calls: Sequence[Call], after: str) -> bool:
    """Whether blocks of tokens, wherever their places are, come after the layer ``after`` on the way to the logits."""
    layers = dict(clf.module.named_modules())
    begin = max((number for number, call in enumerate(calls) if call.name == after), default=-1)
    return any(
        call.depends and len(call.shape) == 3 and max(call.shape[:2]) > 1 and _is_block(layers[call.name])
        for call in calls[begin + 1 :]
    )


def _of_tokens(
    shape: tuple[int, ...], grids: Sequence[tuple[int, int]], patches: tuple[int, int] | None
) -> Places | None:
    layout: Literal["tokens", "sequence"] = "tokens" if shape[0] == 1 else "sequence"
    length = max(shape[:2])
    for grid in reversed(grids):
        if math.prod(grid) == length:
            return Places(layout, grid)
    if patches is not None and 0 < length - math.prod(patches) <= min(_MOST_AHEAD, math.prod(patches) - 1):
        return Places(layout, patches, length - math.prod(patches))
    return None


def _features_last(layer: nn.Module, shape: tuple[int, ...]) -> bool:
    if isinstance(layer, nn.Linear):
        return layer.out_features == shape[-1]
    sizes = getattr(layer, "normalized_shape", ())
    return tuple(sizes) == shape[-1:]


def _is_norm(layer: nn.Module) -> bool:
    return "norm" in type(layer).__name__.lower() and next(layer.children(), None) is None


def _is_block(layer: nn.Module) -> bool:
    """Whether it is made of parts, and more than a normalisation among them has weights."""
    weighty = [part for part in layer.modules() if next(part.parameters(recurse=False), None) is not None]
    return next(layer.children(), None) is not None and not all(map(_is_norm, weighty))


def _stirred(network: nn.Module) -> nn.Module:
    """The private copy with noise for all tensors of zeros: through a head of zeros no gradient can be seen."""
    for part, layer in enumerate(network.modules()):
        for number, (key, weights) in enumerate(list(layer.named_parameters(recurse=False))):
            if not bool(weights.any()):
                noise = torch.randn(weights.shape, generator=generator(part, number, 1)).to(weights)
                layer.register_parameter(key, nn.Parameter(0.1 * noise, requires_grad=False))
    return network
