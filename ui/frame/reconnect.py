"""Back after the server was lost: the page is drawn again at once, from its address where nobody remembers it.

A browser that reconnects to a restarted server, or to another replica, asks for nothing while its page is at rest. The
first thing that the user then did would meet a session without a past, which takes the page's address for a new link
and the input for its old value: it would be lost.
"""

from __future__ import annotations

import streamlit as st

_WATCH = st.components.v2.component(
    "vizcore_reconnect",
    js="""export default function ({ setTriggerValue }) {
      const app = document.querySelector('[data-testid="stApp"]');
      const connected = () => app.dataset.testConnectionState === "CONNECTED";
      let lost = !connected();
      const observer = new MutationObserver(() => {
        if (lost && connected()) setTriggerValue("back", true);
        lost = !connected();
      });
      observer.observe(app, { attributeFilter: ["data-test-connection-state"] });
      return () => observer.disconnect();
    }""",
)


def watch() -> None:
    """Run the page's script again whenever the browser has found a server again."""
    _WATCH(key="reconnect", data={}, on_back_change=_nothing, height=1)


def _nothing() -> None:
    """The run itself is what is wanted."""
