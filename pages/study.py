"""A study: every method on many pictures, so that "A beats B" is a statement with an interval."""

import streamlit as st

from ui.frame import layout
from ui.study import choice, results, running
from ui.texts import t
from ui.viewer import show

with layout.hall("study") as page:
    right, left = st.columns([2, 1], gap="large")
    with left, st.container(key="settings"):
        what = choice.choose(page)
    with right:
        if what.rows is not None:
            results.opened(what.rows)
        elif what.summary is not None:
            results.summarised(what.summary)
        elif what.plan is not None:
            running.run(what)
        else:
            st.info(t("study.nothing"), icon=":material/playlist_add:")
    with left:
        show.explain("study")
