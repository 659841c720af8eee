"""The layout that the pages of the techniques share: results, settings, formula, export, code and explanation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from ui.frame import code, controls, export, state
from ui.frame.layout import Frame
from ui.texts import t
from ui.viewer import show

S = TypeVar("S")
R = TypeVar("R")


def technique(
    page: Frame,
    settings: Callable[[], S],
    results: Callable[[S], R | None],
    *,
    formula: Callable[[S], str],
    of: type | None = None,
) -> None:
    """A technique's page: ``settings`` draws its controls, ``results`` what they lead to, whose last estimate it gives.

    The results are wide and come first; the settings are beside them, with what can be taken along and what to beware
    of. ``of`` is the technique's dataclass of parameters, None where it has none.
    """
    results_column, settings_column = st.columns([2, 1], gap="large")
    with settings_column, st.container(key="settings"):
        st.subheader(t("controls.heading"), anchor=False)
        chosen = settings()
        if of is not None:
            controls.reset(page.page, of)
    with results_column:
        result = results(chosen)
    page.formula(formula(chosen))
    params: Any = None if of is None else state.choices().params[page.page]
    with results_column:
        code.offer(page, params, result)
    with settings_column:
        export.offer(page, params, result)
        show.explain(page.page)
