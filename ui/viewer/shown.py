"""What a page shows in this run of its script, map by map and chart by chart, for those who want to take it along.

Kept are references, not copies; nothing is drawn before somebody asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

from vizcore.pictures.panels import Panel

_KEY = "vizcore.shown"
Draw = Callable[[], Panel]


@dataclass
class Shown:
    """Panels that belong together, each made when it is wanted, under the title that the page gives them."""

    title: str
    panels: dict[str, Draw] = field(default_factory=dict)


def new_run() -> None:
    """Forget what was shown: to be called at the start of every run of a page's script."""
    st.session_state[_KEY] = {}


def keep(name: str, title: str, draw: Draw, within: str = "", heading: str = "") -> None:
    """Remember the panel called ``name``, in place of an earlier one of this name.

    Panels ``within`` one group make one figure under ``heading``. What ends in a number of the drawing, as keys of
    charts do that are drawn several times in a run, is one panel.
    """
    name = re.sub(r"-\d+$", "", name) if not within else name
    every: dict[str, Shown] = st.session_state.setdefault(_KEY, {})
    group = every.setdefault(within or name, Shown(heading or title))
    group.title = heading or title
    group.panels[name] = draw


def found() -> dict[str, Shown]:
    """All that was kept in this run, in the order in which it came up on the page."""
    every: dict[str, Shown] = st.session_state.get(_KEY, {})
    return dict(every)
