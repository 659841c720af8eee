"""One queue for heavy work: a few workers give every waiting session its turn, a slice of computing at a time.

Turns go to the session that has had least so far, where a newcomer begins level with those being served: start-time
fair queueing (Goyal, Vin, Cheng 1996, section 2), with slices of computing in place of packets. So a short request is
answered between the slices of long ones, and nobody gains by asking again and again. Two deviations: what a computation
costs is charged after it was served, since nobody knows it before, and those who share a computation share its cost.

Nothing here computes for nobody: a job without watchers rests after the step in progress, at most ``most`` jobs hold
their intermediate tensors at once, and what rests longest is given up first when another wants to begin.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from vizcore.jobs.job import Job, Session, Standing
from vizcore.jobs.run import Estimate

E = TypeVar("E", bound=Estimate)


class Queue:
    """``places`` workers that advance jobs in slices of about ``turn`` seconds, and at most ``most`` jobs begun.

    ``idle`` is called once whenever a worker has had nothing to do for ``patience`` seconds.
    """

    def __init__(
        self,
        places: int = 1,
        most: int = 16,
        turn: float = 0.25,
        idle: Callable[[], object] = lambda: None,
        patience: float = 5.0,
    ) -> None:
        for name, value in (("places", places), ("most", most)):
            if value < 1:
                raise ValueError(f"{name} is {value}; accepted: 1 or more.")
        self.places, self.most, self.turn = places, most, turn
        self._idle, self._patience = idle, patience
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._jobs: weakref.WeakValueDictionary[Hashable, Job[Any]] = weakref.WeakValueDictionary()
        self._watched: dict[Job[Any], None] = {}
        self._workers: list[threading.Thread] = []
        self._clock = 0.0  # the rank served last: where newcomers begin
        self._slice = turn  # how long turns have taken: a step may be longer
        self._count = 0

    def job(
        self,
        key: Hashable,
        start: Callable[[], Iterator[E]],
        keep: Callable[[E], object] | None = None,
        expected: float | None = None,
    ) -> Job[E]:
        """The computation called ``key``: the one that others have asked for, or a new one from ``start``.

        ``start`` is called here and now, but what it returns is iterated on a worker's thread, where ``keep`` is
        called with the result before anybody hears of it. It is computed only while somebody is :meth:`watching`.
        """
        with self._lock:
            found: Job[E] | None = self._alive(key)
        if found is not None:
            return found
        estimates = start()
        with self._lock:
            found = self._alive(key)  # another thread may have been faster
            if found is None:
                self._count += 1
                found = self._jobs[key] = Job(estimates, self._lock, self._count)
                found.keep, found.expected = keep, expected
            return found

    def _alive(self, key: Hashable) -> Job[Any] | None:
        job = self._jobs.get(key)
        return None if job is None or job.error is not None or job.run.cancelled else job

    @contextmanager
    def watching(self, session: Session, job: Job[Any]) -> Iterator[None]:
        """Have the job computed as long as the block lasts; leaving it gives the place back within a step."""
        with self._lock:
            session.used = max(session.used, self._clock)
            job.watchers.append(session)
            self._watched[job] = None
            self._hire()
            self._work.notify()
        try:
            yield
        finally:
            with self._lock:
                job.watchers.remove(session)
                if not job.watchers:
                    del self._watched[job]
                    job.rested = time.monotonic()

    def wait(self, job: Job[Any], timeout: float) -> None:
        """Return at the job's first estimate, when it is over, or after ``timeout`` seconds."""
        with self._lock:
            first = job.run.latest is None
            job.news.wait_for(lambda: job.over or (first and job.run.latest is not None), timeout)

    def standing(self, job: Job[Any]) -> Standing | None:
        """Where a job stands; None where nobody watches it, so that it has no place."""
        with self._lock:
            if job not in self._watched:
                return None
            order = sorted(self._watched, key=lambda one: (not one.running, one.rank, one.number))
            place = order.index(job)
            wait = place // self.places * self._slice
            open_ = [one for one in order if one.begun and not one.over]
            if not job.begun and len(open_) >= self.most:
                wait += len(open_) * min(one.left or self._slice for one in open_) / self.places
            own = job.left
            if own is None:
                return Standing(place + 1, len(order), wait, None)
            # Until it is finished, no other job takes more than it does itself: turns are equal.
            work = sum(min(own, own if one.left is None else one.left) for one in order)
            return Standing(place + 1, len(order), wait, max(own, work / self.places))

    def watched(self, key: Hashable) -> bool:
        """Whether somebody is having ``key`` computed just now."""
        with self._lock:
            job = self._jobs.get(key)
            return job is not None and bool(job.watchers)

    def counts(self) -> dict[str, int]:
        """How many jobs are being computed, how many wait for their turn, and how many rest half-done."""
        with self._lock:
            running = sum(job.running for job in self._watched)
            resting = sum(job.begun and not job.over and not job.watchers for job in self._jobs.values())
            return {"running": running, "waiting": len(self._watched) - running, "resting": resting}

    def _hire(self) -> None:
        while len(self._workers) < self.places:
            name = f"vizcore.jobs.queue.{len(self._workers)}"
            self._workers.append(threading.Thread(target=self._serve, name=name, daemon=True))
            self._workers[-1].start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._work.wait_for(lambda: self._next() is not None, self._patience):
                    self._idle()
                self._work.wait_for(lambda: self._next() is not None)
                job = self._next()
                assert job is not None
                payers = list(job.watchers)
                self._clock = max(self._clock, job.rank)
                job.begun = job.running = True
            before = job.run.seconds
            self._advance(job)
            with self._lock:
                job.running = False
                spent = job.run.seconds - before
                self._slice += 0.2 * (spent - self._slice)
                payers = list(job.watchers) or payers
                for session in payers:
                    session.used += spent / len(payers)
                if job.over:
                    job.news.notify_all()
                self._work.notify()
            del job, payers  # a worker that waits keeps nothing alive

    def _advance(self, job: Job[Any]) -> None:
        """One turn of a job: steps until the time is up, the job is over, or nobody watches it any more."""
        end = time.monotonic() + self.turn
        try:
            while True:
                known = job.run.latest is not None
                if job.run.advance() is None or job.run.finished:
                    if job.keep is not None and job.run.finished and job.run.latest is not None:
                        job.keep(job.run.latest)
                    job.over = True
                    return
                if not known:
                    with self._lock:
                        job.news.notify_all()
                if time.monotonic() >= end or not job.watchers:
                    return
        except Exception as error:
            job.error, job.over = error, True

    def _next(self) -> Job[Any] | None:
        """The job to be served next, or None; gives up the longest resting one where a new one finds no room."""
        ready = [job for job in self._watched if not job.running and not job.over]
        if not ready:
            return None
        best = min(ready, key=lambda job: (job.rank, job.number))
        open_ = [job for job in self._jobs.values() if job.begun and not job.over]
        if best.begun or len(open_) < self.most:
            return best
        resting = [job for job in open_ if not job.watchers and not job.running]
        if resting:
            oldest = min(resting, key=lambda job: job.rested)
            oldest.run.cancel()  # before ``over``: who looks from outside must not take it for finished
            oldest.over = True
            return best
        return min((job for job in ready if job.begun), key=lambda job: (job.rank, job.number), default=None)
