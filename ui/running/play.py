"""Playing a run: have it computed, show each estimate, let any change of a control interrupt it, stop and continue."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import streamlit as st
import torch
from streamlit import runtime
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException, get_script_run_ctx

from ui.running import progress
from ui.running.drawing import Drawing, beat, let_it_show
from ui.running.results import RESULTS
from ui.running.seat import QUEUE, Slot, seat
from ui.texts import inert, t
from ui.texts.sentences import translated
from vizcore.jobs.job import Job
from vizcore.jobs.run import Estimate, Run

E = TypeVar("E", bound=Estimate)
T = TypeVar("T")
FRAMES_PER_SECOND = 8
ASK_FIRST = 30.0
_BEFORE: list[Callable[[], None]] = []
_PACES: dict[Hashable, float] = {}  # seconds per unit of work, by technique and network, the least measured here


def before_computing(call: Callable[[], None]) -> None:
    """Have ``call`` called before each computation of a run that is not finished yet."""
    _BEFORE.append(call)


def play(
    slot: str,
    key: Hashable,
    start: Callable[[], Iterator[E]],
    draw: Callable[[E], object],
    *,
    unit: str,
    cost: int,
    pace: Hashable,
    ask: Callable[[str], object] = lambda _: None,
    later: DeltaGenerator | None = None,
) -> E | None:
    """Show the result called ``key`` in the page's ``slot``, computing what is missing; return the last estimate.

    A finished result comes from the shared store at once. Otherwise the computation waits for its turns in the queue
    that all sessions share, and who asks for the same ``key`` meanwhile watches the same one. What ``start`` returns is
    iterated on a worker's thread, where nothing of Streamlit's is to be had. Streamlit interrupts the watching at its
    drawing calls; what was computed so far is kept in the slot until another key is asked for there.

    ``cost`` units of work lie ahead; what they take is told beforehand from earlier runs of the same ``pace``. A run of
    more than ``ASK_FIRST`` seconds waits to be started by hand. ``ask`` is then called with the words of a button that
    starts it. ``later`` is the place of what needs the finished result, where that is said until then.
    """
    status = st.container(key=f"status-{slot}", horizontal=True, vertical_alignment="center")
    finished: E | None = RESULTS.get(key)
    if finished is not None:
        new = seat().seen.get(slot) is not finished
        seat().seen[slot] = finished
        draw(finished)
        with status:
            st.caption(t("run.ready", work=t(unit, n=finished.of)))
        if new:
            let_it_show()
        return finished
    for call in _BEFORE:
        call()
    expected = _PACES[pace] * cost if pace in _PACES else None
    held = _slot(slot, key, start, expected)
    run: Run[Any] = held.job.run
    if held.fresh:
        long = expected is not None and expected > ASK_FIRST
        held.fresh, held.stopped = False, long and not QUEUE.watched(key)
    note = None
    with status:
        line, button = st.empty(), st.empty()
    if run.latest is not None:
        draw(run.latest)
    with button:
        st.button(
            t("run.start" if run.latest is None else "run.resume") if held.stopped else t("run.stop"),
            key=f"stop-{slot}",
            on_click=_toggle,
            args=(slot,),
            icon=":material/play_arrow:" if held.stopped else ":material/stop:",
        )
    if run.latest is None:
        ahead = t("run.cost", work=t(unit, n=cost))
        if expected is not None:
            ahead = t("run.cost_time", work=t(unit, n=cost), seconds=max(1.0, expected))
        line.progress(0.0, text=ahead)
        if held.stopped:
            ask(t("run.start_this", ahead=ahead))
        if later is not None:
            note = later.empty()
            note.caption(t("run.later"))
    else:
        progress.line(line, held.job, unit)
    if not held.stopped and not _watch(held.job, draw, lambda: progress.line(line, held.job, unit)):
        return None
    latest: E | None = run.latest
    if note is not None and latest is not None:
        note.empty()
    if run.finished and latest is not None:
        seat().seen[slot] = latest
        if run.pace is not None:
            _PACES[pace] = min(run.pace, _PACES.get(pace, run.pace))
        button.empty()
        with line:
            st.caption(t("run.done", work=t(unit, n=latest.of), seconds=run.seconds))
        let_it_show()
    return latest


def _slot(slot: str, key: Hashable, start: Callable[[], Iterator[E]], expected: float | None = None) -> Slot:
    mine = seat()
    held = mine.slots.get(slot)
    if held is None or held.key != key or held.job.error is not None or held.job.run.cancelled:
        if held is not None and held.job.run.latest is not None:
            mine.seen[slot] = held.job.run.latest
        job = QUEUE.job(key, start, lambda estimate: RESULTS.put(key, estimate), expected)
        mine.slots[slot] = held = Slot(key, job)
    return held


def quietly(slot: str, key: Hashable, start: Callable[[], Iterator[E]], draw: Callable[[E], object]) -> None:
    """As :func:`play`, without a line for progress and buttons: for something small that is one of several."""
    finished: E | None = RESULTS.get(key)
    if finished is not None:
        draw(finished)
        return
    held = _slot(slot, key, start)
    if held.job.run.latest is not None:
        draw(held.job.run.latest)
    note = st.empty()
    if _watch(held.job, draw, lambda: progress.waiting(note, held.job)):
        note.empty()


def begin(slot: str) -> None:
    """Have what waits in the slot computed, as its button does."""
    held = seat().slots.get(slot)
    if held is not None:
        held.stopped = False


def finished(key: Hashable) -> bool:
    """Whether the result called ``key`` is there."""
    return RESULTS.get(key) is not None


def previous(slot: str, key: Hashable = None) -> Any | None:
    """What there is under ``key`` (if given), else the newest estimate that this session saw in ``slot``."""
    known = RESULTS.get(key) if key is not None else None
    return known if known is not None else seat().seen.get(slot)


def once(key: Hashable, compute: Callable[[], T]) -> T:
    """A result that takes well under half a second: from the shared store, or computed next, on a worker's thread."""
    found: T | None = RESULTS.get(key)
    if found is not None:
        return found
    if get_script_run_ctx(suppress_warning=True) is None:  # on a worker's thread, or without a page
        return RESULTS.get_or(key, compute)
    job = QUEUE.job(("once", key), lambda: _whole(compute), lambda whole: RESULTS.put(key, whole.value))
    with _watching(job):
        while not job.over:
            QUEUE.wait(job, 1 / FRAMES_PER_SECOND)
            beat()
    if job.error is not None:
        raise job.error
    if job.run.cancelled:  # as in _watch
        st.rerun()
    assert job.run.latest is not None
    return job.run.latest.value


