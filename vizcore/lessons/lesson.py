"""A lesson: steps that each ask something about what a link shows, and the true answer is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vizcore.lessons.answers import Answer
from vizcore.lessons.links import Link

LANGUAGES = ("en", "cs")  # a lesson has each of its texts in each of them

Words = Mapping[str, str]  # one text by language


@dataclass(frozen=True)
class Question:
    """What is asked, how it is answered, and which quantity, with which arguments, is the true answer."""

    text: Words
    answer: Answer
    quantity: str
    arguments: Mapping[str, object]


@dataclass(frozen=True)
class Step:
    """One question about what ``link`` shows, and what is said to a right, a near and a wrong answer, and to all.

    ``said`` holds a text for each outcome that the kind of answer knows; in these and in ``why`` stand ``{names}`` of
    numbers that are computed with the truth. ``hints`` may be asked for one after the other. ``line`` is the line of
    the file in which the step begins, ``lines`` are those of its texts and of its truth.
    """

    link: Link
    question: Question
    said: Mapping[str, Words]
    why: Words
    hints: tuple[Words, ...]
    line: int
    lines: Mapping[str, int]


@dataclass(frozen=True)
class Lesson:
    """``id`` is the file's name without its suffix, ``place`` the lesson's in the list, ``minutes`` what it takes.

    ``deal`` holds two networks, called A and B in an order that is drawn for each visitor, or none.
    """

    id: str
    title: Words
    about: Words
    minutes: int
    place: int
    steps: tuple[Step, ...]
    deal: tuple[str, ...] = ()
