"""The rooms as one session sees them: the server's file, who the session is, and how often it may try."""

from __future__ import annotations

import hashlib
import logging
import os
from functools import cache

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.hall import codes
from ui.hall.file import Refused
from ui.hall.rates import Rate
from ui.hall.store import Room, Store
from ui.texts import t
from vizcore.lessons import dealing

VARIABLE = "VIZCORE_HALL"
# Of one session and of one address, behind which a whole hall sits: codes that lead nowhere, in a minute; rooms opened,
# in ten; answers, in ten seconds.
_MISSES, _MISSES_THERE = Rate(10, 60), Rate(120, 60)
_OPENED, _OPENED_THERE = Rate(5, 600), Rate(30, 600)
_ANSWERED = Rate(10, 10)
_JOINED, _ENTERED = "vizcore.hall.joined", "vizcore.hall.entered"
_log = logging.getLogger(__name__)


@cache
def _of(path: str) -> Store:
    return Store(path)


def store() -> Store | None:
    """The file's rooms; None where the operator has named no file."""
    path = os.environ.get(VARIABLE, "")
    return _of(path) if path else None


def prepare() -> None:
    """Make the file at the server's start, or tell the operator in the log why it cannot be had."""
    found = store()
    if found is not None:
        try:
            with found.file.writing():
                pass
        except Refused as refused:
            _log.error("%s names %s, which cannot be used: %s", VARIABLE, found.file.path, refused.reason)


def sentence(refused: Refused) -> str:
    """Why something was not done, in the session's language."""
    return t(f"hall.{refused.reason}")


def found(hall: Store, given: str) -> Room:
    """The room of the code that somebody gave. Raises :class:`Refused`, also where too many were tried."""
    code = codes.clean(given)
    if code and st.session_state.get(_JOINED) == code:
        return hall.room(code)
    if not (_MISSES.left(_session()) and _MISSES_THERE.left(_address())):
        raise Refused("often")
    try:
        room = hall.room(code)
    except Refused as refused:
        if refused.reason == "gone":
            _MISSES.take(_session())
            _MISSES_THERE.take(_address())
        raise
    st.session_state[_JOINED] = code
    return room


def deal(code: str) -> int:
    """In what order a lesson's two networks have their letters in this room: the same for all in it."""
    return int.from_bytes(hashlib.sha256(code.encode()).digest()[:4], "big") % dealing.DEALS


def enter(hall: Store, room: Room, guest: str) -> None:
    """Count the session's guest in, once. Raises :class:`Refused` where the room is full."""
    if st.session_state.get(_ENTERED) != (room.code, guest):
        hall.enter(room.code, guest)
        st.session_state[_ENTERED] = (room.code, guest)


def opened(hall: Store, opener: str, lesson: str, step: int) -> Room:
    """A new room of this session's. Raises :class:`Refused`, also where too many were opened."""
    if not (_OPENED.take(_session()) and _OPENED_THERE.take(_address())):
        raise Refused("often")
    return hall.open(opener, lesson, step)


def answered(hall: Store, room: Room, guest: str, answer: str) -> int:
    """How often the guest may still change the answer that is taken here. Raises :class:`Refused`."""
    if not _ANSWERED.take(_session()):
        raise Refused("often")
    return hall.answer(room.code, guest, room.lesson, room.step, answer)


def _session() -> str:
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""


def _address() -> str:
    return st.context.ip_address or ""
