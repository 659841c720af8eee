"""The queue: turns that are fair between sessions, computations that are shared, places that are given back."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from vizcore.jobs import turns
from vizcore.jobs.job import Job, Session
from vizcore.jobs.queue import Queue


@dataclass(eq=False)
class Count:
    step: int
    of: int


class Gate:
    """Computations whose every step waits to be let through, and that write down who took it."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.closed: list[str] = []
        self._permits = threading.Semaphore(0)
        self._arrived = threading.Semaphore(0)
        self.waiting = 0

    def counting(self, name: str, of: int) -> Callable[[], Iterator[Count]]:
        def start() -> Iterator[Count]:
            try:
                for step in range(1, of + 1):
                    self.waiting += 1
                    self._arrived.release()
                    assert self._permits.acquire(timeout=20)
                    self.waiting -= 1
                    self.taken.append(name)
                    yield Count(step, of)
            finally:
                self.closed.append(name)

        return start

    def step(self, count: int = 1) -> list[str]:
        """Let ``count`` steps through, wait until each has begun, and tell who took them."""
        before = len(self.taken)
        for _ in range(count):
            assert self._arrived.acquire(timeout=20)
            self._permits.release()
        until(lambda: len(self.taken) == before + count)
        return self.taken[before:]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def rested(job: Job[Any]) -> None:
    until(lambda: not job.running)


def finish(queue: Queue, job: Job[Any], session: Session | None = None) -> None:
    with queue.watching(session or Session(), job):
        while not job.over:
            queue.wait(job, 20)


def counting(of: int) -> Callable[[], Iterator[Count]]:
    return lambda: (Count(step, of) for step in range(1, of + 1))


def test_a_job_is_computed_to_its_end_and_kept_before_anybody_hears_of_it() -> None:
    queue, kept = Queue(), []
    job = queue.job("a", counting(5), lambda one: kept.append((one.step, job.over)))
    finish(queue, job)
    assert job.run.latest is not None
    assert (job.run.latest.step, job.run.finished, job.error) == (5, True, None)
    assert kept == [(5, False)]


