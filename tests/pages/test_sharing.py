"""Several sessions at once: they share computations, and let go of them when they leave."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.jobs.test_queue import Count, Gate, rested, until
from ui.running.results import RESULTS
from ui.running.seat import QUEUE, Seat
from vizcore.jobs.job import Job, Session

GATES: dict[str, Gate] = {}


def page() -> None:
    """A page that plays one run; which one is in its first address (AppTest forgets it when a script asks to rerun)."""
    import streamlit as st

    from tests.pages.test_sharing import GATES
    from ui.running import play

    name = str(st.session_state.setdefault("run", st.query_params.get("run")))
    result = play.play(
        "slot",
        ("sharing", name),
        GATES[name].counting(name, 4),
        lambda estimate: st.write(f"drawn {estimate.step}"),
        unit="units.steps",
        cost=4,
        pace="sharing",
    )
    st.write(f"done {result.step}" if result is not None else "nothing")


@pytest.fixture
def gate() -> Iterator[Callable[[str], Gate]]:
    def make(name: str) -> Gate:
        return GATES.setdefault(name, Gate())

    yield make
    GATES.clear()


def visit(name: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params["run"] = name
    return app


def seen(app: AppTest) -> list[str]:
    return [element.value for element in app.markdown]


def running(*apps: AppTest) -> list[threading.Thread]:
    threads = [threading.Thread(target=app.run) for app in apps]
    for thread in threads:
        thread.start()
    return threads


def test_two_sessions_watch_one_computation(gate: Callable[[str], Gate]) -> None:
    one, two, steps = visit("shared"), visit("shared"), gate("shared")
    threads = running(one, two)
    until(lambda: any(len(job.watchers) == 2 for job in list(QUEUE._watched)))
    steps.step(4)
    for thread in threads:
        thread.join()
    assert steps.taken == ["shared"] * 4
    for app in (one, two):
        assert not app.exception
        assert seen(app)[-1] == "done 4"
    again = visit("shared").run()
    assert steps.taken == ["shared"] * 4
    assert any("already computed" in caption.value for caption in again.caption)


def test_an_error_of_the_computation_reaches_both(gate: Callable[[str], Gate]) -> None:
    def broken(name: str, of: int) -> Callable[[], Iterator[Count]]:
        def start() -> Iterator[Count]:
            until(lambda: any(len(job.watchers) == 2 for job in list(QUEUE._watched)))
            raise ValueError("There is no such thing.")
            yield

        return start

    gate("broken").counting = broken  # type: ignore[method-assign]
    apps = visit("broken"), visit("broken")
    for thread in running(*apps):
        thread.join()
    for app in apps:
        assert [error.value for error in app.error] == ["There is no such thing."]
        assert seen(app) == ["nothing"]


def test_what_was_given_up_just_before_it_is_watched_begins_anew(
    gate: Callable[[str], Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, watching = gate("late"), QUEUE.watching
    given_up: list[Job[Any]] = []

    @contextmanager
    def late(session: Session, job: Job[Any]) -> Iterator[None]:
        if not given_up:
            given_up.append(job)
            job.run.cancel()
            job.over = True
        with watching(session, job):
            yield

    monkeypatch.setattr(QUEUE, "watching", late)
    app = visit("late")
    (thread,) = running(app)
    steps.step(4)
    thread.join()
    assert not app.exception
    assert len(given_up) == 1
    assert seen(app)[-1] == "done 4"


def test_a_seat_that_is_left_keeps_nothing(gate: Callable[[str], Gate]) -> None:
    steps, mine = gate("left"), Seat(-1)
    job: Any = QUEUE.job(("sharing", "left"), steps.counting("left", 4))
    mine.slots["slot"], mine.seen["slot"] = job, Count(1, 4)
    with QUEUE.watching(mine.session, job):
        steps.step()
    steps.step()
    rested(job)
    held = weakref.ref(job)
    del job
    assert held() is not None
    mine.leave()
    until(lambda: gc.collect() >= 0 and held() is None)
    assert steps.closed == ["left"]
    assert mine.seen == {}


def test_once_is_computed_once_for_all_who_ask() -> None:
    asked: list[int] = []

    def page() -> None:
        import streamlit as st

        from tests.pages.test_sharing import slowly
        from ui.running import play

        st.write(play.once(("sharing", "once"), slowly))

    slowly.asked = asked  # type: ignore[attr-defined]
    apps = [AppTest.from_function(page, default_timeout=60) for _ in range(3)]
    for thread in running(*apps):
        thread.join()
    assert [seen(app) for app in apps] == [["`7`"]] * 3
    assert asked == [1]
    assert RESULTS.get(("sharing", "once")) == 7


def slowly() -> int:
    slowly.asked.append(1)  # type: ignore[attr-defined]
    time.sleep(0.3)  # so that the others ask meanwhile
    return 7
