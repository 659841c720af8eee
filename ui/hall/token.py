"""The number by chance that a browser tab is known by in a hall: who opened a room, and whose answer is whose.

The tab keeps it for itself (``sessionStorage``), so that it survives a reload, a phone that slept, and the loss of a
replica. It goes when the tab is closed, and is no other tab's.
"""

from __future__ import annotations

import re
import secrets

import streamlit as st

_KEY, _KNOWN, _KEPT = "vizcore.hall.token", "vizcore.hall.known", "hall-token"
_WRITTEN = re.compile(r"[A-Za-z0-9_-]{32}")
_KEEP = st.components.v2.component(
    "vizcore_hall_token",
    js="""export default function ({ data, setTriggerValue }) {
      const name = "vizcore-hall";
      let kept = null;
      try {
        kept = sessionStorage.getItem(name);
        if (!/^[A-Za-z0-9_-]{32}$/.test(kept ?? "")) sessionStorage.setItem(name, (kept = data.token));
      } catch { kept = data.token; } // a browser that keeps nothing
      if (!data.known) setTriggerValue("kept", kept);
    }""",
)


def token() -> str:
    """This session's, as far as its tab has told it."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = secrets.token_urlsafe(24)
    return str(st.session_state[_KEY])


def keep() -> tuple[str, bool]:
    """The session's token, which its tab is to keep, and whether that is known to be the tab's own.

    Where the tab has one from before, the script runs again with that.
    """
    kept = getattr(st.session_state.get(_KEPT), "kept", None)
    if isinstance(kept, str) and _WRITTEN.fullmatch(kept):
        st.session_state[_KEY], st.session_state[_KNOWN] = kept, True
    known = bool(st.session_state.get(_KNOWN))
    _KEEP(key=_KEPT, data={"token": token(), "known": known}, on_kept_change=_nothing, height=1)
    return token(), known


def _nothing() -> None:
    """The run itself is what is wanted."""