@pytest.fixture
def equal_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step costs one second, whatever the clock says."""
    seconds = itertools.count()
    monkeypatch.setattr(
        "vizcore.jobs.run.time", SimpleNamespace(perf_counter=lambda: next(seconds), thread_time=lambda: 0.0)
    )


@pytest.mark.usefixtures("equal_costs")
def test_turns_go_round_so_that_a_short_request_is_not_starved() -> None:
    queue, gate = Queue(turn=0.0), Gate()  # a turn is one step
    long, short = queue.job("long", gate.counting("l", 100)), queue.job("short", gate.counting("s", 3))
    with queue.watching(Session(), long):
        gate.step(20)
        until(lambda: gate.waiting == 1)
        with queue.watching(Session(), short):
            assert "".join(gate.step(7)) == "lslslsl"
            assert short.over
        gate.step()


@pytest.mark.usefixtures("equal_costs")
def test_many_requests_of_one_session_get_no_more_than_the_one_of_another() -> None:
    queue, gate, greedy, modest = Queue(turn=0.0), Gate(), Session(), Session()
    with ExitStack() as stack:
        for k in range(5):
            job = queue.job(k, gate.counting("greedy", 1000))
            stack.enter_context(queue.watching(greedy, job))
        job = queue.job("modest", gate.counting("modest", 1000))
        stack.enter_context(queue.watching(modest, job))
        assert abs(gate.step(60).count("modest") - 30) <= 2
        stack.callback(gate.step, 2)


def test_who_comes_back_has_saved_nothing_up() -> None:
    queue, early, late = Queue(), Session(), Session()
    early.used = 100.0
    finish(queue, queue.job("a", counting(3)), early)
    with queue.watching(late, queue.job("b", counting(1))):
        assert late.used >= 100.0


def test_identical_requests_share_one_computation_and_its_cost() -> None:
    queue, gate = Queue(), Gate()
    first, second = Session(), Session()
    job = queue.job("same", gate.counting("same", 4))
    assert queue.job("same", gate.counting("never", 4)) is job
    with queue.watching(first, job), queue.watching(second, job):
        gate.step(4)
        until(lambda: job.over)
    assert gate.taken == ["same"] * 4
    until(lambda: first.used > 0)
    assert first.used == pytest.approx(second.used)


def test_it_goes_on_for_the_other_when_the_first_leaves() -> None:
    queue, gate = Queue(), Gate()
    job = queue.job("same", gate.counting("same", 6))
    with ExitStack() as first, queue.watching(Session(), job):
        first.enter_context(queue.watching(Session(), job))
        gate.step(2)
        first.close()
        gate.step(4)
        until(lambda: job.over)
    assert job.run.finished


def test_without_watchers_it_rests_after_the_step_in_progress_and_goes_on_later() -> None:
    queue, gate = Queue(turn=100.0), Gate()
    job = queue.job("left", gate.counting("left", 5))
    with queue.watching(Session(), job):
        gate.step()
    gate.step()  # was under way
    rested(job)
    assert gate.taken == ["left"] * 2
    assert queue.counts() == {"running": 0, "waiting": 0, "resting": 1}
    with queue.watching(Session(), job):
        gate.step(3)
        until(lambda: job.over)
    assert gate.taken == ["left"] * 5


def test_what_nobody_keeps_is_given_up_with_all_that_it_holds() -> None:
    queue, gate = Queue(), Gate()
    job = queue.job("gone", gate.counting("gone", 5))
    with queue.watching(Session(), job):
        gate.step()
    gate.step()
    rested(job)
    held = weakref.ref(job)
    del job
    until(lambda: gc.collect() >= 0 and held() is None)
    assert gate.closed == ["gone"]
    assert queue.counts()["resting"] == 0


def test_what_rests_longest_makes_room_for_what_begins() -> None:
    queue, gate = Queue(most=2), Gate()
    jobs = [queue.job(k, gate.counting(str(k), 3)) for k in range(3)]
    for job in jobs:
        with queue.watching(Session(), job):
            gate.step()
        gate.step()
        rested(job)
    assert [job.run.cancelled for job in jobs] == [True, False, False]
    assert gate.closed == ["0"]


def test_where_there_is_no_room_a_new_one_waits_for_the_end_of_an_old_one() -> None:
    queue, gate = Queue(most=1, turn=0.0), Gate()
    old, new = queue.job("old", gate.counting("old", 3), expected=7.0), queue.job("new", gate.counting("new", 3))
    with queue.watching(Session(), old):
        until(lambda: old.running)
        with queue.watching(Session(), new):
            standing = queue.standing(new)
            assert standing is not None
            assert standing.wait >= 7.0
            assert gate.step(6) == ["old"] * 3 + ["new"] * 3
            until(lambda: new.over)
    assert not old.run.cancelled


def test_what_nobody_watches_stands_nowhere() -> None:
    queue, gate = Queue(), Gate()
    job = queue.job("left", gate.counting("left", 2))
    assert queue.standing(job) is None
    with queue.watching(Session(), job):
        assert queue.standing(job) is not None
        gate.step()
    assert queue.standing(job) is None  # its last watcher may leave while another looks
    gate.step()


def test_an_error_reaches_all_watchers_and_the_next_one_begins_anew() -> None:
    def broken() -> Iterator[Count]:
        yield Count(1, 3)
        raise ValueError("no")

    queue = Queue()
    job = queue.job("bad", broken)
    finish(queue, job)
    assert isinstance(job.error, ValueError)
    again = queue.job("bad", counting(1))
    assert again is not job
    finish(queue, again)
    assert again.run.finished


def test_more_places_compute_at_once() -> None:
    queue, together = Queue(places=2), threading.Barrier(2, timeout=20)

    def meeting() -> Iterator[Count]:
        together.wait()
        yield Count(1, 1)

    one, two = queue.job("one", meeting), queue.job("two", meeting)
    with queue.watching(Session(), one), queue.watching(Session(), two):
        until(lambda: one.over and two.over)
    assert one.error is None
    assert two.error is None


def test_the_standing_counts_turns_and_the_work_of_others() -> None:
    queue, gate = Queue(turn=0.5), Gate()
    first, second = queue.job("a", gate.counting("a", 2), expected=10.0), queue.job("b", counting(1), expected=4.0)
    with queue.watching(Session(), first):
        until(lambda: first.running)
        with queue.watching(Session(), second):
            standing = queue.standing(second)
            assert standing is not None
            assert (standing.place, standing.of, standing.wait) == (2, 2, 0.5)
            assert standing.left == 8.0  # its own four seconds, and as many of the other's ten
            assert getattr(queue.standing(first), "left", None) == 14.0
        gate.step(2)
        until(lambda: first.over)


def test_a_worker_that_has_nothing_to_do_says_so_once() -> None:
    told: list[int] = []
    queue = Queue(idle=lambda: told.append(1), patience=0.01)
    finish(queue, queue.job("a", counting(2)))
    until(lambda: told == [1])
    time.sleep(0.1)
    assert told == [1]
    finish(queue, queue.job("b", counting(2)))
    until(lambda: told == [1, 1])


def test_places_must_be_positive() -> None:
    with pytest.raises(ValueError, match="places is 0; accepted: 1 or more"):
        Queue(places=0)
    with pytest.raises(ValueError, match="most is -1; accepted: 1 or more"):
        Queue(most=-1)


class Batches:
    """One step of many batches, each of which waits to be let through."""

    def __init__(self, count: int) -> None:
        self.count, self.done, self.ended = count, 0, False
        self.permits = threading.Semaphore(0)

    def __call__(self) -> Iterator[Count]:
        try:
            for _ in range(self.count):
                turns.give_way()
                assert self.permits.acquire(timeout=20)
                self.done += 1
            yield Count(1, 1)
        finally:
            self.ended = True


def test_between_the_batches_of_a_long_step_others_have_their_turn() -> None:
    queue, batches = Queue(turn=0.0), Batches(3)
    long, short = queue.job("long", batches), queue.job("short", counting(5))
    with queue.watching(Session(), long):
        until(lambda: long.running)
        with queue.watching(Session(), short):
            assert not short.begun
            batches.permits.release()
            until(lambda: short.over)  # although the step of the first one goes on
        assert batches.done == 1
        batches.permits.release(2)
        until(lambda: long.over)
    assert long.error is None
    assert long.run.latest is not None


def test_a_halted_step_goes_on_in_turn_with_no_more_workers_than_places_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vizcore.jobs.queue._STUCK", 1e9)
    queue, running, most = Queue(places=2, turn=0.0), itertools.count(), []
    lock, active = threading.Lock(), [0]

    def stepping() -> Iterator[Count]:
        for step in range(3):
            for _ in range(5):
                turns.give_way()
                with lock:
                    active[0] += 1
                    most.append(active[0])
                next(running)
                time.sleep(0.001)
                with lock:
                    active[0] -= 1
            yield Count(step + 1, 3)

    jobs = [queue.job(name, stepping) for name in range(6)]
    with ExitStack() as stack:
        for job in jobs:
            stack.enter_context(queue.watching(Session(), job))
        until(lambda: all(job.over for job in jobs))
    assert [job.error for job in jobs] == [None] * 6
    assert next(running) == 6 * 15
    assert max(most) == 2
    until(lambda: len(queue._workers) <= 2)


def test_what_a_halted_step_waited_is_at_nobodys_cost() -> None:
    queue, batches = Queue(turn=0.0), Batches(3)
    long, short, session = queue.job("long", batches), queue.job("short", counting(5)), Session()
    with queue.watching(session, long):
        until(lambda: long.running)
        with queue.watching(Session(), short):
            batches.permits.release(3)
            until(lambda: short.over and long.over)
    rested(long)
    assert session.used == pytest.approx(long.run.seconds, abs=1e-6)


def test_a_halted_step_that_nobody_waits_for_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vizcore.jobs.queue._LEFT", 0.05)
    queue, batches = Queue(turn=0.0), Batches(3)
    job = queue.job("a", batches)
    with queue.watching(Session(), job):
        until(lambda: job.running)
    batches.permits.release()
    until(lambda: batches.ended)
    until(lambda: not job.running)
    assert job.over
    assert job.error is None
    assert batches.done == 1
    again = queue.job("a", counting(2))
    assert again is not job
    finish(queue, again)


def test_who_comes_back_finds_a_halted_step_as_it_was() -> None:
    queue, batches = Queue(turn=0.0), Batches(2)
    job = queue.job("a", batches)
    with queue.watching(Session(), job):
        until(lambda: job.running)
    batches.permits.release()
    until(lambda: job.halted)
    batches.permits.release()
    finish(queue, job)
    assert batches.done == 2


def test_a_halted_step_that_others_wait_for_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vizcore.jobs.queue._STUCK", 0.05)
    queue, held, batches = Queue(turn=0.0), threading.Lock(), Batches(2)

    def holding() -> Iterator[Count]:
        with held:
            yield from batches()

    def wanting() -> Iterator[Count]:
        with held:
            yield Count(1, 1)

    first, second = queue.job("first", holding), queue.job("second", wanting)
    with queue.watching(Session(), first):
        until(lambda: first.running)
        with queue.watching(Session(), second):
            batches.permits.release(2)
            until(lambda: second.over and first.over)
    assert first.error is None


def test_off_the_queue_nothing_is_halted() -> None:
    turns.give_way()
    assert turns.halted() == 0.0
