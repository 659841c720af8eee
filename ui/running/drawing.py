"""How often estimates are drawn, so that drawing holds up neither what is drawn nor the browser that shows it.

Python runs one thread at a time: whoever computes gives way at every operation of torch, and has to wait until a page
that draws gives way again, which it does every five milliseconds unless told otherwise. Beside sixteen pages that draw,
an ascent took twenty times as long (``benchmarks/drawing.py``).

A browser draws what it is sent in one go: with the charts that follow it, a map is seen a third of a second later than
alone (``benchmarks/latency.py``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import streamlit as st

GIVE_WAY = 5e-4  # seconds after which a thread that runs Python lets another one
SHOWN = 0.15  # seconds in which a browser shows a result that nothing follows
LONGEST = 4.0  # seconds without a new estimate that drawing may cause; the progress is told meanwhile


def give_way() -> None:
    """Let threads of this process take turns often enough."""
    sys.setswitchinterval(GIVE_WAY)


def beat() -> None:
    """Let Streamlit interrupt this run of the script, as every call of its own does."""
    st.session_state["vizcore.beat"] = 0


def let_it_show() -> None:
    """Wait until the browser has shown the result that it was just sent."""
    until = time.monotonic() + SHOWN
    while time.monotonic() < until:
        time.sleep(SHOWN / 5)
        beat()


class Drawing:
    """Estimates drawn by one page, with pauses such that all pages together draw for half of the time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._until = now, 0.0

    @property
    def due(self) -> bool:
        """Whether the next estimate may be drawn."""
        return self._now() >= self._until

    def draw(self, call: Callable[[], object], pages: int) -> None:
        """Draw by ``call``, beside so many pages that do, this one counted."""
        begun = self._now()
        call()
        now = self._now()
        self._until = now + min(LONGEST, (2 * max(1, pages) - 1) * (now - begun))
