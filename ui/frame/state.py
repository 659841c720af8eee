"""What a session has chosen, kept apart from the widgets that show it, and its way to and from the address bar.

Streamlit forgets a widget's value when another page is shown. So the choice lives here, under names of our own, and
every widget is seeded from it. The same names, with stable and untranslated values, make the permalink.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vizcore import params as declared

P = TypeVar("P")
_KEY = "vizcore.choices"
_KEPT = 50  # addresses of a page that the session wrote itself
LONGEST = 1500  # characters of one value in an address: a brushed mask has a few hundred


@dataclass
class Asked:
    """A link's parameters, and of which techniques they have been taken: a run may be interrupted before it has."""

    page: str
    query: Mapping[str, str]
    taken: set[str] = field(default_factory=set)


@dataclass
class Choices:
    """The frame's choices, each technique's parameters, and how results are looked at; one object per session."""

    frame: dict[str, str] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    bases: dict[str, Any] = field(default_factory=dict)  # defaults of their own that some parameters have, by network
    looks: dict[str, str] = field(default_factory=dict)
    linked: dict[str, str] = field(default_factory=dict)  # what a link asked for and no control has taken up yet
    asked: Asked | None = None
    page: str = ""  # the page that was shown last
    arriving: bool = False  # whether the run of the script that goes on follows a link
    written: dict[str, dict[str, str]] = field(default_factory=dict)
    leading: dict[str, list[dict[str, str]]] = field(default_factory=dict)  # links to a page that ask for something
    seen: tuple[str, dict[str, str]] | None = None  # page and address of the run before
    complaints: list[str] = field(default_factory=list)


def choices() -> Choices:
    """This session's choices."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Choices()
    found: Choices = st.session_state[_KEY]
    return found


def presenting() -> bool:
    """Whether this session shows its pages to a hall."""
    return bool(st.session_state.get("presenting", False))


def present(on: bool) -> None:
    """Begin or end the presentation."""
    st.session_state["presenting"] = on


def enter(page: str) -> None:
    """Forget the widgets' own values when another page is entered, so that they are seeded from the choices.

    Under a key that it still knows from the last page, Streamlit would show a widget's default.
    """
    if choices().page != page:
        choices().page = page
        forget("frame.", "param.", "look.")


def forget(*prefixes: str) -> None:
    """Drop the widgets' values under keys that begin so."""
    for key in list(st.session_state):
        if str(key).startswith(prefixes):
            del st.session_state[key]


def forget_worded(language: str) -> None:
    """Drop the values of the boxes whose options are words of ``language``: they are seeded anew in another one."""
    for key in list(st.session_state):
        if str(key).endswith(f"@{language}"):
            del st.session_state[key]


def arrived(page: str) -> dict[str, str] | None:
    """The address's parameters if the user came by a link or went back to them, None if they are only what we wrote."""
    query = _query()
    before, choices().seen = choices().seen, (page, query)
    if query and _went_back():
        choices().written[page] = query  # it stands in the address bar already
        return query
    if query and query in choices().leading.get(page, []) and before != (page, query):
        return query  # followed again, maybe: what the page has shown since then is not what is asked for
    # The browser's address lags behind a fast series of changes: an address that we wrote ourselves is no new link.
    return query if query and query != choices().written.get(page) and query not in _history(page) else None


def _query() -> dict[str, str]:
    return {key[:60]: str(value)[:LONGEST] for key, value in list(st.query_params.to_dict().items())[:60]}


def _went_back() -> bool:
    """Whether this run follows the browser's Back or Forward: then the address is what is wanted, old as it is."""
    return bool(getattr(get_script_run_ctx(), "is_history_navigation", False))


def taken(page: str, query: Mapping[str, str] | None) -> None:
    """Remember a link that the session has taken: in its next run it is no news, whatever was changed meanwhile."""
    choices().arriving = query is not None
    if query is not None:
        _history(page).append(dict(query))


def _history(page: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = st.session_state.setdefault(f"vizcore.addresses.{page}", [])
    return found


def settle(page: str) -> None:
    """Let the address count as taken, though the page could not be shown: the next choice is not to be undone by it."""
    _history(page).append(_query())


def offer(page: str, address: Mapping[str, str]) -> None:
    """Remember what a link to ``page`` says of the session's own choices: whoever follows it brings no news."""
    history = _history(page)
    if not history or history[-1] != address:
        history.append(dict(address))
        del history[:-_KEPT]


def lead(page: str, address: Mapping[str, str]) -> None:
    """Remember a link to ``page`` that asks for something else than is chosen now: whoever follows it brings news."""
    known = choices().leading.setdefault(page, [])
    if address in known:
        known.remove(dict(address))
    known.append(dict(address))
    del known[:-_KEPT]


def write_address(page: str, values: Mapping[str, str]) -> None:
    """Put the session's choices into the address bar, so that the page can be shared as it is shown."""
    address = dict(values)
    standing = st.query_params.to_dict()
    if choices().written.setdefault(page, standing) != address or standing != address:
        history = _history(page)
        history.append(address)
        del history[:-_KEPT]
        choices().written[page] = address
        st.query_params.from_dict(address)


def asked(page: str, name: str) -> Mapping[str, str] | None:
    """The link that ``page`` was come to by, for the parameters called ``name``; None once they have been taken."""
    link = choices().asked
    if link is None or link.page != page or name in link.taken:
        return None
    link.taken.add(name)
    return link.query


def take_params(
    name: str, technique: type[P], query: Mapping[str, str] | None, base: P | None = None
) -> tuple[P, list[declared.Complaint]]:
    """The session's parameters of a technique: from a link if the user came by one, else as last set, else defaults.

    And what of the link could not be taken as it stood. ``base`` holds the defaults where they depend on the network;
    once another network has others, what stood at its default follows them.
    """
    held = choices().params.get(name)
    before = choices().bases.get(name)
    if base is not None:
        choices().bases[name] = base
        if isinstance(held, technique) and isinstance(before, technique) and before != base:
            old, now = declared.to_json(before), declared.to_json(held)
            held = replace(base, **{key: value for key, value in now.items() if value != old[key]})  # type: ignore[type-var]
            forget(f"param.{name}.")
    complaints: list[declared.Complaint] = []
    if query is not None:
        prefix = f"{name}."
        given = {key[len(prefix) :]: value for key, value in query.items() if key.startswith(prefix)}
        taken, complaints = declared.from_json(technique, given, base)
        forget(f"param.{prefix}")
        held = taken
    if not isinstance(held, technique):
        held = technique() if base is None else base
    choices().params[name] = held
    return held, complaints


def address_of(name: str, params: Any) -> dict[str, str]:
    """The parameters that differ from what an address means that leaves them out, as they stand in the address bar."""
    default = declared.to_json(choices().bases.get(name) or type(params)())
    for key, spec in declared.specs(type(params)).items():
        default |= declared.unnamed(key, spec)
    return {
        f"{name}.{key}": str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in declared.to_json(params).items()
        if value != default[key]
    }
