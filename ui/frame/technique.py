"""The layout that the pages of the techniques share: results, settings, formula, export, code and explanation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.frame import code, controls, export, state
from ui.frame.bottom_sheet import bottom_sheet
from ui.frame.layout import Frame
from ui.viewer import show

S = TypeVar("S")
R = TypeVar("R")


def technique(
    page: Frame,
    settings: Callable[[], S],
    results: Callable[[S, DeltaGenerator], R | None],
    *,
    formula: Callable[[S], str],
    of: type | None = None,
) -> None:
    """A technique's page: ``settings`` draws its controls, ``results`` what they lead to, whose last estimate it gives.

    The main result, under its formula, and the settings that change it are beside each other and come first. What looks
    closer at the result is drawn into the place that ``results`` is given, in a row of its own beneath, beside what can
    be taken along and what to beware of. ``of`` is the technique's dataclass of parameters, None where it has none.
    """
    with st.container(key="first"):
        main_column, settings_column = st.columns([2, 1], gap="large")
    closer_column, more_column = st.columns([2, 1], gap="large")
    closer = closer_column.container(key="closer")
    with settings_column, bottom_sheet():
        chosen = settings()
        if of is not None:
            controls.reset(page.page, of)
    with main_column, st.container(key="result"):
        show.formula(formula(chosen))
        result = results(chosen, closer)
    params: Any = None if of is None else state.choices().params[page.page]
    with closer_column, st.container(key="code"):
        code.offer(page, params, result)
    with more_column, st.container(key="more"):
        export.offer(page, params, result)
        show.explain(page.page)


def beside() -> tuple[DeltaGenerator, DeltaGenerator]:
    """A place for the main result and a narrower one for what belongs to it, close to it also before a hall."""
    with st.container(key="beside"):
        main, detail = st.columns([3, 2])
    return main, detail
