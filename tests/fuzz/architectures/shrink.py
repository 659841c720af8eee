"""A failing network made smaller, as long as it fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.fuzz.architectures.case import case_of
from tests.fuzz.architectures.compare import Verdict, examine
from tests.fuzz.architectures.description import Block, Description
from tests.fuzz.architectures.generate import simplest
from tests.fuzz.architectures.kinds import KINDS

TRIES = 400  # networks at most

Blocks = tuple[Block, ...]
# Whatever is not of the body, its simplest value first.
PLAIN: dict[str, tuple[Any, ...]] = {
    "answer": ("logits",),
    "dtype": ("float32",),
    "head_first": (False,),
    "size": ((8, 8), (12, 12), (16, 16)),
    "channels": (1, 3),
    "classes": (2,),
    "target": (0,),
    "output": ("logit",),
    "picture": ("noise", "smooth"),
    "fill": ("grey",),
    "window": (4,),
    "stride": (4,),
    "batch": (1, 2),
}


def shrink(description: Description, technique: str, verdict: Verdict) -> Description:
    """The smallest network found on which the technique has a verdict of the same sort."""

    def fails(candidate: Description) -> bool:
        try:
            found = examine(case_of(candidate), [technique]).get(technique)
        except Exception:  # such a network cannot be made
            return False
        return found is not None and found.sort == verdict.sort

    return smallest(description, fails)


def smallest(description: Description, fails: Callable[[Description], bool]) -> Description:
    """The description after all changes of :func:`smaller` under which it still fails, taken one after the other."""
    tries, progress = 0, True
    while progress and tries < TRIES:
        progress = False
        for candidate in smaller(description):
            tries += 1
            if fails(candidate):
                description, progress = candidate, True
                break
            if tries >= TRIES:
                break
    return description


def smaller(description: Description) -> Iterator[Description]:
    """Descriptions with one thing less, what takes away most first."""
    body = description.body
    if len(body) > 3:
        half = len(body) // 2
        yield replace(description, body=body[half:])
        yield replace(description, body=body[:half])
    for blocks in _less(body):
        yield replace(description, body=blocks)
    plain = simplest("head", "vector")
    if description.head.kind != plain.kind:
        yield replace(description, head=plain)
    for (head,) in (blocks for blocks in _simpler((description.head,)) if len(blocks) == 1):
        yield replace(description, head=head)
    for name, values in PLAIN.items():
        now = getattr(description, name)
        for value in values:
            if value == now:
                break
            if name != "classes" or description.classes > 2:
                changes: dict[str, Any] = {"target": 0, name: value} if name == "classes" else {name: value}
                yield replace(description, **changes)
    for blocks in _simpler(body):
        yield replace(description, body=blocks)


def _less(blocks: Blocks) -> Iterator[Blocks]:
    """The blocks without one of them, with what is inside one in its place, or with less inside one."""
    for at, block in enumerate(blocks):
        before, after = blocks[:at], blocks[at + 1 :]
        yield before + after
        for part in block.parts:
            if part:
                yield before + part + after
        for which, part in enumerate(block.parts):
            for less in _less(part):
                parts = (*block.parts[:which], less, *block.parts[which + 1 :])
                yield (*before, replace(block, parts=parts), *after)


def _simpler(blocks: Blocks) -> Iterator[Blocks]:
    """The blocks with one option of one of them at its simplest."""
    for at, block in enumerate(blocks):
        before, after = blocks[:at], blocks[at + 1 :]
        for option, value in block.options.items():
            first = KINDS[block.kind].choices[option][0]
            if value != first:
                yield (*before, replace(block, options={**block.options, option: first}), *after)
        for which, part in enumerate(block.parts):
            for simpler in _simpler(part):
                parts = (*block.parts[:which], simpler, *block.parts[which + 1 :])
                yield (*before, replace(block, parts=parts), *after)
