"""Networks under letters: which of them is A and which is B is drawn for each visitor, and a link can repeat it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from vizcore.lessons.lesson import Lesson, Step

LETTERS = "AB"
DEALS = 10_000  # a deal is a number from 0 to one less


def turned(deal: int) -> bool:
    """Whether a deal turns the order around, as about half of them do: its number does not show it."""
    return hashlib.sha256(f"deal {deal}".encode()).digest()[0] % 2 == 1


BOTH = tuple(next(deal for deal in range(DEALS) if turned(deal) is way) for way in (False, True))


def order(networks: tuple[str, ...], deal: int) -> dict[str, str]:
    """The networks by letter."""
    return dict(zip(LETTERS, reversed(networks) if turned(deal) else networks, strict=True))


def dealt(lesson: Lesson, deal: int) -> Lesson:
    """The lesson with the networks in place of their letters in what its truths are computed from.

    A lesson that deals none is returned as it is.
    """
    if not lesson.deal:
        return lesson
    named = order(lesson.deal, deal)
    return replace(lesson, steps=tuple(_named(step, named) for step in lesson.steps))


def _named(step: Step, named: Mapping[str, str]) -> Step:
    arguments = {
        name: [named.get(one, one) for one in value] if isinstance(value, list) and name == "networks" else value
        for name, value in step.question.arguments.items()
    }
    return replace(step, question=replace(step.question, arguments=arguments))
