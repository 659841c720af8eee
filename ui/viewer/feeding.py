"""New bytes for a component that this run of the script has drawn already: one with a key can be called but once.

They reach it through an invisible component, which has no key and hands them over inside the page.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import streamlit as st

_FEED = st.components.v2.component(
    "vizcore_feed",
    js="""export default function ({ data }) {
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      const head = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + view.getUint32(0, true))));
      (window.vizcoreFeed ??= {})[head.key] = data;
      window.dispatchEvent(new CustomEvent("vizcore-feed", { detail: head.key }));
    }""",
)
_MOUNTED = "vizcore.viewers"
_START = time.time()  # tells one server from the next, which counts from zero again; clocks may jump either way
_STAMPS = itertools.count()


def new_run() -> None:
    """Forget what was mounted: to be called at the start of every run of a page's script."""
    st.session_state[_MOUNTED] = {}


def fed(key: str, data: bytes) -> bool:
    """Hand ``data`` to the component ``key`` if this run has mounted it; whether it has."""
    mounted: dict[str, Any] = st.session_state.setdefault(_MOUNTED, {})
    if key not in mounted:
        return False
    with mounted[key]:
        _FEED(data=data, height=1)
    return True


def mount(key: str) -> None:
    """Make the place through which the component ``key``, just drawn, is fed from now on."""
    with st.container(key=f"feed-{key}"):
        st.session_state[_MOUNTED][key] = st.empty()


def stamp() -> tuple[float, int]:
    """Which server, and a number that grows with each call: messages can overtake each other."""
    return _START, next(_STAMPS)


def pack(head: dict[str, Any], blobs: dict[str, bytes]) -> bytes:
    """One block of bytes for the browser: header length (uint32), header (JSON), and the blobs that it lists."""
    places: dict[str, tuple[int, int]] = {}
    body = b""
    for name, blob in blobs.items():
        places[name] = (len(body), len(blob))
        body += blob
    header = json.dumps({**head, "blobs": places}).encode()
    return len(header).to_bytes(4, "little") + header + body
