"""A description to the module that it describes."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tests.fuzz.architectures import composites, functions, habits, heads, layers, tokens, unsteady
from tests.fuzz.architectures.description import Block, Description
from tests.fuzz.architectures.kinds import KINDS, Function, Shape, settle
from tests.fuzz.architectures.oracle import plain_logits

ROOMS = (
    layers,
    functions,
    tokens,
    composites,
    habits,
    unsteady,
    heads,
)  # which enter their kinds when they are imported
WIDEST = 24  # channels
INFERENCE = "float32, made in inference mode"


def build(description: Description) -> nn.Module:
    """The network, in eval mode, always with the same weights."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        body, shape = _sequence(description.body, (description.channels, *description.size))
        head = _block(description.head, shape, classes=description.classes)
        network = heads.Network(body, head, shape[0], description.answer, description.head_first).eval()
        _mend(network, torch.rand(1, description.channels, *description.size))
        if description.dtype == INFERENCE:
            with torch.inference_mode(), contextlib.suppress(TypeError):  # some hold what cannot be copied
                return copy.deepcopy(network)
        return network if description.dtype == INFERENCE else network.to(getattr(torch, description.dtype))


def _mend(network: nn.Module, picture: Tensor) -> None:
    """Take out what plain torch itself does not do.

    A ``view`` of values that do not lie as it needs them becomes a reshape, and where an operation overwrites what the
    backward pass needs, none does.
    """
    try:
        network(picture.clone())
    except RuntimeError:
        for layer in network.modules():
            if getattr(layer, "how", "") == "view":
                layer.how = "reshape"  # type: ignore[assignment]
    with torch.enable_grad():
        picture = 1 * picture.requires_grad_()
        try:
            plain_logits(network(picture)).sum().backward()
        except RuntimeError as error:
            if "inplace" in str(error):
                for layer in network.modules():
                    if hasattr(layer, "inplace"):
                        layer.inplace = False  # type: ignore[assignment]
    for parameter in network.parameters():
        parameter.grad = None
    network(picture.detach().clone())  # what it keeps on itself shall not need a gradient


def excuses(description: Description) -> list[str]:
    """Why the engine may refuse the network with a sentence; none for most."""
    found = [KINDS[block.kind].excuse for block in description.walk()]
    found.append(heads.ANSWERS[description.answer])
    if description.classes == 1:
        found.append("it has a single output")
    if description.dtype != "float32":
        found.append(f"its weights are {description.dtype}")
    return [reason for reason in found if reason]


def _sequence(blocks: Sequence[Block], shape: Shape) -> tuple[nn.Module, Shape]:
    made: list[nn.Module] = []
    for block in blocks:
        made.append(_block(block, shape))
        shape = _after(made[-1], shape)
        if shape[0] > WIDEST:  # joining and repeating would double it without end
            made.append(Function(f"[:, :{WIDEST}]", lambda x: x[:, :WIDEST]))
            shape = (WIDEST, *shape[1:])
    return nn.Sequential(*made), shape


def _block(block: Block, shape: Shape, **more: int) -> nn.Module:
    parts = [_sequence(part, shape)[0] for part in block.parts]
    torch.manual_seed(block.seed)
    module = KINDS[block.kind].make(shape, parts, **more, **block.options)
    settle(module, block.seed, parts)
    return module.eval()


def _after(module: nn.Module, shape: Shape) -> Shape:
    picture = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    _, channels, height, width = module(picture).shape
    return channels, height, width
