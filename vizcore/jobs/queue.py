"""One queue for heavy work: a few workers give every waiting session its turn, a slice of computing at a time.

Turns go to the session that has had least so far, where a newcomer begins level with those being served: start-time
fair queueing (Goyal, Vin, Cheng 1996, section 2), with slices of computing in place of packets. So a short request is
answered between the slices of long ones, and nobody gains by asking again and again. Two deviations: what a computation
costs is charged after it was served, since nobody knows it before, and those who share a computation share its cost.

A step that outlasts its turn is halted between two of its batches (:mod:`vizcore.jobs.turns`) until it is its turn
again. Nothing here computes for nobody: a job without watchers rests after the step in progress, or is given up where
that is halted; at most ``most`` jobs hold their intermediate tensors at once, and what rests longest is given up first
when another wants to begin.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from vizcore.jobs import turns
from vizcore.jobs.job import Job, Session, Standing, Turn, standing
from vizcore.jobs.run import Estimate

E = TypeVar("E", bound=Estimate)
_LEFT = 5.0  # seconds for which a halted step waits for somebody to come back
_STUCK = 3.0  # seconds without any change, after which whoever computes may be waiting for what a halted step holds


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
        self._taken = self._halted = 0  # places, and workers that are kept waiting within a step
        self._moved = 0.0  # when a place was last taken or left
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
            self._work.notify_all()
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
            return standing(job, self._watched, self.places, self.most, self._slice)

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
        while len(self._workers) - self._halted < self.places:
            name = f"vizcore.jobs.queue.{len(self._workers)}"
            self._workers.append(threading.Thread(target=self._serve, name=name, daemon=True))
            self._workers[-1].start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._work.wait_for(lambda: self._to_begin() is not None, self._patience):
                    self._idle()
                self._work.wait_for(lambda: self._to_begin() is not None)
                job = self._to_begin()
                assert job is not None
                turn = self._take(job)
            self._advance(job, turn)
            with self._lock:
                self._leave(job, turn, job.run.seconds - turn.seconds)
                if job.over:
                    job.news.notify_all()
                if len(self._workers) - self._halted > self.places:  # hired in place of one that has its place again
                    self._workers.remove(threading.current_thread())
                    return
            del job, turn  # a worker that waits keeps nothing alive

    def _take(self, job: Job[Any]) -> Turn:
        now = time.monotonic()
        if job.watchers:
            self._clock = max(self._clock, job.rank)
        job.begun = job.running = True
        self._taken, self._moved = self._taken + 1, now
        return Turn(now, now + self.turn, list(job.watchers), job.run.seconds)

    def _leave(self, job: Job[Any], turn: Turn, spent: float) -> None:
        job.running = False
        self._taken, self._moved = self._taken - 1, time.monotonic()
        self._slice += 0.2 * (spent - self._slice)
        payers = list(job.watchers) or turn.payers
        for session in payers:
            session.used += spent / len(payers)
        self._work.notify_all()

    def _advance(self, job: Job[Any], turn: Turn) -> None:
        """One turn of a job: steps until the time is up, the job is over, or nobody watches it any more."""
        try:
            with turns.giving_way(lambda: self._halt(job, turn)):
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
                    if time.monotonic() >= turn.end or not job.watchers:
                        return
        except turns.Abandoned:
            job.over = True
        except Exception as error:
            job.error, job.over = error, True

    def _halt(self, job: Job[Any], turn: Turn) -> None:
        """Between two batches of a step: where its turn is over, leave the place until it comes again."""
        if job.watchers and time.monotonic() < turn.end:
            return
        with self._lock:
            begun = time.monotonic()
            spent = begun - turn.begun  # the step's own clock tells when it is over
            self._leave(job, turn, spent)
            job.halted, self._halted = True, self._halted + 1
            try:
                while self._free() is not job:
                    now = time.monotonic()
                    if job.watchers and now - self._moved >= _STUCK:
                        break
                    if not job.watchers and now - max(begun, job.rested) >= _LEFT:
                        raise turns.Abandoned
                    self._hire()
                    self._work.wait(turn.end - turn.begun)
            finally:
                job.halted, self._halted = False, self._halted - 1
                turn.renew(self._take(job), spent)
                turns.note(time.monotonic() - begun)

    def _free(self) -> Job[Any] | None:
        """The job that is next, where there is a place for it."""
        return self._next() if self._taken < self.places else None

    def _to_begin(self) -> Job[Any] | None:
        """As :meth:`_free`, unless that job has a worker which waits for this."""
        job = self._free()
        return None if job is None or job.halted else job

    def _next(self) -> Job[Any] | None:
        """The job to be served next, or None; gives up the longest resting one where a new one finds no room."""
        ready = [job for job in self._watched if not job.running and not job.over]
        if not ready:
            return None
        best = min(ready, key=lambda job: (job.rank, job.number))
        open_ = [job for job in self._jobs.values() if job.begun and not job.over]
        if best.begun or len(open_) < self.most:
            return best
        resting = [job for job in open_ if not (job.watchers or job.running or job.halted)]
        if resting:
            oldest = min(resting, key=lambda job: job.rested)
            oldest.run.cancel()  # before ``over``: who looks from outside must not take it for finished
            oldest.over = True
            return best
        return min((job for job in ready if job.begun), key=lambda job: (job.rank, job.number), default=None)
