"""A computation that several sessions may share, and where it stands among the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

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


@dataclass(frozen=True)
class Standing:
    """Where a job stands: ``place`` 1 is served next, or now, of ``of`` jobs; ``wait`` seconds until its next turn.

    ``left`` are the seconds until it is finished if all who wait now stay; None where nobody knows.
    """

    place: int
    of: int
    wait: float
    left: float | None
