"""A session's seat in the hall: what it has computed for it, until its browser tab is closed."""

from __future__ import annotations

import itertools
import weakref
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from vizcore import machine, memory
from vizcore.jobs.job import Job, Session
from vizcore.jobs.queue import Queue

# What the C library keeps between forward passes goes back to the system when nobody computes.
QUEUE = Queue(machine.places(), machine.most_runs(), idle=memory.release)
_KEY = "vizcore.seat"
_NUMBERS = itertools.count()
_TAKEN: weakref.WeakSet[Seat] = weakref.WeakSet()


@dataclass
class Slot:
    """What a place on a page is computing: under which key, and whether the user has stopped it."""

    key: Any
    job: Job[Any]
    stopped: bool = False
    fresh: bool = True


@dataclass(eq=False)
class Seat:
    """One session's computations, by their places on the pages, and the newest estimate that it saw in each."""

    number: int
    session: Session = field(default_factory=Session)
    slots: dict[str, Slot] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def leave(self) -> None:
        """Let go of everything: what nobody else has asked for ends with that."""
        self.slots.clear()
        self.seen.clear()
        _TAKEN.discard(self)


def seat() -> Seat:
    """This session's seat."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Seat(next(_NUMBERS))
    mine: Seat = st.session_state[_KEY]
    _TAKEN.add(mine)
    return _until_disconnected(mine.number, mine)


def taken() -> int:
    """How many sessions have asked for something and are still there."""
    return len(_TAKEN)


# Streamlit keeps the state of a closed tab for minutes, in case it comes back. Half-done computations and large arrays
# are not worth that memory: this cache is emptied as soon as the connection ends.
@st.cache_resource(scope="session", show_spinner=False, on_release=Seat.leave)
def _until_disconnected(number: int, _seat: Seat) -> Seat:
    return _seat
