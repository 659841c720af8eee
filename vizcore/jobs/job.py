"""A computation that several sessions may share, and where it stands among the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vizcore.jobs.run import Estimate, Run

E = TypeVar("E", bound=Estimate)


class Session:
    """Somebody who asks for computations; ``used`` is the computing that was done for them, in seconds."""

    def __init__(self) -> None:
        self.used = 0.0


class Job(Generic[E]):
    """One computation, shared by all who asked for its key; kept alive by them and by nobody else.

    ``expected`` is its computing time in seconds where somebody knows it; ``error`` what ended it, if anything did.
    """

    def __init__(self, estimates: Iterator[E], lock: threading.Lock, number: int) -> None:
        self.run: Run[E] = Run(estimates)
        self.expected: float | None = None
        self.error: Exception | None = None
        self.over = False
        self.news = threading.Condition(lock)  # of the first estimate and of the end
        self.watchers: list[Session] = []
        self.begun = self.running = False
        self.halted = False  # within a step
        self.rested = 0.0  # since when
        self.number = number
        self.keep: Callable[[E], object] | None = None

    @property
    def rank(self) -> float:
        """What the watcher who had least has had."""
        return min(session.used for session in self.watchers)

    @property
    def left(self) -> float | None:
        """Computing time still needed, in seconds, as far as it can be known."""
        return self.run.seconds_left if self.run.latest is not None else self.expected


@dataclass
class Turn:
    """Since when a job has had its place, until when, at whose cost, and the computing paid for before."""

    begun: float
    end: float
    payers: list[Session]
    seconds: float

    def renew(self, other: Turn, paid: float) -> None:
        """Go on with the place that ``other`` has taken, after so many seconds were ``paid`` for within a step."""
        self.begun, self.end, self.payers = other.begun, other.end, other.payers
        self.seconds += paid


@dataclass(frozen=True)
class Standing:
    """Where a job stands: ``place`` 1 is served next, or now, of ``of`` jobs; ``wait`` seconds until its next turn.

    ``left`` are the seconds until it is finished if all who wait now stay; None where nobody knows.
    """

    place: int
    of: int
    wait: float
    left: float | None


def standing(job: Job[Any], watched: Iterable[Job[Any]], places: int, most: int, turn: float) -> Standing:
    """Where ``job`` stands among those that are watched, where turns take about ``turn`` seconds."""
    order = sorted(watched, key=lambda one: (not one.running, one.rank, one.number))
    place = order.index(job)
    wait = place // places * turn
    open_ = [one for one in order if one.begun and not one.over]
    if not job.begun and len(open_) >= most:
        wait += len(open_) * min(one.left or turn for one in open_) / places
    own = job.left
    if own is None:
        return Standing(place + 1, len(order), wait, None)
    # Until it is finished, no other job takes more than it does itself: turns are equal.
    work = sum(min(own, own if one.left is None else one.left) for one in order)
    return Standing(place + 1, len(order), wait, max(own, work / places))
