"""A run: a long computation held as a paused generator, with its latest estimate, that any thread may carry on.

A page keeps a run across reruns of its script. The new script thread starts before the old one has left ``next()``, so
every step is taken under a lock; a run that nobody advances any more costs nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from vizcore.jobs import turns, worktime


class Estimate(Protocol):
    """What every technique yields: an estimate of the whole result after ``step`` of ``of`` units of work."""

    @property
    def step(self) -> int: ...
    @property
    def of(self) -> int: ...


E = TypeVar("E", bound=Estimate)


def _work() -> float:
    return time.thread_time() + worktime.credited()


class Run(Generic[E]):
    """One computation that can be advanced, left, resumed on another thread and cancelled.

    ``latest`` is the newest estimate or None; ``finished`` is true once the generator is exhausted; ``seconds`` counts
    only the time spent computing, not the pauses, and ``worked`` of it only what the computing thread, or in its place
    others side by side, had a core for.
    """

    def __init__(self, estimates: Iterator[E]) -> None:
        self._estimates = estimates
        self._lock = threading.Lock()
        self.latest: E | None = None
        self.finished = False
        self.cancelled = False
        self.seconds = 0.0
        self.worked = 0.0
        self._first: tuple[float, int] | None = None  # seconds worked and step of the first estimate

    def advance(self) -> E | None:
        """Take one step and return the new estimate; None if the run is over (finished or cancelled).

        An exception of the computation ends the run and is raised to the caller.
        """
        with self._lock:
            if self.finished or self.cancelled:
                return None
            begun, began_work = time.perf_counter() - turns.halted(), _work()
            try:
                estimate = next(self._estimates)
            except StopIteration:
                self.finished = True
                return None
            except BaseException:
                self.cancelled = True
                raise
            finally:
                self.seconds += time.perf_counter() - turns.halted() - begun
                self.worked += _work() - began_work
            self.latest = estimate
            if self._first is None:
                self._first = (self.worked, estimate.step)
            if estimate.step >= estimate.of:
                self.finished = True
                self._close()  # nothing is to come: give the generator's tensors back now
            return estimate

    def finish(self) -> E:
        """Advance to the end and return the last estimate. Raises RuntimeError if the run was cancelled before any."""
        while self.advance() is not None:
            pass
        if self.latest is None:
            raise RuntimeError("The run was cancelled before its first estimate; start a new one.")
        return self.latest

    def cancel(self) -> None:
        """Stop for good, keep the latest estimate and free what the generator holds (waits for a step in progress)."""
        with self._lock:
            self.cancelled = not self.finished
            self._close()

    def _close(self) -> None:
        close = getattr(self._estimates, "close", None)
        if close is not None:
            close()

    @property
    def share(self) -> float:
        """The share of the work done, in [0, 1]."""
        if self.finished:
            return 1.0
        return 0.0 if self.latest is None else self.latest.step / max(1, self.latest.of)

    @property
    def pace(self) -> float | None:
        """Seconds per unit of work after the first estimate, which sets everything up; None if that was no time.

        What others took of the machine meanwhile does not count: it says nothing about the next time.
        """
        if self._first is None or self.latest is None:
            return None
        seconds, steps = self.worked - self._first[0], self.latest.step - self._first[1]
        return seconds / steps if seconds > 0.2 and steps > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Computing time still needed at the pace so far; None before the first estimate."""
        return None if self.share == 0.0 else self.seconds * (1.0 - self.share) / self.share
