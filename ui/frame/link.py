"""The permalink: what a page shows, in its address, and what an address asks for, taken with care.

An address is untrusted: what cannot be taken falls back to the default, and the page says so.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ui.frame import course, network_cache, sources, state, uploads
from ui.texts import LANGUAGES, inert, quoted, t
from vizcore.networks import own


def default_network() -> str:
    """The network of a first visit: the operator's own if there is one, else the bundled one."""
    return (*own.named(), "mini-alexnet")[0]


def take(query: Mapping[str, str]) -> None:
    """Take the frame's choices from an address, and keep the rest of it for the controls that it names."""
    choices = state.choices()
    if query.get("lang") in LANGUAGES:
        st.session_state["language"] = query["lang"]
    state.present(query.get("present") == "1")
    if choices.page == course.PAGE:
        course.take(query)
    network = query.get("network", default_network())
    if network not in network_cache.names():
        taken = inert(network_cache.title(default_network()))
        uploaded = uploads.is_own(network)
        given = quoted(query.get("network_file", "") if uploaded else network) or "…"
        choices.complaints.append(t("link.own" if uploaded else "link.network", given=given, taken=taken))
        network = default_network()
    picture = query.get("picture", sources.usual(network))
    if not sources.valid(picture):
        given = quoted(query.get("picture_file", "") if picture == "upload" else picture) or "…"
        taken = sources.label(sources.usual(network))
        choices.complaints.append(t("link.upload" if picture == "upload" else "link.picture", given=given, taken=taken))
        picture = sources.usual(network)
    picture = sources.canonical(picture)
    index = query.get("class", "")
    if index and not (index.isascii() and index.isdigit() and len(index) < 6):
        choices.complaints.append(t("link.class", given=quoted(index)))
        index = ""
    index = str(int(index)) if index else ""
    choices.frame = {"network": network, "picture": picture, "class": index}
    choices.linked = {key: value for key, value in query.items() if "." in key}
    # What an address leaves out has its default, also for whoever goes back to it.
    choices.looks = {key: value for key, value in choices.looks.items() if not key.startswith(f"{choices.page}.")}
    state.forget("frame.", "look.")


def address(page: str) -> dict[str, str]:
    """The address's parameters for ``page`` as it is, or would be, shown now; what has its default is left out."""
    choices = state.choices()
    found = {name: choices.frame[name] for name in ("network", "picture", "class") if choices.frame.get(name)}
    if choices.frame.get("picture") == "upload":
        found["picture_file"] = sources.file()  # which a link cannot carry, but name
    if choices.frame.get("network", "") in uploads.all_of():
        found["network_file"] = uploads.all_of()[choices.frame["network"]].file[:60]
    found |= {"present": "1"} if state.presenting() else {}
    if st.session_state.get("language") in LANGUAGES:  # chosen, and not only the browser's
        found["lang"] = st.session_state["language"]
    found |= course.address() if page == course.PAGE else {}
    found |= {name: value for name, value in choices.looks.items() if name.startswith(f"{page}.")}
    for name, params in choices.params.items():
        if name == page or name.startswith(f"{page}."):
            found |= state.address_of(name, params)
    return found


def write(page: str) -> None:
    """Put what ``page`` shows now into the address bar."""
    state.write_address(page, address(page))


def keep_up() -> None:
    """Write the address before a long computation, so that one that is lost halfway is asked for again as it was.

    Who has just come by a link has the address already, and some of what it asks for may not have been taken up yet.
    """
    if not state.choices().arriving:
        write(state.choices().page)
