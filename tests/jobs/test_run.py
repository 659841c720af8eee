"""A run: paused, resumed on other threads, cancelled, and ended by an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from vizcore.jobs import turns
from vizcore.jobs.run import Run


@dataclass
class Count:
    step: int
    of: int


def counting(of: int, closed: list[int] | None = None) -> Iterator[Count]:
    step = 0
    try:
        for step in range(1, of + 1):
            yield Count(step, of)
    finally:
        if closed is not None:
            closed.append(step)


def test_counts_to_the_end_and_stays_there() -> None:
    run = Run(counting(4))
    assert (run.share, run.seconds_left) == (0.0, None)
    first = run.advance()
    assert first is not None
    assert (first.step, run.share) == (1, 0.25)
    assert run.finish().step == 4
    assert run.finished
    assert (run.share, run.seconds_left) == (1.0, 0.0)
    assert run.advance() is None


def test_the_last_estimate_frees_the_generator() -> None:
    closed: list[int] = []
    Run(counting(3, closed)).finish()
    assert closed == [3]


def test_cancelled_keeps_what_there_is() -> None:
    closed: list[int] = []
    run = Run(counting(5, closed))
    run.advance()
    run.cancel()
    assert closed == [1]
    assert run.cancelled
    assert not run.finished
    assert run.advance() is None
    assert run.finish().step == 1


def test_cancelled_before_the_first_estimate_has_nothing() -> None:
    run = Run(counting(5))
    run.cancel()
    with pytest.raises(RuntimeError, match="cancelled before its first estimate"):
        run.finish()


def test_many_threads_take_each_step_once() -> None:
    run = Run(counting(500))
    seen: list[int] = []

    def work() -> None:
        while (estimate := run.advance()) is not None:
            seen.append(estimate.step)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 501))


def test_an_error_ends_the_run_and_is_raised() -> None:
    def broken() -> Iterator[Count]:
        yield Count(1, 3)
        raise ValueError("no")

    run = Run(broken())
    run.advance()
    with pytest.raises(ValueError, match="no"):
        run.advance()
    assert run.cancelled
    assert run.latest == Count(1, 3)
    assert run.advance() is None


def test_the_pace_leaves_out_the_first_estimate_what_took_no_time_and_what_others_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worked = iter([0.0, 5.0, 5.0, 5.1, 6.0, 7.0, 7.0, 9.0])  # begin and end of each step: 5, 0.1, 1 and 2 seconds
    clock = iter(range(0, 800, 100))  # on a machine so busy that each step takes a hundred
    times = SimpleNamespace(perf_counter=lambda: next(clock), thread_time=lambda: next(worked))
    monkeypatch.setattr("vizcore.jobs.run.time", times)
    run = Run(counting(4))
    paces = []
    while run.advance() is not None:
        paces.append(run.pace)
    assert run.seconds == 400
    assert paces == [None, None, pytest.approx(1.1 / 2), pytest.approx(3.1 / 3)]


def test_what_a_step_was_halted_for_is_no_computing_time() -> None:
    def halted() -> Iterator[Count]:
        turns.note(1000.0)
        yield Count(1, 1)

    run = Run(halted())
    run.finish()
    assert run.seconds < 0.0  # for a thousand seconds of waiting that were none