@dataclass(frozen=True, eq=False)
class _Whole(Generic[T]):
    """A result that comes in one step."""

    value: T
    step: int = 1
    of: int = 1


def _whole(compute: Callable[[], T]) -> Iterator[_Whole[T]]:
    yield _Whole(compute())


def _toggle(slot: str) -> None:
    held = seat().slots.get(slot)  # by name: Streamlit keeps what a callback is given beyond the session's end
    if held is not None:
        held.stopped = not held.stopped


@contextmanager
def _watching(job: Job[Any]) -> Iterator[None]:
    mine = seat()
    try:
        with QUEUE.watching(mine.session, job):
            yield
    except StopException:
        # A changed control stops this run of the script, too, and by now the next one may have taken over the seat.
        if _gone():
            mine.leave()  # the tab was closed, maybe before this run of the script took its seat
        raise


def _gone() -> bool:
    """Whether the browser tab that this run of the script is for has been closed."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and runtime.exists() and not runtime.get_instance().is_active_session(context.session_id)


def _watch(job: Job[Any], draw: Callable[[Any], object], tell: Callable[[], None]) -> bool:
    """Show the job's estimates until it is over; whether it could be computed."""
    drawn: Any = job.run.latest
    drawing = Drawing()
    with _watching(job):
        while not job.over:
            QUEUE.wait(job, 1 / FRAMES_PER_SECOND)
            beat()
            latest = job.run.latest
            if latest is None or latest is not drawn:
                tell()
            if latest is not drawn and not job.over and drawing.due:
                drawn = latest
                standing = QUEUE.standing(job)
                drawing.draw(partial(draw, drawn), standing.of if standing is not None else 1)
    if job.run.latest is not drawn:
        draw(job.run.latest)
    if isinstance(job.error, (torch.OutOfMemoryError, MemoryError)):
        st.error(t("errors.memory_run"), icon=":material/memory:")
    elif isinstance(job.error, ValueError):  # the engine's own sentences about what it was given
        st.error(inert(translated(str(job.error))), icon=":material/error:")
    elif job.error is not None:
        raise job.error
    elif job.run.cancelled:  # given up for another's sake in the moment before it was watched
        st.rerun()
    return job.error is None
