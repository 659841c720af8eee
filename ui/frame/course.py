"""Where a session is in a lesson, and what it has answered there: it is kept in the session alone."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from vizcore.lessons import dealing
from vizcore.lessons.answers import Score

PAGE = "learn"
_KEY = "vizcore.course"


@dataclass(frozen=True, eq=False)
class Answered:
    """A guess, how good it was, and how many hints were asked for before."""

    guess: Any
    score: Score
    hints: int = 0

    @property
    def points(self) -> float:
        """In [0,1]: each hint has cost a quarter."""
        return self.score.points * max(0.0, 1 - self.hints / 4)


@dataclass
class Course:
    """The open lesson (none: ""), its step from 1 on, and how many it has (0: not read yet); one more is its end."""

    lesson: str = ""
    step: int = 1
    of: int = 0
    deal: int = field(default_factory=lambda: secrets.randbelow(dealing.DEALS))  # in what order networks have letters
    dealt: bool = False  # whether the open lesson has any
    answers: dict[tuple[str, int], Answered] = field(default_factory=dict)
    hints: dict[tuple[str, int], int] = field(default_factory=dict)  # asked for
    shown: set[tuple[str, int]] = field(default_factory=set)  # revealed before a hall, without an answer
    counted: set[tuple[str, int]] = field(default_factory=set)  # steps whose tally a hall has been shown
    lecturing: bool = False  # whether a room follows what this session shows
    hall: str = ""  # the code of the room that this session follows itself

    @property
    def place(self) -> tuple[str, int]:
        """What answers are kept under."""
        return self.lesson, self.step

    @property
    def revealed(self) -> bool:
        """Whether the truth of this step may be seen."""
        return self.place in self.shown or (self.place in self.answers and not self.lecturing)

    @property
    def waiting(self) -> bool:
        """Whether this is a step whose truth has not been shown yet."""
        return bool(self.lesson) and (self.step <= self.of or not self.of) and not self.revealed


def course() -> Course:
    """This session's."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Course()
    found: Course = st.session_state[_KEY]
    return found


def go(lesson: str, step: int = 1) -> None:
    """Open a step of a lesson, or with "" the list of them."""
    now = course()
    if lesson != now.lesson:
        now.of = 0  # until the lesson has been read
    now.lesson, now.step = lesson, step


def restart(lesson: str) -> None:
    """Forget what was answered in a lesson, and begin it."""
    now = course()
    for kept in (now.answers, now.hints):
        for place in [one for one in kept if one[0] == lesson]:
            del kept[place]
    now.shown = {one for one in now.shown if one[0] != lesson}
    now.deal = secrets.randbelow(dealing.DEALS)
    go(lesson)


def take(query: Mapping[str, str]) -> None:
    """Go where an address says; that there is such a lesson and step is for the page to see."""
    course().hall = query.get("hall", "")[:20]
    step = query.get("step", "")
    lesson, deal, now = query.get("lesson", ""), query.get("deal", ""), course()
    if deal.isascii() and deal.isdigit() and len(deal) < 5 and int(deal) != now.deal:
        restart(lesson)  # what was answered about A and B holds for another order
        now.deal = int(deal)
    go(lesson, int(step) if step.isascii() and step.isdigit() and 0 < len(step) < 4 else 1)


def address() -> dict[str, str]:
    """What the address says of it."""
    now = course()
    if now.hall:
        return {"hall": now.hall}
    if not now.lesson:
        return {}
    return {"lesson": now.lesson, "step": str(now.step)} | ({"deal": str(now.deal)} if now.dealt else {})


def move(by: int) -> bool:
    """A presentation's step on or back: a truth is shown before the next step is. False where the page has no more.

    Where a hall answers, its tally is shown before the truth.
    """
    now = course()
    if not now.lesson:
        return False
    if by > 0 and now.waiting:
        (now.counted if now.lecturing and now.place not in now.counted else now.shown).add(now.place)
    elif by > 0 and now.step <= now.of:
        now.step += 1
    elif by < 0 and now.place in now.shown:
        now.shown.discard(now.place)
    elif by < 0 and now.lecturing and now.place in now.counted:
        now.counted.discard(now.place)
    elif by < 0 and now.step > 1:
        now.step -= 1
    else:
        return False
    return True
