"""Visitors who left: Streamlit keeps their state for two minutes, in case they come back; what is heavy is not kept.

Who uploaded a network has ten seconds to come back, as long as a browser needs after a lost connection. Of the others,
the last to leave are kept, as far as their pictures take no more than a few megabytes together.
"""

from __future__ import annotations

import gc
import threading
import time
from dataclasses import dataclass, field

import streamlit as st
from streamlit import config, runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import SessionState

from vizcore import memory

GRACE = 10.0  # seconds
KEPT = 16 * 2**20  # bytes of all who left
_KEY = "vizcore.visitor"
_GONE: dict[str, Visitor] = {}  # in the order of their leaving
_LOCK = threading.Lock()


@dataclass(eq=False)
class Visitor:
    """A session: its id, its state, and how many bytes of its own are kept alive by that, by what they are."""

    id: str
    state: SessionState
    weights: dict[str, int] = field(default_factory=dict)
    left: float = 0.0  # since when

    def leave(self) -> None:
        """Note that the connection has ended."""
        self.left = time.monotonic()
        with _LOCK:
            _GONE[self.id] = self


def weigh(what: str, size: int) -> None:
    """Note that this session's own ``what`` takes ``size`` bytes as long as the session is remembered."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not runtime.exists():
        return
    if _KEY not in st.session_state:
        state = context.session_state._state
        st.session_state[_KEY] = Visitor(context.session_id, state)
    visitor: Visitor = st.session_state[_KEY]
    visitor.weights[what] = size
    _until_disconnected(visitor.id, visitor)


def stay() -> None:
    """Have this session told of when it leaves, also where it has come back."""
    weigh("nothing", 0)


def heavy(session: str) -> None:
    """Note that the state of a session that left holds files, whatever else it does."""
    with _LOCK:
        if session in _GONE:
            _GONE[session].weights["files"] = KEPT + 1


def sweep() -> None:
    """Clear the state of those who left longer than the time of grace ago, beyond what may be kept of all."""
    now, kept, cleared = time.monotonic(), 0, False
    with _LOCK:
        gone = list(_GONE.values())
    for one in reversed(gone):  # who left last is the most likely to come back
        if runtime.exists() and runtime.get_instance().is_active_session(one.id):
            _forget(one)
            continue
        kept += sum(one.weights.values())
        if kept > KEPT and now - one.left >= GRACE:
            kept -= sum(one.weights.values())
            one.state.clear()
            cleared = True
            _forget(one)
        elif now - one.left >= remembered():
            _forget(one)
    if cleared:
        gc.collect()
    memory.release()


def remembered() -> float:
    """Seconds after which Streamlit itself forgets who left."""
    return float(config.get_option("server.disconnectedSessionTTL"))


def _forget(visitor: Visitor) -> None:
    with _LOCK:
        if _GONE.get(visitor.id) is visitor:
            del _GONE[visitor.id]


@st.cache_resource(scope="session", show_spinner=False, on_release=Visitor.leave)
def _until_disconnected(session: str, _visitor: Visitor) -> Visitor:
    return _visitor
