"""Playing a run: advance it, show each estimate, let any change of a control interrupt it, stop and continue."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st
import torch

from ui.results import RESULTS
from ui.texts import t
from ui.texts.sentences import said
from vizcore.run import Estimate, Run

E = TypeVar("E", bound=Estimate)
T = TypeVar("T")
FRAMES_PER_SECOND = 8
_KEY = "vizcore.runs"
ASK_FIRST = 30.0
_PACES: dict[Hashable, float] = {}  # seconds per unit of work, by technique and network, as last measured here


@dataclass
class _Slot:
    key: Hashable
    run: Run[Any]
    stopped: bool = False
    fresh: bool = True


def play(
    slot: str,
    key: Hashable,
    start: Callable[[], Iterator[E]],
    draw: Callable[[E], object],
    *,
    unit: str,
    cost: int,
    pace: Hashable,
) -> E | None:
    """Show the result called ``key`` in the page's ``slot``, computing what is missing; return the last estimate.

    A finished result comes from the shared store at once. Otherwise the session's own run is carried on from where it
    was left; a run under another key is cancelled first, so that a moved slider stops the old computation. Streamlit
    interrupts the loop at its drawing calls, which leaves the run paused and whole.

    ``cost`` units of work lie ahead; what they take is told beforehand from earlier runs of the same ``pace``. A run of
    more than ``ASK_FIRST`` seconds waits to be started by hand.
    """
    status = st.container(key=f"status-{slot}", horizontal=True, vertical_alignment="center")
    finished: E | None = RESULTS.get(key)
    if finished is not None:
        _seen(slot, finished)
        draw(finished)
        with status:
            _text(t("run.ready", of=finished.of, unit=t(unit)))
        return finished
    held = _slot(slot, key, start)
    expected = _PACES[pace] * cost if pace in _PACES else None
    if held.fresh:
        held.fresh, held.stopped = False, expected is not None and expected > ASK_FIRST
    with status:
        line, button = st.empty(), st.empty()
    if held.run.latest is not None:
        draw(held.run.latest)
    with button:
        st.button(
            t("run.start" if held.run.latest is None else "run.resume") if held.stopped else t("run.stop"),
            key=f"stop-{slot}",
            on_click=_toggle,
            args=(held,),
            icon=":material/play_arrow:" if held.stopped else ":material/stop:",
        )
    if held.run.latest is None:
        ahead = t("run.cost", of=cost, unit=t(unit))
        if expected is not None:
            ahead = t("run.cost_time", of=cost, unit=t(unit), seconds=f"{max(1.0, expected):.0f}")
        line.progress(0.0, text=ahead)
    else:
        _progress(line, held.run, unit)
    if not held.stopped and not _advance(held, draw, lambda: _progress(line, held.run, unit)):
        return None
    latest: E | None = held.run.latest
    if held.run.finished and latest is not None:
        RESULTS.put(key, latest)
        _seen(slot, latest)
        if held.run.seconds > 0.2:  # a run that built on an earlier one says nothing of the pace
            _PACES[pace] = held.run.seconds / latest.of
        button.empty()
        with line:
            _text(t("run.done", of=latest.of, unit=t(unit), seconds=f"{held.run.seconds:.1f}"))
    return latest


def _slot(slot: str, key: Hashable, start: Callable[[], Iterator[E]]) -> _Slot:
    slots: dict[str, _Slot] = st.session_state.setdefault(_KEY, {})
    held = slots.get(slot)
    if held is None or held.key != key or held.run.cancelled:
        if held is not None:
            _seen(slot, held.run.latest)
            held.run.cancel()
        slots[slot] = held = _Slot(key, Run(start()))
    return held


def quietly(slot: str, key: Hashable, start: Callable[[], Iterator[E]], draw: Callable[[E], object]) -> None:
    """As :func:`play`, without a line for progress and buttons: for something small that is one of several."""
    finished: E | None = RESULTS.get(key)
    if finished is not None:
        draw(finished)
        return
    held = _slot(slot, key, start)
    if held.run.latest is not None:
        draw(held.run.latest)
    if _advance(held, draw, lambda: None) and held.run.finished:
        RESULTS.put(key, held.run.latest)


def previous(slot: str, key: Hashable = None) -> Any | None:
    """What there is under ``key`` (if given), else the newest estimate that this session saw in ``slot``."""
    known = RESULTS.get(key) if key is not None else None
    return known if known is not None else st.session_state.get(f"{_KEY}.seen", {}).get(slot)


def _seen(slot: str, estimate: Any) -> None:
    st.session_state.setdefault(f"{_KEY}.seen", {})[slot] = estimate


def once(key: Hashable, compute: Callable[[], T]) -> T:
    """A result that takes well under half a second: from the shared store, or computed on the spot."""
    return RESULTS.get_or(key, compute)


def _toggle(held: _Slot) -> None:
    held.stopped = not held.stopped


def _advance(held: _Slot, draw: Callable[[Any], object], progress: Callable[[], None]) -> bool:
    drawn = 0.0
    pending: Any = None
    try:
        while (estimate := held.run.advance()) is not None:
            pending = estimate
            if time.monotonic() - drawn >= 1 / FRAMES_PER_SECOND:
                drawn = time.monotonic()
                draw(estimate)
                progress()
                pending = None
            else:
                st.session_state[f"{_KEY}.beat"] = estimate.step  # a call of Streamlit's, so that it can interrupt
        if pending is not None:
            draw(pending)
    except (torch.OutOfMemoryError, MemoryError):
        st.error(t("errors.memory_run"), icon=":material/memory:")
        return False
    except ValueError as error:  # the engine's own sentences about what it was given
        st.error(said(str(error)), icon=":material/error:")
        return False
    return True


def _progress(line: Any, run: Run[Any], unit: str) -> None:
    left = run.seconds_left
    if run.latest is not None and left is not None:
        text = t("run.step", step=run.latest.step, of=run.latest.of, unit=t(unit), seconds=f"{left:.0f}")
        line.progress(run.share, text=text)


def _text(text: str) -> None:
    st.caption(text)
