"""A network as plain data: a tree of blocks that can be printed, compared, and made smaller while it still fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Block:
    """One layer or group of layers: its kind, its options (plain values), and the sequences of blocks inside it.

    ``seed`` is that of its weights, so that a block keeps them when others around it are taken away.
    """

    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    parts: tuple[tuple[Block, ...], ...] = ()
    seed: int = 0

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The block as text, its parts indented below it."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        found = [f"{self.kind}({given}) #{self.seed}"]
        for part in self.parts:
            found.append("  -")
            found += [f"    {line}" for block in part for line in block.lines()]
        return found

    def walk(self) -> Iterator[Block]:
        """This block and all inside it."""
        yield self
        for part in self.parts:
            for block in part:
                yield from block.walk()


@dataclass(frozen=True)
class Description:
    """A classifier and what is asked about it, as plain data.

    ``body`` maps pictures (N, ``channels``, *``size``) to feature maps, ``head`` these to ``classes`` logits, and
    ``answer`` is the form in which the network hands them over. ``dtype`` is that of its weights, and ``head_first``
    tells whether the module names its head before its body. ``picture`` is the kind of picture that is explained,
    ``batch`` the number of pictures that the engine takes at a time, and ``window``, ``stride``, ``fill`` and
    ``output`` are what occlusion, LIME and the gradients are asked with.
    """

    channels: int
    size: tuple[int, int]
    classes: int
    body: tuple[Block, ...]
    head: Block
    answer: str = "logits"
    dtype: str = "float32"
    head_first: bool = False
    picture: str = "noise"
    batch: int = 4
    window: int = 4
    stride: int = 4
    fill: str = "grey"
    output: str = "logit"
    target: int = 0
    seed: int = 0

    def __str__(self) -> str:
        height, width = self.size
        order = ", head first" if self.head_first else ""
        top = [f"pictures {self.channels} x {height} x {width} ({self.picture} #{self.seed}), {self.dtype}{order}"]
        asked = f"class {self.target}, {self.output}, batches of {self.batch}, windows of {self.window} every "
        asked += f"{self.stride} px, fill {self.fill}"
        blocks = [line for block in self.body for line in block.lines()]
        return "\n".join([*top, *blocks, *self.head.lines(), f"{self.classes} classes as {self.answer}; {asked}"])

    def walk(self) -> Iterator[Block]:
        """All blocks, the head included."""
        for block in (*self.body, self.head):
            yield from block.walk()
