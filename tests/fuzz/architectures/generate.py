"""Number k to the description of a network: always the same, until a block or a choice is added."""

from __future__ import annotations

import random

from tests.fuzz.architectures import heads, network
from tests.fuzz.architectures.description import Block, Description
from tests.fuzz.architectures.kinds import KINDS

SIDES = (8, 9, 11, 12, 14, 16, 16, 17, 20, 24)
DEEPEST = 2  # blocks inside blocks inside blocks


def describe(number: int) -> Description:
    """The network with this number, and what is asked about it."""
    rng = random.Random(f"architecture {number}")
    height = rng.choice(SIDES)
    width = height if rng.random() < 0.7 else rng.choice(SIDES)
    classes = 1 if rng.random() < 0.02 else rng.choice((2, 3, 3, 4, 5, 6))
    return Description(
        channels=rng.choice((1, 2, 3, 3, 3, 4)),
        size=(height, width),
        classes=classes,
        body=_body(rng),
        head=_drawn(rng, "head", DEEPEST),
        answer="logits" if rng.random() < 0.85 else rng.choice(list(heads.ANSWERS)),
        dtype="float32" if rng.random() < 0.96 else rng.choice(("float64", "bfloat16", "float16", network.INFERENCE)),
        head_first=rng.random() < 0.2,
        picture=rng.choice(("noise", "smooth", "object")),
        batch=rng.choice((1, 2, 3, 4, 7)),
        window=rng.choice((4, 4, 8)),
        stride=rng.choice((2, 3, 4, 5)),
        fill=rng.choice(("grey", "mean", "black")),
        output=rng.choice(("logit", "logit", "probability")),
        target=rng.randrange(classes),
        seed=rng.randrange(10**6),
    )


def _body(rng: random.Random) -> tuple[Block, ...]:
    """Mostly ordinary layers, a convolution among the first, and at most one thing that has gone wrong before."""
    blocks = _layers(rng, rng.choice((1, 2, 3, 4, 5, 6, 8)), 0)
    if rng.random() < 0.85:
        blocks.insert(0, _drawn(rng, "layer", 0, "conv"))
    chance = rng.random()
    if chance < 0.08:
        blocks.insert(0, _drawn(rng, "layer", 0, "overwrite"))
    elif chance < 0.45:
        group = "habit" if chance < 0.36 else "batch" if chance < 0.42 else "random"
        blocks.insert(rng.randrange(len(blocks) + 1), _drawn(rng, group, 1))
    return tuple(blocks)


def _layers(rng: random.Random, count: int, depth: int) -> list[Block]:
    blocks: list[Block] = []
    for _ in range(count):
        group = "composite" if depth < DEEPEST and rng.random() < 0.2 else "layer"
        blocks.append(_drawn(rng, group, depth))
        if blocks[-1].kind == "conv" and rng.random() < 0.5:
            blocks += [_drawn(rng, "layer", depth, kind) for kind in ("norm", "activation")[rng.randrange(2) :]]
    return blocks


def _drawn(rng: random.Random, group: str, depth: int, name: str | None = None) -> Block:
    """A block of the group, of kind ``name`` where that is given."""
    names = [key for key, kind in KINDS.items() if kind.group == group]
    name = name or rng.choices(names, [KINDS[key].often for key in names])[0]
    kind = KINDS[name]
    options = {option: rng.choice(values) for option, values in kind.choices.items()}
    parts = tuple(tuple(_layers(rng, rng.choice((1, 2, 3)), depth + 1)) for _ in range(kind.parts))
    return Block(name, options, parts, rng.randrange(10**6))


def simplest(group: str, name: str) -> Block:
    """A block of this kind with the first of all choices, without anything inside."""
    kind = KINDS[name]
    assert kind.group == group
    return Block(name, {option: values[0] for option, values in kind.choices.items()}, ((),) * kind.parts)
