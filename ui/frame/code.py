"""In code: the page's technique as a script of the textbook's function, to be read, copied and run as it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from ui.frame import scripts
from ui.frame.layout import Frame
from ui.texts import t
from vizcore import snippets
from vizcore.techniques.lime import LimeMap
from vizcore.techniques.maximize import START_NOISE

FUNCTIONS = {"maximisation": "maximize", "saliency": "smoothgrad"}  # where page and function have different names


def script(page: Frame, params: Any | None, result: Any | None) -> str:
    """The script that computes what the page shows by the textbook's function."""
    if isinstance(result, LimeMap) and result.learning_rate is not None:
        params = replace(params, learning_rate=result.learning_rate)  # type: ignore[type-var]
    imports, network = scripts.network_of(page.clf)
    needs, picture = scripts.picture_of(page.source.id)
    above = "\n".join(scripts.above(page.clf, page.source.id))
    return f"{above}\n" + snippets.snippet(
        FUNCTIONS.get(page.page, page.page),
        params,
        page.unit,
        network=[*imports, *network],
        picture=[*needs, f"picture = {picture}"],
        layer=getattr(result, "layer", None),
        squash=page.clf.squash,
        noise=max(START_NOISE, getattr(result, "noise", START_NOISE)),  # louder where nothing answered to that
    )


def offer(page: Frame, params: Any | None, result: Any | None) -> None:
    """The script in a closed box, with a button to copy it."""
    with st.expander(t("code.title"), icon=":material/code:"):
        st.caption(t("code.lead"))
        st.code(script(page, params, result), language="python", wrap_lines=True)
